"""What the operation does, now that nothing is against it: the only stage that writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mock_server.pipeline.exchange import Exchange, ParameterPlan
from mock_server.pipeline.query import build_filter, format_cursor, parse_cursor
from mock_server.pipeline.write import erase, make_all, shown, write
from mock_server.problems import Problem
from mock_server.rules.values import Context
from mock_server.state.store import Filter, Found, Record

MAXIMUM = 1 << 40


def handle(exchange: Exchange) -> Problem | None:
    """Creates, reads, lists, updates or deletes."""
    problem = VERBS[exchange.operation.operation.does](exchange)
    exchange.status = exchange.operation.status
    return problem


def create(exchange: Exchange) -> None:
    plan = exchange.operation
    context = exchange.context
    context.body = exchange.given
    context.query = exchange.query
    if plan.beforehand and any(effect.may_happen(exchange.given) for effect in plan.beforehand):
        # What comes beforehand may name this record by its id.
        exchange.given.setdefault("id", context.ids.new(plan.prototype.resource.prefix))
        context.record = {**exchange.tentative, "id": exchange.given["id"]}
        make_all(exchange, context, plan.beforehand)
    record = plan.prototype.create(context, exchange.given, exchange.now)
    write(context, plan.prototype, None, record)
    exchange.record = record
    if plan.effects:
        happen(exchange, context)
    exchange.answer = shown(plan.prototype, record, context)
    if plan.revealed:
        exchange.answer = {**exchange.answer, **{f: record.hidden[f] for f in plan.revealed}}


def happen(exchange: Exchange, context: Context) -> None:
    """The effects of an operation whose record is written."""
    assert exchange.record is not None
    context.record = {**exchange.record.data, **exchange.record.hidden}
    make_all(exchange, context, exchange.operation.effects)


def read(exchange: Exchange) -> None:
    assert exchange.stored is not None
    exchange.record = exchange.stored
    content = exchange.operation.content
    if content is not None:
        exchange.context.record = exchange.stored.data
        exchange.answer = tuple(part(exchange.context) for part in content)
        return
    data = shown(exchange.operation.prototype, exchange.stored, exchange.context)
    exchange.answer = selected(exchange, data)


def update(exchange: Exchange) -> None:
    stored = exchange.stored
    assert stored is not None
    exchange.record = stored
    if exchange.changes:
        prototype = exchange.operation.prototype
        context = exchange.context
        context.body = exchange.changes
        context.query = exchange.query
        if exchange.operation.beforehand:
            context.record = exchange.tentative
            exchange.given = exchange.changes
            make_all(exchange, context, exchange.operation.beforehand)
        record = prototype.change(context, stored, exchange.changes, exchange.now)
        write(context, prototype, stored, record, prototype.action(stored, record))
        exchange.record = record
        if exchange.operation.effects:
            happen(exchange, context)
    exchange.answer = shown(exchange.operation.prototype, exchange.record, exchange.context)


def delete(exchange: Exchange) -> None:
    assert exchange.stored is not None
    erase(exchange.plan, exchange.context, exchange.operation.prototype, exchange.stored)
    exchange.answer = {}


def list_(exchange: Exchange) -> Problem | None:
    plan = exchange.operation
    limit, skip, order, cursor = 100, 0, None, None
    filters: list[Filter] = []
    for parameter in plan.parameters:
        word, name = parameter.parameter.query, parameter.parameter.name
        if word is not None and word.does == "cursor":
            cursor = parameter
        if word is None or name not in exchange.query:
            continue
        value = exchange.query[name]
        if word.does == "limit":
            limit = value
        elif word.does == "skip":
            skip = value
        elif word.does == "order" and value:
            order = (value.removeprefix("-"), value.startswith("-"))
        elif word.does == "filter" and (word.any is None or value != word.any):
            filters.append(filter_of(parameter, value, exchange))
    if cursor is not None:
        list_at(exchange, cursor, filters, min(limit, MAXIMUM))
        return None
    page = plan.prototype.resource.page
    store = exchange.tenant.store
    found = store.select(
        plan.prototype.collection,
        filters,
        min(skip, MAXIMUM),
        min(limit, MAXIMUM),
        order,
        page.total is not None,
    )
    exchange.answer = paged(exchange, found)
    return None


def list_at(exchange: Exchange, cursor: ParameterPlan, filters: list[Filter], limit: int) -> None:
    """A page that begins where a cursor says; at the first where it is let through and says nothing."""
    name = cursor.parameter.name
    mark = parse_cursor(exchange.query[name]) if name in exchange.query else None
    prototype = exchange.operation.prototype
    page = prototype.resource.page
    found = exchange.tenant.store.page_at(prototype.collection, filters, mark, limit)
    exchange.answer = {page.records: rows_of(exchange, found.records)}
    for key, beside in ((page.next, found.next), (page.previous, found.previous)):
        if key is not None:
            exchange.answer[key] = None if beside is None else format_cursor(beside)


def filter_of(parameter: ParameterPlan, value: Any, exchange: Exchange) -> Filter:
    word = parameter.parameter.query
    assert word is not None
    return build_filter(word, value, exchange.operation.prototype.resource)


def paged(exchange: Exchange, found: Found) -> dict[str, Any]:
    page = exchange.operation.prototype.resource.page
    answer: dict[str, Any] = {}
    if page.more is not None:
        answer[page.more] = found.more
    if page.total is not None:
        answer[page.total] = found.total
    answer[page.records] = rows_of(exchange, found.records)
    return answer


def rows_of(exchange: Exchange, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Records as a list shows them, with the fields that are asked for."""
    prototype, context = exchange.operation.prototype, exchange.context
    rows = [record.data for record in records]
    if prototype.embedded:
        rows = [shown(prototype, record, context) for record in records]
    names = wanted_fields(exchange)
    return [pick(data, names) for data in rows] if names else rows


def selected(exchange: Exchange, data: dict[str, Any]) -> dict[str, Any]:
    """The fields that the request asks for, or all."""
    names = wanted_fields(exchange)
    return pick(data, names) if names else data


def wanted_fields(exchange: Exchange) -> list[str]:
    for parameter in exchange.operation.parameters:
        word = parameter.parameter.query
        if word is not None and word.does == "fields":
            wanted = exchange.query.get(parameter.parameter.name)
            return [name.strip() for name in wanted.split(",")] if wanted else []
    return []


def pick(data: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


VERBS: dict[str, Callable[[Exchange], Problem | None]] = {
    "create": create,
    "read": read,
    "update": update,
    "delete": delete,
    "list": list_,
}
