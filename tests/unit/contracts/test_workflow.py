"""The workflows: their commands are ones that there are."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from contracts.cli import contracts

WORKFLOWS = Path(__file__).parents[3] / ".github" / "workflows"
NAMES = ("contracts.yml", "audit.yml")


def commands(name: str) -> list[list[str]]:
    jobs = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))["jobs"]
    lines = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    return [shlex.split(line) for line in lines if line.startswith("contracts ")]


@pytest.mark.parametrize("command", [one for name in NAMES for one in commands(name)], ids=" ".join)
def test_a_command_of_the_workflow_is_understood(command):
    name, *arguments = command[1:]
    contracts.commands[name].make_context(name, arguments)


def test_each_does_what_it_is_named_for():
    assert [[command[:2] for command in commands(name)] for name in NAMES] == [
        [["contracts", "run"]],
        [["contracts", "audit"]] * 2,
    ]
