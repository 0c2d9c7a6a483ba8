"""Tenants: one world of records, clock and journal for each account; keys open them."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from mock_server.clock import Clock
from mock_server.ids import IdFactory
from mock_server.state.delivery import Delivery
from mock_server.state.store import Store

JOURNAL_LENGTH = 500
JOURNAL_BYTES = 16 * 1024 * 1024  # of bodies
HEAVY = 8 * 1024  # bytes; what is lighter has room in any case
TEST_PREFIX = "api_test_"
TENANT_LIMIT = 1_000
Dispatch = Callable[["Tenant", list[Delivery]], None]


@dataclass(frozen=True, slots=True)
class Planting:
    """A seed's records as they were put into a store, and what makes them come out the same again."""

    chance: str  # of ids that the seed leaves out
    instant: int
    store: Store


class Journal(deque[Any]):
    """The last entries: so many, and no more than their bodies have room for.

    An entry's `weight` is the bytes of its bodies; only heavy ones are worth a count of all.
    """

    def __init__(self) -> None:
        super().__init__(maxlen=JOURNAL_LENGTH)

    def append(self, entry: Any) -> None:
        deque.append(self, entry)
        if entry.weight > HEAVY:
            self.lighten()

    def lighten(self) -> None:
        left = sum(entry.weight for entry in tuple(self)) - JOURNAL_BYTES
        while left > 0 and len(self) > 1:
            left -= self.popleft().weight


class Tenant:
    """One isolated world."""

    planting: Planting

    __slots__ = (
        "base",
        "clock",
        "counts",
        "delivered",
        "deliveries",
        "dispatch",
        "faults",
        "gone",
        "host",
        "ids",
        "journal",
        "key",
        "limits",
        "name",
        "planting",
        "principals",
        "seed",
        "snapshots",
        "store",
        "tally",
    )

    def __init__(
        self, name: str, store: Store, clock: Clock, ids: IdFactory, seed: int = 0, key: str = ""
    ) -> None:
        self.name = name
        self.store = store
        self.clock = clock
        self.ids = ids
        self.seed = seed  # the number of the seed whose records it began with
        self.key = key  # that opened it; empty where its keys are those of its seed
        self.principals: dict[str, Mapping[str, Any]] = {}  # key -> record of who calls
        self.base = ""  # where its callers reach the API
        self.host = ""  # part of it
        self.journal = Journal()
        self.tally: dict[Any, list[Any]] = {}  # what requests were like, and how many
        self.counts: Counter[Any] = Counter()  # of what is told apart no longer, and of transitions
        self.faults: list[Any] = []  # what goes wrong on purpose
        self.limits: dict[tuple[str, str], Any] = {}  # (key, operation) -> its count of requests
        self.snapshots: dict[str, Any] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=JOURNAL_LENGTH)
        self.delivered = 0  # how many were made
        self.dispatch: Dispatch | None = None  # takes what is to be delivered
        self.gone = False  # it was dropped: nothing of it goes out any more


class Tenants:
    """Finds the tenant of a key; opens one for a key with the test prefix."""

    def __init__(
        self,
        open_seeded: Callable[[], list[Tenant]],
        open_fresh: Callable[[str], Tenant],
        renew: Callable[[Tenant], None],
        adopt: Callable[[Tenant], tuple[Tenant, list[str]]],
        prefix: str = TEST_PREFIX,
        limit: int = TENANT_LIMIT,
    ) -> None:
        self.open_seeded = open_seeded
        self.open_fresh = open_fresh
        self.renew = renew  # gives a tenant the records of its seed again
        self.adopt = adopt  # carries a tenant over from another document
        self.prefix = prefix
        self.limit = limit
        self.lock = Lock()
        self.fresh: OrderedDict[str, Tenant] = OrderedDict()
        self.seeded = open_seeded()
        self.keys = {key: tenant for tenant in self.seeded for key in tenant.principals}

    @property
    def default_key(self) -> str:
        """A key that works: the first of the seed."""
        return next(iter(self.keys), f"{self.prefix}key")

    @property
    def default(self) -> Tenant:
        """Whose world it is where nobody says."""
        found = self.find(self.default_key)
        assert found is not None  # it opens where it is not there yet
        return found

    def find(self, key: str) -> Tenant | None:
        """The tenant of a key, or None where the key is unknown."""
        tenant = self.keys.get(key)
        if tenant is not None:
            return tenant
        if not key.startswith(self.prefix) or len(key) > 200:
            return None
        with self.lock:
            tenant = self.fresh.get(key)
            if tenant is None:
                tenant = self.fresh[key] = self.open_fresh(key)
                if len(self.fresh) > self.limit:
                    self.fresh.popitem(last=False)[1].gone = True
            else:
                self.fresh.move_to_end(key)
            return tenant

    def drop(self, key: str) -> bool:
        """Drops the tenant that a key has opened; tenants of seeds stay."""
        with self.lock:
            tenant = self.fresh.pop(key, None)
            if tenant is not None:
                tenant.gone = True
            return tenant is not None

    def take_over(self, other: Tenants) -> tuple[dict[int, Tenant], list[str]]:
        """Goes on where the tenants of another document were.

        Returns who follows whom, by the id() of the old one, and what was dropped, a line each.
        """
        heirs: dict[int, Tenant] = {}
        dropped: list[str] = []
        for number, old in enumerate(other.seeded[: len(self.seeded)]):
            self.seeded[number] = heirs[id(old)] = self.carried(old, dropped)
        self.keys = {key: tenant for tenant in self.seeded for key in tenant.principals}
        for key, old in other.fresh.items():
            if key not in self.keys:
                self.fresh[key] = heirs[id(old)] = self.carried(old, dropped)
        return heirs, dropped

    def carried(self, old: Tenant, dropped: list[str]) -> Tenant:
        tenant, lines = self.adopt(old)
        dropped += [f"{old.name}: {line}" for line in lines]
        return tenant

    def now(self) -> int:
        """The instant for what belongs to no tenant."""
        return self.seeded[0].clock.now() if self.seeded else Clock().now()

    def real_now(self) -> int:
        """The time that no clock of a tenant has moved."""
        return self.seeded[0].clock.source() if self.seeded else Clock().source()

    def iter_tenants(self) -> list[Tenant]:
        """Every open tenant."""
        with self.lock:
            return [*self.seeded, *self.fresh.values()]
