"""A report for the tests of one module: judged once, however many workers share the tests."""

from __future__ import annotations

import io
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from contracts.errors import CouldNotRunError, EndedError
from contracts.report.json import to_json
from contracts.report.table import print_broken, print_schemathesis
from contracts.settings import Settings, Timepiece
from contracts.target.inprocess import load_app, served
from mock_server.errors import MockServerError
from mock_server.spec import load_document

try:
    import fcntl
except ImportError:  # pragma: no cover - systems without advisory locks
    fcntl = None  # type: ignore[assignment]

WIDTH = 100
Report = dict[str, Any]


def judge_once(
    settings: Settings, app: Any, environment: Mapping[str, str], shared: Path | None
) -> Report:
    """The report; `shared` is where workers find that of the first of them.

    Raises CouldNotRunError. Two runs over one account at a time would see each other's records.
    """
    if shared is None:
        return judge_now(settings, app, environment)
    with locked(shared.with_suffix(".lock")):
        if not shared.exists():
            shared.write_bytes(to_json(judge_or_reason(settings, app, environment)))
    found: Report = json.loads(shared.read_text(encoding="utf-8"))
    if "could_not_run" in found:
        raise CouldNotRunError(found["could_not_run"])
    return found


def judge_or_reason(settings: Settings, app: Any, environment: Mapping[str, str]) -> Report:
    """What the other workers are told, who need not try again what is not possible."""
    try:
        return judge_now(settings, app, environment)
    except CouldNotRunError as error:
        return {"could_not_run": str(error)}


def judge_now(settings: Settings, app: Any, environment: Mapping[str, str]) -> Report:
    from contracts.judge import judge

    timepiece = Timepiece(time.time, time.sleep)  # noqa: TID251 - the judge waits for real targets
    # What a project makes of warnings is for its own tests: a target's must not become answers.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with opened(settings, app) as wsgi:
                document = load_document(settings.document)
                return judge(document, settings, environment, timepiece, app=wsgi).report
        except (EndedError, MockServerError) as error:
            raise CouldNotRunError(str(error)) from None


@contextmanager
def opened(settings: Settings, app: Any) -> Iterator[Any]:
    """The application in this process where one is judged: the object itself, or by its name."""
    if settings.app is None:
        yield None
        return
    found = load_app(app, Path.cwd()) if isinstance(app, str) else app
    with served(found, settings.app) as wsgi:
        yield wsgi


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; one that dies gives way to the next."""
    if fcntl is None:
        raise CouldNotRunError("several workers cannot share a run here; expected one (-n 0)")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def told_rule(rule: Report) -> str:
    """A broken rule as the terminal shows it."""
    return printed(lambda console: print_broken(rule, rule["certainty"], console))


def told_schemathesis(report: Report) -> str:
    return printed(lambda console: print_schemathesis(report, console))


def printed(show: Any) -> str:
    out = io.StringIO()
    show(Console(file=out, width=WIDTH, color_system=None, highlight=False))
    return out.getvalue().strip()
