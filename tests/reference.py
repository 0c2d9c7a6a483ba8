"""Writes the reference tables from the code and the document: `python -m tests.reference`.

A test fails when they are stale.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import yaml

import contracts.pytest_plugin as suite
import mock_server.pytest_plugin as plugin
from contracts.cli import contracts
from contracts.registry import CHECKS, LAST_CHECKS
from contracts.report.files import ENDINGS
from contracts.report.redaction import VARIABLES
from mock_server.cli import mock_server
from mock_server.settings import SETTINGS
from mock_server.spec import default_document_path, load_document

ROOT = Path(__file__).parents[1]
NOTE = "<!-- Written by `python -m tests.reference`; what is changed by hand is lost. -->"

HEADERS = (
    ("Mock-Broken-Rules", "answer", "ids of the rules that the request broke"),
    ("Mock-Warned-Rules", "answer", "ids of broken rules whose policy is `warn`"),
    ("Mock-Explanation", "answer", "where the control API explains a refusal"),
    ("Preference-Applied", "answer", "which preferences of `Prefer` were followed"),
    ("Mock-Tenant", "request", "the world that is meant: a key, or a name of the list of tenants"),
    ("Mock-Control-Token", "request", "the control API's token, beside a key"),
    (
        "Prefer",
        "request",
        "`code=404`, `example=NAME`, `dynamic=true`, `wait=SECONDS`: an answer of the document",
    ),
)
SECRETS = dict(
    zip(
        VARIABLES,
        (
            "the key of the account that is judged",
            "the key of another account of the same target",
            "a Bearer token, where it is not the key",
        ),
        strict=True,
    )
)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell(text) for text in row)} |"
    yield ""


def cell(text: str) -> str:
    """One line that stays in its column."""
    return " ".join(str(text).split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


# The server


def server_lines() -> Iterator[str]:
    yield "# mock_server: reference\n"
    yield f"{NOTE}\n"
    yield "## Settings\n"
    yield "Command line over environment over `[tool.mock_server]` in `pyproject.toml`.\n"
    yield from table(
        ("option", "environment", "in pyproject.toml", "meaning", "default"),
        (
            (
                ", ".join(code(one) for one in (setting.short, option_of(setting)) if one),
                code(setting.environment) + (" (commas)" if setting.listed else ""),
                code(setting.name),
                setting.means,
                setting.default,
            )
            for setting in SETTINGS
        ),
    )
    yield "## Commands\n"
    for name, command in mock_server.commands.items():
        yield from command_lines("mock-server", name, command)
    yield "## Headers\n"
    yield from table(("header", "of the", "says"), ((code(n), of, s) for n, of, s in HEADERS))
    yield from plugin_lines()
    yield from control_lines()
    yield from vocabulary_lines()
    yield from rule_lines()


def option_of(setting: Any) -> str:
    return f"{setting.option} {setting.metavar}".strip()


def command_lines(
    program: str, name: str, command: click.Command, prefix: str = ""
) -> Iterator[str]:
    context = click.Context(command, info_name=f"{program} {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### {program} {name}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    yield f"`{program} {name} {usage}`\n"
    rows = [option_row(one, prefix) for one in command.params if isinstance(one, click.Option)]
    head = ("option", "environment", "meaning", "default")
    yield from table(head, rows) if prefix else table(head[::2], (row[::2] for row in rows))


def option_row(option: click.Option, prefix: str) -> tuple[str, str, str, str]:
    with click.Context(click.Command("x")) as context:
        shown, said = option.get_help_record(context) or ("", "")
    default = option.default if option.show_default else None
    plain = said.split("  [")[0].strip()
    variable = option.envvar if isinstance(option.envvar, str) else ""
    return (
        code(shown.replace("|", "/")),
        code(variable),
        plain,
        "" if default is None else str(default),
    )


def plugin_lines() -> Iterator[str]:
    yield "## The pytest plugin\n"
    yield from table(
        ("option", "in pytest's configuration", "meaning"),
        (
            (code(plugin.option_of(name)), code(f"mock_server_{name}"), means)
            for name, means in plugin.WORDS.items()
        ),
    )
    fixtures = (plugin.mock_server, plugin.mock_clock, plugin.mock_state)
    yield from table(
        ("fixture or mark", "is"),
        (
            *((code(one.__name__), (one.__doc__ or "").split("\n")[0]) for one in fixtures),
            (code(plugin.MARK.partition(":")[0]), plugin.MARK.partition(": ")[2]),
        ),
    )


def control_lines() -> Iterator[str]:
    described = yaml.safe_load(
        (files("mock_server.http") / "control" / "control.yaml").read_text(encoding="utf-8")
    )
    yield "## The control API\n"
    yield "Below `/__mock`; `/__mock/openapi.json` describes all of it.\n"
    yield from table(
        ("request", "does"),
        (
            (code(f"{method.upper()} {path}"), operation["summary"])
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict) and "summary" in operation
        ),
    )


def vocabulary_lines() -> Iterator[str]:
    vocabulary = json.loads(
        (files("mock_server.spec") / "vocabulary.json").read_text(encoding="utf-8")
    )
    yield "## Words of the vocabulary\n"
    yield "Bold keys are needed. [README.md](README.md) explains each with an example.\n"
    yield from table(
        ("word", "stands in, and says", "keys"),
        (
            (code(word), schema["description"], keys_of(schema, vocabulary["$defs"]))
            for word, schema in vocabulary["words"].items()
        ),
    )


def keys_of(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """The keys of a word, or of the items that it lists."""
    while True:
        if "$ref" in schema:
            schema = known[schema["$ref"].rpartition("/")[2]]
            continue
        inner = schema.get("items", schema.get("additionalProperties"))
        if "properties" in schema or not isinstance(inner, dict):
            break
        schema = inner
    needed = schema.get("required", ())
    return ", ".join(
        f"**{code(key)}**" if key in needed else code(key) for key in schema.get("properties", ())
    )


def rule_lines() -> Iterator[str]:
    document = load_document(default_document_path())
    yield f"## Rules of {document.title}\n"
    yield "`mock-server explain RULE` shows one with what it accepts and rejects.\n"
    yield from table(
        ("rule", "certainty", "says", "source", "kinds of places"),
        (
            (
                code(rule.rule_id),
                rule.certainty + ("" if rule.policy == "enforce" else f" ({rule.policy})"),
                rule.says,
                rule.source,
                ", ".join(dict.fromkeys(place.kind for place in rule.places)),
            )
            for rule in document.rules.values()
        ),
    )


# The judge


def judge_lines() -> Iterator[str]:
    yield "# contracts: reference\n"
    yield f"{NOTE}\n"
    yield "Command line over environment over `[tool.contracts]` in `pyproject.toml`.\n"
    yield "## Keys\n"
    yield from table(
        ("environment", "holds"), ((code(name), means) for name, means in SECRETS.items())
    )
    yield "## Commands\n"
    for name, command in contracts.commands.items():
        yield from command_lines("contracts", name, command, "CONTRACTS_")
    yield "## Reports\n"
    yield from table(
        ("`--report`", "file in `--report-dir`"),
        ((code(name), code(f"contracts.{ending}")) for name, ending in ENDINGS.items()),
    )
    yield "## Checks\n"
    yield "In the order in which they run; each for the rules that such places state.\n"
    yield from table(
        ("check", "kinds of places", "tries"),
        (
            (
                code(check.name),
                ", ".join(sorted(check.kinds)) or "all",
                (inspect.getdoc(inspect.getmodule(check.cases)) or "").split("\n")[0],
            )
            for check in (*CHECKS, *LAST_CHECKS)
        ),
    )
    yield "## The pytest suite\n"
    yield "`pytest --pyargs contracts.suite`; the same names without dashes in front stand in pytest's configuration, with `_` for `-`.\n"
    yield from table(
        ("option", "meaning"),
        ((code(f"--contract-{name}"), means) for name, means in suite.WORDS.items()),
    )
    yield from table(
        ("fixture to override", "is"),
        (
            (code(name), (value.__doc__ or "").split("\n")[0])
            for name, value in vars(suite).items()
            if name.startswith("contract_")
        ),
    )


PAGES = {
    ROOT / "mock_server" / "REFERENCE.md": server_lines,
    ROOT / "contracts" / "REFERENCE.md": judge_lines,
}


def main() -> None:
    for path, lines in PAGES.items():
        path.write_text("\n".join(lines()).rstrip() + "\n", encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
