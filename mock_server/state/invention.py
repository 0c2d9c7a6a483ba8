"""Larger accounts, made up: records as the document says that they are invented, the same by chance's seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.clock import SECOND, format_instant, parse_instant
from mock_server.errors import SettingsError
from mock_server.ids import IdFactory
from mock_server.spec.model import Document, Invented, Resource
from mock_server.state.seed import Seed, in_order

LATEST = parse_instant("2026-03-01T00:00:00Z") or 0
YEAR = 365 * 24 * 3600  # seconds
# Nobody is called so: who meets such a name knows at once that it is made up.
SURNAMES = ("Example", "Specimen", "Sample", "Placeholder", "Dummy", "Nobody", "Invented", "Mock")
FIRMS = ("Example", "Sample", "Placeholder", "Specimen")
# Areas that there are, so that a number can be placed; 555-0100 to 555-0199 belong to nobody in them.
AREAS = (
    201, 202, 203, 205, 206, 207, 208, 209, 212, 213, 214, 215, 216, 217, 218, 219, 225, 228, 229, 231,
    301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323,
    401, 402, 404, 405, 406, 407, 408, 409, 410, 412, 413, 414, 415, 417, 419, 423, 425, 432, 434, 435,
    501, 502, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515, 516, 517, 518, 520, 530, 540, 541, 559,
    601, 602, 603, 605, 606, 607, 608, 609, 610, 612, 614, 615, 616, 617, 618, 619, 620, 623, 626, 630,
    701, 702, 703, 704, 706, 707, 708, 712, 713, 714, 715, 716, 717, 718, 719, 720, 724, 727, 731, 732,
)  # fmt: skip


def count_for(resource: Resource, counts: Mapping[str, int]) -> int:
    """How many are wanted: so many as were asked for, else one for each that it belongs to."""
    if resource.collection in counts:
        return counts[resource.collection]
    each = next((one for one in resource.invented.values() if one.each), None)
    return counts.get(f"each {each.pick}", 0) if each is not None else 0


def plan_counts(document: Document, asked: Mapping[str, int]) -> dict[str, int]:
    """How many records of each collection are to be made; raises SettingsError for what cannot be."""
    by_collection = {one.collection: one for one in document.resources.values()}
    for name in asked:
        if not by_collection[name].invented:
            raise SettingsError(
                f'nothing says how {name} are made up; expected "x-invented" at properties of '
                f"{by_collection[name].name} in {document.path}"
            )
    counts = dict(asked)
    for resource in resources_in_order(document):
        counts[resource.collection] = count_for(resource, counts)
        counts[f"each {resource.name}"] = counts[resource.collection]
    return {name: count for name, count in counts.items() if count and name in by_collection}


def resources_in_order(document: Document) -> list[Resource]:
    """Resources behind those of which they pick."""
    needs = {
        name: {inner.pick for inner in one.invented.values()}
        for name, one in document.resources.items()
    }
    return [document.resources[name] for name in in_order(needs)]


class Inventor:
    """Makes records up, beside those that a seed has already."""

    def __init__(self, document: Document, base: Seed | None, chance: int | str) -> None:
        # Imported here: it brings the words of many languages along.
        from faker import Faker

        self.document = document
        self.fake = Faker("en_US")
        self.fake.seed_instance(chance)
        self.random = self.fake.random
        self.ids = IdFactory(f"invented {chance}")
        self.records: dict[str, list[Mapping[str, Any]]] = {
            name: list(records) for name, records in (base.records if base else {}).items()
        }
        self.known = {name: len(records) for name, records in self.records.items()}
        self.picked: dict[str, Sequence[Mapping[str, Any]]] = {}

    def make(self, counts: Mapping[str, int]) -> Iterator[str]:
        """Makes so many; yields the collection with each record that is made."""
        for resource in resources_in_order(self.document):
            count = counts.get(resource.collection, 0)
            made = self.records.setdefault(resource.collection, []) if count else []
            for number in range(count):
                made.append(self.record(resource, number))
                yield resource.collection
            if count:
                first = self.known.get(resource.collection, 0)
                made[first:] = sorted(made[first:], key=lambda one: str(one.get(resource.order)))

    def record(self, resource: Resource, number: int) -> dict[str, Any]:
        record: dict[str, Any] = {"id": self.ids.new(resource.prefix)}
        chosen: dict[str, Mapping[str, Any]] = {}
        for field, one in resource.invented.items():
            if one.pick:
                other = self.choose(one, number)
                if other is not None:
                    chosen[field] = other
                    record[field] = taken(other, one.take)
        for field, one in resource.invented.items():
            if one.cases:
                continue
            if one.source:
                record[field] = taken(chosen.get(one.source, {}), one.take)
            elif not one.pick:
                record[field] = self.value(one)
        for field, one in resource.invented.items():
            if one.cases:
                record[field] = one.cases.get(str(record.get(one.source)))
        return {name: value for name, value in record.items() if value is not None}

    def choose(self, one: Invented, number: int) -> Mapping[str, Any] | None:
        """A record that is picked: by chance, or the next new one where each is to have one."""
        collection = self.document.resources[one.pick].collection
        if one.each:
            fresh = self.records.get(collection, [])[self.known.get(collection, 0) :]
            return fresh[number % len(fresh)] if fresh else None
        options = self.picked.get(one.pointer)
        if options is None:
            listed = self.records.get(collection, [])
            if one.where is not None:
                fits = Draft202012Validator(dict(one.where)).is_valid
                listed = [record for record in listed if fits(record)]
            fresh = listed[self.known.get(collection, 0) :] if one.where is None else []
            options = self.picked[one.pointer] = fresh or listed
        return self.random.choice(options) if options else None

    def value(self, one: Invented) -> Any:
        if one.options:
            return self.random.choice(one.options)
        if one.items:
            return [{name: self.value(inner) for name, inner in one.items.items()}]
        return KINDS[one.kind](self)


def taken(record: Mapping[str, Any], path: str) -> Any:
    """A part of a record: a field, or a place in it such as `parts/0/name`."""
    value: Any = record
    for token in path.split("/"):
        if isinstance(value, Mapping):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value


def moment(self: Inventor) -> str:
    return format_instant(LATEST - self.random.randrange(YEAR) * SECOND)


def person(self: Inventor) -> str:
    return f"{self.fake.first_name()} {self.random.choice(SURNAMES)}"


def firm(self: Inventor) -> str:
    return f"{self.fake.last_name()} {self.random.choice(FIRMS)} {self.fake.company_suffix()}"


def number(self: Inventor) -> str:
    return f"+1{self.random.choice(AREAS)}55501{self.random.randrange(100):02d}"


# What a property may say of itself in one word.
KINDS: Mapping[str, Callable[[Inventor], Any]] = {
    "address": lambda self: f"https://{self.fake.word()}-{self.random.randrange(10_000)}.example/",
    "email": lambda self: f"{self.fake.first_name().lower()}@{self.fake.word()}.example",
    "firm": firm,
    "job": lambda self: self.fake.job(),
    "moment": moment,
    "number": number,
    "person": person,
    "sentence": lambda self: self.fake.sentence(),
    "yes-or-no": lambda self: self.random.random() < 0.5,
}
