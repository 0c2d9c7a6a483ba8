"""What was seen on the wire, whoever asked: moves of lifecycles, and who made which record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.target.wire import Answer, Exchange, Transfer, encode, parse_json
from mock_server.spec.model import Document, Lifecycle, Operation, Resource

Record = Mapping[str, Any]
Path = tuple[str, str, str]  # resource, from, to


@dataclass(slots=True)
class Move:
    """How often a move of a lifecycle was asked for and how that ended; `seen` is by time or event."""

    asked: int = 0
    accepted: int = 0
    refused: int = 0
    seen: int = 0


class Witness:
    """Listens to a client. `moves` are those of every lifecycle, documented ones and others."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.routes = [
            (operation, re.compile(re.sub(r"\\\{.*?\\\}", "([^/]+)", re.escape(template))))
            for operation in document.operations.values()
            for template in [operation.path_template.rstrip("/")]
        ]
        self.moves: dict[Path, Move] = {}
        self.states: dict[tuple[str, str], str] = {}
        self.births: dict[str, Transfer] = {}  # of records that others refer to
        self.referred = {r.to for o in document.operations.values() for r in o.references.values()}

    def hear(self, transfer: Transfer) -> None:
        """Takes in one request with its answer."""
        found = self.operation_of(transfer.method, transfer.path)
        if found is None:
            return
        operation, record_id = found
        answer = transfer.answer
        if operation.does == "create" and operation.resource in self.referred and answer.accepted:
            made = answer.body.get("id") if isinstance(answer.body, dict) else None
            if isinstance(made, str):
                self.births[made] = transfer
        resource = self.document.resources[operation.resource]
        if resource.lifecycle is not None:
            body = parse_json(transfer.content or b"") if operation.does == "update" else None
            self.follow(resource, resource.lifecycle, record_id, body, answer)

    def operation_of(self, method: str, path: str) -> tuple[Operation, str] | None:
        bare = path.partition("?")[0].rstrip("/")
        for operation, pattern in self.routes:
            if operation.method == method and (found := pattern.fullmatch(bare)):
                return operation, found[found.lastindex] if found.lastindex else ""
        return None

    def follow(
        self, resource: Resource, lifecycle: Lifecycle, record_id: str, body: Any, answer: Answer
    ) -> None:
        """Notes the move that a request asked for, and those that its answer shows."""
        before = self.states.get((resource.name, record_id))
        asked = body.get(lifecycle.field) if isinstance(body, dict) else None
        if before is not None and asked in lifecycle.states and asked != before:
            move = self.move(resource, before, asked)
            move.asked += 1
            move.accepted += answer.accepted
            move.refused += 400 <= answer.status < 500
            if answer.accepted:
                self.states[resource.name, record_id] = asked
        if not answer.accepted:
            return
        for record in iter_records(resource, answer.body):
            self.see(resource, lifecycle, record)

    def see(self, resource: Resource, lifecycle: Lifecycle, record: Record) -> None:
        record_id, state = record.get("id"), record.get(lifecycle.field)
        if not isinstance(record_id, str) or state not in lifecycle.states:
            return
        before = self.states.get((resource.name, record_id))
        if before is not None and before != state:
            self.move(resource, before, state).seen += 1
        self.states[resource.name, record_id] = state

    def move(self, resource: Resource, source: str, to: str) -> Move:
        return self.moves.setdefault((resource.name, source, to), Move())


def iter_records(resource: Resource, body: Any) -> Iterable[Record]:
    """The records that an answer shows."""
    if not isinstance(body, dict):
        return
    listed = body.get(resource.page.records)
    for record in listed if isinstance(listed, list) else [body]:
        if isinstance(record, dict):
            yield record


def moves_in(document: Document, exchanges: Iterable[Exchange]) -> list[Path]:
    """The moves that a sequence of requests asked for or showed, the last one last."""
    witness = Witness(document)
    for one in exchanges:
        request = one.request
        witness.hear(
            Transfer(
                request.method,
                request.target,
                {},
                encode(request.body),
                one.answer,
                one.sent,
                one.came,
            )
        )
    return list(witness.moves)
