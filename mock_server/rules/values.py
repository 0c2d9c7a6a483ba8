"""Where values come from: expressions and calls, compiled to closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from mock_server.functions import FUNCTIONS
from mock_server.ids import IdFactory
from mock_server.spec.model import Call, Constant, Expression, Resource, Value
from mock_server.state.store import Store

NOTHING: Mapping[str, Any] = {}


class Origin:
    """What is kept of a request for as long as a log may tell what it did: no body, no credentials."""

    __slots__ = ("id", "method", "path")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.id = ""

    def identify(self, ids: IdFactory) -> str:
        """An id of its own, made when it is first asked for."""
        self.id = self.id or ids.new("")
        return self.id


class Context:
    """What a value may read: the request, who calls, the record, and the store behind it."""

    __slots__ = (
        "base",
        "body",
        "change",
        "event",
        "ids",
        "item",
        "now",
        "origin",
        "path",
        "principal",
        "query",
        "record",
        "store",
    )

    def __init__(
        self,
        store: Store,
        ids: IdFactory,
        now: str,
        record: Mapping[str, Any],
        principal: Mapping[str, Any] = NOTHING,
        body: Mapping[str, Any] = NOTHING,
        query: Mapping[str, Any] = NOTHING,
        path: Mapping[str, Any] = NOTHING,
        event: Mapping[str, Any] = NOTHING,
    ) -> None:
        self.store = store
        self.ids = ids
        self.now = now
        self.record = record
        self.principal = principal
        self.body = body
        self.query = query
        self.path = path
        self.event = event
        self.item = NOTHING  # of the list that is being gone through
        self.base = ""  # where callers reach the API
        self.change = NOTHING  # that a log tells
        self.origin: Origin | None = None  # the request that it comes from, if it comes from one


Compute = Callable[[Context], Any]


def build_value(value: Value, resource: Resource, resources: Mapping[str, Resource]) -> Compute:
    """A closure that works a value out; what cannot be resolved is null."""
    if isinstance(value, Constant):
        constant = value.value
        return lambda context: constant
    if isinstance(value, Call):
        return build_call(value, resource, resources)
    return build_expression(value, resource, resources)


def build_call(call: Call, resource: Resource, resources: Mapping[str, Resource]) -> Compute:
    function = FUNCTIONS[call.function]
    of = [build_value(part, resource, resources) for part in call.of]
    named = {name: build_value(part, resource, resources) for name, part in call.named.items()}
    if len(of) == 1 and not named:
        only = of[0]
        return lambda context: function(only(context))
    return lambda context: function(
        *[part(context) for part in of], **{name: part(context) for name, part in named.items()}
    )


def build_expression(
    expression: Expression, resource: Resource, resources: Mapping[str, Resource]
) -> Compute:
    tokens = expression.tokens
    match expression.source:
        case "now":
            return lambda context: context.now
        case "id":
            prefix = resource.prefix
            return lambda context: context.ids.new(prefix)
        case "query":
            name = expression.name
            return lambda context: context.query.get(name)
        case "path":
            name = expression.name
            return lambda context: context.path.get(name)
        case "base":
            return lambda context: context.base
        case "method":
            return lambda context: context.origin and context.origin.method
        case "url":
            return lambda context: context.origin and context.origin.path
        case "request":
            return lambda context: context.origin and context.origin.identify(context.ids)
        case "follow":
            return build_follow(expression, resource, resources)
    if len(tokens) == 1:
        field = tokens[0]
        if expression.source == "record":
            return lambda context: context.record.get(field)
        if expression.source == "principal":
            return lambda context: context.principal.get(field)
    read = attrgetter(expression.source)
    return lambda context: dig(read(context), tokens)


def build_follow(
    expression: Expression, resource: Resource, resources: Mapping[str, Resource]
) -> Compute:
    field, tokens = expression.name, expression.tokens
    reference = resource.references[field]
    collection, by = resources[reference.to].collection, reference.by

    def follow(context: Context) -> Any:
        value = context.record.get(field)
        if value is None:
            return None
        found = context.store.find(collection, by, value)
        return None if found is None else dig(found.data, tokens)

    def follow_id(context: Context) -> Any:
        value = context.record.get(field)
        found = context.store.get(collection, value) if value.__class__ is str else None
        return None if found is None else dig(found.data, tokens)

    return follow_id if by == "id" else follow


def dig(value: Any, tokens: tuple[str, ...]) -> Any:
    """The value at reference tokens, or None."""
    for token in tokens:
        if value.__class__ is dict:
            value = value.get(token)
        elif value.__class__ is list and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
