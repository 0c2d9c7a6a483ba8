"""Requests that are steered: to a tenant by a header, by a preference, or by faults on purpose."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mock_server.http.coverage import statuses_of
from mock_server.http.faults import LIMITED, Facts, Fault, find, limit_headers
from mock_server.http.manners import Later
from mock_server.http.prefer import APPLIED, Preference, parse_prefer, preferred
from mock_server.http.redaction import to_value
from mock_server.ids import Chance
from mock_server.pipeline.authenticate import parse_credentials
from mock_server.pipeline.exchange import OperationPlan, Request
from mock_server.pipeline.respond import Answer, refuse
from mock_server.problems import Problem, Violation
from mock_server.spec.model import Document
from mock_server.state.tenant import Tenant

if TYPE_CHECKING:
    from mock_server.http.journal import Entry
    from mock_server.http.wire import Lane

TENANT = "Mock-Tenant"
WEB_SERVER = "Granian"
SHOWN = 4  # characters of what may be a key
FLUSH = 0.05  # seconds in which half an answer leaves


class Steering:
    """What makes an answer of a lane another than its own; asleep until something does."""

    __slots__ = ("active", "chance", "expiries", "lane", "limiting", "on_wait", "pause", "rate")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.active = False  # whether any tenant has faults, or ends some time
        self.expiries: dict[str, int] = {}  # key -> instant at which its tenant is dropped
        self.pause: Callable[[float], None] = time.sleep
        self.on_wait: Callable[[], None] = lambda: None  # told before somebody is kept waiting
        self.chance = Chance(1)
        self.rate: tuple[int, float] | None = None  # requests, seconds
        self.limiting = limit_rules(lane.document)

    def limit_requests(self, rate: tuple[int, float] | None) -> None:
        """Lets each key ask each operation so often from now on."""
        self.rate = rate
        self.active = self.active or rate is not None

    def __call__(
        self, request: Request, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        lane = self.lane
        self.sweep()
        body = request.read(lane.plan.body_limit + 1)
        request.read = lambda limit: body[:limit]
        answer, entry, fault = self.answer(request, environ, body)
        later = Later()
        sent = lane.send(request, answer, entry, later)
        if fault is None or fault.does not in BREAK:
            start_response(*later.arguments)
            return sent
        return BREAK[fault.does](fault, environ, start_response, later, sent)

    def answer(
        self, request: Request, environ: dict[str, Any], body: bytes
    ) -> tuple[Answer, Entry, Fault | None]:
        lane = self.lane
        operation = self.operation_of(request)
        named = environ.get("HTTP_MOCK_TENANT")
        if named and not self.redirect(request, named, operation):
            problem = Problem(
                400,
                # Only how it begins: it may be a key of something else.
                f'{TENANT}: found "{named[:SHOWN]}…"; expected a key or the name of a tenant, see /__mock/tenants.',
            )
            told = f"{TENANT}: it names no tenant"
            return *self.noted(request, refuse(lane.plan, problem), None, body, None, told), None
        tenant = self.tenant_of(request, operation)
        wish = parse_prefer(environ.get("HTTP_PREFER", ""))
        if isinstance(wish, str):
            return *self.noted(
                request, refuse(lane.plan, Problem(400, wish)), tenant, body, None
            ), None
        late, other, limit = self.faults_for(request, environ, operation, tenant, body)
        if self.rate is not None and tenant is not None and operation is not None:
            bucket, is_over = self.counted(request, tenant, operation)
            if limit is None:
                limit = bucket
            if is_over and other is None:
                other = bucket
        self.wait(late, wish)
        now = lane.tenants.now() if tenant is None else tenant.clock.now()
        answer, entry, fault = self.answered(
            request, operation, tenant, wish, body, late, other, now
        )
        if limit is not None:
            words = limit.words(now, group_of(operation))
            answer.headers += limit_headers(lane.document.limits.headers, words)
        return answer, entry, fault

    def counted(
        self, request: Request, tenant: Tenant, operation: OperationPlan
    ) -> tuple[Fault, bool]:
        """The limit that a request meets at an operation, and whether it is one too many.

        Told is the key's own, or the tenant's where that one refuses; what is refused counts for none.
        """
        with tenant.store.transaction():
            buckets = self.buckets_of(request, tenant, operation)
            now = tenant.clock.now()
            full = next((bucket for bucket in buckets if bucket.is_full(now)), None)
            if full is None:
                for bucket in buckets:
                    bucket.recent.append(now)
            return full or buckets[0], full is not None

    def buckets_of(self, request: Request, tenant: Tenant, operation: OperationPlan) -> list[Fault]:
        """The limits of an operation that a request counts for: its key's, and what its tenant shares."""
        assert self.rate is not None  # else nothing is counted
        requests, seconds = self.rate
        shared = self.lane.document.limits
        credentials = parse_credentials(request.authorization) if request.authorization else None
        counted = [(credentials[1] if credentials else "", requests, "key")]
        if shared.times:
            counted.append(("", requests * shared.times, shared.kind))
        buckets: list[Fault] = []
        for key, most, kind in counted:
            place = (key, operation.operation.operation_id)
            wish = {"does": "limit", "requests": most, "per": seconds, "kind": kind}
            buckets.append(tenant.limits.get(place) or Fault(wish))
            tenant.limits[place] = buckets[-1]
        return buckets

    def answered(
        self,
        request: Request,
        operation: OperationPlan | None,
        tenant: Tenant | None,
        wish: Preference,
        body: bytes,
        late: list[Fault],
        other: Fault | None,
        now: int,
    ) -> tuple[Answer, Entry, Fault | None]:
        lane = self.lane
        if other is not None and not other.performed:
            answer, broken = other.answer(lane.plan, now, group_of(operation), self.limiting)
            answer, entry = self.noted(request, answer, tenant, body, operation, describe(other))
            self.count(entry, tenant, operation, broken)
            return answer, entry, other
        if wish.answers and operation is not None:
            answer = preferred(lane.document, lane.plan, operation, wish, self.chance)
            return *self.noted(request, answer, tenant, body, operation, f"Prefer: {wish}"), other
        answer, entry = lane.answer(request)
        if other is not None and other.does in ("status", "limit"):
            answer, _ = other.answer(lane.plan, now, group_of(operation))
            entry.answer = answer
        elif wish.wait is not None:
            answer.headers.append((APPLIED, str(wish)))
        entry.steered = (
            ", ".join(describe(one) for one in (*late, *([other] if other else []))) or None
        )
        return answer, entry, other

    def count(
        self,
        entry: Entry,
        tenant: Tenant | None,
        operation: OperationPlan | None,
        broken: tuple[Violation, ...],
    ) -> None:
        """Notes the rules by which a limit has refused a request, as those of a refusal are."""
        if not broken or tenant is None or operation is None:
            return
        entry.broken = broken
        ids = tuple(rule_id for one in broken for rule_id in one.rule_ids)
        seen = (entry.operation_id, entry.answer.status, ids, ())
        entry.sighting = self.lane.coverage.count(tenant, seen)

    def redirect(self, request: Request, named: str, operation: OperationPlan | None) -> bool:
        """Makes a request that is let in one of another tenant; False where that is unknown."""
        if self.tenant_of(request, operation) is None:
            return True  # the caller is refused as ever
        key = self.key_of(named)
        if key is None:
            return False
        header = request.authorization
        credentials = parse_credentials(header) if header else None
        target = self.lane.tenants.find(key)
        if target is not None and credentials is not None and credentials[1] in target.principals:
            return True  # it is there already, as whoever the key says
        kind, password = self.kind_of(operation), ""
        if credentials is not None:
            kind, _, given = credentials
            password = given or ""
        if kind == "bearer":
            request.authorization = f"Bearer {key}"
        else:
            token = b64encode(f"{key}:{password}".encode()).decode()
            request.authorization = f"Basic {token}"
        return True

    def key_of(self, named: str) -> str | None:
        """A key of the tenant that a key or a name means."""
        tenants = self.lane.tenants
        for tenant in tenants.iter_tenants():
            if tenant.name == named and tenant.principals:
                return next(iter(tenant.principals))
        return named if tenants.find(named) is not None else None

    def operation_of(self, request: Request) -> OperationPlan | None:
        found = self.lane.router.find(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        return None if found is None else found[0].get(method)

    def tenant_of(self, request: Request, operation: OperationPlan | None = None) -> Tenant | None:
        """Whose world a request is about: its key's, or the default one where none is asked for."""
        tenants = self.lane.tenants
        credentials = parse_credentials(request.authorization) if request.authorization else None
        found = None if credentials is None else tenants.find(credentials[1])
        if found is not None or operation is None:
            return found
        is_open = not operation.schemes or self.lane.plan.optional_auth
        return tenants.default if is_open else None

    def kind_of(self, operation: OperationPlan | None) -> str:
        """The way in which an operation takes a key."""
        return operation.schemes[0].kind if operation and operation.schemes else "bearer"

    def faults_for(
        self,
        request: Request,
        environ: dict[str, Any],
        operation: OperationPlan | None,
        tenant: Tenant | None,
        body: bytes,
    ) -> tuple[list[Fault], Fault | None, Fault | None]:
        if tenant is None or not tenant.faults:
            return [], None, None
        facts = self.facts_of(request, environ, operation, body)
        with tenant.store.transaction():
            return find(tenant.faults, facts, tenant.clock.now())

    def facts_of(
        self,
        request: Request,
        environ: Mapping[str, Any],
        operation: OperationPlan | None,
        body: bytes,
    ) -> Facts:
        """What faults look at, without credentials."""
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name != "HTTP_AUTHORIZATION"
        }
        headers["content-type"] = request.content_type
        return Facts(
            operation.operation.operation_id if operation is not None else "",
            request.method,
            request.path,
            request.query,
            headers,
            to_value(body),
        )

    def foresee(
        self, request: Request, tenant: Tenant, operation: OperationPlan | None, body: bytes
    ) -> list[str]:
        """What would make the answer of a request another than the API's own, told and not counted."""
        told: list[str] = []
        wish = parse_prefer(request.headers.get("HTTP_PREFER", ""))
        if isinstance(wish, str):
            told.append(wish)
        elif wish.answers:
            told.append(f"Prefer: {wish} asks for an answer of the document, whatever is judged")
        with tenant.store.transaction():
            now = tenant.clock.now()
            facts = self.facts_of(request, request.headers, operation, body)
            told += [
                f"{describe(one)} {one.foretold(now)}"
                for one in tenant.faults
                if one.left != 0 and one.matches(facts)
            ]
            if self.rate is not None and operation is not None:
                seconds = self.rate[1]
                told += [
                    f"the limit of {one.wish['requests']} requests in {seconds:g} s "
                    f"({one.wish['kind']}) is reached; the next passes in {one.pause(now)} s"
                    for one in self.buckets_of(request, tenant, operation)
                    if one.is_full(now)
                ]
        return told

    def wait(self, late: list[Fault], wish: Preference) -> None:
        seconds = sum(fault.delay() for fault in late) + (wish.wait or 0)
        if seconds:
            self.on_wait()
            self.pause(seconds)

    def noted(
        self,
        request: Request,
        answer: Answer,
        tenant: Tenant | None,
        body: bytes,
        operation: OperationPlan | None,
        steered: str | None = None,
    ) -> tuple[Answer, Entry]:
        """An answer that no operation gives, with its entry."""
        lane = self.lane
        now = lane.tenants.now() if tenant is None else tenant.clock.now()
        entry = lane.note(request, answer, now, tenant, body)
        entry.steered = steered
        entry.operation_id = operation.operation.operation_id if operation is not None else ""
        return answer, entry

    def sweep(self) -> None:
        """Drops tenants whose time is over, and falls asleep where nothing is left to do."""
        now = self.lane.tenants.real_now()
        for key in [key for key, instant in self.expiries.items() if instant <= now]:
            del self.expiries[key]
            self.lane.tenants.drop(key)
        self.active = (
            bool(self.expiries)
            or self.rate is not None
            or any(tenant.faults for tenant in self.lane.tenants.iter_tenants())
        )


def limit_rules(document: Document) -> tuple[str, ...]:
    """The rules by which who asks too often is refused: those that speak of that answer and no other."""
    return tuple(
        rule.rule_id
        for rule in document.rules.values()
        if rule.places
        and all(
            one.kind == "response" and statuses_of(one) == (str(LIMITED),) for one in rule.places
        )
    )


def group_of(operation: OperationPlan | None) -> str:
    """What a limit counts together: a method on a path."""
    if operation is None:
        return ""
    return f"{operation.operation.method} {operation.operation.path_template}"


def describe(fault: Fault) -> str:
    """A fault by its number; what a setting limits is none that somebody could look up."""
    if "kind" in fault.wish:
        return f"rate limit: {fault.wish['kind']}"
    return f"fault {fault.number}: {fault.does}"


Sent = list[bytes]


def drop(fault: Fault, environ: dict[str, Any], start: Any, later: Later, sent: Sent) -> Sent:
    """No answer at all: the web server closes the connection over a framing that cannot be."""
    if environ.get("SERVER_SOFTWARE") != WEB_SERVER:
        raise ConnectionResetError("the connection was dropped by a fault")
    start("200 OK", [("Content-Length", "1"), ("Transfer-Encoding", "chunked")])
    return [b"0"]


def half(
    fault: Fault, environ: dict[str, Any], start: Any, later: Later, sent: Sent
) -> Iterator[bytes]:
    """The first half of a body whose length was announced, then nothing."""
    status, headers = later.arguments
    body = b"".join(sent)
    kept = [pair for pair in headers if pair[0] != "Content-Length"]
    start(status, [*kept, ("Content-Length", str(max(len(body), 2)))])

    def stream() -> Iterator[bytes]:
        yield body[: max(len(body), 2) // 2]
        if environ.get("SERVER_SOFTWARE") == WEB_SERVER:
            time.sleep(FLUSH)  # the web server drops what it has not sent yet
        raise ConnectionResetError("the connection was closed by a fault")

    return stream()


def garbage(fault: Fault, environ: dict[str, Any], start: Any, later: Later, sent: Sent) -> Sent:
    """The right head with noise for a body."""
    status, headers = later.arguments
    body = fault.chance.noise(max(len(b"".join(sent)), 16))
    kept = [pair for pair in headers if pair[0] != "Content-Length"]
    start(status, [*kept, ("Content-Length", str(len(body)))])
    return [body]


BREAK: dict[str, Callable[..., Iterable[bytes]]] = {"drop": drop, "half": half, "garbage": garbage}


def status_line(status: int) -> str:
    """A status with its phrase, also where HTTP has none for it."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unnamed"
