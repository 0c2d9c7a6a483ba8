"""One mutant before the judge: is it named, by which rule, after how many requests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from contracts.audit.mutant import Mutant
from contracts.audit.plant import plant
from contracts.bench import Bench
from contracts.checks.registry import CHECKS, LAST_CHECKS, Check
from contracts.connect import STUB_PREFIX, connect
from contracts.errors import CouldNotRunError, EndedError, WithheldError
from contracts.fuzzing.run import run_schemathesis
from contracts.runner import Runner
from contracts.settings import Selection, Settings, Timepiece
from contracts.story import Case, Finding
from contracts.target import WsgiApp
from contracts.watch import Watch
from mock_server.errors import MockServerError
from mock_server.spec.model import Document

# The stub takes any key of its prefix, by either scheme: no half of a rule is left out.
KEYS = {
    "CONTRACTS_API_KEY": f"{STUB_PREFIX}audit",
    "CONTRACTS_OTHER_API_KEY": f"{STUB_PREFIX}audit_other",
    "CONTRACTS_BEARER_TOKEN": f"{STUB_PREFIX}audit",
}
Verdict = Literal["caught", "misnamed", "missed", "unsayable"]


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


def try_mutant(document: Document, choices: Settings, mutant: Mutant, real: Timepiece) -> Outcome:
    """Plants a defect and judges the stub that has it by the true document."""
    begun = time.perf_counter()
    requests, elsewhere = 0, None
    for stage in stages_for(mutant, choices.schemathesis):
        try:
            app = plant(document, mutant, choices.seed)
        except MockServerError as error:
            # A document that contradicts itself is no server.
            return Outcome(mutant.mutant_id, "unsayable", came=str(error)[:300])
        spent, found = try_stage(document, choices, stage, mutant.rule_ids, app, real)
        requests += spent
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


RIGHT = Mutant("right", "no defect", ())


def try_right(document: Document, choices: Settings, real: Timepiece) -> Outcome | None:
    """What the judge says against the stub without a defect; None where that is nothing."""
    stage = Stage("all rules", Selection())
    app = plant(document, RIGHT, choices.seed)
    requests, found = try_stage(document, choices, stage, (), app, real)
    return told(RIGHT, *found, requests, 0.0, stage.name) if found is not None else None


class CaughtError(Exception):
    """A rule that may name the mutant has done so; nothing more needs to be tried."""


Named = tuple[str, Finding]


def try_stage(
    document: Document,
    choices: Settings,
    stage: Stage,
    rightful: Iterable[str],
    app: WsgiApp,
    real: Timepiece,
) -> tuple[int, Named | None]:
    """Requests made, and the finding that counts: a rightful one, a sure one before a difference."""
    settings = Settings(
        choices.document,
        seed=choices.seed,
        examples=choices.examples,
        fuzz_examples=choices.fuzz_examples,
        selection=stage.selection,
    )
    try:
        client = connect(document, settings, KEYS, real, app)
    except CouldNotRunError as error:
        return 1, ("", Finding((), "connecting", "a stub that answers", str(error), (), True))
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
    return client.count, named(bench, wanted)


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


def named(bench: Bench, wanted: frozenset[str]) -> Named | None:
    """The finding that names the mutant best."""
    entries = bench.ledger.entries
    for kind in ("findings", "differences"):
        for rule_id in (*(i for i in entries if i in wanted), *entries):
            found = getattr(entries[rule_id], kind)
            if found and (rule_id in wanted or not has_rightful(bench, wanted)):
                return rule_id, found[0]
    return None


def has_rightful(bench: Bench, wanted: frozenset[str]) -> bool:
    entries = bench.ledger.entries
    return any(entries[i].findings or entries[i].differences for i in wanted)
