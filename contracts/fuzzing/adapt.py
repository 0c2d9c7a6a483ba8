"""Makes Schemathesis' cases fit the account: what it means to be valid is valid by every rule.

A schema cannot know which ids and numbers an account has, nor in which state a record is.
So that a right implementation is called right, a case that is meant to be accepted refers to live
records, and one that is meant to be refused is wrong in nothing but what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase
from schemathesis.hooks import HookContext

from contracts.cases.bench import Bench
from contracts.fuzzing.gateway import as_schemathesis_ends
from contracts.moments import read_moment
from contracts.oracle.schema import oracle_of
from contracts.settings import MARK
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import as_given, constraints
from contracts.target.client import path_of
from contracts.target.shown import created_key, key_of
from contracts.target.wire import Transfer, encode, fill_path
from mock_server.spec.model import Operation, Resource
from mock_server.spec.schemas import properties_of, types_of

FuzzCase = Case[Any]
LARGEST_PAGE = 101
TEXTUAL = frozenset({"type"})  # what a text that may be anything is described by
COMPARISONS = ("gt", "gte", "lt", "lte")


class Adapter:
    """Holds what is known of the target while Schemathesis runs."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.creations: dict[str, Transfer] = {}  # resource -> the last that made one
        self.made: dict[str, list[str]] = {}  # resource -> keys, where a document has no words
        self.operations = {
            f"{one.method} {bench.document.base_path}{one.path_template}": one
            for one in bench.document.operations.values()
        } | {f"{one.method} {one.path_template}": one for one in bench.document.operations.values()}

    def before_call(self, context: HookContext, case: FuzzCase, kwargs: dict[str, Any]) -> None:
        operation = self.operation_of(case)
        if operation is None or case.meta is None:
            return
        with as_schemathesis_ends():
            self.fit(operation, case)

    def fit(self, operation: Operation, case: FuzzCase) -> None:
        assert case.meta is not None
        stored = self.adapt_path(operation, case)
        if operation.improvised is not None:
            self.mark(operation, case)
            return
        self.adapt_query(operation, case)
        if operation.body_schema is not None and isinstance(case.body, dict):
            if case.meta.generation.mode.is_positive:
                case.body = self.fitting_body(operation, case.body, stored)
            self.calm_down(operation, case, stored)

    def mark(self, operation: Operation, case: FuzzCase) -> None:
        """Lets people recognise what a run makes, where a body has a text that may be anything."""
        assert case.meta is not None
        if operation.does != "create" or not isinstance(case.body, dict):
            return
        for name, schema in properties_of(operation.body_schema).items():
            free = "string" in types_of(schema) and not constraints(schema).keys() - TEXTUAL
            if (
                free
                and isinstance(case.body.get(name), str)
                and case.meta.generation.mode.is_positive
            ):
                case.body = {**case.body, name: f"{MARK} {case.body[name]}".strip()}
                return

    def operation_of(self, case: FuzzCase) -> Operation | None:
        """The operation of ours, unless the case is about a method that there is not."""
        if case.method.upper() != case.operation.method.upper():
            return None
        return self.operations.get(case.operation.label)

    def unlearn(self, transfer: Transfer) -> None:
        """Records that others changed or deleted are asked for again: what they name may be gone."""
        operation = self.bench.client.operation_at(
            transfer.method, f"{self.bench.client.root}{transfer.path}"
        )
        if operation is None:
            return
        if operation.does in ("update", "delete"):
            self.bench.live.kept.clear()
        if operation.improvised is not None and transfer.answer.accepted:
            self.remember(operation, transfer)

    def remember(self, operation: Operation, transfer: Transfer) -> None:
        """Keeps the keys of what this run has made, as long as it is there."""
        made = self.made.setdefault(operation.resource, [])
        if operation.does == "create":
            resource = self.bench.document.resources[operation.resource]
            key = created_key(resource, operation, transfer.answer)
            made += [key] if key is not None else []
            self.creations[operation.resource] = transfer
        elif operation.does == "delete":
            gone = unquote(transfer.path.partition("?")[0].rstrip("/").rpartition("/")[2])
            made[:] = [key for key in made if key != gone]

    # Path

    def adapt_path(self, operation: Operation, case: FuzzCase) -> Mapping[str, Any] | None:
        """Names a live record where the path is not what the case is about; returns the record."""
        if not case.path_parameters:
            return None
        assert case.meta is not None
        component = case.meta.components.get(ParameterLocation.PATH)
        is_negated = component is not None and not component.mode.is_positive
        if case.meta.phase.name is TestPhase.STATEFUL or is_negated:
            return self.look_up(operation, case)
        if operation.improvised is not None and operation.improvised.above:
            return None
        if operation.improvised is not None:
            record, key = None, self.live_key(operation)
        else:
            record = self.live_record(operation)
            key = key_of(self.bench.document.resources[operation.resource], record)
        if key is not None:
            case.path_parameters = {**case.path_parameters, **path_of(operation, key)}
        return record

    def live_key(self, operation: Operation) -> str | None:
        """In a document without words: a record that this run has made, or one to read."""
        made = self.made.setdefault(operation.resource, [])
        again = self.creations.get(operation.resource)
        if not made and again is not None and operation.does != "read":
            self.bench.client.send_raw(again.method, again.path, again.headers, again.content)
        if made:
            return made[-1]
        if operation.does != "read":
            return None
        known = self.bench.live.records(operation.resource)
        return (
            key_of(self.bench.document.resources[operation.resource], known[0]) if known else None
        )

    def live_record(self, operation: Operation) -> Mapping[str, Any] | None:
        """A record that the operation can work with: one of its own where it changes or deletes."""
        surface = self.bench.surface(operation.resource)
        if surface.create is not None and (operation.does in ("update", "delete")):
            return self.bench.make_record(operation.resource)
        known = self.bench.live.records(operation.resource)
        return known[0] if known else None

    def look_up(self, operation: Operation, case: FuzzCase) -> Mapping[str, Any] | None:
        """The record that a path names already, as it is now."""
        read = self.bench.surface(operation.resource).read
        if operation.does != "update" or read is None:
            return None
        values = list((case.path_parameters or {}).values())
        try:
            answer = self.bench.client.call(read, path=path_of(read, str(values[-1]))).answer
        except (UnicodeError, ValueError):
            return None
        return answer.body if answer.accepted and isinstance(answer.body, dict) else None

    # Query

    def adapt_query(self, operation: Operation, case: FuzzCase) -> None:
        """Pages and bounds of a size that accounts have, where the query is meant to be accepted."""
        assert case.meta is not None
        component = case.meta.components.get(ParameterLocation.QUERY)
        if not case.query or (component is not None and not component.mode.is_positive):
            return
        query = dict(case.query)
        for parameter in operation.parameters:
            value = query.get(parameter.name)
            word = parameter.query
            if word is None or value is None:
                continue
            if word.does in ("limit", "skip") and isinstance(value, int):
                query[parameter.name] = value % LARGEST_PAGE
            elif word.does == "cursor":
                query[parameter.name] = (
                    ""  # a cursor is made by the target, and none asks for the start
                )
            elif word.op in COMPARISONS and read_moment(value) is None:
                query[parameter.name] = "2030-01-01"
        case.query = query

    # Body

    def fitting_body(
        self, operation: Operation, body: Mapping[str, Any], stored: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The body with live references, and without what state or other rules would refuse."""
        composer, resource = self.bench.composer, self.bench.document.resources[operation.resource]
        fitted = self.refer(operation, dict(body), stored or {})
        if operation.does == "update":
            fitted = allowed_change(resource, fitted, stored)
            if stored is None:
                return fitted
            for _ in range(len(fitted) + 1):
                broken = composer.breaches(operation, fitted, {**stored, **fitted})
                if not broken:
                    return fitted
                fitted = {k: v for k, v in fitted.items() if k != broken[0].field}
                if broken[0].field is None:
                    return {}
            return {}
        state = state_of(resource, fitted)
        repaired = composer.repair(operation, fitted, state, frozenset())
        if repaired is None:
            repaired = composer.base(operation, state or calm_state(resource))
        return repaired if repaired is not None else dict(body)

    def refer(
        self, operation: Operation, body: dict[str, Any], stored: Mapping[str, Any]
    ) -> dict[str, Any]:
        """References name live records that fit together; where there is none they are left out."""
        references = sorted(operation.references.values(), key=lambda one: len(one.match))
        for reference in references:
            if body.get(reference.field) is None:
                continue
            own = {**stored, **body}
            fitting = self.bench.live.fitting(reference, own)
            if fitting:
                schema = properties_of(operation.body_schema).get(reference.field)
                body[reference.field] = as_given(schema, fitting[0].get(reference.by))
            else:
                del body[reference.field]
        return body

    # Safety

    def calm_down(
        self, operation: Operation, case: FuzzCase, stored: Mapping[str, Any] | None
    ) -> None:
        """A request that may not be sent becomes one that may, instead of none at all.

        What was wrong in its state alone is right then, and has to fit in all else.
        """
        path = fill_path(operation.path_template, case.path_parameters or {})
        if not self.bench.client.may_send(operation.method, path, encode(case.body)):
            resource = self.bench.document.resources[operation.resource]
            lifecycle = resource.lifecycle
            if lifecycle is not None and isinstance(case.body, dict):
                calm = {**case.body, lifecycle.field: calm_state(resource)}
                is_right = oracle_of(operation.body_schema).is_valid(calm)
                case.body = self.fitting_body(operation, calm, stored) if is_right else {}
            else:
                case.body = {}


def state_of(resource: Resource, body: Mapping[str, Any]) -> str | None:
    state = body.get(resource.lifecycle.field) if resource.lifecycle is not None else None
    return state if isinstance(state, str) else None


def allowed_change(
    resource: Resource, body: dict[str, Any], stored: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A change without what the record's state refuses."""
    lifecycle = resource.lifecycle
    if lifecycle is None or stored is None:
        return body
    current = stored.get(lifecycle.field)
    wanted = body.get(lifecycle.field, current)
    moves = {
        t.to
        for t in lifecycle.transitions
        if t.source == current and not t.timed and t.event is None
    }
    if current not in lifecycle.editable:
        return {lifecycle.field: wanted} if wanted in moves else {}
    if wanted != current and wanted not in moves:
        return {name: value for name, value in body.items() if name != lifecycle.field}
    return body
