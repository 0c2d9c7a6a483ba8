"""In GitHub Actions: a summary of the step, annotations, and no command that a target could give."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from contracts.report.markdown import to_markdown
from contracts.report.table import word_of
from contracts.report.visible import shorten, visible

Json = Mapping[str, Any]
MOST = 10  # annotations of a kind in one step; GitHub drops the others
LONGEST = 1000


def is_actions(environment: Mapping[str, str]) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


@contextmanager
def without_commands(environment: Mapping[str, str]) -> Iterator[None]:
    """Nothing that is printed here acts on the runner, whatever a target has said."""
    if not is_actions(environment):
        yield
        return
    token = secrets.token_hex(16)  # a target could guess a seeded one
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def tell_actions(report: Json, environment: Mapping[str, str]) -> None:
    """Writes the summary where one is asked for, and annotations where somebody reads them."""
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("ab") as file:
                file.write(to_markdown(report).encode("utf-8", "backslashreplace"))
        except OSError as error:
            click.echo(f"contracts: no summary could be written: {error.strerror}", err=True)
    if is_actions(environment):
        for line in iter_annotations(report):
            click.echo(line)


def iter_annotations(report: Json) -> Iterator[str]:
    """An error for each broken rule, a warning for each that differs, as commands of the runner."""
    for word, level in (("broken", "error"), ("differs", "warning")):
        rules = [rule for rule in report["rules"] if word_of(rule) == word]
        for rule in rules[:MOST]:
            shown = rule["counterexample"]
            message = "\n".join(
                (
                    visible(rule["says"]),
                    f"case: {visible(shorten(shown['case'], LONGEST))}",
                    f"expected: {visible(shorten(shown['expected'], LONGEST))}",
                    f"came: {visible(shorten(shown['came'], LONGEST))}",
                )
            )
            place = {**place_of(report["document"]["path"], rule["id"]), "title": rule["id"]}
            told = ",".join(f"{name}={to_property(value)}" for name, value in place.items())
            yield f"::{level} {told}::{to_data(message)}"


def place_of(document: str | None, rule_id: str) -> dict[str, str]:
    """Where the catalogue of a document that is at hand has the rule."""
    path = Path(document or "")
    if not document or not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    entry = re.compile(rf"\s*[\"']?{re.escape(rule_id)}[\"']?\s*:")
    number = next((n for n, line in enumerate(lines, 1) if entry.match(line)), 1)
    return {"file": document, "line": str(number)}


def to_data(text: str) -> str:
    """The message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def to_property(text: str) -> str:
    """A value of a command, which also ends at a colon or comma."""
    return to_data(visible(text)).replace(":", "%3A").replace(",", "%2C")
