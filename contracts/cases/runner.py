"""Runs cases: the waiting ones overlap, and whatever fails is tried once more before it counts."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.cases.bench import Bench
from contracts.cases.story import BlockedError, Case, Finding, RefutedError, Steps, Story
from contracts.errors import CouldNotRunError, LostError, WithheldError

LONG = 5.0  # seconds that are not waited a second time for what is inferred
SLACK = 0.05  # a wait ends a little late rather than early
TICK = 0.002  # a target may cut its time to milliseconds, so that a delay seems shorter than it was


@dataclass(slots=True)
class Attempt:
    """A case under way; `first` holds what the attempt before it found."""

    case: Case
    story: Story
    steps: Steps | None = None
    first: tuple[Finding, ...] | None = None


class Runner:
    """Judges cases one after another; pauses of one are filled with the others."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.waiting: list[tuple[float, int, Attempt]] = []
        self.number = 0

    def run(self, cases: Iterable[Case]) -> None:
        """Runs every case up to its first pause; those that wait go on when their time comes."""
        for case in cases:
            if not self.bench.clock.virtual:
                self.resume_due()
            ledger = self.bench.ledger
            if ledger.wants(case.rule_ids) and ledger.takes(case):
                self.start(case, None)

    def finish(self) -> None:
        """Lets time pass until nothing waits any more."""
        while self.waiting:
            due = self.waiting[0][0]
            pause = due - self.bench.clock.now()
            if pause > 0:
                self.bench.clock.wait(pause + SLACK)
            self.resume_due()

    def held(self) -> set[str]:
        """The records that waiting cases have made."""
        bodies = [
            exchange.answer.body
            for _, _, attempt in self.waiting
            for exchange in attempt.story.exchanges
        ]
        return {str(body["id"]) for body in bodies if isinstance(body, dict) and "id" in body}

    def resume_due(self) -> None:
        while self.waiting and self.waiting[0][0] <= self.bench.clock.now():
            _, _, attempt = heapq.heappop(self.waiting)
            self.advance(attempt)

    def start(self, case: Case, first: tuple[Finding, ...] | None) -> None:
        story = Story(self.bench, case)
        self.advance(Attempt(case, story, None, first), begin=True)

    def advance(self, attempt: Attempt, begin: bool = False) -> None:
        """Runs a case to its next pause, and records what it found where it is over."""
        now = self.bench.client.timepiece.monotonic
        began = now()
        ended = self.guarded(attempt, begin)
        self.bench.ledger.spend(attempt.case.rule_ids, now() - began)
        if ended:
            self.end(attempt)

    def guarded(self, attempt: Attempt, begin: bool) -> bool:
        """Runs a case to its next pause; true when it is over."""
        case, ledger = attempt.case, self.bench.ledger
        try:
            if begin:
                attempt.steps = case.steps(attempt.story)
            if attempt.steps is not None:
                pause = next(attempt.steps, None)
                if pause is not None:
                    attempt.story.pause += pause
                    self.number += 1
                    due = self.bench.clock.now() + pause + TICK
                    heapq.heappush(self.waiting, (due, self.number, attempt))
                    return False
        except RefutedError:
            pass
        except BlockedError as error:
            ledger.block(case.rule_ids, str(error))
            return True
        except WithheldError as error:
            ledger.block(case.rule_ids, str(error), withheld=not isinstance(error, LostError))
            return True
        except CouldNotRunError:
            raise
        except Exception as error:
            # One case that the judge cannot handle must not cost all the others their verdicts.
            ledger.fault(case, error)
            return True
        if case.counts:
            found = attempt.story.findings
            refuted = {rule_id for one in found for rule_id in one.rule_ids}
            ledger.count(case.rule_ids, refuted, attempt.story.refused)
        return True

    def end(self, attempt: Attempt) -> None:
        """Records what an attempt found; a first finding is tried again from the start."""
        found = tuple(f for f in attempt.story.findings if not self.bench.ledger.knows(f))
        if found and attempt.first is None and not self.is_told(attempt, found):
            for made in attempt.story.used:
                made.spoiled = True
            self.start(attempt.case, found)
            return
        again = {key_of(finding) for finding in attempt.story.findings}
        for finding in attempt.first or ():
            if key_of(finding) not in again:
                self.bench.ledger.record_flaky(finding)
        for finding in found:
            self.bench.ledger.record(finding)

    def is_told(self, attempt: Attempt, found: tuple[Finding, ...]) -> bool:
        """Whether what fails no run has taken so long that it is told without a second try."""
        waited = attempt.story.pause + sum(one.wait for one in attempt.story.exchanges)
        if self.bench.clock.virtual or waited < LONG:
            return False
        certain = [i for one in found if one.certain for i in one.rule_ids]
        return not self.bench.ledger.can_fail(certain)


def key_of(finding: Finding) -> tuple[tuple[str, ...], bool]:
    return finding.rule_ids, finding.certain


def iter_selected(bench: Bench, cases: Iterable[Case]) -> Iterator[Case]:
    """The cases whose rules are wanted."""
    return (case for case in cases if bench.ledger.wants(case.rule_ids))
