"""What a client's suite sees, what it never meets, and where it is blind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.blindspots.run import Blindspots, Sight
from contracts.errors import CouldNotRunError
from mock_server.spec.model import Document

COLOURS = {"seen": "green", "blind": "red", "not changed": "dim"}


def print_blindspots(document: Document, found: Blindspots, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("rule", "met", "suite", "change"):
        table.add_column(name, no_wrap=name != "change", overflow="fold")
    for sight in found.sights:
        colour = COLOURS[sight.verdict]
        table.add_row(
            sight.rule_id, sight.met, f"[{colour}]{sight.verdict}[/]", escape(change_of(sight))
        )
    console.print(table)
    print_never_met(document, found, console)
    colour = "red" if found.blind else "green"
    seen = sum(sight.verdict == "seen" for sight in found.sights)
    console.print(
        f"[{colour}]{len(found.blind)} blind spots[/], {seen} rules seen, "
        f"{found.runs} runs in {found.seconds:.0f} s: {escape(' '.join(found.command))}",
        soft_wrap=True,
    )


def change_of(sight: Sight) -> str:
    """The change that was seen, or those to which the suite stayed green."""
    if sight.verdict == "seen":
        return sight.saw
    if sight.verdict == "blind" and not sight.tried:
        return "the suite never meets it"
    return "; ".join(sight.tried) or "no change of it shows"


def never_met(document: Document, found: Blindspots) -> dict[str, list[str]]:
    """What the suite's requests never came upon, of the right stub."""
    met = found.met
    refusing = [rule_id for rule_id, rule in document.rules.items() if rule.rejects]
    return {
        "rules": [rule_id for rule_id in document.rules if met.word(rule_id) == "never"],
        "refusals": [rule_id for rule_id in refusing if not met.broke[rule_id]],
        "transitions": [f"{r}: {a} to {b}" for (r, a, b), n in met.transitions.items() if not n],
        "operations": [name for name, count in met.operations.items() if not count],
    }


def print_never_met(document: Document, found: Blindspots, console: Console) -> None:
    for what, names in never_met(document, found).items():
        if names:
            listed = escape(", ".join(names))
            console.print(f"[dim]never met, {what} ({len(names)}):[/] {listed}", soft_wrap=True)


def to_json(document: Document, found: Blindspots) -> dict[str, Any]:
    return {
        "command": list(found.command),
        "seconds": round(found.seconds, 3),
        "runs": found.runs,
        "blind": [sight.rule_id for sight in found.blind],
        "rules": [
            {
                "id": sight.rule_id,
                "verdict": sight.verdict,
                "met": sight.met,
                "tried": list(sight.tried),
                "saw": sight.saw or None,
            }
            for sight in found.sights
        ],
        "never_met": never_met(document, found),
    }


def write_blindspots(document: Document, found: Blindspots, path: Path) -> None:
    """The JSON report; raises CouldNotRunError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_json(document, found), indent=2, ensure_ascii=False)
        path.write_text(f"{text}\n", "utf-8")
    except OSError as error:
        raise CouldNotRunError(
            f"the report cannot be written to {path}: {error.strerror}"
        ) from None
