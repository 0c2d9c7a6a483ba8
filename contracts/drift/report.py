"""What an endpoint does otherwise than the stub: each difference, its smallest sequence, its rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from contracts.drift.run import Drift, Drifted
from contracts.errors import CouldNotRunError
from contracts.report.curl import redact, to_curl
from mock_server.spec.model import Document

NO_RULE = "no rule"
MOST_REASONS = 6


def certainty_of(document: Document, drifted: Drifted) -> str:
    """Documented where any covering rule is; inferred, or nothing, else."""
    known = [document.rules[i].certainty for i in drifted.rule_ids if i in document.rules]
    if not known:
        return NO_RULE
    return "documented" if "documented" in known else "inferred"


def in_order(document: Document, drift: Drift) -> list[Drifted]:
    """Documented ones first, then the shorter ones."""
    ranks = {"documented": 0, "inferred": 1, NO_RULE: 2}
    return sorted(drift.found, key=lambda one: (ranks[certainty_of(document, one)], len(one.right)))


def print_drift(document: Document, drift: Drift, console: Console) -> None:
    for drifted in in_order(document, drift):
        print_one(document, drift, drifted, console)
    for note in drift.notes:
        console.print(escape(note), soft_wrap=True)
    print_skipped(drift, console)
    count = len(drift.found)
    colour = "yellow" if count else "green"
    console.print(
        f"[{colour}]{count} {'difference' if count == 1 else 'differences'}[/] between the stub and {escape(drift.base)} in "
        f"{drift.sequences} sequences, "
        f"{drift.requests} requests, {drift.seconds:.0f} s, seed {drift.seed}",
        soft_wrap=True,
    )


def print_skipped(drift: Drift, console: Console) -> None:
    """How many sequences could not be played, and why: the most frequent reasons."""
    if not drift.skipped:
        return
    console.print(f"{sum(drift.skipped.values())} sequences could not be played:")
    ordered = sorted(drift.skipped.items(), key=lambda one: -one[1])
    for reason, count in ordered[:MOST_REASONS]:
        console.print(f"  {count}: {escape(clean(drift, reason))}", soft_wrap=True)
    if len(ordered) > MOST_REASONS:
        console.print(f"  and {len(ordered) - MOST_REASONS} more reasons")


def print_one(document: Document, drift: Drift, drifted: Drifted, console: Console) -> None:
    one = drifted.difference
    place = f" {one.place}" if one.place else ""
    rules = ", ".join(drifted.rule_ids) or NO_RULE
    console.print(
        f"[bold]{one.operation_id}[/]: {one.kind}{escape(place)} "
        f"[dim]({certainty_of(document, drifted)}: {escape(rules)})[/]",
        soft_wrap=True,
    )
    for exchange in drifted.right:
        line = to_curl(exchange, drift.base, drift.secrets)
        console.print(f"  $ {escape(line)}", soft_wrap=True)
    console.print(f"  stub:     {escape(clean(drift, one.left))}", soft_wrap=True)
    console.print(f"  endpoint: {escape(clean(drift, one.right))}", soft_wrap=True)
    told = drifted.right[-1].answer
    if one.kind == "status" and told.content:
        text = told.content.decode("utf-8", "replace")[:200]
        console.print(f"  [dim]answered: {escape(clean(drift, text))}[/]", soft_wrap=True)
    console.print()


def clean(drift: Drift, text: str) -> str:
    return redact(text, drift.secrets)


def to_json(document: Document, drift: Drift) -> dict[str, Any]:
    return {
        "target": drift.target,
        "base": drift.base,
        "seed": drift.seed,
        "seconds": round(drift.seconds, 3),
        "sequences": drift.sequences,
        "skipped": {clean(drift, reason): count for reason, count in drift.skipped.items()},
        "requests": drift.requests,
        "notes": list(drift.notes),
        "differences": [
            {
                "operation": one.difference.operation_id,
                "kind": one.difference.kind,
                "place": one.difference.place or None,
                "stub": clean(drift, one.difference.left),
                "endpoint": clean(drift, one.difference.right),
                "rules": list(one.rule_ids),
                "certainty": certainty_of(document, one),
                "requests": [to_curl(e, drift.base, drift.secrets) for e in one.right],
            }
            for one in in_order(document, drift)
        ],
    }


def write_drift(document: Document, drift: Drift, path: Path) -> None:
    """The JSON report; raises CouldNotRunError where it cannot be written."""
    text = json.dumps(to_json(document, drift), indent=2, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{text}\n".encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise CouldNotRunError(
            f"the report cannot be written to {path}: {error.strerror}"
        ) from None
