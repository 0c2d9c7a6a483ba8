"""The store in memory: one process, one lock, lists kept in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from threading import RLock
from typing import Any, Self

from mock_server.state.runs import Key, Run, bitmap, united
from mock_server.state.store import CollectionSpec, Filter, Found, Mark, MarkedPage, Record

HEAP_LIMIT = 1_024  # due times, before those that count no longer are looked for
FEW = 256  # records that are sorted rather than counted
STEPS = 64  # records that are looked at before those that fit are counted


class Collection:
    """Records by id, their keys in order, and the same keys by the values of indexed fields.

    What a page with several conditions or of another order needs is made when it is first asked
    for, and kept up to date from then on: bitmaps of indexed values, other orders.
    """

    __slots__ = ("bitmaps", "indexes", "kinds", "orders", "places", "records", "run", "spec")

    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self.kinds = (str,) if isinstance(spec.blank, str) else (int, float)
        self.records: dict[str, Record] = {}
        self.run = Run([])
        self.indexes: dict[str, dict[Any, list[Key]]] = {field: {} for field in spec.indexed}
        self.bitmaps: dict[tuple[str, Any], Any] = {}  # (field, value) -> sequences
        self.orders: dict[str, Run] = {}  # by other fields
        self.places: dict[int, str] = {}  # sequence -> id, where bitmaps are in use

    def key(self, record: Record) -> Key:
        # What is not of the order's kind, since a policy has let it through, counts as nothing there.
        value = record.data.get(self.spec.order)
        if value.__class__ not in self.kinds:
            value = self.spec.blank
        return (value, record.sequence, record.record_id)

    def add(self, record: Record) -> None:
        key = self.key(record)
        self.run.add(key)
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
        if self.bitmaps:
            self.mark(record, key[1])
        for field, order in self.orders.items():
            order.add(ranked(record, field))
        if self.places:
            self.places[key[1]] = key[2]

    def mark(self, record: Record, sequence: int) -> None:
        """Enters a record into the bitmaps of its values."""
        for field in self.indexes:
            for one in values_of(field_of(record, field)):
                kept = self.bitmaps.get((field, one))
                if kept is not None:
                    kept.add(sequence)

    def enter(self, field: str, record: Record, key: Key) -> None:
        index = self.indexes[field]
        for one in values_of(field_of(record, field)):
            insort(index.setdefault(one, []), key)
            kept = self.bitmaps.get((field, one))
            if kept is not None:
                kept.add(key[1])

    def leave(self, field: str, record: Record, key: Key) -> None:
        index = self.indexes[field]
        for one in values_of(field_of(record, field)):
            keys = index[one]
            del keys[bisect_left(keys, key)]
            if not keys:
                del index[one]
            if self.bitmaps and (kept := self.bitmaps.get((field, one))) is not None:
                kept.discard(key[1])

    def remove(self, record: Record) -> None:
        key = self.key(record)
        del self.records[key[2]]
        self.run.remove(key)
        for field in self.indexes:
            self.leave(field, record, key)
        for field, order in self.orders.items():
            order.remove(ranked(record, field))
        self.places.pop(key[1], None)

    def replace(self, old: Record, new: Record) -> None:
        """Puts a record in the place of one with its id; most changes leave it where it is."""
        key = self.key(old)
        if self.key(new) != key:
            self.remove(old)
            self.add(new)
            return
        self.records[key[2]] = new
        for field in self.indexes:
            if field_of(old, field) != field_of(new, field):
                self.leave(field, old, key)
                self.enter(field, new, key)
        for field, order in self.orders.items():
            before, after = ranked(old, field), ranked(new, field)
            if before != after:
                order.remove(before)
                order.add(after)

    def order(self, field: str) -> Run:
        """The keys in the order of another field."""
        found = self.orders.get(field)
        if found is None:
            keys = sorted(ranked(record, field) for record in self.records.values())
            found = self.orders[field] = Run(keys)
        return found

    def sequences(self, field: str, value: Any) -> Any:
        """The sequences of the records that an index has under a value."""
        found = self.bitmaps.get((field, value))
        if found is None:
            keys = self.indexes[field].get(value, ())
            found = bitmap([key[1] for key in keys])
            if len(keys) > FEW:
                self.bitmaps[field, value] = found
        return found

    def named(self, sequences: Iterable[int]) -> list[Record]:
        """The records of these sequences."""
        if not self.places and self.records:
            self.places = {one.sequence: name for name, one in self.records.items()}
        return [self.records[self.places[sequence]] for sequence in sequences]

    def copy(self) -> Collection:
        """The same records under keys of its own."""
        twin = Collection(self.spec)
        twin.records = self.records.copy()
        twin.run = self.run.copy()
        twin.indexes = {
            field: {value: keys.copy() for value, keys in index.items()}
            for field, index in self.indexes.items()
        }
        twin.bitmaps = {place: kept.copy() for place, kept in self.bitmaps.copy().items()}
        twin.orders = {field: order.copy() for field, order in self.orders.copy().items()}
        twin.places = self.places.copy()
        return twin


def ranked(record: Record, field: str) -> Key:
    """The key of a record in the order of any field: nothing first, then numbers, texts, all else."""
    return (rank(field_of(record, field)), record.sequence, record.record_id)


def rank(value: Any) -> tuple[str, Any]:
    if value is None:
        return ("", "")
    kind = value.__class__
    if kind is int or kind is float:
        return ("number", value)
    return ("text", value) if kind is str else (f"~{kind.__name__}", repr(value))


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
        self.writes = 0
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
        self.writes += 1
        part = self.own(collection) if self.shared else self.parts[collection]
        # What most records are needs no call.
        record_id = record.data["id"] if record.__class__ is Record else record.record_id
        old = part.records.get(record_id)
        if self.marks:
            self.undo.append((collection, record_id, old))
        if old is not None:
            record.sequence = old.sequence
        elif not record.sequence:
            self.sequence += 1
            record.sequence = self.sequence
        elif record.sequence > self.sequence:  # it comes from another store
            self.sequence = record.sequence
        if old is not None:
            part.replace(old, record)
        else:
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
        self.writes += 1
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
            self.writes += 1
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
        descending = part.spec.descending if order is None else order[1]
        field = None if order is None or order[0] == part.spec.order else order[0]
        return find_page(part, Search(part, filters), field, descending, skip, limit, count)

    def page_at(
        self, collection: str, filters: Sequence[Filter], mark: Mark | None, limit: int
    ) -> MarkedPage:
        part = self.parts[collection]
        search = Search(part, filters)
        back = mark is not None and mark.towards_start
        found = list(islice(walk_from(part, search, mark, back), limit + 1))
        more, page = len(found) > limit, found[:limit]
        if back:
            page.reverse()
        return self.marked(part, page, search, back, more)

    def marked(
        self,
        part: Collection,
        page: list[Record],
        search: Search,
        back: bool,
        more: bool,
    ) -> MarkedPage:
        """The page with its marks; what lies on the side that it was not walked to is looked up."""
        if not page:
            return MarkedPage(page, None, None)
        ends = [Mark(*part.key(record)[:2]) for record in (page[0], page[-1])]
        first = Mark(ends[0].value, ends[0].sequence, True)
        other = first if not back else ends[1]
        beside = next(walk_from(part, search, other, not back), None) is not None
        has_next, has_previous = (beside, more) if back else (more, beside)
        return MarkedPage(page, ends[1] if has_next else None, first if has_previous else None)

    def note(self, change: Any) -> None:
        self.notes.append(change)

    def take_notes(self) -> list[Any]:
        taken, self.notes = self.notes, []
        return taken

    def iter_notes(self) -> Iterator[Any]:
        return iter(self.notes)

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
        return iter([part.records[key[2]] for key in part.run.keys])


class Search:
    """The conditions of a page, by what serves them.

    `keys` from `start` to `end` is the shortest list, in the collection's order, that an index or
    that order gives; `rest` are the conditions that are not met by all of them.
    """

    __slots__ = ("end", "filters", "is_counted", "keys", "part", "rest", "start")

    def __init__(self, part: Collection, filters: Sequence[Filter]) -> None:
        self.part = part
        self.filters = filters
        self.rest = list(filters)
        self.keys: Sequence[Key] = part.run.keys
        best: Filter | None = None
        for condition in filters:
            found = keys_for(part, condition)
            if found is not None and (best is None or len(found) < len(self.keys)):
                self.keys, best = found, condition
        if best is not None:
            self.rest.remove(best)
        self.start, self.end = 0, len(self.keys)
        for condition in [one for one in self.rest if is_ranged(one, part.spec)]:
            start, end = within(self.keys, condition)
            self.start = max(self.start, start)
            self.end = max(self.start, min(self.end, end))
            # Records without a value come before all others, and are within no bounds.
            first = self.keys[self.start][0] if self.start < self.end else None
            if condition.low is not None or first != part.spec.blank:
                self.rest.remove(condition)
        self.is_counted = all(self.can_count(one) for one in filters)

    def can_count(self, condition: Filter) -> bool:
        """Whether those that meet a condition are known without looking at each."""
        if condition.equals is None:
            return condition.low is not None or condition.high is not None
        indexed = condition.field == "id" or condition.field in self.part.indexes
        return indexed and None not in condition.equals

    def fits(self, record: Record) -> bool:
        return all(one.test(field_of(record, one.field)) for one in self.rest)

    def sequences(self) -> Any:
        """The sequences of all records that meet every condition; only where all can be counted."""
        parts = [run.between(start, end) for run, start, end in self.windows().values()]
        parts += [self.sequences_of(one) for one in self.filters if one.equals is not None]
        first, *others = parts
        for one in others:
            first = first & one
        return first

    def windows(self) -> dict[str, tuple[Run, int, int]]:
        """For each field with bounds, the places of its order that lie within all of them."""
        found: dict[str, tuple[Run, int, int]] = {}
        for condition in self.filters:
            if condition.equals is not None:
                continue
            run = self.part.order(condition.field)
            start, end = bounds(run, condition)
            _, first, last = found.get(condition.field, (run, 0, len(run.keys)))
            start = max(first, start)
            found[condition.field] = (run, start, max(start, min(last, end)))
        return found

    def few(self) -> list[Record] | None:
        """All that fit, where the bounds of one field leave only a few."""
        for field, (run, start, end) in self.windows().items():
            if end - start <= FEW:
                others = [one for one in self.filters if one.field != field or one.equals]
                found = [self.part.records[key[2]] for key in run.keys[start:end]]
                return [
                    record
                    for record in found
                    if all(one.test(field_of(record, one.field)) for one in others)
                ]
        return None

    def sequences_of(self, condition: Filter) -> Any:
        part = self.part
        values = dict.fromkeys(condition.equals or ())
        if condition.field == "id":
            found = [part.records[one] for one in values if one in part.records]
            return bitmap([record.sequence for record in found])
        return united([part.sequences(condition.field, value) for value in values])


def find_page(
    part: Collection,
    search: Search,
    field: str | None,
    descending: bool,
    skip: int,
    limit: int,
    count: bool,
) -> Found:
    """A page in the collection's order, or in that of another field."""
    if field is None and not search.rest:
        keys, start, end = search.keys, search.start, search.end
        return cut(part, keys, start, end, descending, skip, limit)
    if field is not None and not search.filters:
        keys = part.order(field).keys
        return cut(part, keys, 0, len(keys), descending, skip, limit)
    if search.is_counted and search.end - search.start > FEW:
        few = search.few()
        if few is not None:
            return sorted_page(part, few, field, descending, skip, limit)
        page = None
        if field is None and not count and skip + limit < STEPS:
            page = seen_soon(part, search, descending, skip, limit)
        return page or counted_page(part, search, field, descending, skip, limit)
    records = (part.records[key[2]] for key in search.keys[search.start : search.end])
    if field is not None:
        matching = [record for record in records if search.fits(record)]
        return sorted_page(part, matching, field, descending, skip, limit)
    return tested_page(part, search, descending, skip, limit, count)


def cut(
    part: Collection,
    keys: Sequence[Key],
    start: int,
    end: int,
    descending: bool,
    skip: int,
    limit: int,
) -> Found:
    """The page where every key between two places counts."""
    if descending:
        last = max(end - skip, start)
        shown = keys[max(last - limit, start) : last][::-1]
    else:
        first = min(start + skip, end)
        shown = keys[first : min(first + limit, end)]
    total = end - start
    return Found([part.records[key[2]] for key in shown], skip + limit < total, total)


def seen_soon(
    part: Collection, search: Search, descending: bool, skip: int, limit: int
) -> Found | None:
    """The page, where looking at some records from the beginning on is enough to have it."""
    positions = range(search.start, search.end)
    found: list[Record] = []
    for position in islice(reversed(positions) if descending else positions, STEPS):
        record = part.records[search.keys[position][2]]
        if search.fits(record):
            found.append(record)
            if len(found) > skip + limit:
                return Found(found[skip:-1], True, None)
    return None


def tested_page(
    part: Collection, search: Search, descending: bool, skip: int, limit: int, count: bool
) -> Found:
    """The page where each record has to be looked at."""
    positions = range(search.start, search.end)
    walk = reversed(positions) if descending else positions
    records = (part.records[search.keys[position][2]] for position in walk)
    matching = (record for record in records if search.fits(record))
    skipped = sum(1 for _ in islice(matching, skip))
    page = list(islice(matching, limit))
    more = next(matching, None) is not None
    left = (1 + sum(1 for _ in matching)) if more and count else 0
    return Found(page, more, skipped + len(page) + left if count else None)


def counted_page(
    part: Collection,
    search: Search,
    field: str | None,
    descending: bool,
    skip: int,
    limit: int,
) -> Found:
    """The page where it is known how many of each block fit."""
    wanted = search.sequences()
    total = len(wanted)
    if total <= FEW:
        return sorted_page(part, part.named(wanted), field, descending, skip, limit)
    run = part.run if field is None else part.order(field)
    keys = run.iter_wanted(wanted, 0, len(run.keys), descending, skip)
    page = [part.records[key[2]] for key in islice(keys, limit)]
    return Found(page, skip + limit < total, total)


def sorted_page(
    part: Collection,
    matching: list[Record],
    field: str | None,
    descending: bool,
    skip: int,
    limit: int,
) -> Found:
    if field is None:
        matching.sort(key=part.key, reverse=descending)
    else:
        matching.sort(key=lambda record: ranked(record, field), reverse=descending)
    return Found(matching[skip : skip + limit], skip + limit < len(matching), len(matching))


def walk_from(part: Collection, search: Search, mark: Mark | None, back: bool) -> Iterator[Record]:
    """The records beyond a mark, nearest first, in the collection's order or `back` against it."""
    ascending = part.spec.descending == back
    wanted = None
    keys, start, end = search.keys, search.start, search.end
    if search.rest and search.is_counted and end - start > FEW:
        wanted = search.sequences()
        keys, start = part.run.keys, 0
        if len(wanted) <= FEW:
            keys = sorted(part.key(record) for record in part.named(wanted))
        end = len(keys)
    if mark is not None:
        place = (mark.value, mark.sequence)
        if ascending:
            start = max(start, bisect_right(keys, place, key=lambda key: key[:2]))
        else:
            end = min(end, bisect_left(keys, place, key=lambda key: key[:2]))
    if wanted is not None and keys is part.run.keys:
        for key in part.run.iter_wanted(wanted, start, end, not ascending):
            yield part.records[key[2]]
        return
    positions = range(start, end)
    for position in positions if ascending else reversed(positions):
        record = part.records[keys[position][2]]
        if wanted is not None or search.fits(record):
            yield record


def is_ranged(condition: Filter, spec: CollectionSpec) -> bool:
    """Whether the bounds of a filter are of the kind by which a collection is ordered."""
    given = [bound for bound in (condition.low, condition.high) if bound is not None]
    return (
        bool(given)
        and condition.field == spec.order
        and all(isinstance(value, str) == isinstance(spec.blank, str) for value, _ in given)
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
    if sum(map(len, lists)) > 4 * FEW:
        return None  # so many are counted, not sorted
    return sorted({key for keys in lists for key in keys})


def within(keys: Sequence[Key], condition: Filter) -> tuple[int, int]:
    """The places between which the first part of keys lies within a filter's bounds."""
    start, end = 0, len(keys)
    if condition.low is not None:
        value, inclusive = condition.low
        start = (bisect_left if inclusive else bisect_right)(keys, value, key=lambda key: key[0])
    if condition.high is not None:
        value, inclusive = condition.high
        end = (bisect_right if inclusive else bisect_left)(keys, value, key=lambda key: key[0])
    return start, max(start, end)


def bounds(run: Run, condition: Filter) -> tuple[int, int]:
    """The places of an order by any field between which values lie within a filter's bounds."""
    given = [bound for bound in (condition.low, condition.high) if bound is not None]
    kinds = {rank(value)[0] for value, _ in given}
    if len(kinds) > 1 or not kinds <= {"number", "text"}:
        return 0, 0  # nothing is beyond what is neither, or within bounds of both kinds
    (kind,) = kinds
    low, high = condition.low, condition.high
    first = (rank(low[0]), low[1]) if low is not None else ((kind,), True)
    last = (rank(high[0]), high[1]) if high is not None else ((f"{kind}~",), True)
    return within(run.keys, Filter(condition.field, condition.test, None, first, last))
