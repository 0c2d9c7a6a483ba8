"""The workflow that users copy: its commands are ones that there are."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from contracts.cli import contracts

WORKFLOW = Path(__file__).parents[3] / ".github" / "workflows" / "contracts.yml"


def commands() -> list[list[str]]:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    lines = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    return [shlex.split(line) for line in lines if line.startswith("contracts ")]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_a_command_of_the_workflow_is_understood(command):
    name, *arguments = command[1:]
    contracts.commands[name].make_context(name, arguments)


def test_it_judges():
    assert [command[:2] for command in commands()] == [["contracts", "run"]]
