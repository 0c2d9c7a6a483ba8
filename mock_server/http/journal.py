"""What came in and what went out, for people and tests to look at afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any

import orjson

from mock_server.clock import format_instant
from mock_server.http.coverage import Coverage, Seen
from mock_server.http.ignored import iter_ignored
from mock_server.pipeline.exchange import Exchange, Plan, Request
from mock_server.pipeline.parse import DEPTH_LIMIT, depth_of
from mock_server.pipeline.respond import Answer
from mock_server.problems import Problem, Violation

# Parameters and fields that hold what nobody is to read in a log, whatever API it is.
NAMES = (
    r"(?:api|access|client|private|secret|session|sign[a-z]*)[_-]?key|(?:[a-z]+[_-]?)?(?:token|secret|password)"
    r"|passwd|passphrase|pass[_-]?code|session[_-]?id|credentials?|authorization"
)
# What opens something where it stands in an address.
QUERY_NAMES = rf"{NAMES}|key|auth|sig(?:n[a-z]*)?"
is_address = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE).fullmatch
# Headers of which nothing is kept, by the words of their names; keys may name tenants as well.
CREDENTIALS = frozenset(
    [
        "APIKEY",
        "AUTH",
        "AUTHORIZATION",
        "COOKIE",
        "CREDENTIAL",
        "CREDENTIALS",
        "KEY",
        "PASSWORD",
        "SECRET",
        "SESSION",
        "TENANT",
        "TOKEN",
    ]
)
NO_CREDENTIALS = frozenset({"HTTP_IDEMPOTENCY_KEY"})  # a key that opens nothing
HIDDEN = "…"
BODY_SHOWN = 20_000  # bytes of a body that an entry shows


class Entry:
    """One request and its answer; texts are made only when somebody looks."""

    __slots__ = (
        "answer",
        "body",
        "broken",
        "headers",
        "instant",
        "kept",
        "media_type",
        "method",
        "number",
        "operation_id",
        "path",
        "query",
        "sighting",
        "steered",
        "warned",
        "weight",
    )

    def __init__(
        self,
        number: int,
        instant: int,
        request: Request,
        answer: Answer,
        operation_id: str,
        body: bytes,
        broken: tuple[Violation, ...],
        warned: tuple[Violation, ...],
    ) -> None:
        self.number = number
        self.instant = instant
        self.method = request.method
        self.path = request.path if request.path.isascii() else as_meant(request.path)
        self.query = request.query
        # In the form of WSGI, made out only when somebody looks.
        self.headers = [
            (name, HIDDEN if is_secret(name) else value)
            for name, value in request.headers.items()
            if name[:5] == "HTTP_"
        ]
        self.media_type = request.content_type
        self.sighting: Seen | None = None
        self.kept: frozenset[str] | None = None  # rules, of an entry that a former version made
        self.steered: str | None = None  # what made the answer another than the API's own
        self.answer = answer
        self.operation_id = operation_id
        self.body = body
        self.weight = len(body) + len(answer.body)
        self.broken = broken
        self.warned = warned

    def header(self, name: str) -> str | None:
        """The value of a header that was sent; of credentials only that there were some."""
        sought = name.lower()
        return next((value for known, value in self.sent() if known.lower() == sought), None)

    def sent(self) -> Iterator[tuple[str, str]]:
        """The headers that were sent."""
        if self.media_type:
            yield "Content-Type", self.media_type
        for name, value in self.headers:
            yield name[5:].replace("_", "-").title(), value


numbers = count(1)


@cache
def is_secret(header: str) -> bool:
    """Whether a header, named as WSGI has it, may hold credentials."""
    return not CREDENTIALS.isdisjoint(header.split("_")) and header not in NO_CREDENTIALS


def as_meant(path: str) -> str:
    """A path of WSGI, which has a character for each byte, as the text that was sent."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def build_entry(
    request: Request,
    answer: Answer,
    exchange: Exchange | None,
    problem: Problem | None,
    instant: int,
    body: bytes = b"",
) -> Entry:
    """The entry of a request; `body` is what came where no stage has read it."""
    broken = problem.violations if problem is not None else ()
    if exchange is None:
        return Entry(next(numbers), instant, request, answer, "", body, broken, ())
    operation_id = exchange.operation.operation.operation_id
    return Entry(
        next(numbers),
        instant,
        request,
        answer,
        operation_id,
        exchange.raw_body,
        broken,
        exchange.warned,
    )


def to_json(entry: Entry, plan: Plan, coverage: Coverage) -> dict[str, Any]:
    """An entry as the control API shows it. Credentials are never kept."""
    met = coverage.met(entry.sighting) if entry.sighting is not None else entry.kept or ()
    return {
        "id": entry.number,
        "at": format_instant(entry.instant),
        "method": entry.method,
        "path": entry.path,
        "query": query_of(entry, plan),
        "operation": entry.operation_id or None,
        "media_type": entry.media_type,
        "request_headers": {name: covered(text, plan, name) for name, text in entry.sent()},
        "request": shown(entry.body, plan),
        "status": entry.answer.status,
        "headers": {n: covered(t, plan, n) for n, t in joined(entry.answer.headers).items()},
        "response": shown(entry.answer.body, plan),
        "violations": [explain(violation, plan, "broken") for violation in entry.broken]
        + [explain(violation, plan, "warned") for violation in entry.warned],
        "ignored": ignored_by(entry, plan),
        "met": sorted(met),
        "steered": entry.steered,
    }


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name; those of one name in one, as HTTP has it."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def query_of(entry: Entry, plan: Plan) -> str:
    """A query as it was written, without secrets."""
    if not entry.query:
        return ""
    return without_keys(entry.query, plan)


def shown(data: bytes, plan: Plan) -> Any:
    """A body as JSON where it is that, else as text; without secrets, and cut where it is long."""
    data = without_secrets(data, plan)
    if len(data) <= BODY_SHOWN:
        return to_value(data)
    return data[:BODY_SHOWN].decode("utf-8", "replace")


def without_secrets(data: bytes, plan: Plan) -> bytes:
    """A body as it was sent where nothing in it is secret."""
    value = to_value(data)
    without = covered(value, plan)
    if without == value:
        return data
    text = without if isinstance(without, str) else json.dumps(without, ensure_ascii=False)
    return text.encode()


def covered(value: Any, plan: Plan, name: str = "") -> Any:
    """A value without what is secret in it: by the document's word, or by how a field is called.

    Of an address that stands alone, such as where a webhook goes, its login and its keys.
    """
    if isinstance(value, dict):
        return {key: covered(child, plan, key) for key, child in value.items()}
    if isinstance(value, list):
        return [covered(child, plan, name) for child in value]
    if value is None or isinstance(value, bool):
        return value
    if name and secrets_of(plan.secrets())[0](name):
        return HIDDEN
    if isinstance(value, str) and (not name or is_address(value)):
        return without_keys(value, plan)
    return value


def without_keys(text: str, plan: Plan) -> str:
    """A query, a form, an address, or what was meant as JSON, without the keys in it."""
    return secrets_of(plan.secrets())[1].sub(
        lambda found: next(filter(None, found.groups())) + HIDDEN, text
    )


@cache
def secrets_of(names: frozenset[str]) -> tuple[Callable[[str], Any], re.Pattern[str]]:
    """Whether a field is secret, and where secrets begin in a text: in a query, JSON, a login."""
    told = "".join(f"|{re.escape(name)}" for name in sorted(names))
    in_query = rf"((?:^|[?&;])(?:{QUERY_NAMES}{told})=)[^&#\s\"]+"
    in_json = rf'("(?:{NAMES}{told})"\s*:\s*"?)[^",}}\]]+'
    in_login = r"(://)[^/?#\s@\"]+(?=@)"
    return (
        re.compile(f"(?i)(?:x-)?(?:{NAMES}{told})").fullmatch,
        re.compile(f"(?i){in_query}|{in_json}|{in_login}"),
    )


def ignored_by(entry: Entry, plan: Plan) -> list[dict[str, Any]]:
    """What the request said that nothing came of."""
    if not (entry.operation_id and (entry.query or entry.body)):
        return []
    answer = to_value(entry.answer.body) if entry.answer.status < 300 else None
    return ignored_rows(plan, entry.operation_id, entry.query, to_value(entry.body), answer)


def ignored_rows(
    plan: Plan, operation_id: str, query: str, body: Any, answer: Any
) -> list[dict[str, Any]]:
    """What is ignored, as people see it: `pointer`, `found` (without secrets) and `reason`."""
    return [
        {"pointer": place, "found": covered_at(place, value, plan), "reason": reason}
        for place, value, reason in iter_ignored(plan, operation_id, query, body, answer)
    ]


def covered_at(place: str, value: Any, plan: Plan) -> Any:
    """What was found at a place such as `/body/text`, without what is secret in it."""
    if place.startswith("/headers/"):  # of a header it is only said what is wrong with it
        return value
    name = place.rpartition("/")[2]
    if place.startswith("/query/") and without_keys(f"{name}=x", plan) != f"{name}=x":
        return HIDDEN
    return covered(value, plan, name)


def to_value(data: bytes) -> Any:
    """A body as the API itself reads it, or as text where the API would not read it either.

    So no value has half a character or more levels than whatever looks at it can take.
    """
    if not data:
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data.decode("utf-8", "replace")
    return data.decode("utf-8") if depth_of(value) > DEPTH_LIMIT else value


def explain(violation: Violation, plan: Plan, outcome: str) -> dict[str, Any]:
    """Why a request was refused, or would have been: the sentence, the value, the facts, the way out."""
    return {
        "outcome": outcome,
        "rules": [explain_rule(rule_id, plan) for rule_id in violation.rule_ids],
        "pointer": violation.pointer,
        "message": violation.message,
        "found": covered_at(violation.pointer, violation.found, plan),
        "facts": covered(dict(violation.facts), plan),
        "accepted": violation.expected,
    }


def explain_rule(rule_id: str, plan: Plan) -> Mapping[str, Any]:
    rule = plan.rules[rule_id]
    return {
        "id": rule_id,
        "says": rule.says,
        "source": rule.source,
        "certainty": rule.certainty,
        "policy": plan.policies[rule_id],
    }
