"""Requests and answers as values, and how credentials are written."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from contracts.settings import Keys

Json = Any
Headers = Mapping[str, str]

KEY = "key"
OTHER = "other"
BEARER = "bearer"
NONE = "none"
OUTAGE = (502, 503, 504)  # what stands before a target says while it is away
GONE = (404, 410)  # what a record that is no more is answered with


class Absent:
    """No body, which is not the body null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Request:
    """A request below the base path. `credentials` names a key, or is a whole Authorization value."""

    operation_id: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json = ABSENT
    credentials: str = KEY

    @property
    def target(self) -> str:
        """Path and query as they go over the wire."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `headers` have lower-case names, `body` is None where it is no JSON."""

    status: int
    headers: Headers
    content: bytes
    body: Json = None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer; `sent` and `came` are moments of the run's clock.

    `wait` is how many seconds were let pass on purpose before the request.
    """

    request: Request
    answer: Answer
    sent: float
    came: float
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """What went over the wire, whoever made it; `path` is below the base path and has the query."""

    method: str
    path: str
    headers: Headers
    content: bytes | None
    answer: Answer
    sent: float
    came: float


def basic(user: str, password: str = "") -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def bearer(token: str) -> str:
    return f"Bearer {token}"


def authorization(credentials: str, keys: Keys, scheme: str = "basic") -> str | None:
    """The Authorization header that a request's credentials stand for."""
    if credentials == NONE:
        return None
    if credentials == KEY:
        return bearer(keys.key) if scheme == "bearer" else basic(*keys.key.split(":", 1))
    if credentials == OTHER:
        other = keys.other or ""
        return bearer(other) if scheme == "bearer" else basic(other)
    if credentials == BEARER:
        return bearer(keys.bearer or keys.key)
    return credentials


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A path template with its values, each one segment."""
    path = template
    for name, value in values.items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    return path


def to_query(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, query_text(value)) for name, value in values.items())


def query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parse_json(content: bytes) -> Json:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None


def encode(body: Json) -> bytes | None:
    """The bytes of a body: every other one in UTF-8, as browsers write it, the others in escapes.

    Which of the two goes by the length, so that a request is written alike each time. Lone
    surrogates have no UTF-8.
    """
    if isinstance(body, Absent):
        return None
    if isinstance(body, bytes):
        return body
    escaped = json.dumps(body)
    if len(escaped) % 2 or "\\u" not in escaped:
        return escaped.encode()
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return escaped.encode()
