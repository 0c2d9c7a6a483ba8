"""The store behaves as a plain list of records would."""

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mock_server.state.memory import MemoryStore
from mock_server.state.store import CollectionSpec, Filter, Record

IDS = [f"id_{number}" for number in range(8)]
ids = st.sampled_from(IDS)
dates = st.sampled_from(["2030-01-01", "2030-01-02", "2030-01-03", None])
colours = st.sampled_from(["red", "green", None])
SPEC = CollectionSpec("things", "date", True, frozenset({"colour"}))


sizes = st.none() | st.integers(0, 5) | st.floats(0, 5)


def bounded(field: str, low: Any, high: Any, at_low: bool, at_high: bool) -> list[Filter]:
    """The filters of a pair of bounds, None for one that is not there."""

    def beyond(held: Any) -> bool:
        return held is not None and (held >= low if at_low else held > low)

    def below(held: Any) -> bool:
        return held is not None and (held <= high if at_high else held < high)

    found = [] if low is None else [Filter(field, beyond, low=(low, at_low))]
    return found if high is None else [*found, Filter(field, below, high=(high, at_high))]


class StoreMachine(RuleBasedStateMachine):
    """Runs the memory store beside a model: records in a mapping, in order of insertion."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore([SPEC])
        self.model: dict[str, dict[str, Any]] = {}
        self.inserted: dict[str, int] = {}
        self.count = 0
        self.due: dict[str, int | None] = {}
        self.kept: Any = None

    @rule(
        record_id=ids, date=dates, colour=colours, size=sizes, due=st.none() | st.integers(0, 100)
    )
    def put(
        self, record_id: str, date: str | None, colour: str | None, size: Any, due: int | None
    ) -> None:
        data = {"id": record_id, "date": date, "colour": colour, "size": size}
        self.store.put("things", Record(data, {}, due=due))
        if record_id not in self.model:
            self.count += 1
            self.inserted[record_id] = self.count
        self.model[record_id] = data
        self.due[record_id] = due

    @rule(record_id=ids)
    def delete(self, record_id: str) -> None:
        assert self.store.delete("things", record_id) == (record_id in self.model)
        self.model.pop(record_id, None)
        self.due.pop(record_id, None)

    @rule()
    def keep_a_copy(self) -> None:
        self.kept = (self.store.copy(), self.model.copy(), self.inserted.copy(), self.due.copy())

    @rule()
    def restore_the_copy(self) -> None:
        if self.kept is not None:
            store, model, inserted, due = self.kept
            self.store.restore(store)
            self.model, self.inserted, self.due = model.copy(), inserted.copy(), due.copy()

    @rule(now=st.integers(0, 100))
    def settle(self, now: int) -> None:
        fired = []
        while (due := self.store.next_due(now)) is not None:
            fired.append((due[1].due, due[1].record_id))
            again = Record(due[1].data, {}, due=None)
            self.store.put("things", again)
        expected = [(due, i) for i, due in self.due.items() if due is not None and due <= now]
        assert sorted(fired) == sorted(expected)
        assert [due for due, _ in fired] == sorted(due for due, _ in expected)
        self.due.update({record_id: None for _, record_id in fired})

    @rule(
        changes=st.lists(
            st.tuples(ids, dates, colours, st.none() | st.integers(0, 100))
            | st.tuples(ids)
            | st.integers(0, 100),
            max_size=5,
        ),
        inner=st.booleans(),
    )
    def fail(self, changes: list[Any], inner: bool) -> None:
        """A transaction that fails has not been; neither has one that an outer one survives."""
        with suppress(InterruptedError), self.store.transaction():
            if inner:
                with suppress(InterruptedError), self.store.transaction():
                    self.attempt(changes)
            else:
                self.attempt(changes)

    def attempt(self, changes: list[Any]) -> None:
        for change in changes:
            if isinstance(change, int):
                due = self.store.next_due(change)
                if due is not None:
                    self.store.put("things", Record({**due[1].data, "colour": "red"}, {}))
            elif len(change) == 1:
                self.store.delete("things", *change)
            else:
                record_id, date, colour, due = change
                data = {"id": record_id, "date": date, "colour": colour, "size": None}
                self.store.put("things", Record(data, {}, due=due))
        raise InterruptedError

    @rule(
        skip=st.integers(0, 9),
        limit=st.integers(0, 9),
        colour=colours,
        low=dates,
        high=dates,
        odd=st.booleans(),
    )
    def select(
        self,
        skip: int,
        limit: int,
        colour: str | None,
        low: str | None,
        high: str | None,
        odd: bool,
    ) -> None:
        filters = []
        if high is not None:
            filters.append(
                Filter("date", lambda held: held is not None and held < high, high=(high, False))
            )
        if colour is not None:
            filters.append(Filter("colour", lambda held: held == colour, (colour,)))
        if low is not None:
            filters.append(
                Filter("date", lambda held: held is not None and held >= low, low=(low, True))
            )
        if odd:
            filters.append(Filter("id", lambda held: held in IDS[::2]))
        found = self.store.select("things", filters, skip, limit, count=True)
        matching = [
            data
            for data in self.ordered()
            if self.fits(data, colour, low, high) and (not odd or data["id"] in IDS[::2])
        ]
        assert [record.data for record in found.records] == matching[skip : skip + limit]
        assert found.more == (skip + limit < len(matching))
        assert found.total == len(matching)

    @rule(
        skip=st.integers(0, 4),
        limit=st.integers(0, 4),
        chosen=st.none() | st.lists(st.sampled_from(["red", "green", "blue"]), max_size=3),
        kinds=st.none() | st.lists(ids, max_size=3),
        size=st.tuples(sizes, sizes, st.booleans(), st.booleans()),
        date=st.tuples(dates, dates, st.booleans(), st.booleans()),
        order=st.sampled_from([None, "date", "size", "colour"]),
        descending=st.booleans(),
        count=st.booleans(),
    )
    def select_by_many(
        self,
        skip: int,
        limit: int,
        chosen: list[str] | None,
        kinds: list[str] | None,
        size: Any,
        date: Any,
        order: str | None,
        descending: bool,
        count: bool,
    ) -> None:
        filters = self.many(chosen, kinds, size, date)
        by = None if order is None else (order, descending)
        found = self.store.select("things", filters, skip, limit, by, count)
        matching = [
            data
            for data in self.sorted_by(order or "date", order is None or descending)
            if all(one.test(data[one.field]) for one in filters)
        ]
        assert [record.data for record in found.records] == matching[skip : skip + limit]
        assert found.more == (skip + limit < len(matching))
        assert found.total == len(matching) or (found.total is None and not count)

    def many(
        self, chosen: list[str] | None, kinds: list[str] | None, size: Any, date: Any
    ) -> list[Filter]:
        filters = [*bounded("size", *size), *bounded("date", *date)]
        if chosen is not None:
            filters.append(Filter("colour", lambda held: held in chosen, tuple(chosen)))
        if kinds is not None:
            filters.append(Filter("id", lambda held: held in kinds, tuple(kinds)))
        return filters

    def sorted_by(self, field: str, descending: bool) -> list[dict[str, Any]]:
        def key(record_id: str) -> Any:
            value = self.model[record_id].get(field)
            return (value is not None, "" if value is None else value, self.inserted[record_id])

        return [self.model[one] for one in sorted(self.model, key=key, reverse=descending)]

    @rule(
        limit=st.integers(1, 3),
        chosen=st.none() | st.lists(st.sampled_from(["red", "green"]), max_size=2),
        size=st.tuples(sizes, sizes, st.booleans(), st.booleans()),
    )
    def pages_beside_each_other(self, limit: int, chosen: list[str] | None, size: Any) -> None:
        """Marks lead through all that fits, forth and back."""
        filters = self.many(chosen, None, size, (None, None, False, False))
        matching = [
            data for data in self.ordered() if all(one.test(data[one.field]) for one in filters)
        ]
        page = self.store.page_at("things", filters, None, limit)
        forth, pages = list(page.records), [page]
        while page.next is not None:
            page = self.store.page_at("things", filters, page.next, limit)
            forth += page.records
            pages.append(page)
        assert [record.data for record in forth] == matching
        back = list(page.records)
        while page.previous is not None:
            page = self.store.page_at("things", filters, page.previous, limit)
            back = [*page.records, *back]
        assert [record.data for record in back] == matching

    def fits(
        self, data: dict[str, Any], colour: str | None, low: str | None, high: str | None
    ) -> bool:
        date = data["date"]
        if (colour is not None and data["colour"] != colour) or (
            date is None and (low, high) != (None, None)
        ):
            return False
        return (low is None or date >= low) and (high is None or date < high)

    def ordered(self) -> list[dict[str, Any]]:
        key = {i: (data["date"] or "", self.inserted[i]) for i, data in self.model.items()}
        return [self.model[i] for i in sorted(self.model, key=lambda i: key[i], reverse=True)]

    @invariant()
    def finds_by_value(self) -> None:
        for colour in ("red", "green"):
            found = self.store.find("things", "colour", colour)
            matching = [i for i, data in self.model.items() if data["colour"] == colour]
            assert (found is None) == (not matching)
            assert found is None or found.record_id in matching

    @invariant()
    def holds_what_was_put(self) -> None:
        assert self.store.collections()["things"] == len(self.model)
        for record_id in IDS:
            record = self.store.get("things", record_id)
            assert (None if record is None else record.data) == self.model.get(record_id)

    @invariant()
    def leaves_the_copy_alone(self) -> None:
        if self.kept is not None:
            held = {record.record_id: record.data for record in self.kept[0].iter_records("things")}
            assert held == self.kept[1]


class CountingMachine(StoreMachine):
    """The same with blocks of two keys, so that a few records are as many."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("mock_server.state.memory.FEW", 1)
        self.patch.setattr("mock_server.state.memory.STEPS", 3)
        self.patch.setattr("mock_server.state.runs.BLOCK", 2)
        super().__init__()

    def teardown(self) -> None:
        self.patch.undo()


TestStore = StoreMachine.TestCase
TestCountingStore = CountingMachine.TestCase


numbers = st.none() | st.integers(-5, 5) | st.floats(-5, 5)


@given(st.lists(numbers, max_size=12), st.none() | st.integers(-5, 5), st.booleans())
def test_an_order_by_numbers_is_one(held: list[Any], high: int | None, descending: bool) -> None:
    spec = CollectionSpec("things", "size", descending, frozenset(), float("-inf"))
    store = MemoryStore([spec])
    for number, size in enumerate(held):
        store.put("things", Record({"id": str(number), "size": size}, {}))
    filters = []
    if high is not None:
        filters = [
            Filter("size", lambda size: size is not None and size < high, high=(high, False))
        ]
    found = store.select("things", filters, 0, 99, count=True)
    sizes = [record.data["size"] for record in found.records]
    expected = [size for size in held if high is None or (size is not None and size < high)]
    expected.sort(key=lambda size: float("-inf") if size is None else size, reverse=descending)
    assert sizes == expected
    assert found.total == len(expected)


def test_a_bound_of_another_kind_is_tested_record_by_record() -> None:
    store = MemoryStore([CollectionSpec("things", "size", False, frozenset(), float("-inf"))])
    store.put("things", Record({"id": "a", "size": 1}, {}))
    never = Filter("size", lambda size: False, low=("text", True))
    assert store.select("things", [never], 0, 9).records == []


def test_transactions_of_several_threads_happen_one_after_the_other() -> None:
    """Threads move units between accounts, and fail half-way now and then: no unit is ever lost."""
    store = MemoryStore([CollectionSpec("accounts", "units", True, frozenset({"units"}), -1.0)])
    names = [f"account_{number}" for number in range(5)]
    for name in names:
        store.put("accounts", Record({"id": name, "units": 100}, {}, due=0))
    sums: list[int] = []
    moved: list[int] = []
    start = Barrier(8)

    def move(seed: int) -> None:
        start.wait()
        for step in range(150):
            source, target = names[(seed + step) % 5], names[(seed * 3 + step * 2 + 1) % 5]
            with suppress(InterruptedError), store.transaction():
                transfer(source, target, (seed + step) % 3 == 0)
                moved.append(1)
            with store.transaction():
                found = store.select("accounts", [], 0, 9).records
                sums.append(sum(record.data["units"] for record in found))

    def transfer(source: str, target: str, fails: bool) -> None:
        for name, units in ((source, -1), (target, 1)):
            record = store.get("accounts", name)
            assert record is not None
            data = {**record.data, "units": record.data["units"] + units}
            store.put("accounts", Record(data, {}, due=record.due))
            if fails:
                raise InterruptedError

    threads = [Thread(target=move, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(sums) == {500}
    assert len(moved) == 8 * 100
    assert store.undo == []
    assert store.marks == []


def test_due_times_that_count_no_longer_are_forgotten() -> None:
    store = MemoryStore([SPEC])
    for number in range(10_000):
        due = None if number % 2 else 10**15 + number
        store.put("things", Record({"id": "a", "date": None, "colour": None}, {}, due=due))
    assert len(store.heap) < 2_000
    assert store.next_due(10**16) is None


def test_notes_of_a_transaction_that_fails_are_as_before_also_those_it_took() -> None:
    store = MemoryStore([SPEC])
    store.note("first")
    with suppress(InterruptedError), store.transaction():
        store.note("second")
        assert store.take_notes() == ["first", "second"]
        store.note("third")
        raise InterruptedError
    assert store.take_notes() == ["first"]
