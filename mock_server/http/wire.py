"""WSGI to requests of ours and back; documented operations are answered before Flask wakes up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from http import HTTPStatus
from itertools import count
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import quote

from mock_server.http.courier import Courier
from mock_server.http.coverage import Coverage
from mock_server.http.journal import Entry, as_meant, build_entry
from mock_server.http.log import RequestLog, printable
from mock_server.http.manners import PACK_FROM, VARY, Manners, is_preflight
from mock_server.http.steering import Steering, status_line
from mock_server.messages import such_as
from mock_server.pipeline.exchange import OperationPlan, Plan, Request
from mock_server.pipeline.order import Router, run
from mock_server.pipeline.respond import Answer, refuse
from mock_server.problems import Problem, Violation
from mock_server.spec.model import Document
from mock_server.state.tenant import Journal, Tenant, Tenants

numbers = count(1)
StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
EXPLANATION = "Mock-Explanation"
NEAREST, PATH_LENGTH = 3, 200  # documented paths that are told of where none was met
PATH_SAFE = "/:@!$&'()*+,;=~"
DRAIN_LIMIT = 64 * 1024 * 1024  # bytes of a body that is too large
DRAIN_STEP = 64 * 1024


class Control(NamedTuple):
    """Whether there is a control API, and the token that its callers must show."""

    on: bool = True
    token: str | None = None


class Lane:
    """Answers the documented operations; everything else goes on to the application behind it."""

    def __init__(
        self,
        document: Document,
        plan: Plan,
        tenants: Tenants,
        log: RequestLog,
        journal: Journal,
        coverage: Coverage,
        control: Control,
        courier: Courier,
        manners: Manners,
    ) -> None:
        self.number = next(numbers)  # of the versions of a document that this process has served
        self.stale = ""  # why a later version does not serve
        self.document = document
        self.plan = plan
        self.tenants = tenants
        self.router = Router(plan)
        self.log = log
        self.journal = journal  # of requests that reach no tenant
        self.closed = Event()  # set when it answers no more: streams end
        self.coverage = coverage
        self.control = control
        self.courier = courier  # sees to subscribers
        self.manners = manners
        self.steering = Steering(self)
        self.to_request: Callable[[dict[str, Any]], Request] = to_request

    def follow(self, other: Lane) -> list[str]:
        """Goes on where the lane of another document was; says what could not be carried over."""
        heirs, dropped = self.tenants.take_over(other.tenants)
        steering, before = self.steering, other.steering
        steering.on_wait, steering.expiries = before.on_wait, dict(before.expiries)
        # What it needs is of the control API, which is built on lanes.
        from mock_server.http.handover import hand_over, hand_over_journal

        hand_over_journal(self, other, other.journal, self.journal)

        for old in other.tenants.iter_tenants():
            if id(old) in heirs:
                dropped += hand_over(self, other, old, heirs[id(old)])
        steering.sweep()
        for tenant, deliveries in other.courier.release():
            heir = heirs.get(id(tenant))
            if heir is not None and self.plan.subscriptions:
                self.courier.take(heir, deliveries)
        other.closed.set()
        return dropped

    def answers(self, path: str) -> bool:
        return not (path.startswith("/__mock/") or path == "/__mock")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if "HTTP_ACCEPT_ENCODING" in environ or self.manners.origins:
            return self.manners(self.respond, environ, start_response)
        return self.respond(environ, start_response)

    def respond(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "OPTIONS" and is_preflight(environ):
            self.tell_strangers(environ["HTTP_ORIGIN"])
        request = self.to_request(environ)
        if self.steering.active or "HTTP_PREFER" in environ or "HTTP_MOCK_TENANT" in environ:
            return self.steering(request, environ, start_response)
        answer, entry = self.answer(request)
        if answer.status >= 400 and "HTTP_EXPECT" not in environ:
            drain(request)
        return self.send(request, answer, entry, start_response)

    def tell_strangers(self, origin: str) -> None:
        """Why a browser refuses its page: the first thing that whoever writes one meets."""
        if not self.manners.allows(origin):
            self.log.say(
                "warning",
                f"CORS: the page is of {printable(origin)}, whose pages may not call this API; "
                f"--cors-origin {printable(origin)} lets them",
            )

    def send(
        self, request: Request, answer: Answer, entry: Entry, start_response: StartResponse
    ) -> list[bytes]:
        self.log.write(entry, self.plan)
        headers = answer.headers
        if (answer.status >= 400 or entry.warned) and self.control.on:
            headers = [*headers, (EXPLANATION, f"/__mock/requests/{entry.number}")]
        if not answer.body and answer.status not in (204, 304):
            headers = [*headers, ("Content-Length", "0")]
        elif answer.body:
            length = len(answer.body)
            headers = [*headers, ("Content-Length", str(length))]
            if length >= PACK_FROM:
                headers.append(VARY)
        start_response(STATUS_LINES.get(answer.status) or status_line(answer.status), headers)
        return [b"" if request.method == "HEAD" else answer.body]

    def answer(self, request: Request) -> tuple[Answer, Entry]:
        found = self.router.find(request.path)
        if found is None:
            return self.settled(request, self.without_path(request))
        methods, path = found
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return self.settled(request, without_method(methods, request))
        answer, exchange, problem = run(self.plan, self.tenants, operation, request, path)
        tenant = getattr(exchange, "tenant", None)
        now = exchange.now or (self.tenants if tenant is None else tenant.clock).now()
        entry = build_entry(request, answer, exchange, problem, now)
        if tenant is None:
            self.journal.append(entry)
        else:
            tenant.journal.append(entry)
        watch = self.coverage.watches[operation.operation.operation_id]
        seen = watch.see(exchange, problem, answer.status)
        entry.sighting = self.coverage.count(tenant or self.tenants.default, seen)
        return answer, entry

    def journals(self, tenant: Tenant) -> tuple[Journal, ...]:
        """Those whose requests a tenant sees: its own; the default one also sees nobody's."""
        if tenant is self.tenants.default:
            return tenant.journal, self.journal
        return (tenant.journal,)

    def note(
        self, request: Request, answer: Answer, now: int, tenant: Tenant | None, body: bytes
    ) -> Entry:
        """Keeps an answer that no stage has given."""
        entry = build_entry(request, answer, None, None, now, body)
        (self.journal if tenant is None else tenant.journal).append(entry)
        return entry

    def settled(self, request: Request, problem: Problem | Answer) -> tuple[Answer, Entry]:
        """An answer that no operation gives."""
        if isinstance(problem, Answer):
            answer, broken = problem, None
        else:
            answer, broken = refuse(self.plan, problem), problem
        tenant = self.steering.tenant_of(request)
        now = (self.tenants if tenant is None else tenant.clock).now()
        entry = build_entry(request, answer, None, broken, now)
        (self.journal if tenant is None else tenant.journal).append(entry)
        return answer, entry

    def without_path(self, request: Request) -> Problem | Answer:
        # As Werkzeug does: a slash that is missing at the end, or several in place of one.
        path = re.sub("/{2,}", "/", request.path)
        for meant in dict.fromkeys((path, f"{path}/")):
            if meant != request.path and self.router.find(meant) is not None:
                target = quote(meant.encode("latin-1"), safe=PATH_SAFE)
                target += f"?{request.query}" if request.query else ""
                return Answer(308, [("Location", target)], b"")
        return self.nowhere(request)

    def nowhere(self, request: Request) -> Problem:
        """The answer where no operation has the path."""
        hint, path = "", as_meant(request.path)
        base = self.plan.base_path
        if base and not path.startswith(f"{base}/"):
            hint = f" Paths of this API begin with {base}/."
        if path in ("", "/") and self.control.on:
            hint += " The console of this mock server is at /__mock/."
        message = f"There is nothing at {path}.{hint}"
        expected = f"a documented path{such_as(near_paths(self.plan, path))}"
        violation = Violation((), "/path", None, message, path, expected)
        return Problem(404, message, (violation,))


def near_paths(plan: Plan, path: str) -> list[str]:
    """The documented paths that a path comes nearest to."""
    templates = {plan.base_path + one.operation.path_template: None for one in plan.operations}
    return get_close_matches(path[:PATH_LENGTH], templates, NEAREST)


def without_method(methods: dict[str, OperationPlan], request: Request) -> Problem | Answer:
    if request.method == "OPTIONS":
        return Answer(204, [allow_header(methods)], b"")
    return not_allowed(methods, request)


def allow_header(methods: Iterable[str]) -> tuple[str, str]:
    known = {*methods, "OPTIONS"}
    return "Allow", ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def not_allowed(methods: Iterable[str], request: Request) -> Problem:
    """The answer where the path has no operation of the method."""
    allow = allow_header(methods)
    message = f"{request.method} is not allowed here; allowed: {allow[1]}."
    violation = Violation((), "/method", None, message, request.method, f"one of: {allow[1]}")
    return Problem(405, message, (violation,), headers=(allow,))


def to_request(environ: dict[str, Any]) -> Request:
    text = environ.get("CONTENT_LENGTH") or environ.get("HTTP_CONTENT_LENGTH")
    length = int(text) if text and text.isdecimal() else None
    request = Request(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_AUTHORIZATION"),
        environ.get("CONTENT_TYPE") or environ.get("HTTP_CONTENT_TYPE") or "",
        length,
        reader(environ, length),
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST") or environ["SERVER_NAME"],
    )
    request.headers = environ
    return request


def drain(request: Request) -> None:
    """Takes in what a client still sends: many read no answer before they have sent everything."""
    left = DRAIN_LIMIT if request.content_length is None else request.content_length
    while 0 < left <= DRAIN_LIMIT and (data := request.read(DRAIN_STEP)):
        left -= len(data)


def reader(environ: dict[str, Any], length: int | None) -> Callable[[int], bytes]:
    """Reads the body up to a limit; without a length, only from servers that end their input."""
    stream = environ.get("wsgi.input")
    if stream is None or (length is None and not environ.get("wsgi.input_terminated")):
        return lambda limit: b""
    left = length

    def read(limit: int) -> bytes:
        nonlocal left
        if left == 0:
            return b""
        data = bytes(stream.read(limit if left is None else min(left, limit)))
        if left is not None:
            left -= len(data)
        return data

    return read
