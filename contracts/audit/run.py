"""The whole audit: a control run on the right stub, then every mutant, by several processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from contracts.audit.catalogue import build_mutants
from contracts.audit.choice import Choice, choose
from contracts.audit.mutant import Mutant
from contracts.audit.trial import UNCAUGHT, Known, Outcome, try_mutant, try_right
from contracts.errors import CouldNotRunError
from contracts.settings import Settings, Tell, Timepiece
from mock_server.spec import load_document
from mock_server.spec.model import Document

# What a stub and its judge leave behind in a process adds up (about 50 MB where all rules are
# tried), so that none of them lives for more trials than this.
BATCH = 40


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit comes to. `excluded` counts the mutants that cannot be seen, by reason."""

    mutants: Mapping[str, Mutant]
    outcomes: tuple[Outcome, ...]
    excluded: Counter[str]
    seconds: float
    seed: int

    def of(self, verdict: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.verdict == verdict]

    @property
    def planted(self) -> int:
        return len(self.outcomes) - len(self.of("unsayable"))

    @property
    def failed(self) -> bool:
        return len(self.of("caught")) < self.planted


def audit(
    document: Document,
    choices: Settings,
    choice: Choice,
    workers: int,
    timepiece: Timepiece,
    tell: Tell = lambda text: None,
) -> Audit:
    """Plants and judges; raises CouldNotRunError where the right stub is already called wrong."""
    started = timepiece.now()
    mutants = build_mutants(document)
    chosen = choose(mutants, choice, choices.seed)
    tell("the right stub")
    known = check_right(document, choices, timepiece)
    planted = [mutant.mutant_id for mutant in chosen if not mutant.excluded]
    outcomes = try_all(document, choices, planted, known, workers, timepiece, tell)
    return Audit(
        mutants,
        tuple(sorted(outcomes, key=lambda outcome: planted.index(outcome.mutant_id))),
        Counter(mutant.excluded for mutant in chosen if mutant.excluded),
        timepiece.now() - started,
        choices.seed,
    )


def check_right(document: Document, choices: Settings, timepiece: Timepiece) -> Known:
    """What differs without a defect; where something is even called wrong, no audit is possible."""
    broken, known = try_right(document, choices, timepiece)
    for rule_id, found in broken:
        raise CouldNotRunError(
            f"the stub without a defect is called wrong: {rule_id} ({found.case}): "
            f"expected {found.expected}; came {found.came[:300]}; an audit would say nothing"
        )
    return known


def try_all(
    document: Document,
    choices: Settings,
    planted: list[str],
    known: Known,
    workers: int,
    timepiece: Timepiece,
    tell: Tell,
) -> list[Outcome]:
    if len(planted) < 2 or (workers == 1 and len(planted) <= BATCH):
        here = Worker(document, choices, known, timepiece)
        return follow(map(here.attempt, planted), len(planted), tell)
    outcomes = iter_outcomes(planted, workers, (choices, known, timepiece))
    return follow(outcomes, len(planted), tell)


Begun = tuple[Settings, Known, Timepiece]  # what a process of a pool begins with


def iter_outcomes(planted: list[str], workers: int, begun: Begun) -> Iterator[Outcome]:
    """The outcomes of all mutants, by processes that may die: that is an outcome too."""
    left = dict.fromkeys(planted)
    while left:
        batch = list(left)[: workers * BATCH]
        for outcome in try_batch(batch, workers, begun):
            del left[outcome.mutant_id]
            yield outcome
        # Where a process died, one of the first that are left was under way in it.
        for mutant_id in [one for one in batch if one in left][: workers + 1]:
            alone = try_batch([mutant_id], 1, begun)
            yield next(alone, died(mutant_id, "the process that judged it died"))
            del left[mutant_id]


def try_batch(batch: list[str], workers: int, begun: Begun) -> Iterator[Outcome]:
    """The outcomes of some mutants; it ends early where a process dies."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), begin, begun)
    try:
        waiting = [pool.submit(attempt, mutant_id) for mutant_id in batch]
        for one in as_completed(waiting):
            try:
                outcome = one.result()
            except BrokenProcessPool:
                continue  # others may have come to an end before
            yield outcome
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def follow(outcomes: Iterable[Outcome], total: int, tell: Tell) -> list[Outcome]:
    """Collects outcomes, and says how far it is."""
    found: list[Outcome] = []
    for outcome in outcomes:
        found.append(outcome)
        missed = sum(one.verdict in UNCAUGHT for one in found)
        tell(f"{len(found)} of {total}, {missed} missed; {outcome.verdict}: {outcome.mutant_id}")
    return found


class Worker:
    """Tries mutants by id; each process builds them for itself."""

    def __init__(
        self, document: Document, choices: Settings, known: Known, timepiece: Timepiece
    ) -> None:
        self.document = document
        self.choices = choices
        self.known = known
        self.timepiece = timepiece
        self.mutants = build_mutants(document)

    def attempt(self, mutant_id: str) -> Outcome:
        mutant = self.mutants[mutant_id]
        try:
            return try_mutant(self.document, self.choices, mutant, self.known, self.timepiece)
        except Exception as error:
            # One trial that the judge cannot handle must not cost all the others their verdicts.
            return died(mutant_id, f"{type(error).__name__}: {error}")


def died(mutant_id: str, why: str) -> Outcome:
    return Outcome(mutant_id, "died", came=why[:300])


_worker: list[Worker] = []


def begin(choices: Settings, known: Known, timepiece: Timepiece) -> None:
    """Prepares a process of the pool."""
    _worker[:] = [Worker(load_document(choices.document), choices, known, timepiece)]


def attempt(mutant_id: str) -> Outcome:
    return _worker[0].attempt(mutant_id)
