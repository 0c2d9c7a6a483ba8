"""The outcome as bytes and headers, in the API's own shapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from mock_server.pipeline.exchange import Exchange, Plan
from mock_server.problems import Problem, Violation
from mock_server.spec.model import ErrorLayout

JSON = ("Content-Type", "application/json")
UNKNOWN_KIND = "application/octet-stream"
BROKEN = "Mock-Broken-Rules"
WARNED = "Mock-Warned-Rules"
WHOLE = frozenset({404, 405, 413, 415})  # refusals of which the one message says everything


class Answer:
    """A response."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def respond(exchange: Exchange) -> Answer:
    """The answer to a request that went through."""
    headers = [JSON]
    if exchange.warned:
        headers.append((WARNED, ids_of(exchange.warned)))
    if exchange.operation.empty_success:
        return Answer(exchange.status, headers[1:], b"")
    if exchange.operation.content is not None:
        media_type, data = exchange.answer
        kind = ("Content-Type", media_type or UNKNOWN_KIND)
        return Answer(exchange.status, [kind, *headers[1:]], data)
    return Answer(exchange.status, headers, orjson.dumps(exchange.answer))


def refuse(plan: Plan, problem: Problem, warned: Iterable[Violation] = ()) -> Answer:
    """The answer to a request that is refused, laid out as the document says."""
    headers = [JSON, *problem.headers]
    broken = ids_of(problem.violations)
    if broken:
        headers.append((BROKEN, broken))
    if problem.status == 401 and plan.schemes:
        headers += [
            ("WWW-Authenticate", f'{scheme.kind.capitalize()} realm="{plan.title}"')
            for scheme in plan.schemes.values()
        ]
    if warned:
        headers.append((WARNED, ids_of(warned)))
    body = problem.body
    if body is None:
        body = lay_out(layout_of(plan, problem), problem)
    return Answer(problem.status, headers, orjson.dumps(body))


def layout_of(plan: Plan, problem: Problem) -> ErrorLayout | None:
    """The layout of a status; one that speaks of a resource is for problems with one."""
    layout = plan.errors.get(str(problem.status))
    if layout is None or (not problem.title and "$resource" in repr(layout.body)):
        return plan.errors.get("default", layout)
    return layout


def ids_of(violations: Iterable[Violation]) -> str:
    return ", ".join(dict.fromkeys(rule_id for v in violations for rule_id in v.rule_ids))


def lay_out(layout: ErrorLayout | None, problem: Problem) -> Any:
    """The error body: the layout with what happened put in."""
    fields, messages = sort_messages(problem, layout.strip if layout is not None else "")
    if layout is None:
        told = problem.violations and problem.status not in WHOLE
        more = {"messages": messages, "fields": fields} if told else {}
        return {"error": problem.message, **more}
    parts = {"$messages": messages, "$fields": fields, "$message": problem.message}
    words = {"$message": problem.message, "$resource": problem.title}
    return fill(layout.body, {**parts, **problem.words}, words)


def sort_messages(problem: Problem, strip: str) -> tuple[dict[str, str], list[str]]:
    """Messages by field, and those for the request as a whole."""
    fields: dict[str, dict[str, None]] = {}
    messages: dict[str, None] = {}
    for violation in problem.violations:
        name = violation.field
        if name is None:
            messages[violation.message] = None
        else:
            listed = fields.setdefault(
                name.removesuffix(strip) if violation.reference else name, {}
            )
            listed[violation.message] = None
    if not problem.violations:
        messages[problem.message] = None
    return {name: " ".join(listed) for name, listed in fields.items()}, list(messages)


def fill(body: Any, parts: dict[str, Any], words: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {key: fill(value, parts, words) for key, value in body.items()}
    if isinstance(body, list):
        return [fill(value, parts, words) for value in body]
    if isinstance(body, str):
        if body in parts:
            return parts[body]
        for word, text in words.items():
            body = body.replace(word, text)
    return body
