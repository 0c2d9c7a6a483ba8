"""Sequences of requests that mean the same to two sides, whatever their ids, numbers and clocks are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.cases.bench import Bench
from contracts.checks.reference import nearby
from contracts.moments import format_moment
from contracts.strategies.values import as_given
from contracts.target.client import path_of
from contracts.target.live import matches
from contracts.target.wire import ABSENT, KEY, Absent
from mock_server.spec.model import Operation, Reference
from mock_server.spec.schemas import properties_of


@dataclass(frozen=True, slots=True)
class Live:
    """A record of the side's own that a reference may name: the one with this number."""

    field: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Excluded:
    """A record of the side's own that a reference may not name."""

    field: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value of the right form that names no record."""

    field: str


@dataclass(frozen=True, slots=True)
class Later:
    """So many seconds from now, or before it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Made:
    """The id of the record that an earlier step has made."""

    step: int


Token = Live | Excluded | Nothing | Later | Made


class LeftOut:
    """In place of a value: the field is not in the body."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = LeftOut()


@dataclass(frozen=True, slots=True)
class Step:
    """One request. Its body is a plain valid one with some changes; `wait` comes before it."""

    operation_id: str
    path: Made | str | None = None
    query: tuple[tuple[str, Any], ...] = ()
    plain: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    credentials: str = KEY
    wait: float = 0.0

    @property
    def fields(self) -> dict[str, Any]:
        """The body, with tokens; what is left out is not in it."""
        whole = {**(self.plain or {}), **self.changes}
        return {name: value for name, value in whole.items() if not isinstance(value, LeftOut)}

    def without_change(self, name: str) -> Step:
        return replace(self, changes={k: v for k, v in self.changes.items() if k != name})

    def without_plain(self, name: str) -> Step:
        return replace(self, plain={k: v for k, v in (self.plain or {}).items() if k != name})


Plan = tuple[Step, ...]


class UnresolvedError(Exception):
    """A side has nothing that a token could stand for; its text says what is lacking."""


class OverError(Exception):
    """A step is about a record that an earlier one was refused to make: the sequence ends there."""


def resolve_body(bench: Bench, operation: Operation, step: Step, ids: Mapping[int, str]) -> Any:
    """The body as one side is sent it; raises UnresolvedError and OverError."""
    if step.plain is None and not step.changes:
        return ABSENT
    body: dict[str, Any] = {}
    # What refers to others comes last, so that it can be chosen to fit them.
    for name in sorted(step.fields, key=lambda name: len(match_of(operation, name))):
        body[name] = resolve(bench, operation, step.fields[name], body, ids)
    return body


def match_of(operation: Operation, name: str) -> Mapping[str, str]:
    reference = operation.references.get(name)
    return reference.match if reference is not None else {}


def resolve(
    bench: Bench, operation: Operation, value: Any, own: Mapping[str, Any], ids: Mapping[int, str]
) -> Any:
    if isinstance(value, Made):
        return made_by(value, ids)
    if isinstance(value, Later):
        return format_moment(bench.clock.now() + value.seconds)
    if isinstance(value, Live | Excluded | Nothing):
        reference = operation.references[value.field]
        schema = properties_of(operation.body_schema)[value.field]
        return as_given(schema, key_for(bench, operation, reference, value, own))
    return value


def key_for(
    bench: Bench,
    operation: Operation,
    reference: Reference,
    token: Live | Excluded | Nothing,
    own: Mapping[str, Any],
) -> Any:
    if isinstance(token, Nothing):
        return unused(bench, operation, reference)
    if isinstance(token, Live):
        found = [one for one in bench.live.wanted(reference) if matches(reference, one, own)]
    else:
        found = bench.live.excluded(reference)
    if token.number >= len(found):
        raise UnresolvedError(lacking(token, operation))
    return found[token.number].get(reference.by)


def lacking(token: Live | Excluded, operation: Operation) -> str:
    place = f"{token.field} of {operation.operation_id}"
    if isinstance(token, Excluded):
        return f"the account has no record that {place} may not name"
    count = "no record" if token.number == 0 else f"fewer than {token.number + 1} records"
    return f"the account has {count} that {place} may name"


def unused(bench: Bench, operation: Operation, reference: Reference) -> Any:
    if reference.by == "id":
        return f"{bench.document.resources[reference.to].prefix}{'0' * 43}"
    known = {record.get(reference.by) for record in bench.live.records(reference.to)}
    found = bench.live.wanted(reference)
    for candidate in nearby(found[0].get(reference.by)) if found else ():
        if candidate not in known:
            return candidate
    raise UnresolvedError(f"the account has no {reference.to} that another could resemble")


def resolve_path(operation: Operation, step: Step, ids: Mapping[int, str]) -> dict[str, str]:
    """The path values; raises OverError where the record was not made."""
    if step.path is None:
        return {}
    if isinstance(step.path, str):
        return path_of(operation, step.path)
    return path_of(operation, made_by(step.path, ids))


def made_by(token: Made, ids: Mapping[int, str]) -> str:
    if token.step not in ids:
        raise OverError
    return ids[token.step]


def has_body(body: Any) -> bool:
    return not isinstance(body, Absent)
