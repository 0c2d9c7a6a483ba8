"""What came in and what went out, for people and tests to look at afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from mock_server.clock import format_instant
from mock_server.http.coverage import Coverage, Seen
from mock_server.http.ignored import iter_ignored
from mock_server.http.redaction import (
    HIDDEN,
    covered,
    covered_at,
    is_secret_sent,
    to_value,
    without_keys,
    without_secrets,
)
from mock_server.pipeline.exchange import Exchange, Plan, Request
from mock_server.pipeline.respond import Answer
from mock_server.problems import Problem, Violation

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
            (name, HIDDEN if is_secret_sent(name) else value)
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
        "query": without_keys(entry.query, plan),
        "operation": entry.operation_id or None,
        "media_type": entry.media_type,
        "request_headers": {name: without_keys(text, plan) for name, text in entry.sent()},
        "request": shown(entry.body, plan),
        "status": entry.answer.status,
        "headers": joined((n, without_keys(text, plan)) for n, text in entry.answer.headers),
        "response": shown(entry.answer.body, plan),
        "violations": violations_of(entry, plan),
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


def shown(data: bytes, plan: Plan) -> Any:
    """A body as JSON where it is that, else as text; without secrets, and cut where it is long."""
    data = without_secrets(data, plan)
    if len(data) <= BODY_SHOWN:
        return to_value(data)
    return data[:BODY_SHOWN].decode("utf-8", "replace")


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


def violations_of(entry: Entry, plan: Plan) -> list[dict[str, Any]]:
    """Why a request was refused, and what it would have been refused for."""
    return [explain(violation, plan, "broken", entry.body) for violation in entry.broken] + [
        explain(violation, plan, "warned", entry.body) for violation in entry.warned
    ]


def found_in(violation: Violation, plan: Plan, body: bytes) -> Any:
    """What was found; of a body that cannot be read, and has secrets in it, no part."""
    if violation.pointer == "/body" and without_secrets(body, plan) != body:
        return HIDDEN
    return covered_at(violation.pointer, violation.found, plan)


def explain(violation: Violation, plan: Plan, outcome: str, body: bytes = b"") -> dict[str, Any]:
    """Why a request was refused, or would have been: the sentence, the value, the facts, the way out."""
    return {
        "outcome": outcome,
        "rules": [explain_rule(rule_id, plan) for rule_id in violation.rule_ids],
        "pointer": violation.pointer,
        "message": violation.message,
        "found": found_in(violation, plan, body),
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
