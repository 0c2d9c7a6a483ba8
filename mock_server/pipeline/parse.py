"""Bytes and texts become values."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

import orjson
from jsonschema_rs import ValidationError

from mock_server.messages import say
from mock_server.pipeline.exchange import Exchange, ParameterPlan
from mock_server.pipeline.query import parse_cursor
from mock_server.problems import Problem, Violation
from mock_server.rules.describe import matching, named
from mock_server.spec.model import Parameter
from mock_server.spec.schemas import keyword_of

DEPTH_LIMIT = 100  # levels of a body; validators give up not far beyond


def parse(exchange: Exchange) -> Problem | None:
    """Reads the query and, where the operation has one, the body."""
    request = exchange.request
    if exchange.operation.parameters:
        parse_query(exchange, request.query)
    if exchange.operation.body_validator is None:
        return None
    return parse_body(exchange, exchange.operation.operation.media_types)


def parse_query(exchange: Exchange, query: str) -> None:
    """Typed values of the known parameters.

    Where one is repeated the last counts, and none may be wrong; lists are put together.
    An empty text asks for nothing where it is no wrong value of its parameter; an empty list of
    what a field may be is one that no record is in.
    """
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace") if query else []
    written = dict(pairs)
    for plan in exchange.operation.parameters:
        name = plan.parameter.name
        word = plan.parameter.query
        if name not in written:
            if word is not None and word.unless in written:
                continue
            if plan.parameter.default is not None:
                exchange.query[name] = plan.parameter.default
            elif plan.parameter.required:
                exchange.violations.append(refuse(plan, None, "required", None))
            continue
        texts = [written[name]]
        if len(pairs) > len(written):
            texts = [text for other, text in pairs if other == name]
            if word is not None and (word.op == "in" or word.does == "fields"):
                texts = [",".join(texts)]
        for text in texts:
            value, error = read_value(plan, text)
            if error is not None:
                exchange.violations.append(refuse(plan, text, error.kind.name, error.kind.value))
                break
            if word is not None and word.does == "cursor" and text and parse_cursor(text) is None:
                exchange.violations.append(refuse_cursor(plan.parameter, text))
                break
        else:
            if value != "" or word is None or word.op == "in":
                exchange.query[name] = value


def read_value(plan: ParameterPlan, text: str) -> tuple[Any, ValidationError | None]:
    """The value that a text means, and what is wrong with it."""
    value = plan.convert(text)
    error = next(iter(plan.validator.iter_errors(value)), None)
    if error is not None and " " in text:
        # A plus that was not encoded reads as a space; it is one where only that makes sense.
        meant = plan.convert(text.replace(" ", "+"))
        if plan.validator.is_valid(meant):
            return meant, None
    return value, error


def refuse(plan: ParameterPlan, found: str | None, keyword: str, limit: object) -> Violation:
    schema = plan.parameter.schema
    message, expected = say(keyword, limit)
    if keyword == "pattern" and keyword_of(schema, "description"):
        # What the document calls it tells people more than the pattern does.
        expected = matching(schema, str(limit))
        message = f"Not a valid value. Expected {named(schema)}."
    name = plan.parameter.name
    return Violation(plan.parameter.rule_ids, f"/query/{name}", name, message, found, expected)


def refuse_cursor(parameter: Parameter, text: str) -> Violation:
    name, message = parameter.name, "Not a valid cursor."
    expected = "a cursor of an earlier page"
    return Violation(parameter.rule_ids, f"/query/{name}", name, message, text, expected)


def parse_body(exchange: Exchange, media_types: Sequence[str]) -> Problem | None:
    """Reads a body of JSON. `media_types` are those that the document has for it."""
    request, limit = exchange.request, exchange.plan.body_limit
    if request.content_length is not None and request.content_length > limit:
        return too_large(exchange, request.content_length)
    data = exchange.raw_body = request.read(limit + 1)
    if len(data) > limit:
        return too_large(exchange, f"more than {limit} bytes")
    if not data:
        if exchange.operation.needs_body:
            exchange.body = {}
            message = "A JSON body is needed."
            violation = Violation((), "/body", None, message, None, "a JSON object")
            exchange.violations.append(violation)
        return None
    media_type = request.content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not is_documented(media_type, media_types):
        found = f'"{media_type}"' if media_type else "none"
        message = f"The media type must be application/json; found {found}."
        place = "/headers/Content-Type"
        return plain(exchange, 415, place, message, media_type or None, "application/json")
    try:
        exchange.body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return unreadable(data, error)
    if exchange.body is None:
        return unusable("The body is null.", None, "a JSON object")
    # Counting bytes tells of nearly every body that it cannot be deep.
    brackets = data.count(b"[") + data.count(b"{")
    if brackets > DEPTH_LIMIT and depth_of(exchange.body) > DEPTH_LIMIT:
        exchange.body = None
        message = f"The body is nested more than {DEPTH_LIMIT} levels deep."
        return unusable(message, None, f"at most {DEPTH_LIMIT} levels")
    return None


def unreadable(data: bytes, error: orjson.JSONDecodeError) -> Problem:
    """What is wrong with a body that is not JSON, and the text around it, as it came."""
    try:
        text, place = data.decode("utf-8"), error.pos
        wrong = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as odd:
        text, place = data.decode("utf-8", "replace"), len(data[: odd.start].decode("utf-8"))
        wrong = f"it is not UTF-8 at byte {odd.start + 1}"
    near = text[max(0, place - 10) : place + 10]
    return unusable(f"The body is not valid JSON: {wrong}.", near, "one JSON value in UTF-8")


def is_json(media_type: str) -> bool:
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def is_documented(media_type: str, known: Sequence[str]) -> bool:
    """Whether a media type is one of JSON that the document has: another one has a meaning of its own."""
    return is_json(media_type) and any(fnmatchcase(media_type, one) for one in known)


def depth_of(value: Any) -> int:
    """How many levels of lists and objects a value has."""
    level, depth = [value], 0
    while level := [one for one in level if one.__class__ in (dict, list)]:
        depth += 1
        level = [
            child for one in level for child in (one.values() if one.__class__ is dict else one)
        ]
    return depth


def unusable(message: str, found: Any, expected: str) -> Problem:
    """A body of which nothing can be judged."""
    return Problem(400, message, (Violation((), "/body", None, message, found, expected),))


def too_large(exchange: Exchange, found: int | str) -> Problem:
    limit = exchange.plan.body_limit
    size = f"{found} bytes" if isinstance(found, int) else found
    message = f"The body is larger than {limit} bytes."
    return plain(exchange, 413, "/body", message, size, f"at most {limit} bytes")


def plain(
    exchange: Exchange, status: int, pointer: str, message: str, found: Any, expected: str
) -> Problem:
    """A request that is not read; the rule is the one of its answer, where the document has it."""
    answer = exchange.operation.operation.responses.get(str(status))
    ids = answer.rule_ids if answer is not None else ()
    return Problem(status, message, (Violation(ids, pointer, None, message, found, expected),))
