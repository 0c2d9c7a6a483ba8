"""The last place before the socket: what may be sent to a target, whatever generated it.

Allowed is what is provably harmless; what cannot be read for certain is taken for the worst.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from contracts.errors import CouldNotRunError, WithheldError
from contracts.target.clock import CONTROL
from contracts.target.readings import (
    Reading,
    Weight,
    Words,
    has_plain_headers,
    has_plain_query,
    is_reading,
    read_body,
    read_segments,
)
from contracts.target.shown import created_key, key_of, record_in, records_of
from contracts.target.signing import placed
from contracts.target.wire import Answer, fill_path
from mock_server.spec.model import Constant, Document, Lifecycle, Operation, Resource
from mock_server.spec.schemas import keyword_of, properties_of

WRITE, SEND = "--allow write", "--allow send"
RECIPIENT = "--recipient with the number that it goes to"
PLAIN = "a plain request to an operation of the document"
OWN = "a record that the run has made itself"

Fetch = Callable[[str, Mapping[str, str]], Answer]


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the person who runs it allowed.

    `recipients` None means any address. `strict` is for targets beyond this machine: only such
    records are made as can be deleted again.
    """

    write: bool
    send: bool
    recipients: frozenset[str] | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the document, what is done there, and what is stored behind it."""

    pattern: re.Pattern[str]
    takes_id: bool
    resource: Resource
    operations: Mapping[str, Operation]  # by method
    read: Operation | None  # reads a record by its id
    can_delete: bool  # what is created there, by an operation just below
    words: Words
    defaults: frozenset[Any]  # states that a body without one is given
    makes_sending: bool  # a side effect makes a record from which something leaves

    @property
    def sends(self) -> bool:
        return bool(self.words.sending) or self.makes_sending

    def shown(self, method: str, answer: Answer) -> str | None:
        """The key of the record that an accepted answer shows, or says to have made."""
        operation = self.operations.get(method)
        if operation is not None and operation.does == "create":
            return created_key(self.resource, operation, answer)
        body = answer.body if operation is None else record_in(operation, answer)
        return key_of(self.resource, body) if answer.accepted else None

    def seen(self, answer: Answer) -> Iterator[tuple[str, str]]:
        """The records that a reading shows, by resource and key."""
        operation = self.operations.get("GET")
        if operation is None or not answer.accepted or operation.does not in ("list", "read"):
            return
        listed = records_of(self.resource, operation, answer.body)
        rows = [record_in(operation, answer)] if operation.does == "read" else listed
        for row in rows or ():
            key = key_of(self.resource, row)
            if key is not None:
                yield self.resource.name, key


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of a record before it is changed; `state` None means that it has none."""

    state: Any
    addresses: frozenset[str]


class Unread:
    """A record that could not be read: it may be in any state."""


MOST_PLACES = 1000
MISSING = Stored(None, frozenset())  # nothing is stored there
UNREAD = Unread()


class Guard:
    """Keeps back what would write or send without leave. It judges the bytes themselves.

    `root` is the path below which the document's paths begin; `fetch` reads a path of the target.
    """

    def __init__(self, document: Document, permissions: Permissions) -> None:
        self.permissions = permissions
        self.routes = build_routes(document)
        self.keyed = {place: frozenset(placed(document, place)) for place in ("header", "query")}
        self.has_cookie = bool(placed(document, "cookie"))
        self.root = document.base_path
        self.fetch: Fetch | None = None
        self.places: dict[tuple[str, str], list[tuple[Route, str]]] = {}  # paths seen before
        self.is_stub = False  # whether the target has a control API
        self.known: dict[tuple[str, str], Stored] = {}
        self.looked_up: dict[tuple[str, str], Stored | Unread] = {}
        self.own: set[tuple[str, str]] = set()
        self.foreign: set[tuple[str, str]] = set()  # seen before anything has made them

    def check(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None
    ) -> frozenset[str] | None:
        """Raises WithheldError for what must not go out; `target` is path and query from the origin.

        Returns the addresses that something is sent to, or None where nothing leaves the system.
        """
        query = target.partition("?")[2]
        routes = self.routes_at(target)
        if is_reading(method, query, headers, content) and not any(map(does_more, routes)):
            return None
        if not self.permissions.write:
            raise WithheldError(WRITE)
        if self.is_stub and is_control(target):
            return None
        leaving = None
        if not routes or not is_plain(routes, method, *self.unsigned(query, headers)):
            leaving = self.check_anything()
        for route, record_id in routes:
            found = self.check_route(route, record_id, method, headers, content)
            leaving = leaving if found is None else found | (leaving or frozenset())
        return leaving

    def unsigned(self, query: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """Query and headers without what only says who calls."""
        names = {name.lower() for name in self.keyed["header"]} | (
            {"cookie"} if self.has_cookie else set()
        )
        if self.keyed["query"]:
            parts = [
                p
                for p in query.split("&")
                if unquote(p.partition("=")[0]) not in self.keyed["query"]
            ]
            query = "&".join(parts)
        return query, {n: v for n, v in headers.items() if n.lower() not in names}

    def routes_at(self, target: str) -> list[tuple[Route, str]]:
        """The routes of a path, each with the id of the record that it names."""
        place = (self.root, target.partition("?")[0])
        found = self.places.get(place)
        if found is None:
            if len(self.places) >= MOST_PLACES:
                self.places.clear()
            segments = read_segments(target, self.root)
            path = "/" + "/".join(segments or ("",))
            found = self.places[place] = [
                (route, segments[-1] if segments and route.takes_id else "")
                for route in self.routes
                if segments is not None and route.pattern.fullmatch(path)
            ]
        return found

    def check_anything(self) -> frozenset[str] | None:
        """A request of which a server could make anything."""
        if self.permissions.strict:
            raise WithheldError(PLAIN)
        if not any(route.sends for route in self.routes):
            return None
        self.demand_leave()
        if self.permissions.recipients is not None:
            raise WithheldError(RECIPIENT)
        return frozenset()

    def demand_leave(self) -> None:
        if not self.permissions.send:
            raise WithheldError(SEND)

    def check_route(
        self,
        route: Route,
        record_id: str,
        method: str,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> frozenset[str] | None:
        stored: Stored | Unread = MISSING
        is_own = (route.resource.name, record_id) in self.own
        if route.takes_id and (route.sends or not is_own):
            stored = self.stored(route, record_id, headers)
            if stored is not MISSING and not is_own:
                raise WithheldError(OWN)
        if self.permissions.strict:
            self.check_strictly(route, method)
        if method == "DELETE" or not route.sends:
            return None
        reading = read_body(content, headers, route.words)
        if not self.could_send(route, stored, reading):
            return None
        self.demand_leave()
        allowed = self.permissions.recipients
        if allowed is None:
            return named_in(stored, reading)
        if route.takes_id:  # an earlier answer may not have told what is stored
            stored = self.look_up(route, record_id, headers)
        named = named_in(stored, reading)
        unread = isinstance(stored, Unread) or reading.addresses is None
        if unread or not named or not named <= allowed:
            raise WithheldError(RECIPIENT)
        return named

    def check_strictly(self, route: Route, method: str) -> None:
        if method not in route.operations:
            raise WithheldError(PLAIN)
        if not route.takes_id and not route.can_delete:
            raise WithheldError(f"an operation beside it that deletes a {route.resource.title}")

    # Sending

    def could_send(self, route: Route, stored: Stored | Unread, reading: Reading) -> bool:
        """Whether something could leave the system, now or when time has passed."""
        if route.makes_sending or reading.weight is Weight.SENDING:
            return True
        if isinstance(stored, Unread) or stored.state in route.words.sending:
            return not reading.only_state
        if reading.weight is Weight.CALM:
            return False
        is_new = stored is MISSING
        if is_new and bool(route.defaults & route.words.sending):
            return True
        if reading.weight is Weight.ABSENT and not is_new:
            return False
        # The server decides which state it is. Beyond this machine that is left to none.
        return self.permissions.strict and (
            reading.addresses != frozenset() or reading.refers or bool(stored.addresses)
        )

    # What is stored

    def stored(self, route: Route, record_id: str, headers: Mapping[str, str]) -> Stored | Unread:
        """The record as it was last seen, read from the target where it never was."""
        key = (route.resource.name, record_id)
        seen = self.known.get(key) or self.looked_up.get(key)
        if seen is None:
            seen = self.looked_up[key] = self.look_up(route, record_id, headers)
        return seen

    def look_up(self, route: Route, record_id: str, headers: Mapping[str, str]) -> Stored | Unread:
        if route.read is None or self.fetch is None:
            return UNREAD
        signs = {"authorization", *map(str.lower, self.keyed["header"])}
        signs |= {"cookie"} if self.has_cookie else set()
        given = {n: v for n, v in headers.items() if n.lower() in signs}
        path = fill_path(route.read.path_template, dict.fromkeys(path_names(route.read), record_id))
        try:
            answer = self.fetch(f"{self.root}{path}", {"Accept": "application/json"} | given)
        except CouldNotRunError:
            return UNREAD
        if answer.status in (404, 410):
            return MISSING
        seen = read_record(route, answer)
        return UNREAD if seen is None else seen

    def learn(self, method: str, target: str, answer: Answer) -> None:
        """Remembers what an answer tells: which records there are, in which state, and whose."""
        changes = method not in ("GET", "HEAD", "OPTIONS")
        if changes:
            self.looked_up.clear()
        for route, record_id in self.routes_at(target):
            shown = route.shown(method, answer)
            key = (route.resource.name, shown or record_id)
            if changes and route.takes_id:  # a refused change may have been made all the same
                self.known.pop((route.resource.name, record_id), None)
            if method == "POST" and not route.takes_id and shown is not None:
                # Who answers with a record that was there before has made none.
                if key not in self.foreign:
                    self.own.add(key)
            elif method == "GET":
                self.foreign.update(seen for seen in route.seen(answer) if seen not in self.own)
            seen = read_record(route, answer)
            if seen is not None:
                self.known[key] = seen

    def forget(self, target: str) -> None:
        """What is stored at a place may be another by now."""
        self.looked_up.clear()
        for route, record_id in self.routes_at(target):
            self.known.pop((route.resource.name, record_id), None)

    def adopt(self, resource: str, record_id: str) -> None:
        """A record that an earlier run has made, or that came with one."""
        self.own.add((resource, record_id))

    def is_own(self, resource: str, record_id: str) -> bool:
        return (resource, record_id) in self.own


def named_in(stored: Stored | Unread, reading: Reading) -> frozenset[str]:
    """Every address that is given or stored."""
    known = frozenset() if isinstance(stored, Unread) else stored.addresses
    return known | (reading.addresses or frozenset())


def is_control(target: str) -> bool:
    return re.fullmatch(re.escape(CONTROL) + r"/[\w-]+(/[\w-]+)?", target) is not None


def does_more(found: tuple[Route, str]) -> bool:
    """Whether even asking does something there."""
    operation = found[0].operations.get("GET")
    return operation is not None and (
        operation.does not in ("list", "read") or bool(operation.effects)
    )


def is_plain(
    routes: Iterable[tuple[Route, str]], method: str, query: str, headers: Mapping[str, str]
) -> bool:
    """Whether headers and query are such as an operation of the path documents."""
    operations = [one for route, _ in routes for one in route.operations.values()]
    documented = {
        place: frozenset(
            p.name.lower() if place == "header" else p.name
            for one in operations
            for p in one.parameters
            if p.location == place
        )
        for place in ("header", "query")
    }
    return has_plain_headers(headers, documented["header"]) and has_plain_query(
        query, documented["query"]
    )


def read_record(route: Route, answer: Answer) -> Stored | None:
    """State and addresses of the record in an answer; None where it does not show them all."""
    body = answer.body
    read = route.read
    if read is not None and read.improvised is not None:  # there are no states, and no addresses
        return Stored(None, frozenset()) if answer.accepted else None
    if not answer.accepted or not isinstance(body, dict) or not isinstance(body.get("id"), str):
        return None
    words = route.words
    shown = {name for name in words.addresses if name in route.resource.fields}
    if words.sending and not {words.field, *shown} <= body.keys():
        return None
    state = body.get(words.field) if words.sending else None
    return Stored(
        state if isinstance(state, str) else None,
        frozenset(str(body[name]) for name in shown if body.get(name) is not None),
    )


# The document, as safety needs it


def build_routes(document: Document) -> tuple[Route, ...]:
    """Paths of records; those of records below others are as unknown as any other path."""
    by_path: dict[tuple[str, str], list[Operation]] = {}
    for operation in document.operations.values():
        if operation.improvised is not None and operation.improvised.above:
            continue
        by_path.setdefault((operation.path_template, operation.resource), []).append(operation)
    return tuple(
        build_route(document, path, document.resources[name], operations)
        for (path, name), operations in by_path.items()
    )


def build_route(
    document: Document, path: str, resource: Resource, operations: list[Operation]
) -> Route:
    own = [one for one in document.operations.values() if one.resource == resource.name]
    template = re.escape(path.rstrip("/"))
    return Route(
        re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", template)),
        any(path_names(one) for one in operations),
        resource,
        {one.method: one for one in operations},
        next((one for one in own if one.does == "read" and len(path_names(one)) == 1), None),
        any(one.does == "delete" and one.path_template.startswith(path) for one in own),
        words_of(resource, own),
        frozenset(
            default.value
            for one in operations
            for default in one.defaults
            if resource.lifecycle is not None and default.field == resource.lifecycle.field
        ),
        any(makes_sending(document, one) for one in operations),
    )


def path_names(operation: Operation) -> list[str]:
    return [p.name for p in operation.parameters if p.location == "path"]


def words_of(resource: Resource, operations: list[Operation]) -> Words:
    lifecycle = resource.lifecycle
    sending = sending_states(resource)
    return Words(
        lifecycle.field if lifecycle is not None else "",
        sending,
        frozenset(lifecycle.states) - sending if lifecycle is not None else frozenset(),
        frozenset(name for one in operations for name in address_fields(one)),
        frozenset(name for one in operations for name in one.references),
    )


def sending_states(resource: Resource) -> frozenset[str]:
    """The states in which something leaves the system, or from which time alone makes it leave."""
    return frozenset(iter_sending(resource.lifecycle)) if resource.lifecycle else frozenset()


def iter_sending(lifecycle: Lifecycle) -> Iterator[str]:
    asked = {t.to for t in lifecycle.transitions if t.external and not t.timed and not t.event}
    found = asked | {t.source for t in lifecycle.transitions if t.external and t.timed}
    while True:
        earlier = {t.source for t in lifecycle.transitions if t.timed and t.to in found} - found
        if not earlier:
            return (yield from found)
        found |= earlier


def makes_sending(document: Document, operation: Operation) -> bool:
    """Whether a side effect makes a record that sends; a state that cannot be told may be one."""
    for effect in operation.effects:
        resource = document.resources.get(effect.creates)
        if resource is None or resource.lifecycle is None or not sending_states(resource):
            continue
        state = effect.values.get(resource.lifecycle.field)
        if not isinstance(state, Constant) or state.value in sending_states(resource):
            return True
    return False


def address_fields(operation: Operation) -> frozenset[str]:
    """Body fields that hold an address: a text of a fixed form that names no record."""
    return frozenset(
        name
        for name, schema in properties_of(operation.body_schema).items()
        if name not in operation.references
        and (keyword_of(schema, "pattern") or keyword_of(schema, "format") in ("email", "phone"))
    )
