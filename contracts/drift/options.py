"""Options of the search for drift."""

from __future__ import annotations

from pathlib import Path

import click

DRIFT = (
    click.option(
        "--sequences",
        type=click.IntRange(1, 100_000),
        default=1200,
        show_default=True,
        help="Sequences that both sides are sent at most.",
    ),
    click.option(
        "--report",
        "drift_report",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write the differences to a JSON file.",
    ),
)
