"""What a store can do: few verbs, each atomic within a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self


class Record:
    """A stored record; never changed in place, so that copies of a store may share it.

    `data` is what is returned, `hidden` what is stored only, `explicit` the fields that a client
    gave, `entered` the instant at which the lifecycle's state was entered, `due` the instant at
    which a timed transition fires.
    """

    __slots__ = ("data", "due", "entered", "explicit", "hidden", "sequence")

    def __init__(
        self,
        data: dict[str, Any],
        hidden: dict[str, Any],
        explicit: frozenset[str] = frozenset(),
        entered: int = 0,
        due: int | None = None,
        sequence: int = 0,
    ) -> None:
        self.data = data
        self.hidden = hidden
        self.explicit = explicit
        self.entered = entered
        self.due = due
        self.sequence = sequence

    @property
    def record_id(self) -> str:
        return str(self.data["id"])


class Keyed(Record):
    """A record that a value beside its data names: not every API shows an id, or a text as one.

    `above` are the records that were named above it when it was made.
    """

    __slots__ = ("above", "key")

    def __init__(
        self,
        key: str,
        data: dict[str, Any],
        hidden: dict[str, Any],
        above: Mapping[str, str],
        entered: int = 0,
        sequence: int = 0,
    ) -> None:
        super().__init__(data, hidden, frozenset(), entered, None, sequence)
        self.key = key
        self.above = above

    @property
    def record_id(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one field. `test` judges a value; `equals` lists values where an index serves;
    `low` and `high` are bounds (value, inclusive) where an order serves."""

    field: str
    test: Callable[[Any], bool]
    equals: tuple[Any, ...] | None = None
    low: tuple[Any, bool] | None = None
    high: tuple[Any, bool] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of records; `total` counts all that match, where it was asked for."""

    records: Sequence[Record]
    more: bool
    total: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a collection's order: beside a record, on the side towards the end or the start."""

    value: Any  # of the order's field
    sequence: int
    towards_start: bool = False


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """A page with the marks of those beside it; None where there is none."""

    records: Sequence[Record]
    next: Mark | None
    previous: Mark | None


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """How a collection is kept: its order, and the fields that are looked up by value.

    `blank` stands for the order's value in records that have none; it comes before all others.
    """

    name: str
    order: str
    descending: bool
    indexed: frozenset[str]
    blank: str | float = ""


class Store(Protocol):
    """One tenant's records; `writes` grows with every change of them."""

    writes: int

    def transaction(self) -> AbstractContextManager[None]:
        """One caller at a time, until it is left; left by an exception, nothing in it has been.

        Transactions may be nested: an inner one that fails undoes what happened in it.
        """

    def get(self, collection: str, record_id: str) -> Record | None: ...

    def find(self, collection: str, field: str, value: Any) -> Record | None:
        """The first record whose indexed field has this value."""

    def put(self, collection: str, record: Record) -> None:
        """Inserts a record or replaces the one with its id."""

    def delete(self, collection: str, record_id: str) -> bool: ...

    def select(
        self,
        collection: str,
        filters: Sequence[Filter],
        skip: int,
        limit: int,
        order: tuple[str, bool] | None = None,
        count: bool = False,
    ) -> Found:
        """A page in the collection's order, or in that of (field, descending)."""

    def next_due(self, now: int) -> tuple[str, Record] | None:
        """The record whose timed transition is due first, if one is due by now; a look, no change."""

    def note(self, change: Any) -> None:
        """Keeps what has happened until it is told."""

    def take_notes(self) -> list[Any]:
        """What has happened and is not told yet, in order; it is taken as told."""

    def iter_notes(self) -> Iterator[Any]:
        """The same, and it stays."""

    def page_at(
        self, collection: str, filters: Sequence[Filter], mark: Mark | None, limit: int
    ) -> MarkedPage:
        """A page in the collection's order that begins, or ends, at a mark."""

    def has_records(self, collection: str) -> bool: ...

    def first_due(self) -> int | None:
        """The instant at which the next timed transition fires, as far as is known."""

    def collections(self) -> Mapping[str, int]:
        """How many records each collection holds."""

    def iter_records(self, collection: str) -> Iterator[Record]: ...

    def copy(self) -> Self:
        """A store with the same records; neither sees what the other changes. Cheap at any size."""

    def restore(self, other: Self) -> None:
        """Holds what the other holds from now on, as a copy of it would."""
