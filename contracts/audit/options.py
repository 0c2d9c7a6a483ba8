"""Options of the audit: which defects, by how many processes, and where its report goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from contracts.audit.choice import Choice
from contracts.settings import Selection

AUDIT = (
    click.option(
        "--include-rule",
        "include_rule",
        multiple=True,
        metavar="PATTERN",
        help="Only defects that this rule may name; * and ? work (repeatable).",
    ),
    click.option(
        "--exclude-rule",
        "exclude_rule",
        multiple=True,
        metavar="PATTERN",
        help="Not those that only this rule may name; * and ? work (repeatable).",
    ),
    click.option(
        "--defect",
        "defect",
        multiple=True,
        metavar="PATTERN",
        help="Only defects with this id, such as transition-added:*; * and ? work (repeatable).",
    ),
    click.option(
        "--sample",
        type=click.IntRange(1),
        metavar="N",
        help="Only so many, chosen by the seed.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=2,
        show_default=True,
        help="Processes that judge at the same time.",
    ),
    click.option(
        "--report",
        "audit_report",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write every defect with its verdict to a JSON file.",
    ),
    click.option("--no-color", is_flag=True, help="No colours, as with NO_COLOR."),
)


def to_choice(chosen: dict[str, Any]) -> Choice:
    rules = Selection(tuple(chosen["include_rule"]), tuple(chosen["exclude_rule"]))
    return Choice(rules, tuple(chosen["defect"]), chosen["sample"])
