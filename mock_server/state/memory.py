"""The store in memory: one process, one lock, lists kept in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from threading import RLock
from typing import Any, Self

from mock_server.state.store import CollectionSpec, Filter, Found, Mark, MarkedPage, Record

HEAP_LIMIT = 1_024  # due times, before those that count no longer are looked for
Key = tuple[Any, int, str]  # value of the order's field, sequence of insertion, id


class Collection:
    """Records by id, their keys in order, and the same keys by the values of indexed fields."""

    __slots__ = ("indexes", "keys", "records", "spec")

    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self.records: dict[str, Record] = {}
        self.keys: list[Key] = []
        self.indexes: dict[str, dict[Any, list[Key]]] = {field: {} for field in spec.indexed}

    def key(self, record: Record) -> Key:
        spec = self.spec
        value = record.data.get(spec.order)
        return (spec.blank if value is None else value, record.sequence, record.record_id)

    def add(self, record: Record) -> None:
        key = self.key(record)
        if self.keys and key < self.keys[-1]:
            insort(self.keys, key)
        else:
            self.keys.append(key)
        self.records[key[2]] = record
        for field, index in self.indexes.items():
            for one in values_of(field_of(record, field)):
                keys = index.get(one)
                if keys is None:
                    index[one] = [key]
                elif keys[-1] < key:  # most records are the newest of their collection
                    keys.append(key)
                else:
                    insort(keys, key)

    def remove(self, record: Record) -> None:
        key = self.key(record)
        del self.records[key[2]]
        del self.keys[bisect_left(self.keys, key)]
        for field, index in self.indexes.items():
            for one in values_of(field_of(record, field)):
                keys = index[one]
                del keys[bisect_left(keys, key)]
                if not keys:
                    del index[one]

    def copy(self) -> Collection:
        """The same records under keys of its own."""
        twin = Collection(self.spec)
        twin.records = self.records.copy()
        twin.keys = self.keys.copy()
        twin.indexes = {
            field: {value: keys.copy() for value, keys in index.items()}
            for field, index in self.indexes.items()
        }
        return twin


def field_of(record: Record, field: str) -> Any:
    return record.data[field] if field in record.data else record.hidden.get(field)


def values_of(value: Any) -> Iterable[Any]:
    """The values under which an index has a record: each item of a list, else the one value; not null."""
    if value is None:
        return ()
    if value.__class__ is list:
        return dict.fromkeys(item for item in value if item.__hash__)
    return (value,) if value.__hash__ else (repr(value),)


class MemoryStore:
    """One tenant's records in memory; copies share collections until one of them changes."""

    def __init__(self, specs: Sequence[CollectionSpec]) -> None:
        self.lock = RLock()
        self.parts = {spec.name: Collection(spec) for spec in specs}
        self.shared: set[str] = set()  # collections that other stores hold too
        self.sequence = 0
        self.heap: list[tuple[int, int, str, str]] = []
        self.heap_limit = HEAP_LIMIT
        self.notes: list[Any] = []
        # What a failing transaction puts back: collection, id, the record before (None: there was
        # none). `marks` tell how long `undo` and `notes` were when the open transactions began.
        self.undo: list[tuple[str, str, Record | None]] = []
        self.marks: list[tuple[int, list[Any], int]] = []

    def transaction(self) -> Self:
        return self

    def __enter__(self) -> None:
        self.lock.acquire()
        self.marks.append((len(self.undo), self.notes, len(self.notes)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self.roll_back(*self.marks[-1])
        finally:
            self.marks.pop()
            if not self.marks:
                self.undo.clear()
            self.lock.release()

    def roll_back(self, undone: int, notes: list[Any], noted: int) -> None:
        for collection, record_id, before in reversed(self.undo[undone:]):
            if before is None:
                self.delete(collection, record_id)
            else:
                self.put(collection, before)
        del self.undo[undone:]
        del notes[noted:]
        self.notes = notes

    def get(self, collection: str, record_id: str) -> Record | None:
        return self.parts[collection].records.get(record_id)

    def find(self, collection: str, field: str, value: Any) -> Record | None:
        part = self.parts[collection]
        if field == "id":
            return part.records.get(value) if isinstance(value, str) else None
        keys = part.indexes[field].get(value) if value.__hash__ else None
        return part.records[keys[0][2]] if keys else None

    def put(self, collection: str, record: Record) -> None:
        part = self.own(collection) if self.shared else self.parts[collection]
        old = part.records.get(record.data["id"])
        if self.marks:
            self.undo.append((collection, record.data["id"], old))
        if old is not None:
            record.sequence = old.sequence
            part.remove(old)
        elif not record.sequence:
            self.sequence += 1
            record.sequence = self.sequence
        elif record.sequence > self.sequence:  # it comes from another store
            self.sequence = record.sequence
        part.add(record)
        if record.due is not None and (old is None or old.due != record.due):
            heappush(self.heap, (record.due, record.sequence, collection, record.record_id))
            if len(self.heap) > self.heap_limit:
                self.tidy()

    def delete(self, collection: str, record_id: str) -> bool:
        part = self.own(collection) if self.shared else self.parts[collection]
        record = part.records.get(record_id)
        if record is None:
            return False
        if self.marks:
            self.undo.append((collection, record_id, record))
        part.remove(record)
        return True

    def tidy(self) -> None:
        """Forgets the due times of records that were changed or deleted since."""
        self.heap = [
            (record.due, record.sequence, name, record_id)
            for name, part in self.parts.items()
            for record_id, record in part.records.items()
            if record.due is not None
        ]
        heapify(self.heap)
        self.heap_limit = max(HEAP_LIMIT, 2 * len(self.heap))

    def own(self, collection: str) -> Collection:
        """The collection to change: what other stores hold too is copied first."""
        if collection in self.shared:
            self.parts[collection] = self.parts[collection].copy()
            self.shared.discard(collection)
        return self.parts[collection]

    def copy(self) -> MemoryStore:
        twin = MemoryStore(())
        twin.restore(self)
        return twin

    def restore(self, other: MemoryStore) -> None:
        with other.lock, self.lock:
            self.parts = dict(other.parts)
            self.shared = set(self.parts)
            other.shared = set(other.parts)
            self.sequence = other.sequence
            self.heap = other.heap.copy()
            self.heap_limit = other.heap_limit
            # What happened before is gone: no transaction can put it back.
            self.undo.clear()
            self.notes = other.notes.copy()
            self.marks = [(0, self.notes, len(self.notes))] * len(self.marks)

    def select(
        self,
        collection: str,
        filters: Sequence[Filter],
        skip: int,
        limit: int,
        order: tuple[str, bool] | None = None,
        count: bool = False,
    ) -> Found:
        part = self.parts[collection]
        descending = part.spec.descending
        keys, rest = narrow(part, filters)
        if order is not None and order[0] != part.spec.order:
            keys = reordered(part, keys, order[0])
            descending = order[1]
        elif order is not None:
            descending = order[1]
        walk = reversed(keys) if descending else iter(keys)
        if not rest:
            total = len(keys)
            page = [part.records[key[2]] for key in islice(walk, skip, skip + limit)]
            return Found(page, skip + limit < total, total)
        matching = (
            record
            for record in (part.records[key[2]] for key in walk)
            if all(condition.test(field_of(record, condition.field)) for condition in rest)
        )
        skipped = sum(1 for _ in islice(matching, skip))
        page = list(islice(matching, limit))
        more = next(matching, None) is not None
        left = (1 + sum(1 for _ in matching)) if more and count else 0
        return Found(page, more, skipped + len(page) + left if count else None)

    def page_at(
        self, collection: str, filters: Sequence[Filter], mark: Mark | None, limit: int
    ) -> MarkedPage:
        part = self.parts[collection]
        keys, rest = narrow(part, filters)
        back = mark is not None and mark.towards_start
        found = list(islice(walk_from(part, keys, rest, mark, back), limit + 1))
        more, page = len(found) > limit, found[:limit]
        if back:
            page.reverse()
        return self.marked(part, page, keys, rest, back, more)

    def marked(
        self,
        part: Collection,
        page: list[Record],
        keys: Sequence[Key],
        rest: Sequence[Filter],
        back: bool,
        more: bool,
    ) -> MarkedPage:
        """The page with its marks; what lies on the side that it was not walked to is looked up."""
        if not page:
            return MarkedPage(page, None, None)
        ends = [Mark(*part.key(record)[:2]) for record in (page[0], page[-1])]
        first = Mark(ends[0].value, ends[0].sequence, True)
        other = first if not back else ends[1]
        beside = next(walk_from(part, keys, rest, other, not back), None) is not None
        has_next, has_previous = (beside, more) if back else (more, beside)
        return MarkedPage(page, ends[1] if has_next else None, first if has_previous else None)

    def note(self, change: Any) -> None:
        self.notes.append(change)

    def take_notes(self) -> list[Any]:
        taken, self.notes = self.notes, []
        return taken

    def has_records(self, collection: str) -> bool:
        return bool(self.parts[collection].records)

    def first_due(self) -> int | None:
        return self.heap[0][0] if self.heap else None

    def next_due(self, now: int) -> tuple[str, Record] | None:
        heap = self.heap
        while heap and heap[0][0] <= now:
            due, _, collection, record_id = heap[0]
            record = self.parts[collection].records.get(record_id)
            if record is not None and record.due == due:
                return collection, record
            # The record was changed or deleted since: it has another due time, or none.
            heappop(heap)
        return None

    def collections(self) -> Mapping[str, int]:
        return {name: len(part.records) for name, part in self.parts.items()}

    def iter_records(self, collection: str) -> Iterator[Record]:
        part = self.parts[collection]
        return iter([part.records[key[2]] for key in part.keys])


def walk_from(
    part: Collection,
    keys: Sequence[Key],
    rest: Sequence[Filter],
    mark: Mark | None,
    back: bool,
) -> Iterator[Record]:
    """The records beyond a mark, nearest first, in the collection's order or `back` against it."""
    ascending = part.spec.descending == back
    if mark is None:
        positions = range(len(keys)) if ascending else range(len(keys) - 1, -1, -1)
    else:
        place = (mark.value, mark.sequence)
        if ascending:
            positions = range(bisect_right(keys, place, key=lambda key: key[:2]), len(keys))
        else:
            positions = range(bisect_left(keys, place, key=lambda key: key[:2]) - 1, -1, -1)
    for position in positions:
        record = part.records[keys[position][2]]
        if all(condition.test(field_of(record, condition.field)) for condition in rest):
            yield record


def narrow(part: Collection, filters: Sequence[Filter]) -> tuple[Sequence[Key], list[Filter]]:
    """The shortest list of keys that an index or the order gives, and the filters left to test."""
    rest = list(filters)
    keys: Sequence[Key] = part.keys
    best: Filter | None = None
    for condition in filters:
        found = keys_for(part, condition)
        if found is not None and (best is None or len(found) < len(keys)):
            keys, best = found, condition
    if best is not None:
        rest.remove(best)
    for condition in [c for c in rest if is_ranged(c, part.spec)]:
        keys = within(keys, condition)
        # Records without a value come before all others, and are within no bounds.
        if condition.low is not None or not keys or keys[0][0] != part.spec.blank:
            rest.remove(condition)
    return keys, rest


def is_ranged(condition: Filter, spec: CollectionSpec) -> bool:
    """Whether the bounds of a filter are of the kind by which a collection is ordered."""
    bounds = [bound for bound in (condition.low, condition.high) if bound is not None]
    return (
        bool(bounds)
        and condition.field == spec.order
        and all(isinstance(value, str) == isinstance(spec.blank, str) for value, _ in bounds)
    )


def keys_for(part: Collection, condition: Filter) -> Sequence[Key] | None:
    if condition.equals is None or None in condition.equals:
        return None
    if condition.field == "id":
        found = (part.records.get(value) for value in dict.fromkeys(condition.equals))
        return sorted(part.key(record) for record in found if record is not None)
    index = part.indexes.get(condition.field)
    if index is None:
        return None
    lists = [index[value] for value in dict.fromkeys(condition.equals) if value in index]
    if len(lists) == 1:
        return lists[0]
    return sorted({key for keys in lists for key in keys})


def within(keys: Sequence[Key], condition: Filter) -> Sequence[Key]:
    """The keys whose first part lies within a filter's bounds."""
    start, end = 0, len(keys)
    if condition.low is not None:
        value, inclusive = condition.low
        start = (bisect_left if inclusive else bisect_right)(keys, value, key=lambda key: key[0])
    if condition.high is not None:
        value, inclusive = condition.high
        end = (bisect_right if inclusive else bisect_left)(keys, value, key=lambda key: key[0])
    return keys[start:end]


def reordered(part: Collection, keys: Sequence[Key], field: str) -> list[Key]:
    """Keys sorted by another field than the collection's own order."""

    def rank(key: Key) -> tuple[bool, str, Any, int]:
        value = field_of(part.records[key[2]], field)
        return (value is not None, type(value).__name__, "" if value is None else value, key[1])

    return sorted(keys, key=rank)
