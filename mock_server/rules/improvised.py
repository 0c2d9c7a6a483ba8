"""Records of a document without words: what is given is kept, what an answer must have is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mock_server.ids import IdFactory
from mock_server.rules.record import Prototype
from mock_server.rules.schema import build_validator
from mock_server.rules.values import Context
from mock_server.spec.inference import plain_name
from mock_server.spec.model import BusinessRule, Resource
from mock_server.spec.patterns import matching
from mock_server.spec.samples import sample
from mock_server.spec.schemas import (
    keyword_of,
    properties_of,
    required_of,
    types_of,
    without_required,
)
from mock_server.state.store import CollectionSpec, Keyed, Record, Store

LONGEST = 1_000  # characters of an id
SHOWN = 12  # characters of an id that nothing describes
TRIES = 50
NO_FIELD = "\0 nothing orders these records"
RENEWED = ("updat", "modif", "chang", "edit")  # how fields are called that tell the last change


class Improvised(Prototype):
    """A resource whose records have the fields that they are given, and those that they need."""

    __slots__ = ("alike", "key_schema", "made", "moments", "renewed")

    def __init__(
        self,
        resource: Resource,
        resources: Mapping[str, Resource],
        rules: Mapping[str, BusinessRule],
        is_active: Callable[[Iterable[str]], bool],
        writable: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(resource, resources, rules, is_active, writable)
        properties = properties_of(resource.schema)
        needed = required_of(resource.schema)
        self.key_schema = properties.get(resource.key, {})
        self.alike = {plain_name(name): name for name in properties}
        self.made: dict[str, Any] = {}
        self.moments: set[str] = set()
        for name, sub in properties.items():
            read_only = keyword_of(sub, "readOnly") is True
            default = keyword_of(sub, "default")
            if name == resource.key or not (read_only or name in needed or default is not None):
                continue
            self.made[name] = sample(sub, None, 0, name) if default is None else default
            if read_only and keyword_of(sub, "format") == "date-time":
                self.moments.add(name)
        self.renewed = {n for n in self.moments if any(word in n.lower() for word in RENEWED)}

    def create(self, context: Context, given: Mapping[str, Any], now: int) -> Record:
        return self.make(context, given, now, {})

    def make(
        self, context: Context, given: Mapping[str, Any], now: int, above: Mapping[str, str]
    ) -> Record:
        """A new record; `above` are the values of its path that name other records."""
        known = {**self.placed(above, given), **given}
        key = self.key_for(context, known)
        return self.kept(key, {**self.filled(context), **known}, above, now)

    def change(
        self, context: Context, stored: Record, changes: Mapping[str, Any], now: int
    ) -> Record:
        data = {**stored.data, **stored.hidden, **changes, **self.renewal(context)}
        return self.again(stored, data)

    def replace(self, context: Context, stored: Record, given: Mapping[str, Any]) -> Record:
        """The record with nothing but what is given, and what nobody but the server gives."""
        before = {**stored.data, **stored.hidden}
        own = {name: before[name] for name in (*self.made, self.resource.key) if name in before}
        settled = {
            name: value for name, value in own.items() if name not in given and self.stays(name)
        }
        placed = self.placed(getattr(stored, "above", {}), given)
        data = {**self.filled(context), **settled, **placed, **given, **self.renewal(context)}
        return self.again(stored, data)

    def stays(self, name: str) -> bool:
        """Whether a field is the server's, so that leaving it out asks for nothing."""
        sub = properties_of(self.resource.schema).get(name)
        return name == self.resource.key or keyword_of(sub, "readOnly") is True

    def filled(self, context: Context) -> dict[str, Any]:
        return {n: context.now if n in self.moments else made for n, made in self.made.items()}

    def renewal(self, context: Context) -> dict[str, Any]:
        return dict.fromkeys(self.renewed, context.now)

    def placed(self, above: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that are called like a parameter of the path."""
        found: dict[str, Any] = {}
        for parameter, text in above.items():
            name = self.alike.get(plain_name(parameter))
            if name is not None and name not in given and name != self.resource.key:
                types = types_of(properties_of(self.resource.schema)[name])
                is_number = "integer" in types and text.isascii() and text.isdigit()
                found[name] = int(text) if is_number else text
        return found

    def again(self, stored: Record, data: dict[str, Any]) -> Record:
        above = stored.above if isinstance(stored, Keyed) else {}
        record = self.kept(stored.record_id, data, above, stored.entered)
        record.sequence = stored.sequence
        return record

    def kept(self, key: str, data: dict[str, Any], above: Mapping[str, str], now: int) -> Record:
        """The record, its fields in the order of the schema."""
        name = self.resource.key
        if name and data.get(name) is None:
            numbers = types_of(self.key_schema) & {"integer", "number"}
            data[name] = int(key) if numbers else key
        ordered = {name: data[name] for name in self.resource.fields if name in data}
        ordered |= {name: value for name, value in data.items() if name not in ordered}
        hidden = {field: ordered.pop(field) for field in self.hidden if field in ordered}
        return Keyed(key, ordered, hidden, above, now)

    def collection_spec(self, indexed: Iterable[str]) -> CollectionSpec:
        """In the order in which records were made: of the fields that are given, none is known."""
        return CollectionSpec(self.collection, NO_FIELD, False, frozenset())

    # Keys

    def key_for(self, context: Context, given: Mapping[str, Any]) -> str:
        """The key that is given, else one that nothing in the collection has."""
        value = given.get(self.resource.key) if self.resource.key else None
        if value is not None:
            return str(value)
        for _ in range(TRIES):
            key = self.new_key(context.ids)
            if not is_taken(context.store, self.collection, key):
                return key
        return context.ids.new("")

    def new_key(self, ids: IdFactory) -> str:
        schema = self.key_schema
        number = ids.count(self.collection)
        if not self.resource.key or types_of(schema) & {"integer", "number"}:
            low = keyword_of(schema, "minimum") or 0
            return str(max(number, int(low) + number - 1))
        if keyword_of(schema, "format") == "uuid":
            return ids.uuid()
        fits = build_validator(without_required(schema, "writeOnly"))
        text = ids.new("")
        most = keyword_of(schema, "maxLength") or SHOWN
        pattern = keyword_of(schema, "pattern")
        digits = str(number).zfill(min(keyword_of(schema, "minLength") or 0, LONGEST))
        options = [text[:most], text, text[:most].lower(), text[:most].upper(), digits]
        if isinstance(pattern, str):
            options.append(matching(pattern, number) or "")
        return next((one for one in options if fits.is_valid(one)), text[:SHOWN])


def is_taken(store: Store, collection: str, key: str) -> bool:
    return store.get(collection, key) is not None


__all__ = ["Improvised"]
