"""One mutant before the judge: is it named, by which rule, after how many requests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from contracts.audit.mutant import Mutant
from contracts.audit.plant import plant
from contracts.cases.bench import Bench
from contracts.cases.runner import Runner
from contracts.cases.story import Case, Finding
from contracts.errors import CouldNotRunError, EndedError, WithheldError
from contracts.fuzzing.run import run_schemathesis
from contracts.registry import CHECKS, LAST_CHECKS, Check
from contracts.settings import Selection, Settings, Timepiece
from contracts.target.connect import STUB_PREFIX, connect
from contracts.target.system import WsgiApp
from contracts.watch import Watch
from mock_server.errors import MockServerError
from mock_server.spec.model import Document

# The stub takes any key of its prefix, by either scheme: no half of a rule is left out.
KEYS = {
    "CONTRACTS_API_KEY": f"{STUB_PREFIX}audit",
    "CONTRACTS_OTHER_API_KEY": f"{STUB_PREFIX}audit_other",
    "CONTRACTS_BEARER_TOKEN": f"{STUB_PREFIX}audit",
}
Verdict = Literal["caught", "misnamed", "missed", "died", "unsayable"]
UNCAUGHT: tuple[Verdict, ...] = ("missed", "misnamed", "died")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the judge made of a mutant.

    `rule_id` names it; `as_difference` where that fails no run; `effort` is the stage that it took.
    """

    mutant_id: str
    verdict: Verdict
    rule_id: str = ""
    as_difference: bool = False
    case: str = ""
    came: str = ""
    requests: int = 0
    seconds: float = 0.0
    effort: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """How much of the judge a mutant meets at once."""

    name: str
    selection: Selection
    schemathesis: bool = False


def stages_for(mutant: Mutant, schemathesis: bool) -> Iterator[Stage]:
    """The rules that it concerns first; all of them, then Schemathesis too, where that misses."""
    if mutant.rule_ids:
        yield Stage("its rules", Selection(include_rules=(*mutant.rule_ids, *mutant.beside)))
    yield Stage("all rules", Selection())
    if schemathesis:
        yield Stage("all rules and Schemathesis", Selection(), True)


def try_mutant(
    document: Document, choices: Settings, mutant: Mutant, known: Known, real: Timepiece
) -> Outcome:
    """Plants a defect and judges the stub that has it by the true document.

    What the right stub differs in too, by `known`, says nothing.
    """
    begun = time.perf_counter()
    requests, elsewhere = 0, None
    for stage in stages_for(mutant, choices.schemathesis):
        try:
            app = plant(document, mutant, choices.seed)
        except MockServerError as error:
            # A document that contradicts itself is no server.
            return Outcome(mutant.mutant_id, "unsayable", came=str(error)[:300])
        spent, bench = try_stage(document, choices, stage, mutant.rule_ids, app, real)
        requests += spent
        found = BROKEN_START if bench is None else named(bench, mutant.rule_ids, known)
        if found is not None:
            rule_id, finding = found
            seconds = time.perf_counter() - begun
            outcome = told(mutant, rule_id, finding, requests, seconds, stage.name)
            if outcome.verdict == "caught":
                return outcome
            elsewhere = elsewhere or outcome
    seconds = time.perf_counter() - begun
    return elsewhere or Outcome(
        mutant.mutant_id, "missed", requests=requests, seconds=seconds, effort=stage.name
    )


def told(
    mutant: Mutant, rule_id: str, finding: Finding, requests: int, seconds: float, effort: str
) -> Outcome:
    return Outcome(
        mutant.mutant_id,
        "caught" if rule_id in mutant.rule_ids else "misnamed",
        rule_id,
        not finding.certain,
        finding.case,
        f"expected {finding.expected}; came {finding.came}"[:300],
        requests,
        seconds,
        effort,
    )


Named = tuple[str, Finding]
Known = frozenset[tuple[str, str]]  # rules and cases
RIGHT = Mutant("right", "no defect", ())
BROKEN_START: Named = (
    "",
    Finding((), "connecting", "a stub that answers", "none that a judge can work with", (), True),
)


def try_right(document: Document, choices: Settings, real: Timepiece) -> tuple[list[Named], Known]:
    """What is broken, and what only differs, by the judge's word in the stub without a defect."""
    app = plant(document, RIGHT, choices.seed)
    _, bench = try_stage(document, choices, Stage("all rules", Selection()), (), app, real)
    if bench is None:
        return [BROKEN_START], frozenset()
    entries = bench.ledger.entries.items()
    return (
        [(rule_id, found) for rule_id, entry in entries for found in entry.findings],
        frozenset((rule_id, one.case) for rule_id, entry in entries for one in entry.differences),
    )


class CaughtError(Exception):
    """A rule that may name the mutant has done so; nothing more needs to be tried."""


def try_stage(
    document: Document,
    choices: Settings,
    stage: Stage,
    rightful: Iterable[str],
    app: WsgiApp,
    real: Timepiece,
) -> tuple[int, Bench | None]:
    """Requests made, and what came of them; None where the stub cannot even be talked to."""
    settings = Settings(
        choices.document,
        seed=choices.seed,
        examples=choices.examples,
        fuzz_examples=choices.fuzz_examples,
        selection=stage.selection,
    )
    try:
        client = connect(document, settings, KEYS, real, app)
    except CouldNotRunError:
        return 1, None
    bench = Bench(document, client, settings)
    wanted = frozenset(rightful)
    try:
        if stage.schemathesis:
            _, again, _ = run_schemathesis(bench, Watch())
            run_cases(bench, again, wanted)
        for check in (*CHECKS, *LAST_CHECKS):
            if concerns(document, check, stage.selection):
                run_cases(bench, check.cases(bench), wanted)
    except CaughtError:
        pass
    except (CouldNotRunError, EndedError, WithheldError):
        pass
    return client.count, bench


def concerns(document: Document, check: Check, selection: Selection) -> bool:
    """Whether a check has cases for the selected rules at all."""
    if not check.kinds or not selection.include_rules:
        return True
    return any(
        place.kind in check.kinds
        for rule_id in selection.include_rules
        for place in document.rules[rule_id].places
    )


def run_cases(bench: Bench, cases: Iterable[Case], wanted: frozenset[str]) -> None:
    """Runs cases one by one, and stops as soon as a rightful rule has a sure finding."""
    runner = Runner(bench)

    def watched() -> Iterator[Case]:
        for case in cases:
            yield case
            stop_if_caught(bench, wanted)

    runner.run(watched())
    runner.finish()
    stop_if_caught(bench, wanted)


def stop_if_caught(bench: Bench, wanted: frozenset[str]) -> None:
    if any(bench.ledger.entries[rule_id].findings for rule_id in wanted):
        raise CaughtError


def named(bench: Bench, rightful: Iterable[str], known: Known) -> Named | None:
    """The finding that counts: a rightful one, a sure one before a difference."""
    wanted = frozenset(rightful)
    told = [
        (rule_id in wanted, kind == "findings", rule_id, one)
        for kind in ("findings", "differences")
        for rule_id, entry in bench.ledger.entries.items()
        for one in getattr(entry, kind)
        if (rule_id, one.case) not in known
    ]
    if not told:
        return None
    *_, rule_id, found = max(told, key=lambda row: row[:2])
    return rule_id, found
