"""Deliveries to subscribers: in order for each, by the tenant's clock, never in a request's way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from threading import Condition, Thread
from typing import Any

from mock_server.clock import SECOND, format_instant
from mock_server.errors import BlockedError
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import settle
from mock_server.pipeline.write import write
from mock_server.rules.subscription import PreparedSubscription, pause_after
from mock_server.rules.values import Context
from mock_server.state.delivery import Attempt, Delivery
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant

WORKERS = 8  # subscribers that are served at the same time
Send = Callable[[str, bytes, Mapping[str, str], bool], int]
Key = tuple[int, str]  # tenant, id of the subscription

logger = logging.getLogger("mock_server")


class Round:
    """The deliveries of one subscriber that are not done yet, oldest first."""

    __slots__ = ("busy", "tenant", "waiting")

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.waiting: deque[Delivery] = deque()
        self.busy = False


class Courier:
    """Takes deliveries and sees to them in threads of its own, which begin with the first one."""

    def __init__(self, plan: Plan, send: Send) -> None:
        self.plan = plan
        self.send = send
        self.changed = Condition()
        self.rounds: dict[Key, Round] = {}
        self.tenants: dict[int, Tenant] = {}  # with subscribers, whose time has to be kept
        self.jobs: SimpleQueue[Round] = SimpleQueue()
        self.running = False

    def take(self, tenant: Tenant, deliveries: list[Delivery]) -> None:
        """Sees to deliveries from now on, and to what time brings in this tenant."""
        with self.changed:
            tenant.clock.moved = self.wake
            self.tenants[id(tenant)] = tenant
            for delivery in deliveries:
                key = id(tenant), delivery.subscription
                self.rounds.setdefault(key, Round(tenant)).waiting.append(delivery)
            self.start()
            self.changed.notify_all()

    def release(self) -> list[tuple[Tenant, list[Delivery]]]:
        """Gives up all that is not on its way; another courier takes it."""
        with self.changed:
            rest: list[tuple[Tenant, list[Delivery]]]
            rest = [(one, []) for one in self.tenants.values()]
            rest += [(r.tenant, list(r.waiting)[r.busy :]) for r in self.rounds.values()]
            self.rounds.clear()
            self.tenants.clear()
            return rest

    def wake(self) -> None:
        """Looks again at what is due: a clock was moved."""
        with self.changed:
            self.changed.notify_all()

    def is_quiet(self) -> bool:
        """Whether nothing is on its way or due; `changed` is held."""
        return not any(
            one.busy or (one.waiting and one.waiting[0].due <= one.tenant.clock.now())
            for one in self.rounds.values()
        )

    def wait_until_quiet(self, seconds: float) -> bool:
        """Waits until all that is due was tried; False where that takes longer."""
        with self.changed:
            return self.changed.wait_for(self.is_quiet, seconds)

    def start(self) -> None:
        if self.running:
            return
        self.running = True
        Thread(target=self.keep_time, name="courier", daemon=True).start()
        for number in range(WORKERS):
            Thread(target=self.work, name=f"courier-{number + 1}", daemon=True).start()

    def keep_time(self) -> None:
        """Gives work out when it is due, and lets time pass in tenants that nobody asks anything."""
        while True:
            for tenant in self.overdue():
                self.let_pass(tenant)
            with self.changed:
                self.hand_out()
                if not self.overdue():
                    self.changed.wait(self.patience())

    def overdue(self) -> list[Tenant]:
        """The tenants in which something is due that nobody has settled yet."""
        with self.changed:
            self.tenants = {name: one for name, one in self.tenants.items() if not one.gone}
            return [one for one in self.tenants.values() if is_overdue(one)]

    def let_pass(self, tenant: Tenant) -> None:
        try:
            with tenant.store.transaction():
                settle(self.plan, tenant, tenant.clock.now())
        except Exception:
            logger.exception("what was due failed inside the server")
            with self.changed:
                self.tenants.pop(id(tenant), None)

    def hand_out(self) -> None:
        for key, round_ in list(self.rounds.items()):
            if round_.busy:
                continue
            if not round_.waiting:
                del self.rounds[key]
            elif round_.waiting[0].due <= round_.tenant.clock.now():
                round_.busy = True
                self.jobs.put(round_)

    def patience(self) -> float | None:
        """Seconds until something is due; None where nothing will be before a clock is moved."""
        dues = [(r.tenant, r.waiting[0].due) for r in self.rounds.values() if not r.busy]
        for tenant in self.tenants.values():
            due = tenant.store.first_due()
            if due is not None:
                dues.append((tenant, due))
        waits = [
            max(0, due - tenant.clock.now()) / SECOND
            for tenant, due in dues
            if tenant.clock.frozen is None
        ]
        return min(waits, default=None)

    def work(self) -> None:
        while True:
            round_ = self.jobs.get()
            try:
                self.attempt(round_)
            except Exception:
                logger.exception("a delivery failed inside the server")
                round_.waiting.popleft().state = "failed"
            with self.changed:
                round_.busy = False
                self.changed.notify_all()

    def attempt(self, round_: Round) -> None:
        """Tries the oldest delivery of a subscriber once."""
        tenant, delivery = round_.tenant, round_.waiting[0]
        prepared = self.plan.subscriptions[delivery.resource]
        with tenant.store.transaction():
            now = tenant.clock.now()
            record = tenant.store.get(prepared.collection, delivery.subscription)
            if tenant.gone or record is None or not prepared.holds(record.data):
                return drop(round_)
            context = Context(tenant.store, tenant.ids, format_instant(now), record.data)
            headers = prepared.headers_for(context, record, delivery.body)
            delivery.url = str(record.data[prepared.subscription.url])
        verify = record.data.get(prepared.subscription.verify or "") is not False
        headers = {"Content-Type": "application/json", **headers}
        try:
            tried = Attempt(now, self.send(delivery.url, delivery.body, headers, verify))
        except BlockedError as error:
            tried = Attempt(now, None, str(error))
            delivery.state = "blocked"
        except OSError as error:
            tried = Attempt(now, None, str(error) or type(error).__name__)
        with self.changed:
            delivery.attempts.append(tried)
            if tried.succeeded:
                delivery.state = "delivered"
            if delivery.state != "waiting":
                round_.waiting.popleft()
                return None
        return self.put_off(round_, delivery, prepared, now)

    def put_off(
        self, round_: Round, delivery: Delivery, prepared: PreparedSubscription, now: int
    ) -> None:
        """Has it tried again later, or gives it up with its subscriber."""
        retry = prepared.retry
        pause = round(pause_after(retry, len(delivery.attempts)) * SECOND)
        if now + pause <= delivery.made + retry.limit * SECOND:
            delivery.due = now + pause
            return
        delivery.state = "failed"
        give_up(self.plan, round_.tenant, prepared, delivery)
        drop(round_)


def is_overdue(tenant: Tenant) -> bool:
    due = tenant.store.first_due()
    return due is not None and due <= tenant.clock.now()


def drop(round_: Round) -> None:
    """What nobody wants any more is not delivered."""
    while round_.waiting:
        delivery = round_.waiting.popleft()
        if delivery.state == "waiting":
            delivery.state = "dropped"


def give_up(plan: Plan, tenant: Tenant, prepared: PreparedSubscription, delivery: Delivery) -> None:
    """Changes the subscriber as the document says of one that cannot be reached."""
    changes: Mapping[str, Any] = prepared.subscription.gives_up
    prototype = plan.prototypes[delivery.resource]
    with tenant.store.transaction():
        stored: Record | None = tenant.store.get(prepared.collection, delivery.subscription)
        if stored is None or not changes:
            return
        now = tenant.clock.now()
        context = Context(tenant.store, tenant.ids, format_instant(now), {})
        write(context, prototype, stored, prototype.change(context, stored, changes, now))
