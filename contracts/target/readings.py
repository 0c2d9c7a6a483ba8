"""How a lenient server might read a request. Only what has one reading is read; the rest is strange."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
PLAIN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "user-agent",
        "x-schemathesis-testcaseid",
    }
)
PLAIN_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
# Characters by which no text format of servers escapes, joins or comments anything away.
PLAIN_TEXT = re.compile(r"[\w \t\r\n\-.,:/+=&{}\[\]\"'@?()|$~]*")
STRANGE_IN_PATHS = re.compile(r"[/\\%?#;:*|<>\"\s\x00-\x1f\x7f-\x9f]")


class Weight(IntEnum):
    """What a body says of the state that its record shall have, the harmless end first."""

    CALM = 0  # a state from which nothing leaves, named plainly
    ABSENT = 1  # none is given
    ODD = 2  # a value that the document does not know
    SENDING = 3  # one from which something leaves, or what could be read as one


@dataclass(frozen=True, slots=True)
class Words:
    """What bodies of one resource are searched for."""

    field: str
    sending: frozenset[str]
    calm: frozenset[str]
    addresses: frozenset[str]  # fields that say to whom
    references: frozenset[str]  # fields that name other records


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body comes to; `addresses` is None where they cannot be read."""

    weight: Weight
    addresses: frozenset[str] | None
    refers: bool = False  # it names other records, which may have addresses
    only_state: bool = False  # nothing but the state is in it


class Pairs(list[tuple[str, Any]]):
    """The members of an object as they were written, repeated ones too."""


def normal(text: str) -> str:
    """A word without case, width, accents, blanks and marks."""
    plain = unicodedata.normalize("NFKD", text.upper().casefold())
    return "".join(one for one in plain if one.isalnum())


# Method, headers, query, path


def is_reading(method: str, query: str, headers: Mapping[str, str], content: bytes | None) -> bool:
    """Whether a request asks and nothing else, for servers that let a method be overridden too."""
    names = [*headers, *(name for name, _ in query_pairs(query))]
    return (
        method in READING_METHODS
        and not content
        and not any("method" in normal(name) or "override" in normal(name) for name in names)
    )


def has_plain_headers(headers: Mapping[str, str], documented: frozenset[str]) -> bool:
    return all(name.lower() in PLAIN_HEADERS | documented for name in headers)


def has_plain_query(query: str, documented: frozenset[str]) -> bool:
    return ";" not in query and all(name in documented for name, _ in query_pairs(query))


def query_pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True) if query else []


def read_segments(target: str, root: str) -> tuple[str, ...] | None:
    """The decoded segments of a path below `root`; None where servers could differ about it."""
    path = target.partition("?")[0]
    if not path.startswith(f"{root}/"):
        return None
    raw = path.removeprefix(f"{root}/").removesuffix("/").split("/")
    segments = tuple(read_segment(one) for one in raw)
    return None if None in segments else tuple(one for one in segments if one is not None)


def read_segment(raw: str) -> str | None:
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    strange = not text.strip(".") or STRANGE_IN_PATHS.search(text) is not None
    return None if strange else text


# Body


def read_body(content: bytes | None, headers: Mapping[str, str], words: Words) -> Reading:
    """What a body says of state and addresses, by every way in which a server might take it."""
    if not content:
        return Reading(Weight.ABSENT, frozenset())
    text = decode(content, headers)
    if text is None:
        return Reading(Weight.SENDING, None)
    value = parse_members(text)
    if not isinstance(value, Pairs):
        return read_text(text, words)
    reading = read_members(value, words)
    if media_type(headers) != "application/json" and re.search(r"[&=;]|\n--", text):
        return Reading(max(reading.weight, read_text(text, words).weight), None)
    return reading


def decode(content: bytes, headers: Mapping[str, str]) -> str | None:
    """The text of a body; None where it is encoded in any unusual way."""
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]*)", content_type(headers))
    if charset is not None and charset[1] not in PLAIN_CHARSETS:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if text.startswith("\ufeff") else text


def content_type(headers: Mapping[str, str]) -> str:
    return next((v for name, v in headers.items() if name.lower() == "content-type"), "").lower()


def media_type(headers: Mapping[str, str]) -> str:
    return content_type(headers).partition(";")[0].strip()


def parse_members(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None


def read_text(text: str, words: Words) -> Reading:
    """A body that is no JSON object: harmless only where nothing in it can stand for a state."""
    if PLAIN_TEXT.fullmatch(text) is None or mentions(text, words):
        return Reading(Weight.SENDING, None)
    return Reading(Weight.ABSENT, None, refers=True)


def mentions(text: str, words: Words) -> bool:
    """Whether a text has a sending state, or the state's field before a number, which may be an index."""
    plain = normal(text)
    if any(normal(state) in plain for state in words.sending):
        return True
    return re.search(re.escape(normal(words.field)) + r"(\d|true|false)", plain) is not None


def read_members(value: Pairs, words: Words) -> Reading:
    weights = [weigh(member, words) for name, member in iter_members(value) if names(name, words)]
    if not any(name == words.field for name, _ in value):
        weights.append(Weight.ABSENT)
    weight = max(weights)
    return Reading(
        weight,
        frozenset(iter_addresses(value, words)),
        any(name in words.references and member is not None for name, member in value),
        len(value) == 1 and weight is Weight.CALM,
    )


def iter_members(value: Any) -> Iterator[tuple[str, Any]]:
    """All members of all objects, however deep."""
    if isinstance(value, Pairs):
        for name, member in value:
            yield name, member
            yield from iter_members(member)
    elif isinstance(value, list):
        for one in value:
            yield from iter_members(one)


def names(name: str, words: Words) -> bool:
    """Whether a member could be taken for the state, by servers that forgive spelling or nesting."""
    is_cut = any(unicodedata.category(one) == "Cc" for one in name)
    return is_cut or normal(name).endswith(normal(words.field))


def weigh(value: Any, words: Words) -> Weight:
    """A state as it is given. A number may be the index of a state."""
    if value is None:
        return Weight.ABSENT
    if isinstance(value, Pairs):
        return max((weigh(member, words) for _, member in value), default=Weight.ODD)
    if isinstance(value, list):
        return max((weigh(one, words) for one in value), default=Weight.ODD)
    if not isinstance(value, str):
        return Weight.SENDING
    if value in words.calm:
        return Weight.CALM
    plain = normal(value)
    is_known = any(normal(state) in plain for state in words.sending)
    return Weight.SENDING if is_known or plain.isnumeric() else Weight.ODD


def iter_addresses(value: Pairs, words: Words) -> Iterator[str]:
    """Every value that could say to whom, but for the fields that name records of the account."""
    for name, member in value:
        if name not in words.references:
            yield from addresses_in(name, member, frozenset(map(normal, words.addresses)))


def addresses_in(name: str, value: Any, known: frozenset[str]) -> Iterator[str]:
    if isinstance(value, Pairs):
        for inner, member in value:
            yield from addresses_in(name if normal(name) in known else inner, member, known)
    elif isinstance(value, list):
        for one in value:
            yield from addresses_in(name, one, known)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value)
        if normal(name) in known or looks_like_address(text):
            yield text
    if looks_like_address(name):
        yield name


def looks_like_address(text: str) -> bool:
    """A telephone number or a mail address, whatever the field is called."""
    bare = re.sub(r"[\s().\-/]", "", text)
    is_number = re.fullmatch(r"\+\d{5,20}|\d{10,20}", bare) is not None
    return is_number or re.fullmatch(r"\S+@\S+\.\S+", text.strip()) is not None
