"""The words for each way a value can be wrong: one row for each JSON Schema keyword."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

REQUIRED = "This field is required."
MISSING_REFERENCE = "Object does not exist."

FORMS = {
    "date-time": "a date and time such as 2030-01-01T09:00:00Z",
    "date": "a date such as 2030-01-01",
    "uri": "an absolute URL",
    "email": "an e-mail address",
}
TYPE_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
}
TYPE_NAMES |= {"number": "a number", "boolean": "true or false", "null": "null"}


def type_names(types: Any) -> str:
    listed = [types] if isinstance(types, str) else sorted(types, key=lambda name: name == "null")
    return " or ".join(TYPE_NAMES.get(name, name) for name in listed)


def article(name: str) -> str:
    """A name with its article: an HTTP, a box, an item."""
    spelt = name.partition(" ")[0].isupper() and len(name) > 1
    first, rest = name[:1].lower(), name[1:3].lower()
    vowel = first in ("aefhilmnorsx" if spelt else "aeiou")
    if first == "u" and not spelt and rest[:1] in ("s", "n") and rest[1:] in ("e", "i", "a"):
        vowel = False  # as in unit
    return f"{'an' if vowel else 'a'} {name}"


def such_as(values: Sequence[Any]) -> str:
    """Some values as examples, or nothing."""
    return f", such as {' or '.join(quoted(value) for value in values)}" if values else ""


def quoted(value: Any) -> str:
    """A value as JSON, cut to what a message can hold."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def choices(options: Any) -> str:
    return ", ".join(option if isinstance(option, str) else quoted(option) for option in options)


def fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number} fields"


def say(keyword: str, limit: Any) -> tuple[str, str]:
    """The message for a broken keyword, and what would be accepted."""
    match keyword:
        case "required":
            return REQUIRED, "a value"
        case "enum":
            return (
                f"Not a valid choice. Choose one of: {choices(limit)}.",
                f"one of: {choices(limit)}",
            )
        case "const":
            return f"Not a valid choice. It must be {quoted(limit)}.", quoted(limit)
        case "type":
            return f"Not a valid value. Expected {type_names(limit)}.", type_names(limit)
        case "format":
            form = FORMS.get(limit, f"the form {limit}")
            return f"Not a valid value. Expected {form}.", form
        case "pattern":
            return f"Not a valid value. It must match {limit}.", f"text that matches {limit}"
        case "exclusiveMaximum":
            return f"Ensure this value is less than {limit}.", f"less than {limit}"
        case "maximum":
            return f"Ensure this value is at most {limit}.", f"at most {limit}"
        case "exclusiveMinimum":
            return f"Ensure this value is greater than {limit}.", f"greater than {limit}"
        case "minimum":
            return f"Ensure this value is at least {limit}.", f"at least {limit}"
        case "minLength":
            return (
                f"Ensure this value has at least {limit} characters.",
                f"{limit} characters or more",
            )
        case "maxLength":
            return (
                f"Ensure this value has at most {limit} characters.",
                f"{limit} characters or fewer",
            )
        case "minItems":
            return f"Ensure this list has at least {limit} items.", f"{limit} items or more"
        case "maxItems":
            return f"Ensure this list has at most {limit} items.", f"{limit} items or fewer"
        case "minProperties":
            return f"Ensure it has at least {fields(limit)}.", f"at least {fields(limit)}"
        case "maxProperties":
            return f"Ensure it has at most {fields(limit)}.", f"at most {fields(limit)}"
        case "additionalProperties" | "unevaluatedProperties":
            return "This field is not known.", "only documented fields"
        case "anyOf" | "oneOf":
            return "Not a valid value. It has none of the documented forms.", "a documented form"
        case "multipleOf":
            return f"Ensure this value is a multiple of {limit}.", f"a multiple of {limit}"
        case "uniqueItems":
            return "Ensure the items of this list differ.", "items that differ"
        case "falseSchema":
            return "Not allowed here.", "nothing"
        case "not":
            return "Not allowed in this combination.", "another combination"
    return f"Not a valid value ({keyword}).", f"{keyword}: {quoted(limit)}"
