"""Options of the search for blind spots."""

from __future__ import annotations

from pathlib import Path

import click

BLINDSPOTS = (
    click.option(
        "--rule",
        "rule",
        multiple=True,
        metavar="PATTERN",
        help="Only these rules; * and ? work (repeatable).",
    ),
    click.option(
        "--changes",
        type=click.IntRange(1, 100),
        default=3,
        show_default=True,
        help="Ways in which a rule is changed, one after another, until the suite is red.",
    ),
    click.option(
        "--quick",
        is_flag=True,
        help="Take a rule that the suite never meets for a blind spot, without a run.",
    ),
    click.option(
        "-e",
        "--env",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        help="One more variable of the suite; {url}, {key} and {origin} are filled in (repeatable).",
    ),
    click.option(
        "-p",
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        show_default=True,
        help="Where the stub answers; 0 picks a free port.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(1),
        metavar="SECONDS",
        help="After so long a run counts as red; default: ten times the first one.",
    ),
    click.option(
        "--report",
        "blindspots_report",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write what was found to a JSON file.",
    ),
    click.option("--no-color", is_flag=True, help="No colours, as with NO_COLOR."),
)
