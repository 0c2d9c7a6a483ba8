"""A tenant's records, for tests to look at and to arrange."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson

from mock_server.clock import format_instant
from mock_server.errors import Fault, StateError
from mock_server.messages import quoted
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import catch_up
from mock_server.pipeline.plant import complete
from mock_server.rules.record import Prototype
from mock_server.rules.values import NOTHING, Context
from mock_server.spec.loader import Source
from mock_server.spec.pointers import nearest, one_of
from mock_server.state.seed import build_fit, record_faults
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant, Tenants

Values = Mapping[str, Any]


class Collections:
    """Records by collection, as a mapping has them: its names, how many, whether one is there."""

    @property
    @abstractmethod
    def collections(self) -> dict[str, int]:
        """How many records each collection holds."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.collections)

    def __len__(self) -> int:
        return len(self.collections)

    def __contains__(self, collection: object) -> bool:
        return collection in self.collections


class MockState(Collections):
    """The records of one account, by the collections that seeds have.

    What is added or changed must fit the schema of its resource and name records that exist, and
    is completed by the document's own rules; rules about who may change what, when, do not apply.
    """

    def __init__(self, tenant: Tenant, plan: Plan, tenants: Tenants) -> None:
        self.tenant = tenant
        self.plan = plan
        self.tenants = tenants
        self.prototypes = {p.collection: p for p in plan.prototypes.values()}

    @property
    def collections(self) -> dict[str, int]:
        """How many records each collection holds."""
        with self.looked_at():
            return dict(self.tenant.store.collections())

    def __getitem__(self, collection: str) -> list[dict[str, Any]]:
        return self.read(collection)

    def read(self, collection: str, **wanted: Any) -> list[dict[str, Any]]:
        """Copies of the records, oldest first; with values, those that have them."""
        prototype = self.prototype(collection)
        if not self.plan.wordless:
            check_fields(collection, wanted, prototype.template)
        with self.looked_at():
            records = [whole(record) for record in self.tenant.store.iter_records(collection)]
        return [one for one in records if all(one.get(k) == v for k, v in wanted.items())]

    def one(self, collection: str, record_id: str) -> dict[str, Any]:
        """A copy of one record; raises StateError where there is none."""
        with self.looked_at():
            return whole(self.stored(self.prototype(collection), record_id))

    def add(self, collection: str, values: Values | None = None, **more: Any) -> dict[str, Any]:
        """Adds a record as a seed would, and returns it whole."""
        prototype = self.prototype(collection)
        tenant = self.tenant
        with tenant.store.transaction():
            given = prototype.canonical(merged(collection, values, more))
            if given.get("id") is not None and tenant.store.get(collection, str(given["id"])):
                found = f'the id "{given["id"]}" again'
                raise StateError(collection, [Fault("#/id", found, "an id of its own")])
            self.check(prototype, given, given)
            now = tenant.clock.now()
            record = complete(self.plan, prototype, self.context(now), given, now)
            tenant.store.put(collection, record)
            return whole(record)

    def change(
        self, collection: str, record_id: str, values: Values | None = None, **more: Any
    ) -> dict[str, Any]:
        """Changes fields of a record, whatever state it is in, and returns it whole."""
        prototype = self.prototype(collection)
        tenant = self.tenant
        with tenant.store.transaction():
            stored = self.stored(prototype, record_id)
            changes = prototype.canonical(merged(collection, values, more))
            if changes.get("id", record_id) != record_id:
                found = f"another id, {quoted(changes['id'])}"
                raise StateError(collection, [Fault("#/id", found, f'"{record_id}"')])
            machine = prototype.machine
            state = {machine.field: stored.data[machine.field]} if machine else {}
            self.check(prototype, {**state, **changes}, changes)
            now = tenant.clock.now()
            record = prototype.change(self.context(now), stored, changes, now)
            tenant.store.put(collection, record)
            return whole(record)

    def remove(self, collection: str, record_id: str) -> None:
        """Takes a record away; raises StateError where there is none."""
        with self.tenant.store.transaction():
            self.stored(self.prototype(collection), record_id)
            self.tenant.store.delete(collection, record_id)

    def reset(self) -> None:
        """The records are those of the seed again; clock and journal stay."""
        self.tenants.renew(self.tenant)

    def context(self, now: int) -> Context:
        """What records follow from: whoever's key it is has written them."""
        tenant = self.tenant
        principal = next(iter(tenant.principals.values()), NOTHING)
        return Context(tenant.store, tenant.ids, format_instant(now), {}, principal)

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """The records as they are now: what is due has happened."""
        with self.tenant.store.transaction():
            catch_up(self.plan, self.tenant)
            yield

    def prototype(self, collection: str) -> Prototype:
        check_text(collection)
        found = self.prototypes.get(collection)
        if found is None:
            hint = nearest(collection, self.prototypes)
            fault = Fault("", f'the collection "{collection}"', one_of(self.prototypes), hint)
            raise StateError("", [fault])
        return found

    def stored(self, prototype: Prototype, record_id: str) -> Record:
        check_text(record_id)
        record = self.tenant.store.get(prototype.collection, record_id)
        if record is None:
            fault = Fault("#/id", f'"{record_id}"', "the id of a record that exists")
            raise StateError(prototype.collection, [fault])
        return record

    def check(self, prototype: Prototype, values: dict[str, Any], given: Iterable[str]) -> None:
        """Raises StateError for what does not fit: all of it, each with the nearest spelling."""
        nowhere, resource = Source(None, "", None), prototype.resource
        found = record_faults(nowhere, values, resource, build_fit(resource), "#", set())
        faults = [replace(fault, file="") for fault in found]
        for reference in prototype.resource.references.values():
            named = values.get(reference.field)
            if reference.field in given and named is not None:
                target = self.plan.prototypes[reference.to].collection
                if self.tenant.store.find(target, reference.by, named) is None:
                    expected = f"the {reference.by} of one of {target}"
                    missing = f"{quoted(named)}, which names nothing"
                    faults.append(Fault(f"#/{reference.field}", missing, expected))
        if faults:
            raise StateError(prototype.collection, faults)


def check_text(*names: Any) -> None:
    """Raises StateError for names of collections and ids of records that are no text."""
    faults = [
        Fault("", repr(name), "text: the name of a collection, the id of a record")
        for name in names
        if not isinstance(name, str)
    ]
    if faults:
        raise StateError("", faults)


def merged(collection: str, values: Values | None, more: Values) -> dict[str, Any]:
    """Both as JSON has them, moments as text; raises StateError for what JSON has not."""
    if not isinstance(values, Mapping | None):
        raise StateError(collection, [Fault("#", repr(values), "a mapping of fields")])
    found = {**(values or {}), **more}
    try:
        copied: dict[str, Any] = orjson.loads(orjson.dumps(found, option=orjson.OPT_NAIVE_UTC))
    except TypeError as error:
        raise StateError(collection, [Fault("#", str(error), "values of JSON")]) from None
    return copied


def check_fields(collection: str, wanted: Iterable[str], fields: Collection[str]) -> None:
    """Raises StateError for fields that no record has: nothing would ever be found by them."""
    faults = [
        Fault(f"#/{name}", f'the field "{name}"', one_of(fields), nearest(name, fields))
        for name in wanted
        if name not in fields
    ]
    if faults:
        raise StateError(collection, faults)


def whole(record: Record) -> dict[str, Any]:
    """A record as it is stored, hidden fields too: a copy, for stored ones are never touched."""
    copied: dict[str, Any] = orjson.loads(orjson.dumps({**record.data, **record.hidden}))
    return copied
