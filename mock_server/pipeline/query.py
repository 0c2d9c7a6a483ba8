"""Query parameters: texts become typed values, and values become filters."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from math import isfinite
from typing import Any

import orjson

from mock_server.clock import format_instant, parse_moment
from mock_server.spec.model import Parameter, QueryWord, Resource
from mock_server.spec.schemas import properties_of, types_of
from mock_server.state.store import Filter, Mark

NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
DIGITS = 4_000  # Python reads no longer numbers
TRUTH = {"true": True, "false": False}


def build_convert(parameter: Parameter) -> Callable[[str], Any]:
    """Text to value by the parameter's type; what does not fit stays text and is refused."""
    types = types_of(parameter.schema)
    if "boolean" in types:
        return lambda text: TRUTH.get(text.lower(), text)
    if "integer" in types:
        return to_integer
    if "number" in types:
        return to_number
    return str


def to_integer(text: str) -> Any:
    digits = text[1:] if text[:1] in "+-" else text
    return int(text) if digits.isascii() and digits.isdigit() and len(text) <= DIGITS else text


def to_number(text: str) -> Any:
    value = to_integer(text)
    if value is text and NUMBER.fullmatch(text) and isfinite(float(text)):
        return float(text)
    return value


def build_filter(word: QueryWord, value: Any, resource: Resource) -> Filter:
    """The condition that a parameter's value puts on a field."""
    field = word.field
    types = types_of(properties_of(resource.schema).get(field))
    dated = field in resource.date_times
    if field in resource.dates and word.op not in ("eq", "in"):
        return moment_filter(field, str(value), word.op)
    if word.op == "in":
        values = tuple(
            typed(part.strip(), types, dated) for part in str(value).split(",") if part.strip()
        )
        return Filter(field, lambda held: held in values or is_member(held, values), values)
    if word.op == "eq":
        if isinstance(value, str) and "array" in types:
            return Filter(field, lambda held: isinstance(held, list) and value in held, (value,))
        values = (typed(value, types, dated) if isinstance(value, str) else value,)
        return Filter(field, lambda held: held == values[0], values)
    bound = typed(value, types, dated) if isinstance(value, str) else value
    inclusive = word.op in ("gte", "lte")
    if word.op in ("gt", "gte"):
        return Filter(field, lambda held: is_beyond(held, bound, inclusive), low=(bound, inclusive))
    return Filter(field, lambda held: is_beyond(bound, held, inclusive), high=(bound, inclusive))


def moment_filter(field: str, text: str, op: str) -> Filter:
    """A bound on a field that holds dates beside date-times."""
    bound, inclusive = parse_moment(text), op in ("gte", "lte")

    def test(held: Any) -> bool:
        moment = parse_moment(held) if isinstance(held, str) else None
        pair = (moment, bound) if op in ("gt", "gte") else (bound, moment)
        return is_beyond(*pair, inclusive)

    return Filter(field, test)


def is_member(held: Any, values: tuple[Any, ...]) -> bool:
    return isinstance(held, list) and any(item in values for item in held)


def is_beyond(larger: Any, smaller: Any, inclusive: bool) -> bool:
    """Numbers are compared with numbers, texts with texts; all else is beyond nothing."""
    if not (is_number(larger) and is_number(smaller)) and not (
        isinstance(larger, str) and isinstance(smaller, str)
    ):
        return False
    return bool(larger >= smaller if inclusive else larger > smaller)


def is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def typed(text: str, types: frozenset[str], dated: bool) -> Any:
    """A filter's text as the field holds its values; a date alone is its first moment."""
    if dated:
        instant = parse_moment(text)
        return text if instant is None else format_instant(instant)
    if "boolean" in types and "string" not in types:
        return TRUTH.get(text.lower(), text)
    if types & {"integer", "number"} and "string" not in types:
        return to_number(text)
    return text


def format_cursor(mark: Mark) -> str:
    """A mark as text that says nothing to people."""
    data = orjson.dumps([mark.value, mark.sequence, mark.towards_start])
    return urlsafe_b64encode(data).decode().rstrip("=")


def parse_cursor(text: str) -> Mark | None:
    """The mark of a cursor; None where it is none of ours."""
    try:
        parts = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    match parts:
        case [str() as value, int() as sequence, bool() as towards_start]:
            return Mark(value, sequence, towards_start)
    return None
