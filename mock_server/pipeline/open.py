"""Tenants come into being: seeded records are completed by the document's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mock_server.clock import Clock, format_instant
from mock_server.ids import IdFactory
from mock_server.pipeline.carry import carry
from mock_server.pipeline.exchange import Plan
from mock_server.rules.lifecycle import state_of
from mock_server.rules.record import Prototype
from mock_server.rules.values import Context
from mock_server.spec.model import Expression, Resource, SecurityScheme
from mock_server.state.memory import MemoryStore
from mock_server.state.seed import Seed
from mock_server.state.store import CollectionSpec, Record, Store
from mock_server.state.tenant import Dispatch, Planting, Tenant, Tenants

OpenStore = Callable[[], Store]


def open_tenants(
    plan: Plan,
    seeds: Sequence[Seed],
    specs: Sequence[CollectionSpec],
    time_source: Callable[[], int],
    random_seed: int | None = None,
    prefix: str = "api_test_",
    dispatch: Dispatch | None = None,
    instead: Seed | None = None,
) -> Tenants:
    """One tenant for each seed; other keys with the prefix open copies of the first seed.

    Where there is none, they begin with the records of `instead`.
    """
    lasting: dict[int, Planting] = {}  # by the number of the seed: those that may be copied

    def new_tenant(name: str, clock: Clock, ids: IdFactory, seed: int, key: str) -> Tenant:
        tenant = Tenant(name, MemoryStore(specs), clock, ids, seed, key)
        tenant.dispatch = dispatch
        return tenant

    def planted(seed: int, chance: str, instant: int) -> Planting:
        known = lasting.get(seed)
        if known is not None and (known.chance, known.instant) == (chance, instant):
            return known
        store = MemoryStore(specs)
        plant(plan, seeds[seed] if seeds else instead, store, IdFactory(chance), instant)
        planting = Planting(chance, instant, store)
        if not is_waiting(plan, store):
            lasting[seed] = planting
        return planting

    def settle_in(tenant: Tenant, planting: Planting, store: Store) -> None:
        tenant.planting = planting
        tenant.store.restore(store)
        found = keyed(plan, store)
        tenant.principals = {tenant.key: next(iter(found.values()), {})} if tenant.key else found

    def renew(tenant: Tenant) -> None:
        planting = lasting.get(tenant.seed)
        if planting is None:
            chance = IdFactory().new("") if random_seed is None else f"{random_seed}/{tenant.name}"
            planting = planted(tenant.seed, chance, tenant.clock.now())
        settle_in(tenant, planting, planting.store)

    def open_one(name: str, seed: int, key: str = "") -> Tenant:
        ids = IdFactory(None if random_seed is None else f"{random_seed}/{key or seed}")
        tenant = new_tenant(name, Clock(time_source), ids, seed, key)
        renew(tenant)
        return tenant

    def adopt(old: Tenant) -> tuple[Tenant, list[str]]:
        tenant = new_tenant(old.name, old.clock, old.ids, old.seed, old.key)
        planting = planted(old.seed, old.planting.chance, old.planting.instant)
        store = planting.store.copy()
        with old.store.transaction():
            dropped = carry(plan, old.planting.store, old.store, store)
        settle_in(tenant, planting, store)
        return tenant, dropped

    def open_seeded() -> list[Tenant]:
        return [open_one(f"seed-{number + 1}", number) for number in range(len(seeds))]

    def open_fresh(key: str) -> Tenant:
        return open_one(key, 0, key)

    return Tenants(open_seeded, open_fresh, renew, adopt, prefix)


def is_waiting(plan: Plan, store: Store) -> bool:
    """Whether a record waits since it was planted: a copy of it would have waited already."""
    for prototype in plan.prototypes.values():
        machine = prototype.machine
        if machine is not None:
            for record in store.iter_records(prototype.collection):
                transition = machine.timed.get(state_of(record.data, machine.field))
                if record.due is not None and (transition is None or transition.at is None):
                    return True
    return False


def keyed(plan: Plan, store: Store) -> dict[str, Mapping[str, Any]]:
    """The records that credentials name, by their keys, in the order of the seed."""
    found: dict[str, Mapping[str, Any]] = {}
    for scheme in plan.schemes.values():
        if not scheme.to:  # any key opens a world
            continue
        collection = plan.prototypes[scheme.to].collection
        records = sorted(store.iter_records(collection), key=lambda record: record.sequence)
        for record in records:
            key = key_of(record, scheme)
            if key is not None:
                found.setdefault(key, record.data)
    return found


def key_of(record: Record, scheme: SecurityScheme) -> str | None:
    value = record.hidden.get(scheme.by, record.data.get(scheme.by))
    return value if isinstance(value, str) and value else None


def plant(plan: Plan, seed: Seed | None, store: Store, ids: IdFactory, instant: int) -> None:
    """Puts a seed's records into a store; records that others refer to come first."""
    if seed is None:
        return
    for prototype in in_order_of_need(plan):
        created, changed = (dates(prototype.resource, on) for on in ("create", "change"))
        for given in seed.records.get(prototype.collection, ()):
            context = Context(store, ids, format_instant(instant), {}, {})
            # What a seed says was created earlier has last changed then, where it says nothing else.
            first = next((given[field] for field in created if given.get(field)), None)
            known = prototype.canonical({**dict.fromkeys(changed, first), **given})
            store.put(prototype.collection, prototype.create(context, known, instant))


def dates(resource: Resource, on: str) -> list[str]:
    """The fields that hold the moment of a record's creation, or of its last change."""
    return [
        one.field
        for one in resource.derived
        if one.on == on and isinstance(one.values[0], Expression) and one.values[0].source == "now"
    ]


def in_order_of_need(plan: Plan) -> list[Prototype]:
    """Prototypes so that what derived values follow is planted before them, where that can be."""
    waiting = dict(plan.prototypes)
    ordered: list[Prototype] = []
    while waiting:
        ready = [
            name
            for name, prototype in waiting.items()
            if not {r.to for r in prototype.resource.references.values()}
            & (waiting.keys() - {name})
        ] or [next(iter(waiting))]
        ordered += [waiting.pop(name) for name in ready]
    return ordered
