"""One case as it unfolds: its requests, what is refuted in it, and what is only a difference."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from contracts.target.wire import ABSENT, KEY, Exchange
from mock_server.spec.model import Operation, Schema

if TYPE_CHECKING:
    from contracts.cases.bench import Bench

Steps = Generator[float, None, None]  # what it yields is how many seconds are to pass


class RefutedError(Exception):
    """The point of a case does not hold."""


class BlockedError(Exception):
    """A case cannot come to its point; the reason says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold, with the requests that show it.

    `expect` is a JSON Schema over {status, headers, body} of the last answer, where one can say it.
    """

    rule_ids: tuple[str, ...]
    case: str
    expected: str
    came: str
    exchanges: tuple[Exchange, ...]
    certain: bool
    expect: Schema | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt to refute rules.

    `steps` is called with a story; a generator may yield seconds that are to pass.
    `certain` is False where what it asks leans on an inferred reading.
    `counts` is False where the steps count for themselves which rules they met.
    `always` is True where it is tried also by a run that takes only a sample of what is inferred.
    """

    rule_ids: tuple[str, ...]
    name: str
    steps: Callable[[Story], Steps | None]
    certain: bool = True
    counts: bool = True
    always: bool = False


@dataclass(slots=True)
class Made:
    """A record that a case has made, with the requests that led to it."""

    resource: str
    record_id: str
    record: Mapping[str, Any]
    given: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]
    made_at: float
    key: object = None
    spoiled: bool = False


@dataclass(slots=True)
class Story:
    """The requests of one attempt."""

    bench: Bench
    case: Case
    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    used: list[Made] = field(default_factory=list)
    refused: bool = False  # whether something was to be refused
    pause: float = 0.0  # seconds let pass since the last request

    # Requests

    def send(
        self,
        operation: Operation,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = ABSENT,
        credentials: str = KEY,
    ) -> Exchange:
        self.require(operation)
        exchange = self.bench.client.call(
            operation, path=path, query=query, body=body, credentials=credentials
        )
        self.exchanges.append(replace(exchange, wait=self.pause) if self.pause else exchange)
        self.pause = 0.0
        self.bench.absence.learn(operation, exchange.answer.status)
        self.require(operation)
        return exchange

    def require(self, operation: Operation) -> None:
        """Blocks the case where an operation is not selected, or where the target does not have it."""
        if not self.bench.settings.selection.has_operation(operation):
            self.block(f"{operation.operation_id} is not selected")
        if self.bench.absence.has(operation):
            self.block(f"the target does not have {operation.operation_id}")

    def drop_last(self) -> None:
        """Takes a reading out of the sequence; the pause before it stays."""
        self.pause += self.exchanges.pop().wait

    # What it comes to

    def refute(self, expected: str, came: str, expect: Schema | None = None) -> NoReturn:
        """Ends the case: its point does not hold."""
        self.note(self.case.rule_ids, expected, came, self.case.certain, expect)
        raise RefutedError(expected)

    def note(
        self,
        rule_ids: tuple[str, ...],
        expected: str,
        came: str,
        certain: bool = True,
        expect: Schema | None = None,
    ) -> None:
        """Something that does not hold beside the point; the case goes on."""
        if rule_ids:
            shown = tuple(self.exchanges)
            self.findings.append(
                Finding(rule_ids, self.case.name, expected, came, shown, certain, expect)
            )

    def block(self, reason: str) -> NoReturn:
        raise BlockedError(reason)

    def adopt(self, made: Made) -> None:
        """Takes a record that an earlier case made; its requests belong to this story."""
        self.exchanges.extend(made.exchanges)
        self.used.append(made)
