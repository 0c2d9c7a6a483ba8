"""Ids in the path: unknown ones, deleted ones and another account's are answered 404."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from contracts import expect
from contracts.acts import came, is_documented, make, note_shape, remove, standing
from contracts.bench import Bench
from contracts.client import path_of, sibling
from contracts.live import everything
from contracts.shown import records_in
from contracts.story import Case, Story
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface, response_rules
from contracts.wire import ABSENT, OTHER
from mock_server.spec.model import Document, Operation
from mock_server.spec.schemas import properties_of

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        for operation in addressed(bench.document, surface):
            ids = response_rules(operation, "404")
            if not bench.ledger.wants(ids):
                continue
            name = operation.operation_id
            sure = is_documented(bench, surface.resource.name)
            yield Case(ids, f"{name} with an unknown id", unknown(surface, operation), sure)
            if surface.create is None:
                continue
            yield Case(ids, f"{name} with nearly an id", nearly(surface, operation), sure)
            steps = nearly(surface, operation, "%")
            yield Case(ids, f"{name} with a pattern for an id", steps, sure)
            if surface.delete is not None:
                yield Case(ids, f"{name} after deletion", deleted(surface, operation), False)
            if bench.client.keys.other is not None:
                yield Case(ids, f"{name} from another account", foreign(surface, operation), sure)
        ids = response_rules(surface.read, "404") if surface.read is not None else ()
        if surface.listing is not None and surface.create is not None and bench.client.keys.other:
            # No page speaks of whose records a list has; that they are the caller's is the reading.
            yield Case(
                ids,
                f"{surface.listing.operation_id} from another account",
                unlisted(surface),
                False,
            )
        if surface.delete is not None:
            gone = response_rules(surface.delete, str(surface.delete.success))
            if bench.ledger.wants(gone) and surface.create is not None:
                yield Case(gone, f"{surface.delete.operation_id}: gone", deletes(surface))


def addressed(document: Document, surface: Surface) -> list[Operation]:
    """Every operation that names a record of a resource by its id alone."""
    return [
        one
        for one in document.operations.values()
        if one.resource == surface.resource.name
        and one.does in ("read", "update", "delete")
        and sum(parameter.location == "path" for parameter in one.parameters) == 1
    ]


def body_of(story: Story, surface: Surface, operation: Operation) -> Any:
    """A harmless valid change."""
    if operation.body_schema is None:
        return ABSENT
    lifecycle = surface.resource.lifecycle
    for name in properties_of(operation.body_schema):
        if name in operation.references or (lifecycle is not None and name == lifecycle.field):
            continue
        value = story.bench.composer.value(operation, name, {})
        if value is not None:
            return {name: value}
    return {}


def expect_missing(story: Story, operation: Operation, exchange: Any, why: str) -> None:
    status = exchange.answer.status
    if status != 404:
        story.refute(f"404: {why}", came(exchange.answer), expect.status(404))
    note_shape(story, operation, exchange.answer)


def unknown(surface: Surface, operation: Operation) -> Any:
    def steps(story: Story) -> None:
        tail = "".join(story.bench.random.choice(LETTERS) for _ in range(43))
        path = path_of(operation, surface.resource.prefix + tail)
        body = body_of(story, surface, operation)
        exchange = story.send(operation, path=path, body=body)
        expect_missing(story, operation, exchange, "there is no such record")

    return steps


def nearly(surface: Surface, operation: Operation, last: str = "") -> Any:
    """An id that a record has but for its last letter."""

    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        name = made.record_id[:-1] + last if last else sibling(made.record_id)
        path = path_of(operation, name)
        body = body_of(story, surface, operation)
        exchange = story.send(operation, path=path, body=body)
        if not last or exchange.answer.accepted:
            expect_missing(story, operation, exchange, "there is no such record")

    return steps


def deleted(surface: Surface, operation: Operation) -> Any:
    def steps(story: Story) -> None:
        made = make(story, surface.resource.name, calm_state(surface.resource))
        gone = remove(story, made).answer
        if not gone.accepted:
            story.block(f"deleting was answered {gone.status}")
        path = path_of(operation, made.record_id)
        body = body_of(story, surface, operation)
        if operation.does != "read" and surface.read is not None:
            # What reading does not find any more is as unknown as any other id.
            sure = story.send(surface.read, path=path).answer.status == 404
            story.drop_last()
            story.case = replace(
                story.case, certain=sure and is_documented(story.bench, surface.resource.name)
            )
        exchange = story.send(operation, path=path, body=body)
        expect_missing(story, operation, exchange, "the record was deleted")

    return steps


def foreign(surface: Surface, operation: Operation) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        path = path_of(operation, made.record_id)
        body = body_of(story, surface, operation)
        exchange = story.send(operation, path=path, body=body, credentials=OTHER)
        if exchange.answer.accepted:
            made.spoiled = True
        if exchange.answer.status == 401:
            story.block("CONTRACTS_OTHER_API_KEY is refused")
        expect_missing(story, operation, exchange, "the record is another account's")

    return steps


def unlisted(surface: Surface) -> Any:
    """What one account has made is in no list of another."""

    def steps(story: Story) -> None:
        listing = surface.listing
        assert listing is not None
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        exchange = story.send(listing, query=everything(listing), credentials=OTHER)
        listed = records_in(story.bench.document, listing, exchange.answer.body) or []
        if any(isinstance(one, dict) and one.get("id") == made.record_id for one in listed):
            story.refute("only the account's own records in the list", f"{made.record_id} is there")

    return steps


def deletes(surface: Surface) -> Any:
    def steps(story: Story) -> None:
        made = make(story, surface.resource.name, calm_state(surface.resource))
        gone = remove(story, made).answer
        if not gone.accepted:
            story.refute("a record can be deleted", came(gone))
        if surface.read is not None:
            path = path_of(surface.read, made.record_id)
            exchange = story.send(surface.read, path=path)
            expect_missing(story, surface.read, exchange, "it was deleted")

    return steps
