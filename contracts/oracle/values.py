"""What a value of the document comes to: expressions and functions, worked out by the judge itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from contracts.moments import is_same_moment
from mock_server.spec.model import Call, Constant, Expression, Value

Record = Mapping[str, Any]


class Unknown:
    """A value that the judge cannot foresee (a fresh id, the moment of an answer)."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What expressions read. `follow` finds the record that a reference field names.

    `hidden` are fields that answers never hold, with the value that they come from, if any.
    `item` is the one of a list that an effect is about.
    """

    record: Record
    body: Record = field(default_factory=dict)
    query: Record = field(default_factory=dict)
    path: Record = field(default_factory=dict)
    principal: Record | None = None
    follow: Callable[[str, Any], Record | None] = lambda name, value: None
    hidden: Mapping[str, Value | None] = field(default_factory=dict)
    item: Record | None = None


def evaluate(value: Value, facts: Facts) -> Any:
    """The value, or UNKNOWN."""
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Call):
        return evaluate_call(value, facts)
    return evaluate_expression(value, facts)


def evaluate_expression(expression: Expression, facts: Facts) -> Any:
    if expression.source == "follow":
        named = facts.record.get(expression.name)
        found = None if named is None else facts.follow(expression.name, named)
        return UNKNOWN if found is None and named is not None else dig(found, expression.tokens)
    if (
        expression.source == "record"
        and expression.tokens[:1]
        and expression.tokens[0] in facts.hidden
    ):
        value = facts.hidden[expression.tokens[0]]
        return UNKNOWN if value is None else evaluate(value, facts)
    if expression.source in ("body", "record", "query", "path"):
        base = getattr(facts, expression.source)
        return dig(base, (expression.name,) if expression.name else expression.tokens)
    if expression.source == "item" and facts.item is not None:
        return dig(facts.item, expression.tokens)
    if expression.source == "principal" and facts.principal is not None:
        return dig(facts.principal, expression.tokens)
    return UNKNOWN


def dig(value: Any, tokens: tuple[str, ...]) -> Any:
    for token in tokens:
        if isinstance(value, Mapping):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value


def evaluate_call(call: Call, facts: Facts) -> Any:
    function = FUNCTIONS.get(call.function)
    parts = [evaluate(part, facts) for part in call.of]
    named = {name: evaluate(part, facts) for name, part in call.named.items()}
    if function is None or any(isinstance(part, Unknown) for part in parts):
        return UNKNOWN
    return function(*parts, **named)


def parse_number(number: Any) -> phonenumbers.PhoneNumber | None:
    if not isinstance(number, str):
        return None
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None


def international(number: Any = None) -> Any:
    parsed = parse_number(number)
    if parsed is None:
        return None if number is None else UNKNOWN
    if not phonenumbers.is_possible_number(parsed):
        return UNKNOWN
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def each_international(numbers: Any = None) -> Any:
    written = [international(number) for number in numbers] if isinstance(numbers, list) else []
    return UNKNOWN if any(isinstance(one, Unknown) for one in written) else written


def country(number: Any = None) -> Any:
    parsed = parse_number(number)
    if parsed is None:
        return None if number is None else UNKNOWN
    return phonenumbers.region_code_for_number(parsed) or UNKNOWN


def render(text: Any = None, **records: Any) -> Any:
    if not isinstance(text, str):
        return None

    placeholders = [tuple(name.split(".")) for name in PLACEHOLDER.findall(text)]
    if any(isinstance(records.get(tokens[0]), Unknown) for tokens in placeholders):
        return UNKNOWN

    def fill(match: re.Match[str]) -> str:
        found = dig(records, tuple(match[1].split(".")))
        return "" if found is None else str(found)

    return PLACEHOLDER.sub(fill, text)


def join_words(*parts: Any) -> Any:
    return " ".join(str(part) for part in parts if part not in (None, "")) or None


def first_word(text: Any = None) -> Any:
    words = text.split() if isinstance(text, str) else []
    return words[0] if words else None


def join_text(*parts: Any) -> str:
    return "".join(str(part) for part in parts if part is not None)


def if_true(condition: Any = None, value: Any = None) -> Any:
    return value if condition is True else None


def if_present(found: Any = None, value: Any = None) -> Any:
    return None if found is None else value


def if_equal(found: Any = None, wanted: Any = None, value: Any = None) -> Any:
    return value if found == wanted else None


def list_if_equal(found: Any = None, wanted: Any = None, *values: Any) -> Any:
    return [*values] if found == wanted else None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "phone.international": international,
    "phone.country": country,
    "phone.each-international": each_international,
    "template.render": render,
    "join.words": join_words,
    "first.word": first_word,
    "join.text": join_text,
    "if.true": if_true,
    "if.present": if_present,
    "if.equal": if_equal,
    "list.if-equal": list_if_equal,
}


# Whether what is held is what was given


def is_same(left: Any, right: Any) -> bool:
    """Whether what is held is what was given; a server may add fields to the items of a list."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return all(is_extended(held, given) for held, given in zip(left, right, strict=True))
    return left == right or is_same_moment(left, right, 1.0)


def is_extended(held: Any, given: Any) -> bool:
    """Whether an item is the given one, or that with more fields."""
    if not isinstance(held, dict) or not isinstance(given, dict):
        return bool(held == given)
    return given.keys() <= held.keys() and all(held[name] == given[name] for name in given)
