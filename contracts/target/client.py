"""Requests by operation, their exchanges, and the one way to the target that all of them take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from threading import Lock
from typing import TYPE_CHECKING, Any

from contracts.errors import CouldNotRunError, EndedError, LostError, WithheldError
from contracts.moments import format_moment, parse_moment
from contracts.settings import Keys, Tally, Tell, Timepiece
from contracts.target.clock import CONTROL, Clock, RealClock
from contracts.target.companions import beside_of
from contracts.target.creations import Creations, Entry
from contracts.target.limits import pause_of, spent_pause
from contracts.target.pace import Pace
from contracts.target.safety import Guard
from contracts.target.secrets import redact_bytes
from contracts.target.shown import created_key, record_in
from contracts.target.signing import sign
from contracts.target.system import SAFE, Transport
from contracts.target.wire import (
    ABSENT,
    BEARER,
    KEY,
    OTHER,
    OUTAGE,
    Absent,
    Answer,
    Exchange,
    Request,
    Transfer,
    authorization,
    encode,
    fill_path,
    parse_json,
    to_query,
)
from mock_server.spec.model import Document, Operation

if TYPE_CHECKING:
    from contracts.target.cleaning import Left

TRIES_WHEN_LIMITED = 6
LONGEST_PAUSE = 120.0  # a limit that asks for more ends the run
LONGEST_HOLD = 10.0  # before a limit that is not yet reached
ENOUGH_OUTAGES = 3  # in a row
RESTORED = 3  # times that a clock is put back, until that comes through
MOST_LOST, SHARE_LOST = 20, 0.1  # answers that may be lost: so many, or that share of all


class Client:
    """Speaks to one target with one set of keys; everything passes the guard."""

    def __init__(
        self,
        document: Document,
        transport: Transport,
        guard: Guard,
        keys: Keys,
        timepiece: Timepiece,
        pace: Pace | None = None,
        creations: Creations | None = None,
        tell: Tell = lambda text: None,
    ) -> None:
        self.document = document
        self.transport = transport
        self.guard = guard
        self.keys = keys
        self.timepiece = timepiece
        self.pace = pace or Pace(timepiece)
        self.creations = creations or Creations()
        self.tell = tell
        self.clock: Clock = RealClock(Timepiece(timepiece.now, self.pace.sleep))
        self.root = document.base_path
        self.scheme = "basic"
        self.withheld: Counter[str] = Counter()
        self.tally = Tally()
        self.outages = 0
        self.lost = 0  # answers that never came
        self.latest: datetime | None = (
            None  # when the latest record was made, by the target's clock
        )
        self.left: list[Left] = []
        self.listeners: list[Callable[[Transfer], None]] = []
        self.telling = Lock()
        guard.fetch = self.look

    @property
    def root(self) -> str:
        """The path below which the document's paths begin."""
        return self.guard.root

    @root.setter
    def root(self, path: str) -> None:
        self.guard.root = path

    @property
    def count(self) -> int:
        """How many requests have gone out."""
        return self.pace.count

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = ABSENT,
        credentials: str = KEY,
    ) -> Exchange:
        """One request of an operation; raises WithheldError where safety keeps it back."""
        return self.send(
            Request(
                operation.operation_id,
                operation.method,
                fill_path(operation.path_template, path or {}),
                to_query(query or {}),
                body,
                credentials,
            )
        )

    def send(self, request: Request) -> Exchange:
        content = encode(request.body)
        headers, target = self.signed(request.target, request.credentials)
        if not isinstance(request.body, Absent):
            headers["Content-Type"] = "application/json"
        sent = self.clock.now()
        answer = self.send_raw(request.method, target, headers, content)
        return Exchange(request, answer, sent, self.clock.now())

    def look(self, target: str, headers: Mapping[str, str]) -> Answer:
        """A reading signed as a request is; where that may not read, with the run's own key."""
        answer = self.carry("GET", target, headers, None)
        if answer.status not in (401, 403):
            return answer
        own, target = self.signed(target, KEY)
        return self.carry("GET", target, own, None)

    def signed(self, target: str, credentials: str) -> tuple[dict[str, str], str]:
        """Headers of a request, and its target, with the credentials where they belong."""
        headers = {"Accept": "application/json"}
        allowed = authorization(credentials, self.keys, self.scheme)
        if allowed is not None:
            headers["Authorization"] = allowed
        if self.document.wordless and credentials == KEY:
            return sign(self.document, self.keys, headers, target)
        return headers, target

    def may_send(self, method: str, path: str, content: bytes | None) -> bool:
        """Whether the key's own request would pass, below the base path."""
        headers = {
            "Authorization": authorization(KEY, self.keys, self.scheme) or "",
            "Content-Type": "application/json",
        }
        try:
            self.guard.check(method, f"{self.root}{path}", headers, content)
        except WithheldError:
            return False
        return True

    def send_raw(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        """As `carry`, below the base path."""
        return self.carry(method, f"{self.root}{path}", headers, content)

    def control(self, path: str, body: Any) -> Answer:
        """A request to the control API of a stub."""
        headers = {
            "Authorization": authorization(KEY, self.keys, self.scheme) or "",
            "Content-Type": "application/json",
        }
        return self.carry("POST", f"{CONTROL}/{path}", headers, encode(body))

    def carry(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        """The only way to the transport: guarded, paced, written down; `target` is whole.

        Raises WithheldError for what may not go out, EndedError when the run is over.
        """
        try:
            leaving = self.guard.check(method, target, headers, content)
        except WithheldError as error:
            self.withheld[str(error)] += 1
            raise
        if leaving is not None:
            self.tally.leaving[", ".join(sorted(leaving)) or "nobody it names"] += 1
        for _ in range(TRIES_WHEN_LIMITED):
            self.pace.take()
            answer = self.perform(method, target, headers, content)
            if answer.status != 429:
                self.heed(answer, target, headers)
                return answer
            self.wait_out(answer)
        raise self.pace.end("the target's rate limit lets nothing through any more", lost=True)

    def perform(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        operation, entry = self.operation_at(method, target), None
        try:
            self.tally.operations[operation.operation_id if operation else "other"] += 1
            if operation is not None and operation.does == "create":
                entry = self.intend(operation, headers, content)
            sent = self.clock.now()
            answer = cover(
                self.transport.send(method, target, headers, content), self.keys.secrets()
            )
            self.tell_listeners(method, target, headers, content, answer, sent)
            self.guard.learn(method, target, answer)
            if entry is not None and operation is not None:
                resource = self.document.resources[operation.resource]
                key = created_key(resource, operation, answer)
                if key is not None and not self.guard.is_own(resource.name, key):
                    key = None  # it was there before: the target has made none
                record = record_in(operation, answer)
                beside = beside_of(resource, operation, target, content, record)
                self.creations.settle(entry, answer, key, beside)
                if beside.moment:
                    self.latest = parse_moment(beside.moment)
                title = resource.title
                self.tally.created[title] += entry.record_id is not None
        except CouldNotRunError as error:
            if method in SAFE or not self.is_there():
                raise self.pace.end(str(error), lost=True) from None
            self.guard.forget(target)
            self.search(entry, operation, target, content)
            raise LostError(str(error)) from None
        if entry is not None and answer.status in OUTAGE:
            self.search(entry, operation, target, content)
        return answer

    def search(
        self, entry: Entry | None, operation: Operation | None, target: str, content: bytes | None
    ) -> None:
        """Looks whether a creation without an answer of its own has made something."""
        from contracts.target.lost import look_for  # which makes its requests with a client

        if entry is not None and operation is not None and not self.pace.cleaning:
            look_for(self, entry, operation, target, content, self.latest)

    def is_there(self) -> bool:
        """Whether the target answers at all, after an answer was lost; not for ever."""
        self.lost += 1
        if self.lost > max(MOST_LOST, self.count * SHARE_LOST):
            return False
        try:
            self.transport.send("GET", f"{self.root}/", {"Accept": "application/json"}, None)
        except CouldNotRunError:
            return False
        return True

    def tell_listeners(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
        answer: Answer,
        sent: float,
    ) -> None:
        path = target.removeprefix(self.root)
        transfer = Transfer(method, path, headers, content, answer, sent, self.clock.now())
        with self.telling:  # races send from several threads, and a file takes one line at a time
            for listen in self.listeners:
                listen(transfer)

    def operation_at(self, method: str, target: str) -> Operation | None:
        """The documented operation that a request is for."""
        found = [route.operations.get(method) for route, _ in self.guard.routes_at(target)]
        return next((one for one in found if one is not None), None)

    def intend(
        self, operation: Operation, headers: Mapping[str, str], content: bytes | None
    ) -> Entry:
        signed = next((v for name, v in headers.items() if name.lower() == "authorization"), "")
        whose = next(
            (
                name
                for name in (KEY, OTHER, BEARER)
                if authorization(name, self.keys, self.scheme) == signed
            ),
            KEY,
        )
        at = format_moment(self.timepiece.now())
        return self.creations.intend(operation.operation_id, whose, content, at)

    def wait_out(self, answer: Answer) -> None:
        """Waits as long as a rate limit asks; raises EndedError where that is out of proportion."""
        pause = pause_of(answer, self.timepiece.now())
        if pause > LONGEST_PAUSE:
            reason = f"the target's rate limit asks to wait {pause:.0f} s"
            raise self.pace.end(reason, lost=True)
        self.tell(f"the target's rate limit asks to wait {pause:.1f} s")
        self.pace.sleep(pause)

    def heed(self, answer: Answer, target: str, headers: Mapping[str, str]) -> None:
        """Slows down before a limit; ends the run where the target answers nothing else than 503."""
        pause = spent_pause(answer, self.timepiece.now())
        if 0 < pause <= LONGEST_HOLD:
            self.pace.hold(pause)
        self.outages = self.outages + 1 if answer.status in OUTAGE else 0
        if self.outages >= ENOUGH_OUTAGES and self.is_out():
            reason = f"{self.transport.origin} answers {answer.status} to everything"
            raise self.pace.end(reason, lost=True)

    def is_out(self) -> bool:
        """Whether even a plain list is refused, so that it is no matter of one request."""
        self.outages = 0
        listing = next(
            (o for o in self.document.operations.values() if o.does == "list"),
            None,
        )
        if listing is None:
            return True
        self.pace.sleep(1.0)
        headers = {"Authorization": authorization(KEY, self.keys, self.scheme) or ""}
        self.pace.take()
        path = f"{self.root}{listing.path_template}"
        return self.perform("GET", path, headers, None).status in OUTAGE

    def remover(self, operation: Operation) -> Operation | None:
        """The operation that deletes what another creates."""
        return next(
            (
                other
                for other in self.document.operations.values()
                if other.does == "delete"
                and other.resource == operation.resource
                and other.path_template.startswith(operation.path_template)
            ),
            None,
        )

    def clean_up(self) -> int:
        """Deletes everything created, newest first, and puts the clock back; how many stayed."""
        from contracts.target.cleaning import clean  # which makes its requests with a client

        self.left = clean(self)
        for _ in range(RESTORED):
            # A target that is gone has no clock either.
            with suppress(EndedError, LostError):
                self.clock.restore()
                break
        return len(self.left)


def cover(answer: Answer, secrets: tuple[str, ...]) -> Answer:
    """The answer without any secret that it repeats, so that none can be told on."""
    everything = b"\0".join((answer.content, *map(to_bytes, answer.headers.values())))
    if redact_bytes(everything, secrets) == everything:
        return answer
    content = redact_bytes(answer.content, secrets)
    headers = {
        name: redact_bytes(to_bytes(value), secrets).decode()
        for name, value in answer.headers.items()
    }
    if content == answer.content:
        return Answer(answer.status, headers, content, answer.body)
    return Answer(answer.status, headers, content, parse_json(content))


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def sibling(record_id: str) -> str:
    """An id of the same form, which hardly any record has: the last letter or digit is another."""
    kinds = ("0123456789", "abcdef", "ABCDEF", ascii_lowercase, ascii_uppercase)
    letters = next((one for one in kinds if record_id[-1:] in one), "zx")
    return record_id[:-1] + letters[letters.find(record_id[-1:]) - 1]


def path_of(operation: Operation, record_id: str) -> dict[str, str]:
    """The path values of an operation on one record: its last parameter is the id."""
    names = [p.name for p in operation.parameters if p.location == "path"]
    return dict.fromkeys(names[-1:], record_id)
