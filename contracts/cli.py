"""The command `contracts`: judge an implementation, rule by rule."""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from contracts.audit.options import AUDIT, to_choice
from contracts.baseline import read_accepted
from contracts.blindspots.options import BLINDSPOTS
from contracts.drift.options import DRIFT
from contracts.epilogs import SHORT, epilog
from contracts.errors import CouldNotRunError, EndedError
from contracts.options import (
    APP,
    BASELINE,
    CLEANUP,
    COLOURS,
    DATABASE,
    DRY_RUN,
    REPLAY,
    REPORTS,
    SAFETY,
    SEARCH,
    SELECTION,
    TARGET,
    place_of,
    read_project,
    to_settings,
    with_options,
)
from contracts.replay.report import print_replay_summary, print_replayed
from contracts.report.files import (
    check_places,
    open_tape,
    print_paths,
    report_paths,
    write_reports,
)
from contracts.report.github import is_actions, tell_actions, to_data, without_commands
from contracts.report.progress import LiveProgress, LogProgress, can_redraw, spinner
from contracts.report.redaction import Redactor
from contracts.report.table import print_report
from contracts.settings import Selection, Settings, Timepiece
from contracts.signals import stopping
from contracts.target.account import Ask
from contracts.target.connect import SECRETS, Context
from contracts.target.inprocess import opened_app
from contracts.target.pace import Stop
from contracts.watch import Watchers
from mock_server.errors import MockServerError
from mock_server.spec import Document, load_document

KEPT, BROKEN, COULD_NOT_RUN = 0, 1, 2


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog("contracts"),
)
@click.version_option(package_name="mock-server-kit", prog_name="contracts")
@click.pass_context
def contracts(context: click.Context) -> None:
    """Judges implementations of an API against the rules that its document states.

    The key of a target is read from CONTRACTS_API_KEY, another account's from
    CONTRACTS_OTHER_API_KEY, a Bearer token that is not the key from CONTRACTS_BEARER_TOKEN.

    Exit code 0: no documented rule is broken; 1: one is; 2: the run was not possible.
    """
    context.default_map = read_project(Path.cwd(), contracts.commands)


@contracts.command(short_help=SHORT["run"], epilog=epilog("run"))
@with_options(TARGET, APP, SAFETY, SEARCH, DATABASE, SELECTION, BASELINE, REPORTS, COLOURS, DRY_RUN)
def run(**chosen: Any) -> None:
    """Give a verdict for every rule: kept, broken, or not exercised and why."""
    from contracts.judge import judge

    # Hardly anything of a run becomes garbage: looking for it less often saves a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    choices = to_settings(chosen)
    paths = report_paths(chosen)
    check_places(paths)
    accepted = read_accepted(chosen, datetime.now(UTC).date())  # noqa: TID251 - stamps in a file
    document = load_document(choices.document)
    choices.selection.check(document)
    console = make_console(chosen)
    if chosen["dry_run"]:
        raise SystemExit(rehearse_run(document, choices, console))
    with without_commands(os.environ):
        with (
            opened_app(choices.app) as app,
            stopping() as stop,
            open_progress(console) as progress,
            open_tape(paths) as tape,
        ):
            watch = Watchers((progress, tape, accepted))
            context = Context(watch.say, asker(progress), stop)
            result = judge(document, choices, os.environ, real_time(stop), watch, app, context)
        if accepted is not None:
            accepted.settle(result)
        print_report(result.report, console)
        write_reports(result.report, paths)
        print_paths(paths, console, choices.allow)
    tell_actions(result.report, os.environ)
    if result.is_empty:
        raise CouldNotRunError("none of the rules was exercised: nothing is known of them")
    raise SystemExit(BROKEN if result.failed else KEPT)


def rehearse_run(document: Document, choices: Settings, console: Console) -> int:
    """Tells what a run would do."""
    from contracts.rehearsal import rehearse

    with stopping() as stop, spinner(console) as tell:
        plan = rehearse(document, choices, real_time(stop), tell)
    for line in plan.lines():
        click.echo(line)
    return KEPT


@contracts.command(short_help=SHORT["cleanup"], epilog=epilog("cleanup"))
@with_options(TARGET[:1], CLEANUP, DRY_RUN)
def cleanup(**chosen: Any) -> None:
    """Delete what a run has left behind that was killed, or that lost its target.

    Exit code 0: nothing is left; 2: something is, or could not be tried.
    """
    from contracts.cleanup import clean_up, find_ledgers, iter_entries

    choices = to_settings(chosen)
    document = load_document(choices.document)
    if chosen["dry_run"]:
        for path in find_ledgers(choices.ledger_path):
            for place, entry in iter_entries(path):
                origin = place.origin if place is not None else "?"
                told = entry.record_id or f"unanswered, {', '.join(entry.marks) or 'unmarked'}"
                click.echo(f"{origin} {entry.operation_id} {told}")
        return
    left = 0
    with stopping() as stop:
        context = Context(lambda text: None, asker(None), stop)
        for done in clean_up(document, choices, os.environ, real_time(stop), context):
            click.echo(
                f"{done.place.origin}: {done.found - len(done.left)} of {done.found} deleted"
            )
            for one in done.left:
                click.echo(f"  still there: {one.title} {one.record_id}: {one.reason}")
            left += sum(not one.for_good for one in done.left)
    if left:
        raise CouldNotRunError(f"{left} records could not be deleted")
    click.echo("nothing is left to delete")


@contracts.command(short_help=SHORT["audit"], epilog=epilog("audit"))
@with_options(TARGET[:1], TARGET[2:], SEARCH[:1], AUDIT)
def audit(**chosen: Any) -> None:
    """Plant defects in the stub, one at a time, and tell which of them the judge catches.

    Exit code 0: every defect is caught; 1: some are missed; 2: the audit was not possible.
    """
    from contracts.audit.report import print_audit, write_audit
    from contracts.audit.run import audit as run_audit

    choices = to_settings({**chosen, "schemathesis": False, "thorough": True})
    document = load_document(choices.document)
    demand_rules(document, "audit")
    choice = to_choice(chosen)
    choice.rules.check(document)
    console = make_console(chosen)
    with spinner(console) as tell:
        done = run_audit(document, choices, choice, chosen["workers"], real_time(), tell)
    if chosen["audit_report"] is not None:
        write_audit(done, chosen["audit_report"])
    print_audit(done, console)
    raise SystemExit(BROKEN if done.failed else KEPT)


@contracts.command(
    context_settings={"ignore_unknown_options": True},
    short_help=SHORT["blindspots"],
    epilog=epilog("blindspots"),
)
@with_options(TARGET[:1], TARGET[2:], BLINDSPOTS)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def blindspots(command: tuple[str, ...], **chosen: Any) -> None:
    """Change one rule of the stub at a time, and tell where a client's own tests stay green.

    COMMAND is the suite, behind --, such as: contracts blindspots -- pytest tests. It finds
    MOCK_SERVER_URL (the API's base), MOCK_SERVER_KEY and MOCK_SERVER_ORIGIN in its environment.

    Exit code 0: it sees every change; 1: it has blind spots; 2: it could not be tried.
    """
    from contracts.blindspots.report import print_blindspots, write_blindspots
    from contracts.blindspots.run import Wish, find_blindspots

    choices = to_settings(chosen)
    document = load_document(choices.document)
    demand_rules(document, "blindspots")
    console = make_console(chosen)
    wish = Wish(
        Selection(tuple(chosen["rule"])),
        chosen["changes"],
        chosen["port"],
        tuple(chosen["variables"]),
        chosen["timeout"],
        chosen["quick"],
        choices.seed,
    )
    wish.selection.check(document, {"--include-rule": "--rule"})
    with spinner(console) as tell:
        found = find_blindspots(document, command, wish, os.environ, real_time(), tell)
    if chosen["blindspots_report"] is not None:
        write_blindspots(document, found, chosen["blindspots_report"])
    print_blindspots(document, found, console)
    raise SystemExit(BROKEN if found.blind else KEPT)


@contracts.command(short_help=SHORT["drift"], epilog=epilog("drift"))
@with_options(TARGET, APP, SAFETY, SELECTION, DRIFT, COLOURS)
def drift(**chosen: Any) -> None:
    """Send the same sequences to the stub and to an endpoint, and list what they answer otherwise.

    Exit code 0: no difference; 1: some; 2: the search was not possible.
    """
    from contracts.drift.report import print_drift, write_drift
    from contracts.drift.run import drift as search

    choices = to_settings(chosen)
    if choices.base_url is None and choices.app is None:
        raise CouldNotRunError(
            "found no --base-url and no --app; expected the endpoint to hold against the stub"
        )
    document = load_document(choices.document)
    demand_rules(document, "drift")
    choices.selection.check(document)
    console = make_console(chosen)
    with opened_app(choices.app) as app, stopping() as stop, spinner(console) as tell:
        context = Context(tell, asker(None), stop)
        found = search(
            document,
            choices,
            chosen["sequences"],
            os.environ,
            real_time(stop),
            tell,
            app,
            context,
        )
    if chosen["drift_report"] is not None:
        write_drift(document, found, chosen["drift_report"])
    print_drift(document, found, console)
    raise SystemExit(BROKEN if found.found else KEPT)


@contracts.command(short_help=SHORT["replay"], epilog=epilog("replay"))
@click.argument("report", type=click.Path(path_type=Path))
@with_options(TARGET[:2], APP, SAFETY, REPLAY, COLOURS)
def replay(report: Path, **chosen: Any) -> None:
    """Send the failing sequences of a JSON REPORT again, and say which are still there.

    What an earlier answer of a sequence gave, such as an id, is taken from the new answer.

    Exit code 0: everything is gone; 1: something is still there, or answers otherwise than
    before; 2: something could not be sent.
    """
    from contracts.cases.bench import Bench
    from contracts.replay.run import exit_code, read_report
    from contracts.replay.run import replay as send_again
    from contracts.target.connect import connect

    told = read_report(report)
    target = str(told.get("target"))
    if target != "stub" and not chosen.get("base_url") and not chosen.get("app"):
        own = target.startswith("app ")
        chosen["app" if own else "base_url"] = target[4:] if own else told.get("base")
    choices = to_settings({**chosen, "seed": told.get("seed")})
    document = load_document(choices.document)
    console = make_console(chosen)
    with opened_app(choices.app) as app, stopping() as stop:
        context = Context(ask=asker(None), stop=stop)
        client = connect(document, choices, os.environ, real_time(stop), app, context)
        bench = Bench(document, client, choices)
        done = send_again(
            bench, told, tuple(chosen["rule"]), lambda one: print_replayed(one, bench, console)
        )
    print_replay_summary(done, bench, console)
    raise SystemExit(exit_code(done))


def demand_rules(document: Document, command: str) -> None:
    """Raises CouldNotRunError for a document that states none."""
    if document.wordless:
        raise CouldNotRunError(
            f"{document.path} states no rules, which contracts {command} works with; "
            "contracts run has Schemathesis' checks for it"
        )


def make_console(chosen: dict[str, Any]) -> Console:
    """Without a terminal: no control codes, and lines of 80 characters where they are made here."""
    plain = bool(chosen.get("no_color") or os.environ.get("NO_COLOR"))
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 80
    return Console(color_system=None if plain else "auto", width=width, highlight=False)


def open_progress(console: Console) -> LiveProgress | LogProgress:
    return (LiveProgress if can_redraw(console) else LogProgress)(time.monotonic, console)


def asker(progress: LiveProgress | LogProgress | None) -> Ask | None:
    """Asks whoever sits there; None where nobody does."""
    if not sys.stdin.isatty() or os.environ.get("CI"):
        return None

    def ask(text: str) -> str:
        live = progress.live if isinstance(progress, LiveProgress) else None
        if live is not None:
            live.stop()
        answer = str(click.prompt(text, err=True))
        if live is not None:
            live.start()
        return answer

    return ask


def real_time(stop: Stop | None = None) -> Timepiece:
    pause = time.sleep if stop is None else stop.sleep
    return Timepiece(time.time, pause)  # noqa: TID251 - the judge waits for real targets


def main(arguments: Iterable[str] | None = None) -> NoReturn:
    """Runs the command; what is wrong is said in words, with exit code 2."""
    try:
        contracts.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, click.BadParameter) and error.param and error.ctx:
            error.param_hint = error.param_hint or place_of(error.param, error.ctx) or None
        error.show()
        sys.exit(COULD_NOT_RUN)
    except (CouldNotRunError, EndedError, MockServerError) as error:
        stop_with(str(error))
    except (click.Abort, KeyboardInterrupt):
        stop_with("stopped at once; contracts cleanup deletes what was created")
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        stop_with(
            f"a fault of its own at {Path(where.filename).name}:{where.lineno}: {kind}: {error}"
        )
    sys.exit(KEPT)


def stop_with(reason: str) -> NoReturn:
    """Says why and ends; whatever the reason repeats, no secret is in it."""
    secrets = [os.environ.get(name, "") for name in SECRETS]
    told = Redactor(secrets).text(reason)
    click.echo(f"contracts: {told}", err=True)
    if is_actions(os.environ):
        click.echo(f"::error title=contracts::{to_data(told)}")
    sys.exit(COULD_NOT_RUN)
