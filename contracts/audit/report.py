"""What an audit found: caught shares by kind, what was missed, what took longest."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.audit.run import Audit
from contracts.audit.trial import UNCAUGHT, Outcome
from contracts.errors import CouldNotRunError

SLOWEST = 5


def print_audit(audit: Audit, console: Console) -> None:
    print_kinds(audit, console)
    for outcome in (one for verdict in UNCAUGHT for one in audit.of(verdict)):
        print_missed(audit, outcome, console)
    print_slowest(audit, console)
    print_excluded(audit, console)
    caught = len(audit.of("caught"))
    share = 100 * caught / audit.planted if audit.planted else 100.0
    colour = "red" if audit.failed else "green"
    requests = sum(outcome.requests for outcome in audit.outcomes)
    console.print(
        f"[{colour}]{caught} of {audit.planted} defects caught ({share:.1f} %)[/] "
        f"with {requests} requests in {audit.seconds:.0f} s (seed {audit.seed})"
    )


def print_kinds(audit: Audit, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("defects", "planted", "caught", "as a difference", "requests", "seconds"):
        table.add_column(name, no_wrap=True, justify="left" if name == "defects" else "right")
    for kind, outcomes in by_kind(audit).items():
        caught = [one for one in outcomes if one.verdict == "caught"]
        table.add_row(
            escape(kind),
            str(len(outcomes)),
            f"{len(caught)}" if len(caught) == len(outcomes) else f"[red]{len(caught)}[/]",
            str(sum(one.as_difference for one in caught)),
            f"{sum(one.requests for one in outcomes) / len(outcomes):.0f}",
            f"{sum(one.seconds for one in outcomes) / len(outcomes):.2f}",
        )
    console.print(table)


def by_kind(audit: Audit) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in audit.outcomes:
        if outcome.verdict != "unsayable":
            family = audit.mutants[outcome.mutant_id].kind
            found.setdefault(family, []).append(outcome)
    return found


def print_missed(audit: Audit, outcome: Outcome, console: Console) -> None:
    mutant = audit.mutants[outcome.mutant_id]
    console.print(f"[red]{outcome.verdict}[/] {escape(mutant.mutant_id)}", soft_wrap=True)
    console.print(f"  {escape(mutant.says)}", soft_wrap=True)
    console.print(f"  may name it: {escape(', '.join(mutant.rule_ids))}", soft_wrap=True)
    if outcome.rule_id:
        console.print(
            f"  named: {escape(outcome.rule_id)} ({escape(outcome.case)})", soft_wrap=True
        )


def print_slowest(audit: Audit, console: Console) -> None:
    ranked = sorted(audit.outcomes, key=lambda outcome: -outcome.seconds)[:SLOWEST]
    for outcome in ranked:
        console.print(
            f"[dim]slowest: {outcome.seconds:5.1f} s, {outcome.requests} requests: "
            f"{escape(outcome.mutant_id)} ({outcome.verdict}, {outcome.effort})[/]",
            soft_wrap=True,
        )


def print_excluded(audit: Audit, console: Console) -> None:
    reasons = Counter(audit.excluded)
    reasons["the document would contradict itself"] += len(audit.of("unsayable"))
    for reason, count in reasons.most_common():
        if count:
            console.print(f"[dim]not planted: {count} ({reason})[/]", soft_wrap=True)


def to_json(audit: Audit) -> dict[str, Any]:
    return {
        "seed": audit.seed,
        "seconds": round(audit.seconds, 3),
        "planted": audit.planted,
        "caught": len(audit.of("caught")),
        "failed": audit.failed,
        "excluded": dict(audit.excluded),
        "defects": [row(audit, outcome) for outcome in audit.outcomes],
    }


def row(audit: Audit, outcome: Outcome) -> dict[str, Any]:
    mutant = audit.mutants[outcome.mutant_id]
    return {
        "id": mutant.mutant_id,
        "says": mutant.says,
        "rules": list(mutant.rule_ids),
        "verdict": outcome.verdict,
        "named_by": outcome.rule_id or None,
        "as_difference": outcome.as_difference,
        "case": outcome.case or None,
        "came": outcome.came or None,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "effort": outcome.effort,
    }


def write_audit(audit: Audit, path: Path) -> None:
    """The JSON report; raises CouldNotRunError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(to_json(audit), indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise CouldNotRunError(
            f"the report cannot be written to {path}: {error.strerror}"
        ) from None
