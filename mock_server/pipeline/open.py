"""Tenants come into being: seeded records are completed by the document's own rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mock_server.clock import Clock
from mock_server.ids import IdFactory
from mock_server.pipeline.carry import carry
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.plant import keyed, plant
from mock_server.rules.lifecycle import state_of
from mock_server.state.memory import MemoryStore
from mock_server.state.seed import Seed
from mock_server.state.store import CollectionSpec, Store
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
