"""Faults that no document can say: a layer in front of the stub that changes what goes by.

Each is made from a document and arguments, and keeps what it must remember to itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from contracts.fuzzing.gateway import answer_headers, body_of, headers_of, status_line
from contracts.target.system import StubTransport, WsgiApp
from contracts.target.wire import Answer, parse_json
from mock_server.spec.model import Document, Operation
from mock_server.spec.pointers import follow, parse_pointer

Json = Any
AUTHORIZATION = "Authorization"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request on its way; `operation` is None for what the document does not have."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    content: bytes | None
    operation: Operation | None
    record_id: str | None

    @property
    def body(self) -> Json:
        return parse_json(self.content or b"")

    @property
    def key(self) -> str:
        return self.headers.get(AUTHORIZATION, "")

    def with_body(self, body: Json) -> Sent:
        return replace(self, content=json.dumps(body).encode())


Forward = Callable[[Sent], Answer]
Tamper = Callable[[Sent, Forward], Answer]
Make = Callable[..., Tamper]
TAMPERINGS: dict[str, Make] = {}


def register(make: Make) -> Make:
    """Registers a fault under the name of its function."""
    TAMPERINGS[make.__name__.replace("_", "-")] = make
    return make


class Tampered:
    """A WSGI application with a fault in front of it; the control API passes untouched."""

    def __init__(self, document: Document, app: WsgiApp, tamper: Tamper) -> None:
        self.app = app
        self.inner = StubTransport(app)
        self.tamper = tamper
        self.routes = list(iter_routes(document))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/__mock"):
            return self.app(environ, start_response)
        answer = self.tamper(self.to_sent(environ), self.forward)
        start_response(status_line(answer), list(answer_headers(answer)))
        return [answer.content]

    def to_sent(self, environ: dict[str, Any]) -> Sent:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        operation, record_id = None, None
        for pattern, candidate in self.routes:
            found = pattern.fullmatch(path)
            if found and candidate.method == method:
                operation = candidate
                record_id = found.groups()[-1] if found.groups() else None
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return Sent(
            method, path, tuple(query), headers_of(environ), body_of(environ), operation, record_id
        )

    def forward(self, sent: Sent) -> Answer:
        path = quote(sent.path.encode("latin-1"), safe="/:@!$&'()*+,;=~")
        target = f"{path}?{urlencode(sent.query)}" if sent.query else path
        return self.inner.send(sent.method, target, sent.headers, sent.content)


def iter_routes(document: Document) -> Iterator[tuple[re.Pattern[str], Operation]]:
    for operation in document.operations.values():
        template = re.escape(document.base_path + operation.path_template)
        yield re.compile(re.sub(r"\\\{.*?\\\}", "([^/]+)", template)), operation


def with_body(answer: Answer, body: Json) -> Answer:
    content = json.dumps(body).encode()
    return replace(answer, content=content, body=body)


def with_status(answer: Answer, status: int) -> Answer:
    return replace(answer, status=status)


def is_of(sent: Sent, operation_id: str) -> bool:
    return sent.operation is not None and sent.operation.operation_id == operation_id


def concerns(sent: Sent, resource: str, does: Iterable[str]) -> bool:
    """Whether a request works on records of a resource in one of some ways."""
    one = sent.operation
    return one is not None and one.resource == resource and one.does in does


def each_record(
    document: Document, sent: Sent, answer: Answer, change: Callable[[dict[str, Any]], Json]
) -> Answer:
    """The answer with every record in it changed."""
    body = answer.body
    if not answer.accepted or not isinstance(body, dict) or sent.operation is None:
        return answer
    if sent.operation.does != "list":
        return with_body(answer, change(body)) if "id" in body else answer
    records = document.resources[sent.operation.resource].page.records
    listed = [change(one) if isinstance(one, dict) else one for one in body.get(records, [])]
    return with_body(answer, {**body, records: listed})


def selects(sent: Sent) -> bool:
    """Whether a request asks for some of the fields only."""
    names = {name for name, _ in sent.query}
    return sent.operation is not None and any(
        p.query is not None and p.query.does == "fields" and p.name in names
        for p in sent.operation.parameters
    )


# Fields of answers


@register
def field_missing(document: Document, resource: str, field: str, does: list[str]) -> Tamper:
    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if not concerns(sent, resource, does) or selects(sent):
            return answer
        return each_record(
            document, sent, answer, lambda one: {k: v for k, v in one.items() if k != field}
        )

    return tamper


@register
def field_is(document: Document, resource: str, field: str, does: list[str], value: Json) -> Tamper:
    """A field that always holds one and the same value where it is shown."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if not concerns(sent, resource, does):
            return answer
        return each_record(
            document, sent, answer, lambda one: {**one, field: value} if field in one else one
        )

    return tamper


@register
def id_differs(document: Document, resource: str) -> Tamper:
    """Readings show another id than the one that was asked for."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if not concerns(sent, resource, ("read",)):
            return answer
        return each_record(document, sent, answer, lambda one: {**one, "id": f"{one['id']}0"})

    return tamper


@register
def body_of_refusal(document: Document, operation_id: str, status: str) -> Tamper:
    """What is accepted is answered with the body of an error."""
    body = example_of(document, document.operations[operation_id], status)

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.accepted:
            return with_body(answer, body)
        return answer

    return tamper


def example_of(document: Document, operation: Operation, status: str) -> Json:
    """The body of an answer, as the document has an example of it."""
    found = operation.responses.get(status)
    node = follow(document.raw, parse_pointer(found.pointer)) if found is not None else {}
    if "$ref" in node:
        node = follow(document.raw, parse_pointer(node["$ref"]))
    media: dict[str, Any] = next(iter(node.get("content", {}).values()), {})
    return media.get("example", {"error": "none"})


@register
def empty_answer(document: Document, operation_id: str) -> Tamper:
    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.accepted:
            return replace(answer, content=b"", body=None)
        return answer

    return tamper


@register
def error_body(document: Document, operation_id: str, status: int) -> Tamper:
    """A refusal without the documented body."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.status == status:
            return with_body(answer, "refused")
        return answer

    return tamper


# Status codes


@register
def status(document: Document, operation_id: str, found: int, instead: int) -> Tamper:
    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.status == found:
            return with_status(answer, instead)
        return answer

    return tamper


# Credentials


@register
def no_credentials(document: Document, operation_id: str, unknown: bool) -> Tamper:
    """Whoever comes without credentials (or with unknown ones) is let in as the last good caller."""
    good: list[str] = []

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if answer.status != 401:
            good[:] = [sent.key] if sent.key else good
            return answer
        if is_of(sent, operation_id) and bool(sent.key) is unknown and good:
            return forward(replace(sent, headers={**sent.headers, AUTHORIZATION: good[0]}))
        return answer

    return tamper


@register
def scheme_refused(document: Document, scheme: str, body: Json) -> Tamper:
    """One of the documented ways to say who calls is not known."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if sent.key.lower().startswith(f"{scheme} "):
            content = json.dumps(body).encode()
            return Answer(401, {"content-type": "application/json"}, content, body)
        return forward(sent)

    return tamper


@register
def other_account(document: Document, resource: str, does: list[str]) -> Tamper:
    """Records of one key are there for every other key too."""
    keys: dict[str, None] = {}

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if answer.status != 401 and sent.key:
            keys[sent.key] = None
        if answer.status != 404 or not concerns(sent, resource, does):
            return answer
        for key in keys:
            other = forward(replace(sent, headers={**sent.headers, AUTHORIZATION: key}))
            if other.status != 404 and sent.key in keys:
                return other
        return answer

    return tamper


@register
def other_account_listed(document: Document, operation_id: str) -> Tamper:
    """Lists hold the records of every key."""
    keys: dict[str, None] = {}
    records = document.resources[document.operations[operation_id].resource].page.records

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if answer.status != 401 and sent.key:
            keys[sent.key] = None
        if not is_of(sent, operation_id) or not answer.accepted:
            return answer
        listed = list(answer.body[records])
        for key in keys:
            if key != sent.key:
                other = forward(replace(sent, headers={**sent.headers, AUTHORIZATION: key}))
                listed += other.body[records] if other.accepted else []
        return with_body(answer, {**answer.body, records: listed})

    return tamper


# Writes


def read_path(document: Document, sent: Sent, record_id: str) -> Sent | None:
    """The request that reads the record that another request is about."""
    assert sent.operation is not None
    for one in document.operations.values():
        names = re.findall(r"\{.*?\}", one.path_template)
        if one.does == "read" and one.resource == sent.operation.resource and len(names) == 1:
            path = document.base_path + one.path_template.replace(names[0], record_id)
            return Sent("GET", path, (), sent.headers, None, one, record_id)
    return None


def stored_before(document: Document, sent: Sent, forward: Forward) -> Json:
    asked = read_path(document, sent, sent.record_id or "")
    return forward(asked).body if asked is not None else None


def stale_views(
    document: Document, resource: str, sent: Sent, answer: Answer, old: dict[str, Json]
) -> Answer:
    """Readings and lists as they were before the changes that `old` has undone."""
    if not concerns(sent, resource, ("read", "list")) or selects(sent):
        return answer
    return each_record(document, sent, answer, lambda one: old.get(one.get("id", ""), one))


@register
def lost_update(document: Document, resource: str) -> Tamper:
    """A change is answered and not stored."""
    old: dict[str, Json] = {}

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if not concerns(sent, resource, ("update",)):
            return stale_views(document, resource, sent, forward(sent), old)
        before = old.get(sent.record_id or "") or stored_before(document, sent, forward)
        answer = forward(sent)
        if answer.accepted and isinstance(before, dict):
            old[sent.record_id or ""] = before
        return answer

    return tamper


@register
def late_update(document: Document, resource: str) -> Tamper:
    """The first reading after a change still shows the record as it was."""
    old: dict[str, Json] = {}

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if concerns(sent, resource, ("read",)):
            answer = forward(sent)
            before = old.pop(sent.record_id or "", None)
            if before is None or not answer.accepted or selects(sent):
                return answer
            return with_body(answer, before)
        if not concerns(sent, resource, ("update",)):
            return forward(sent)
        before = stored_before(document, sent, forward)
        answer = forward(sent)
        if answer.accepted and isinstance(before, dict) and "id" in before:
            old[sent.record_id or ""] = before
        return answer

    return tamper


@register
def lost_create(document: Document, resource: str) -> Tamper:
    """A new record is answered and not stored."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if concerns(sent, resource, ("create",)) and answer.accepted:
            record_id = answer.body["id"]
            asked = read_path(document, sent, record_id)
            if asked is not None:
                forward(replace(asked, method="DELETE"))
        return answer

    return tamper


@register
def lost_delete(document: Document, resource: str) -> Tamper:
    """A deletion is answered and not done."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if not concerns(sent, resource, ("delete",)):
            return forward(sent)
        before = read_path(document, sent, sent.record_id or "")
        if before is None or not forward(before).accepted:
            return forward(sent)
        assert sent.operation is not None
        code = sent.operation.success
        return Answer(code, {"content-type": "application/json"}, b"" if code == 204 else b"{}", {})

    return tamper


@register
def deleted_listed(document: Document, resource: str) -> Tamper:
    """What was deleted cannot be read, and still stands in lists."""
    gone: dict[str, list[Json]] = {}
    records = document.resources[resource].page.records

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if concerns(sent, resource, ("delete",)):
            before = stored_before(document, sent, forward)
            answer = forward(sent)
            if answer.accepted and isinstance(before, dict):
                gone.setdefault(sent.key, []).append(before)
            return answer
        answer = forward(sent)
        if not concerns(sent, resource, ("list",)) or not answer.accepted or selects(sent):
            return answer
        listed = [*gone.get(sent.key, []), *answer.body[records]]
        return with_body(answer, {**answer.body, records: listed})

    return tamper


@register
def stored_twice(document: Document, resource: str) -> Tamper:
    """One create request makes two records."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if concerns(sent, resource, ("create",)):
            forward(sent)
        return forward(sent)

    return tamper


@register
def refused_stored(document: Document, operation_id: str) -> Tamper:
    """A refused create stores the parts of the body that are in order."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and 400 <= answer.status < 500 and answer.status != 401:
            store_rest(sent, forward)
        return answer

    def store_rest(sent: Sent, forward: Forward) -> None:
        body = sent.body
        for name in list(body) if isinstance(body, dict) else []:
            rest = {key: value for key, value in body.items() if key != name}
            if forward(sent.with_body(rest)).accepted:
                return

    return tamper


@register
def refused_applied(document: Document, operation_id: str) -> Tamper:
    """A refused change is applied as far as its fields are in order."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.status in (400, 409, 422):
            body = sent.body
            for name, value in body.items() if isinstance(body, dict) else ():
                forward(sent.with_body({name: value}))
        return answer

    return tamper


@register
def refused_touched(document: Document, operation_id: str, field: str) -> Tamper:
    """A refused change sets one field all the same."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if is_of(sent, operation_id) and answer.status in (400, 409, 422):
            forward(sent.with_body({field: "changed all the same"}))
        return answer

    return tamper


@register
def replaced_whole(document: Document, operation_id: str, fields: list[str]) -> Tamper:
    """A change empties the fields that it does not name."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        body = sent.body
        if not is_of(sent, operation_id) or not isinstance(body, dict):
            return forward(sent)
        wiped = {**{name: None for name in fields if name not in body}, **body}
        answer = forward(sent.with_body(wiped))
        return answer if answer.accepted else forward(sent)

    return tamper


@register
def text_changed(document: Document, operation_id: str, field: str, how: str) -> Tamper:
    """A text is stored, but not as it was given."""
    change: Callable[[str], str] = {
        "shortened": lambda text: text[:160],
        "stripped": lambda text: " ".join(text.split()),
        "ascii": lambda text: text.encode("ascii", "ignore").decode(),
        "lower": lambda text: text.lower(),
        "escaped": lambda text: text.replace("&", "&amp;").replace("<", "&lt;"),
    }[how]

    def tamper(sent: Sent, forward: Forward) -> Answer:
        body = sent.body
        if not is_of(sent, operation_id) or not isinstance(body, dict):
            return forward(sent)
        if not isinstance(body.get(field), str):
            return forward(sent)
        return forward(sent.with_body({**body, field: change(body[field])}))

    return tamper


# Lists


@register
def query_moved(document: Document, operation_id: str, name: str, by: int) -> Tamper:
    """A number in the query counts for more or less than it says."""

    def tamper(sent: Sent, forward: Forward) -> Answer:
        if not is_of(sent, operation_id):
            return forward(sent)
        query = tuple(
            (key, str(max(0, int(value) + by)) if key == name and value.isdigit() else value)
            for key, value in sent.query
        )
        return forward(replace(sent, query=query))

    return tamper


@register
def envelope(document: Document, operation_id: str, field: str, how: str) -> Tamper:
    """The frame of a list says something wrong."""
    change: dict[str, Callable[[Json], Json]] = {
        "opposite": lambda value: not value,
        "always": lambda value: True,
        "never": lambda value: False,
        "more": lambda value: value + 1,
    }

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if not is_of(sent, operation_id) or not answer.accepted or field not in answer.body:
            return answer
        if how == "missing":
            return with_body(answer, {k: v for k, v in answer.body.items() if k != field})
        return with_body(answer, {**answer.body, field: change[how](answer.body[field])})

    return tamper


@register
def listed_twice(document: Document, operation_id: str) -> Tamper:
    records = document.resources[document.operations[operation_id].resource].page.records

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if not is_of(sent, operation_id) or not answer.accepted:
            return answer
        doubled = [one for one in answer.body[records] for _ in range(2)]
        return with_body(answer, {**answer.body, records: doubled})

    return tamper


@register
def list_lags(document: Document, resource: str) -> Tamper:
    """Lists show every record as it was created."""
    first: dict[str, Json] = {}

    def tamper(sent: Sent, forward: Forward) -> Answer:
        answer = forward(sent)
        if concerns(sent, resource, ("create",)) and answer.accepted:
            first[answer.body["id"]] = answer.body
        if not concerns(sent, resource, ("list",)) or selects(sent):
            return answer
        return each_record(document, sent, answer, lambda one: first.get(one.get("id", ""), one))

    return tamper
