"""Which reports are written where."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from contracts.errors import CouldNotRunError
from contracts.options import FORMATS
from contracts.report.har import HarTape
from contracts.report.html import write_html
from contracts.report.json import write_json
from contracts.report.junit import write_junit
from contracts.report.markdown import write_markdown
from mock_server.spec.pointers import nearest

Report = Mapping[str, Any]
WRITERS: Mapping[str, Callable[[Any, Path], None]] = {
    "json": write_json,
    "junit": write_junit,
    "html": write_html,
    "markdown": write_markdown,
}
ENDINGS = {"json": "json", "junit": "xml", "har": "har", "html": "html", "markdown": "md"}


def report_paths(chosen: Mapping[str, Any]) -> dict[str, Path]:
    """Where which report goes; raises CouldNotRunError for a format that there is not."""
    names = [name.strip() for name in (chosen.get("report") or "").split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            hint = nearest(name, FORMATS)
            raise CouldNotRunError(
                f'--report: found "{name}"; expected {", ".join(FORMATS)}'
                + (f"; {hint}" if hint else "")
            )
    named = {
        name: chosen[f"report_{name}_path"] for name in FORMATS if chosen.get(f"report_{name}_path")
    }
    folder: Path = chosen["report_dir"]
    return {
        name: named.get(name) or folder / f"contracts.{ENDINGS[name]}"
        for name in dict.fromkeys([*names, *named])
    }


def check_places(paths: Mapping[str, Path]) -> None:
    """Raises CouldNotRunError where a report could not be written once the run is over."""
    for name, path in paths.items():
        with writing(name, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab"):
                pass
            if not path.stat().st_size:
                path.unlink()


@contextmanager
def writing(name: str, path: Path) -> Iterator[None]:
    """Says which report could not be written."""
    try:
        yield
    except OSError as error:
        raise CouldNotRunError(
            f"the {name} report cannot be written to {path}: {error.strerror}"
        ) from None


@contextmanager
def open_tape(paths: Mapping[str, Path]) -> Iterator[HarTape | None]:
    """Records everything where a HAR is wanted; what was recorded stays when a run is stopped."""
    if "har" not in paths:
        yield None
        return
    with writing("har", paths["har"]):
        tape = HarTape(paths["har"])
        try:
            yield tape
        finally:
            tape.close()


def write_reports(report: Report, paths: Mapping[str, Path]) -> None:
    """Every report but the HAR, which was written on the way; raises CouldNotRunError."""
    for name, path in paths.items():
        if name not in WRITERS:
            continue
        with writing(name, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            WRITERS[name](report, path)


def print_paths(paths: Mapping[str, Path], console: Console, allowed: Iterable[str] = ()) -> None:
    """Where the reports are, and how what failed is sent again."""
    for name, path in paths.items():
        console.print(f"{name:<8}  {path}", markup=False, soft_wrap=True)
    if "json" in paths:
        again = " ".join(
            [shlex.quote(str(paths["json"])), *(f"--allow {one}" for one in sorted(allowed))]
        )
        console.print(f"again     contracts replay {again}", markup=False, soft_wrap=True)
