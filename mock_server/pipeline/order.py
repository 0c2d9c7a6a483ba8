"""The order of the stages, and the one transaction that they share."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from mock_server.clock import format_instant
from mock_server.pipeline.authenticate import authenticate
from mock_server.pipeline.enforce import enforce
from mock_server.pipeline.exchange import Exchange, OperationPlan, Plan, Request, Stage
from mock_server.pipeline.handle import handle
from mock_server.pipeline.improvise import (
    improvise,
    refuse_improvised,
    respond_improvised,
    take_in,
)
from mock_server.pipeline.parse import parse
from mock_server.pipeline.respond import Answer, refuse, respond
from mock_server.pipeline.tell import spread, tell
from mock_server.pipeline.validate import validate
from mock_server.pipeline.write import write
from mock_server.problems import Problem
from mock_server.rules.lifecycle import state_of
from mock_server.rules.record import Prototype
from mock_server.rules.values import NOTHING, Context, Origin
from mock_server.spec.operation import path_names
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant, Tenants

# A tenant's transaction begins when the request is there as a whole: a slow one keeps nobody waiting.
OUTSIDE: tuple[Stage, ...] = (authenticate, parse)
INSIDE: tuple[Stage, ...] = (validate, enforce, handle)

logger = logging.getLogger("mock_server")


def refuse_worded(exchange: Exchange, problem: Problem) -> Answer:
    return refuse(exchange.plan, problem, exchange.warned)


class Course(NamedTuple):
    """The stages before and in the transaction, and who answers in the end."""

    outside: tuple[Stage, ...]
    inside: tuple[Stage, ...]
    respond: Callable[[Exchange], Answer]
    refuse: Callable[[Exchange, Problem], Answer]


WORDED = Course(OUTSIDE, INSIDE, respond, refuse_worded)
# Of a document without words, whose rules are its schemas alone.
WORDLESS = Course((authenticate, take_in), (improvise,), respond_improvised, refuse_improvised)


class Router:
    """Finds the operation of a method and a path."""

    __slots__ = ("base", "exact", "patterns")

    def __init__(self, plan: Plan) -> None:
        self.base = plan.base_path
        self.exact: dict[str, dict[str, OperationPlan]] = {}
        patterns: dict[str, tuple[re.Pattern[str], list[str], dict[str, OperationPlan]]] = {}
        for operation in (*plan.operations, *plan.plain):
            template, method = operation.operation.path_template, operation.operation.method
            if "{" not in template:
                self.exact.setdefault(self.base + template, {})[method] = operation
            else:
                names = path_names(template)
                entry = patterns.setdefault(template, (to_pattern(template), names, {}))
                entry[2][method] = operation
        self.patterns = tuple(patterns.values())

    def find(self, path: str) -> tuple[dict[str, OperationPlan], dict[str, str]] | None:
        """The operations of a path by method, and the values of its parameters."""
        methods = self.exact.get(path)
        if methods is not None:
            return methods, {}
        if not path.startswith(self.base):
            return None
        rest = path[len(self.base) :]
        for pattern, names, operations in self.patterns:
            match = pattern.fullmatch(rest)
            if match is not None:
                return operations, dict(zip(names, match.groups(), strict=True))
        return None


def to_pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", template)
    return re.compile("([^/]+)".join(re.escape(part) for part in parts))


def run(
    plan: Plan, tenants: Tenants, operation: OperationPlan, request: Request, path: dict[str, str]
) -> tuple[Answer, Exchange, Problem | None]:
    """Takes one request through the stages."""
    exchange = Exchange(plan, tenants, operation, request, path)
    problem = None
    course = WORDLESS if plan.wordless else WORDED
    try:
        problem = pass_through(course.outside, exchange)
        if problem is None:
            with exchange.tenant.store.transaction():
                enter(exchange)
                problem = pass_through(course.inside, exchange)
                if problem is None:
                    if plan.subscriptions:
                        spread(plan, exchange.tenant)
                    return course.respond(exchange), exchange, None
    except Exception:
        logger.exception("a request failed inside the server: %s %s", request.method, request.path)
        problem = Problem(500, "The server has failed at this request; its log says where.")
    return course.refuse(exchange, problem), exchange, problem


def pass_through(stages: tuple[Stage, ...], exchange: Exchange) -> Problem | None:
    """The first problem that a stage finds."""
    for stage in stages:
        problem = stage(exchange)
        if problem is not None:
            return problem
    return None


def enter(exchange: Exchange) -> None:
    """It becomes now: what is due by now has happened before the request is looked at."""
    tenant = exchange.tenant
    now = tenant.clock.now()
    settle(exchange.plan, tenant, now)
    exchange.now = now
    exchange.now_text = format_instant(now)
    exchange.context = Context(
        tenant.store,
        tenant.ids,
        exchange.now_text,
        {},
        exchange.principal,
        {},
        exchange.query,
        exchange.path,
    )
    request = exchange.request
    if request.host and request.host != tenant.host:
        tenant.host = request.host
        tenant.base = f"{request.scheme}://{request.host}{exchange.plan.base_path}"
    exchange.context.base = tenant.base
    exchange.context.origin = Origin(exchange.request.method, exchange.request.path)
    if exchange.operation.tells:
        tell(exchange.plan, tenant)


def settle(plan: Plan, tenant: Tenant, now: int) -> None:
    """Fires the timed transitions that are due, in the order of their due times, each at its own.

    What would turn in a circle at one instant, since what a state follows from puts it back, stays
    where it is.
    """
    store = tenant.store
    quiet = True
    turns: Counter[tuple[str, str]] = Counter()
    while (due := store.next_due(now)) is not None:
        quiet = False
        collection, record = due
        prototype = next(p for p in plan.prototypes.values() if p.collection == collection)
        machine = prototype.machine
        assert machine is not None and record.due is not None  # noqa: PT018 - only these are due
        context = Context(store, tenant.ids, format_instant(record.due), record.data)
        fired = machine.fired(record.data, context)
        if fired is None:
            follow(plan, tenant, prototype, record)
            continue
        transition, context.event = fired
        moved = prototype.move(transition, context, record, record.due)
        key = (collection, record.record_id)
        turns[key] = turns[key] + 1 if moved.due == record.due else 0
        if turns[key] > len(machine.timed):
            logger.warning(
                "a %s turns in a circle: %s", prototype.resource.title, transition.pointer
            )
            moved.due = None
        write(context, prototype, record, moved, transition.action)
        tenant.counts[transition.pointer] += 1
    if not quiet:
        spread(plan, tenant)


def catch_up(plan: Plan, tenant: Tenant, reads: str | None = None) -> int:
    """For whoever looks in from beside: what is due has happened, and all of it is told; call it in a transaction.

    `reads` is the one resource that is looked at, none where it is "": only a log needs telling then.
    Returns the instant that it is.
    """
    now = tenant.clock.now()
    settle(plan, tenant, now)
    if reads is None or any(one.log and one.log.to == reads for one in plan.prototypes.values()):
        tell(plan, tenant)
    else:
        spread(plan, tenant)
    return now


def follow(plan: Plan, tenant: Tenant, prototype: Prototype, record: Record) -> None:
    """What a magic value lets follow upon a state, once."""
    assert prototype.machine is not None and record.due is not None  # noqa: PT018 - only these are due
    row = prototype.machine.follower(record.data)
    quiet = Record(
        record.data, record.hidden, record.explicit, record.entered, None, record.sequence
    )
    tenant.store.put(prototype.collection, quiet)
    if row is not None:
        context = Context(tenant.store, tenant.ids, format_instant(record.due), record.data)
        perform(plan, tenant, row.magic.event, row.told(context), record.due)


def perform(
    plan: Plan, tenant: Tenant, name: str, facts: Mapping[str, Any], now: int
) -> tuple[Exchange, Problem | None]:
    """Something comes in from the provider: the request that it is passes the stages; call it in a transaction."""
    prepared, operation = plan.happenings[name]
    principal = next(iter(tenant.principals.values()), NOTHING)
    moment = format_instant(now)
    context = Context(tenant.store, tenant.ids, moment, {}, principal, event=facts)
    data = orjson.dumps(prepared.request_body(context))
    path = plan.base_path + operation.operation.path_template
    query = urlencode({name: text_of(value) for name, value in prepared.happening.query.items()})
    request = Request(
        operation.operation.method, path, query, None, "application/json", len(data), lambda _: data
    )
    exchange = Exchange(plan, None, operation, request, {})
    exchange.tenant, exchange.principal = tenant, principal
    exchange.now, exchange.now_text = now, moment
    context = Context(tenant.store, tenant.ids, moment, {}, principal, {}, exchange.query)
    context.base = tenant.base
    exchange.context = context
    problem = pass_through((parse, *INSIDE), exchange)
    if problem is None:
        # No request of a client's tells of it, so that what it brings about is counted here.
        tenant.counts.update(e.pointer for e in operation.effects if e.happens(context))
    return exchange, problem


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def cause(
    plan: Plan, tenant: Tenant, record_id: str, event: str, facts: Mapping[str, Any]
) -> Record | None:
    """Something happens at the provider's side: the transition of that event, or None if there is none."""
    with tenant.store.transaction():
        now = tenant.clock.now()
        settle(plan, tenant, now)
        for prototype in plan.prototypes.values():
            stored = tenant.store.get(prototype.collection, record_id)
            if stored is None or prototype.machine is None:
                continue
            machine = prototype.machine
            transition = machine.events.get((event, state_of(stored.data, machine.field)))
            if transition is None:
                return None
            context = Context(tenant.store, tenant.ids, format_instant(now), {}, event=facts)
            record = prototype.move(transition, context, stored, now)
            write(context, prototype, stored, record, transition.action)
            tenant.counts[transition.pointer] += 1
            spread(plan, tenant)
            return record
    return None
