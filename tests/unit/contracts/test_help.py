"""What a person at a terminal reads: help with examples, nearest spellings, completion."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from contracts import epilogs
from contracts.cli import contracts, main
from contracts.errors import CouldNotRunError
from contracts.options import to_settings
from contracts.report.files import report_paths
from mock_server import cli
from mock_server.cli import mock_server

GROUPS = {"contracts": contracts, "mock-server": mock_server}
EXAMPLES = [
    line for table in (epilogs.EXAMPLES, cli.EXAMPLES) for lines in table.values() for line in lines
]


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_the_help_is_understood(line: str) -> None:
    name, *words = shlex.split(line)
    group: click.Group = GROUPS[name]
    arguments = list(words)
    if name == "mock-server" and (not words or words[0].startswith("-")):
        arguments = ["serve", *words]
    command = group.commands[arguments[0]]
    command.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("group", [contracts, mock_server], ids=["contracts", "mock-server"])
def test_every_help_ends_with_examples_and_no_line_is_cut(group: click.Group) -> None:
    for words in ([], *([name] for name in group.commands)):
        said = CliRunner().invoke(group, [*words, "--help"], terminal_width=80).output
        assert "\n  Examples:\n" in said, words
        assert "..." not in said.replace("[ARGS]...", "").replace("COMMAND...", ""), words


@pytest.mark.parametrize(
    ("group", "arguments", "words"),
    [
        (contracts, ["rnu"], "Did you mean 'run'?"),
        (contracts, ["run", "--sed", "1"], "'--seed'"),
        (mock_server, ["ruels"], 'did you mean "rules"?'),
        (mock_server, ["serve", "--prot", "1"], "'--port'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_a_misspelt_word_gets_its_nearest_spelling(group: Any, arguments: Any, words: str) -> None:
    done = CliRunner().invoke(group, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_a_misspelt_report_gets_its_nearest_spelling() -> None:
    with pytest.raises(CouldNotRunError, match='did you mean "html"'):
        report_paths({"report": "htlm"})


@pytest.mark.parametrize(
    ("group", "words", "part", "expected"),
    [
        (contracts, [], "r", ["replay", "run"]),
        (contracts, ["run"], "--report-h", ["--report-har-path", "--report-html-path"]),
        (mock_server, [], "r", ["rules"]),
        (mock_server, ["serve"], "--log-f", ["--log-format"]),
        (mock_server, ["explain"], "sms.undo", ["sms.undo-window"]),
        (mock_server, ["serve", "--rule"], "sms.undo", ["sms.undo-window="]),
        (mock_server, ["serve", "--rule"], "sms.x=o", ["sms.x=off"]),
    ],
    ids=[
        "commands",
        "options",
        "commands of the server",
        "options of the server",
        "rules",
        "rules of policies",
        "policies",
    ],
)
def test_a_shell_completes(group: Any, words: list[str], part: str, expected: list[str]) -> None:
    shell = BashComplete(group, {}, "x", "_X_COMPLETE")
    assert [one.value for one in shell.get_completions(words, part)] == expected


@pytest.mark.parametrize(
    ("arguments", "environment", "project", "expected"),
    [
        (["--app", "a:b"], {}, {}, ("a:b", None)),
        (["--app", "a:b"], {"CONTRACTS_BASE_URL": "http://h/"}, {}, ("a:b", None)),
        (["--base-url", "http://h/"], {}, {"app": "a:b"}, (None, "http://h/")),
        ([], {"CONTRACTS_APP": "a:b"}, {"base_url": "http://h/"}, ("a:b", None)),
    ],
    ids=["alone", "over the environment", "over the project", "environment over project"],
)
def test_the_target_that_is_told_most_directly_is_judged(
    arguments: list[str],
    environment: dict[str, str],
    project: dict[str, str],
    expected: tuple[str | None, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = contracts.commands["run"]
    with command.make_context("run", list(arguments), default_map=project) as context:
        settings = to_settings(context.params)
    assert (settings.app, settings.base_url) == expected


def test_two_targets_told_in_one_way_are_one_too_many() -> None:
    words = ["--app", "a:b", "--base-url", "http://h/"]
    with (
        contracts.commands["run"].make_context("run", words) as context,
        pytest.raises(CouldNotRunError, match="expected one target"),
    ):
        to_settings(context.params)


@pytest.mark.parametrize(
    ("arguments", "environment", "project", "words"),
    [
        (["--include-rule", "sms.nope"], {}, "", '--include-rule: found "sms.nope"'),
        (
            [],
            {"CONTRACTS_INCLUDE_RULE": "sms.nope"},
            "",
            'CONTRACTS_INCLUDE_RULE: found "sms.nope"',
        ),
        ([], {"CONTRACTS_SEED": "x"}, "", "Invalid value for CONTRACTS_SEED: 'x'"),
        ([], {}, 'include-tag = ["x"]', "[tool.contracts] include-tag in pyproject.toml: found"),
        ([], {}, 'max-wait = "x"', "Invalid value for [tool.contracts] max-wait in pyproject.toml"),
    ],
    ids=["option", "environment", "type in environment", "project", "type in project"],
)
def test_a_wrong_setting_is_named_by_where_it_was_made(
    arguments: list[str],
    environment: dict[str, str],
    project: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.contracts]\n{project}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert said(["run", *arguments], capsys).count(words) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit", "--defect", "nope"], '--defect: found "nope", which names nothing'),
        (["audit", "--defect", "rule-of:sms.drafts-only"], 'did you mean "rule-off:sms.drafts-onl'),
        (
            ["audit", "--defect", "rule-off:sms.drafts-only", "--include-rule", "auth.*"],
            "no defect is left to plant",
        ),
        (["blindspots", "--rule", "nope", "--", "true"], '--rule: found "nope"'),
    ],
    ids=["defect", "misspelt defect", "nothing left", "blindspots"],
)
def test_a_pattern_that_names_nothing_is_told(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(arguments, capsys).count(words) == 1


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says to somebody whose settings are wrong."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err
