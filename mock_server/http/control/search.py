"""Finding requests: by what they are like, and by how near they come to what was expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from mock_server.http.control.errors import ControlError
from mock_server.http.control.interface import Form, iter_misfits, misfit
from mock_server.http.faults import matches_path
from mock_server.http.journal import Entry
from mock_server.http.redaction import to_value
from mock_server.rules.schema import build_validator
from mock_server.spec.anatomy import LIST_KEYWORDS, MAP_KEYWORDS, SINGLE_KEYWORDS
from mock_server.spec.pointers import escape, nearest

# The keywords of JSON Schema 2020-12 that hold no schemas.
PLAIN_WORDS = (
    "$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment title description "
    "default deprecated readOnly writeOnly examples type enum const multipleOf maximum "
    "exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems "
    "uniqueItems maxContains minContains maxProperties minProperties required dependentRequired "
    "format contentEncoding contentMediaType contentSchema example discriminator nullable"
)
KEYWORDS = frozenset(PLAIN_WORDS.split())
# What weighs how much where requests are ranked by how near they come.
WEIGHTS = {"operation": 3.0, "method": 3.0, "path": 3.0, "status": 1.5, "rule": 1.5}


class Pattern:
    """What a request is to be like, prepared; each thing said is one criterion."""

    def __init__(self, wish: Mapping[str, Any], place: str = "body/") -> None:
        """`place` is where the caller has it, for errors; raises ControlError for a wrong schema."""
        self.wish = {name: value for name, value in wish.items() if value is not None}
        self.schemas = {
            name: prepared(self.wish[name], f"{place}{name}")
            for name in BODIES
            if name in self.wish
        }
        self.headers = {
            name: prepared(schema, f"{place}headers/{name}")
            for name, schema in self.wish.get("headers", {}).items()
        }

    def matches(self, entry: Entry) -> bool:
        return next(self.iter_misses(entry), None) is None

    def iter_misses(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """What a request lacks: where, found, expected."""
        for name, value in self.wish.items():
            if name in PLAIN:
                found, holds = PLAIN[name](entry, value)
                if not holds:
                    yield misfit(name, found, str(value))
            elif name in self.schemas:
                yield from iter_misfits(self.schemas[name], BODIES[name](entry), name)
        for name, form in self.headers.items():
            found = entry.header(name)
            if found is None:
                yield misfit(f"headers/{name}", None, "this header")
            else:
                yield from iter_misfits(form, found, f"headers/{name}")

    def distance(self, entry: Entry) -> tuple[float, list[dict[str, Any]]]:
        misses = list(self.iter_misses(entry))
        return sum(WEIGHTS.get(one["where"], 1.0) for one in misses), misses


def prepared(schema: Any, place: str) -> Form:
    """A schema that a caller wrote; raises ControlError where it is none.

    A keyword that JSON Schema does not have would hold whatever comes: most often it is the name
    of a field, written where its schema was meant.
    """
    try:
        form = Form(schema, build_validator(schema))
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        found = misfit(place, schema, f"a JSON Schema 2020-12, of which it breaks a rule: {reason}")
        raise ControlError(400, "This is no schema.", [found]) from None
    strange = [
        misfit(where, word, f"a keyword of JSON Schema; {meant(word, value)}")
        for where, word, value in iter_strange(schema, place)
    ]
    if strange:
        raise ControlError(400, "A schema has words that JSON Schema does not know.", strange)
    return form


def iter_strange(schema: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Keywords that JSON Schema does not have: where they stand, and what they hold."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        where = f"{place}/{escape(word)}"
        if word in SINGLE_KEYWORDS:
            yield from iter_strange(value, where)
        elif word in LIST_KEYWORDS and isinstance(value, list):
            for position, one in enumerate(value):
                yield from iter_strange(one, f"{where}/{position}")
        elif word in MAP_KEYWORDS and isinstance(value, dict):
            for name, one in value.items():
                yield from iter_strange(one, f"{where}/{escape(name)}")
        elif word not in KEYWORDS and not word.startswith("x-"):
            yield where, word, value


def meant(word: str, value: Any) -> str:
    """What a caller who wrote a strange keyword may have wanted."""
    hint = nearest(word, KEYWORDS | SINGLE_KEYWORDS | LIST_KEYWORDS | MAP_KEYWORDS)
    field = json.dumps({"properties": {word: {"const": value}}, "required": [word]})
    wish = f"for a field that has this value write {field if len(field) <= 200 else 'properties'}"
    return f"{hint} Or {wish}" if hint else wish


def has_status(entry: Entry, wanted: Any) -> tuple[Any, bool]:
    status, text = entry.answer.status, str(wanted).lower()
    return status, str(status) == text or (text.endswith("xx") and text[0] == str(status)[0])


def has_rule(entry: Entry, wanted: str) -> tuple[Any, bool]:
    ids = [name for one in (*entry.broken, *entry.warned) for name in one.rule_ids]
    return ids, wanted in ids


def has_text(entry: Entry, wanted: str) -> tuple[Any, bool]:
    parts = (
        entry.method,
        entry.path,
        entry.query,
        *(body_text(data) for data in (entry.body, entry.answer.body)),
    )
    return None, wanted.lower() in "\n".join(parts).lower()


def body_text(data: bytes) -> str:
    """A body as people search it: escapes of JSON read as what they mean."""
    value = to_value(data)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


PLAIN: Mapping[str, Callable[[Entry, Any], tuple[Any, bool]]] = {
    "method": lambda entry, wanted: (entry.method, entry.method == wanted.upper()),
    "path": lambda entry, wanted: (entry.path, matches_path(wanted, entry.path)),
    "operation": lambda entry, wanted: (entry.operation_id or None, entry.operation_id == wanted),
    "status": has_status,
    "rule": has_rule,
    "text": has_text,
    "since": lambda entry, wanted: (entry.number, entry.number > wanted),
}
BODIES: Mapping[str, Callable[[Entry], Any]] = {
    "query": lambda entry: dict(parse_qsl(entry.query, keep_blank_values=True)),
    "body": lambda entry: to_value(entry.body),
    "response": lambda entry: to_value(entry.answer.body),
}
