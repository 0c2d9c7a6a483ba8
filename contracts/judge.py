"""One whole run: connect, Schemathesis' own checks, every rule's cases, clean up, result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.cases.bench import Bench
from contracts.cases.runner import Runner
from contracts.cases.story import Case
from contracts.errors import CouldNotRunError, EndedError, WithheldError
from contracts.fuzzing.run import FuzzFinding, run_schemathesis
from contracts.moments import format_moment
from contracts.registry import CHECKS, LAST_CHECKS, Check
from contracts.report.result import Result
from contracts.settings import Settings, Timepiece
from contracts.shared import open_database, own_storage
from contracts.target.client import Client
from contracts.target.connect import Context, connect
from contracts.target.system import WsgiApp
from contracts.target.wire import Transfer
from contracts.target.witness import Witness
from contracts.watch import Watch
from mock_server.spec.model import Document

SILENT = Watch()
NO_RULES = (
    "this document states no rules: Schemathesis' own checks only, which decide the exit code"
)


@dataclass(slots=True)
class Course:
    """What a run has come to so far."""

    findings: tuple[FuzzFinding, ...] = ()
    again: list[Case] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # notes that come first
    left: list[Check] = field(default_factory=lambda: [*CHECKS, *LAST_CHECKS])
    runner: Runner | None = None


@own_storage()
def judge(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    watch: Watch = SILENT,
    app: WsgiApp | None = None,
    context: Context | None = None,
) -> Result:
    """Judges a target; raises CouldNotRunError. What was created is deleted whatever happens.

    A run whose budget is spent comes to a result all the same; one that is stopped, or whose
    target is lost, comes to none.
    """
    if document.wordless and not choices.schemathesis:
        raise CouldNotRunError(
            "this document states no rules, so that Schemathesis' checks are all there is; "
            "expected no --no-schemathesis"
        )
    started = timepiece.now()
    context = context or Context(tell=watch.say)
    database = open_database(choices.database)
    client = connect(document, choices, environment, timepiece, app, context)
    bench = Bench(document, client, choices, database)
    witness = Witness(document)
    client.listeners.append(witness.hear)
    course = Course()
    untraced: Counter[str] = Counter()
    if document.wordless:
        course.told.append(NO_RULES)
        client.listeners.append(lambda transfer: count_untraced(client, transfer, untraced))
    ended: EndedError | None = None
    watch.begin(bench)
    try:
        look_around(bench)
        if choices.schemathesis:
            course.findings, course.again, course.notes = run_schemathesis(bench, watch)
            bench.unsubscribe(())
        if not document.wordless:
            try_cases(bench, watch, course)
    except EndedError as error:
        ended = error
        block_rest(bench, course, error.reason)
    finally:
        watch.enter("cleaning up")
        client.clean_up()
    course.notes[:0] = course.told
    course.notes += [*bench.ledger.faults, *told_left(client)]
    if ended is not None:
        if ended.lost or client.pace.stop.reason is not None:
            raise CouldNotRunError("; ".join([ended.reason, *told_left(client)]))
        course.notes.append(f"the run ended early: {ended.reason}")
    if client.withheld:
        course.notes.append(told_withheld(client))
    if untraced and not document_is_own(client):
        course.notes.append(told_untraced(untraced))
    return Result(
        bench,
        witness,
        format_moment(started),
        timepiece.now() - started,
        course.findings,
        tuple(course.notes),
    )


def look_around(bench: Bench) -> None:
    """Reads what requests may refer to before anything is made: what was there stays there.

    So a finding can still be seen by its requests once the run has cleaned up.
    """
    for surface in bench.judged():
        for operation in (surface.create, surface.update):
            for reference in operation.references.values() if operation is not None else ():
                bench.live.records(reference.to)


def told_left(client: Client) -> list[str]:
    """What stayed of what was created, and what to do about it."""
    if client.creations.path is None:
        return []
    notes = []
    counts = Counter(one.title for one in client.left if one.for_good)
    if counts:
        listed = ", ".join(f"{count} {title}" for title, count in counts.items())
        notes.append(f"created, and the document has no operation to delete it: {listed}")
    count = sum(not one.for_good for one in client.left)
    if count:
        notes.append(
            f"{count} records that were created are still there; "
            f"contracts cleanup --ledger {client.creations.path} names them and tries again"
        )
    return notes


def count_untraced(client: Client, transfer: Transfer, counts: Counter[str]) -> None:
    """What may have been made at a path of which nothing is known."""
    path = transfer.path.partition("?")[0]
    known = client.operation_at(transfer.method, f"{client.root}{path}")
    if transfer.method in ("POST", "PUT") and transfer.answer.accepted and known is None:
        counts[transfer.method] += 1


def document_is_own(client: Client) -> bool:
    """Whether whatever was made is gone with this process."""
    return client.transport.name == "stub"


def told_untraced(counts: Counter[str]) -> str:
    return (
        f"{counts.total()} accepted requests went to operations that no pair of paths explains: "
        "what they made, if anything, is not deleted"
    )


def told_withheld(client: Client) -> str:
    several = client.withheld.most_common()
    listed = ", ".join(
        f"{n} {why.replace('needs', 'need', 1 if n > 1 else 0)}" for why, n in several
    )
    total = client.withheld.total()
    return f"{total} request{'s were' if total > 1 else ' was'} kept back: {listed}"


def try_cases(bench: Bench, watch: Watch, course: Course) -> None:
    """Every check's cases; those that wait are collected at the end."""
    course.runner = runner = Runner(bench)
    run_checks(bench, course, CHECKS, watch)
    runner.run(watch.steps(course.again))
    watch.enter("waiting")
    runner.finish()
    run_checks(bench, course, LAST_CHECKS, watch)
    runner.finish()


def run_checks(bench: Bench, course: Course, checks: tuple[Check, ...], watch: Watch) -> None:
    assert course.runner is not None
    for check in checks:
        watch.enter(check.name)
        try:
            course.runner.run(watch.steps(check.cases(bench)))
        except WithheldError as error:
            block_kinds(bench, check.kinds, str(error))
        course.left.remove(check)
        bench.unsubscribe(course.runner.held())


def block_rest(bench: Bench, course: Course, reason: str) -> None:
    """What the end of the run leaves untried."""
    for check in course.left:
        block_kinds(bench, check.kinds, reason)
    for _, _, attempt in course.runner.waiting if course.runner is not None else ():
        bench.ledger.block(attempt.case.rule_ids, reason)


def block_kinds(bench: Bench, kinds: frozenset[str], reason: str) -> None:
    """A check that cannot even be prepared."""
    for rule in bench.document.rules.values():
        if any(place.kind in kinds for place in rule.places):
            bench.ledger.block((rule.rule_id,), reason)
