"""One sequence on both sides at once; it ends where they come to differ.

Differences in form that are known already end nothing: an endpoint that lacks one field of every
answer can still be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.cases.bench import Bench
from contracts.drift.binding import Binding
from contracts.drift.compare import Difference, Pair, compare
from contracts.drift.plan import (
    OverError,
    Plan,
    Step,
    UnresolvedError,
    resolve,
    resolve_body,
    resolve_path,
)
from contracts.errors import WithheldError
from contracts.target.wire import Exchange
from mock_server.spec.model import Document, Operation

FORM = frozenset({"presence", "type", "header"})  # kinds of differences after which all goes on


@dataclass(slots=True)
class Played:
    """What came of a sequence: the exchanges of both sides, and the first step that differs."""

    left: list[Exchange] = field(default_factory=list)
    right: list[Exchange] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    step: int = -1
    skipped: str = ""  # why it could not be played to its end


class Players:
    """The stub and the endpoint, each with its own records, keys and clock."""

    def __init__(self, document: Document, left: Bench, right: Bench) -> None:
        self.document = document
        self.left = left
        self.right = right
        self.most_wait = right.settings.max_wait
        self.passed: set[Difference] = set()  # known ones, which are not looked at any more

    @property
    def both(self) -> tuple[Bench, Bench]:
        return self.left, self.right

    @property
    def moves_time(self) -> bool:
        return self.left.clock.virtual and self.right.clock.virtual

    def play(self, plan: Plan) -> Played:
        """Plays a sequence to the first step that differs; not to its end where something is withheld."""
        played = Played()
        starts = (self.left.clock.now(), self.right.clock.now())
        pair = Pair(self.document, self.both, Binding(starts))
        ids: tuple[dict[int, str], dict[int, str]] = ({}, {})
        for number, step in enumerate(plan):
            try:
                self.advance(pair, played, number, step, ids)
            except OverError:
                break  # both have refused what it would go on with
            except (UnresolvedError, WithheldError) as error:
                played.skipped = str(error) or type(error).__name__
            if played.skipped or played.differences:
                break
        return played

    def advance(
        self,
        pair: Pair,
        played: Played,
        number: int,
        step: Step,
        ids: tuple[dict[int, str], dict[int, str]],
    ) -> None:
        operation = self.document.operations[step.operation_id]
        self.wait(step.wait)
        requests = [
            prepare(bench, operation, step, known)
            for bench, known in zip(self.both, ids, strict=True)
        ]
        note_given(pair.binding, requests[0], requests[1])
        # The endpoint comes first: what safety keeps back there is not asked of the stub either.
        theirs = self.right.client.call(operation, **requests[1], credentials=step.credentials)
        ours = self.left.client.call(operation, **requests[0], credentials=step.credentials)
        played.left.append(ours)
        played.right.append(theirs)
        pair.binding.ends = (ours.came, theirs.came)
        made = [created(operation, exchange) for exchange in (ours, theirs)]
        for known, record_id in zip(ids, made, strict=True):
            if record_id is not None:
                known[number] = record_id
        if made[0] is not None and made[1] is not None:
            pair.binding.bind(made[0], made[1])
        self.right.absence.learn(operation, theirs.answer.status)
        if self.right.absence.has(operation):
            there = str(ours.answer.status)
            gone = f"it does not have it ({theirs.answer.status})"
            played.differences = [Difference(operation.operation_id, "operation", "", there, gone)]
        else:
            found = compare(pair, operation, ours.answer, theirs.answer)
            played.differences = [one for one in found if one not in self.passed]
        if played.differences:
            played.step = number

    def wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if not self.moves_time and seconds > self.most_wait:
            raise UnresolvedError(f"it waits {seconds:g} seconds, and --max-wait is less")
        for bench in self.both:
            bench.clock.wait(seconds)


def prepare(
    bench: Bench, operation: Operation, step: Step, ids: Mapping[int, str]
) -> dict[str, Any]:
    """The request as one side is sent it."""
    return {
        "path": resolve_path(operation, step, ids),
        "query": {name: resolve(bench, operation, value, {}, ids) for name, value in step.query},
        "body": resolve_body(bench, operation, step, ids),
    }


def note_given(binding: Binding, left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    """What the two were sent in the same place stands for one thing."""
    for part in ("query", "body"):
        ours, theirs = left[part], right[part]
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for name, value in ours.items():
                give(binding, value, theirs.get(name))


def give(binding: Binding, left: Any, right: Any) -> None:
    if isinstance(left, list) and isinstance(right, list):
        for one, other in zip(left, right, strict=False):
            give(binding, one, other)
    else:
        binding.give(left, right)


def created(operation: Operation, exchange: Exchange) -> str | None:
    """The id of what a request has made."""
    body = exchange.answer.body
    if operation.does != "create" or not exchange.answer.accepted or not isinstance(body, dict):
        return None
    record_id = body.get("id")
    return record_id if isinstance(record_id, str) else None
