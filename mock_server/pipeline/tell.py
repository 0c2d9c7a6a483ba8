"""What has happened becomes records of its log, and goes to those who have subscribed to it."""

from __future__ import annotations

from collections import Counter

import orjson

from mock_server.clock import parse_instant
from mock_server.pipeline.exchange import Plan
from mock_server.rules.log import Change, facts_of
from mock_server.rules.subscription import PreparedSubscription
from mock_server.rules.values import NOTHING, Context
from mock_server.state.delivery import Delivery
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant


def spread(plan: Plan, tenant: Tenant) -> None:
    """Tells what has happened where somebody has subscribed to it; call it in a transaction."""
    if is_heard(plan, tenant):
        tell(plan, tenant)


def is_heard(plan: Plan, tenant: Tenant) -> bool:
    """Whether anybody has subscribed to anything."""
    return any(tenant.store.has_records(one.collection) for one in plan.subscriptions.values())


def tell(plan: Plan, tenant: Tenant) -> None:
    """Makes the entries of what has happened, in order, and hands them out; call it in a transaction."""
    entries = [entry(plan, tenant, Change._make(note)) for note in tenant.store.take_notes()]
    made = [one for name, record in entries for one in deliveries(plan, tenant, name, record)]
    tenant.deliveries.extend(made)
    # Who delivers also looks after the tenant's time, which is nobody's business where nobody hears.
    if tenant.dispatch is not None and is_heard(plan, tenant):
        tenant.dispatch(tenant, made)


def untold(plan: Plan, tenant: Tenant) -> Counter[str]:
    """How many entries of each log are not made yet, by collection."""
    logs = {
        name: plan.prototypes[one.log.to].collection
        for name, one in plan.prototypes.items()
        if one.log is not None
    }
    return Counter(logs[Change._make(note).resource] for note in tenant.store.iter_notes())


def entry(plan: Plan, tenant: Tenant, change: Change) -> tuple[str, Record]:
    log = plan.prototypes[change.resource].log
    assert log is not None  # only what is logged is noted
    target = plan.prototypes[log.to]
    context = Context(tenant.store, tenant.ids, change.now, {}, change.principal)
    context.origin = change.origin
    given = log.given(context, change)
    context.change = facts_of(change)
    record = target.create(context, given, parse_instant(change.now) or 0)
    tenant.store.put(target.collection, record)
    return log.to, record


def deliveries(plan: Plan, tenant: Tenant, log: str, told: Record) -> list[Delivery]:
    """One for each subscriber that wants the entry."""
    return [
        delivery_of(tenant, name, one, subscriber, told)
        for name, one in plan.subscriptions.items()
        if one.subscription.to == log
        for subscriber in tenant.store.iter_records(one.collection)
        if one.wants(subscriber, told.data)
    ]


def delivery_of(
    tenant: Tenant, resource: str, one: PreparedSubscription, subscriber: Record, told: Record
) -> Delivery:
    now = tenant.clock.now()
    context = Context(tenant.store, tenant.ids, "", subscriber.data, NOTHING, event=told.data)
    body = orjson.dumps(one.body(context))
    url = str(subscriber.data.get(one.subscription.url))
    tenant.delivered += 1
    return Delivery(
        tenant.delivered, resource, subscriber.record_id, told.record_id, url, body, now, due=now
    )
