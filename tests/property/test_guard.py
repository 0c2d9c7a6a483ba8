"""Law of the guard: whatever a lenient server could understand as sending does not pass without leave."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import WithheldError
from contracts.target.safety import Guard, Permissions
from contracts.target.wire import Answer
from mock_server.spec import Document

ROOT = "/api/v1"
STATES = ("outbox", "scheduled")
ALL = ("inbox", "draft", "scheduled", "outbox", "sent")
LEAVES = [
    Permissions(write=True, send=False),
    Permissions(write=True, send=False, recipients=frozenset(), strict=True),
]

# A server that forgives everything


def lenient_sends(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a server that forgives spelling, nesting and encodings would send something."""
    lowered = {name.lower(): value for name, value in headers.items()}
    path, _, query = target.partition("?")
    pairs = parse_qsl(query.replace(";", "&"), keep_blank_values=True)
    overriding = [v for k, v in [*pairs, *lowered.items()] if "method" in simple(k)]
    verbs = {method.upper(), *(value.upper() for value in overriding)}
    places = [path, *(value for name, value in lowered.items() if simple(name).endswith("url"))]
    if not verbs & {"POST", "PUT", "PATCH"} or not any(is_sms(place) for place in places):
        return False
    if any(simple(k).endswith("status") and simple(v) in STATES for k, v in pairs):
        return True
    return any(is_state(value) for body in lenient_bodies(body) for value in iter_states(body))


def simple(text: str) -> str:
    text = text.split("\0")[0]
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in folded if one.isalnum())


def is_sms(path: str) -> bool:
    for _ in range(4):
        path = unquote(path)
    path = re.sub(r";[^/]*", "", path.replace("\\", "/")).casefold()
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part.strip(". \0"):
            parts.append(part.strip(". \0").removesuffix(".json"))
    return "/".join(parts).startswith("api/v1/activity/sms")


def lenient_bodies(body: bytes) -> Iterator[Any]:
    """The body by every reading."""
    raws = [body]
    with contextlib.suppress(OSError, EOFError):
        raws.append(gzip.decompress(body))
    for raw in raws:
        for charset in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"):
            try:
                text = raw.decode(charset)
            except UnicodeError:
                continue
            for reader in (json_members, json_first_members, form_members):
                yield from reader(text)


def json_members(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text.strip().rstrip("\0"))
    except (ValueError, RecursionError):
        return


def json_first_members(text: str) -> Iterator[Any]:
    def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs))

    try:
        yield json.loads(text, object_pairs_hook=first)
    except (ValueError, RecursionError):
        return


def form_members(text: str) -> Iterator[Any]:
    yield dict(parse_qsl(text))


def iter_states(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, member in value.items():
            if simple(str(key)).endswith("status"):
                yield member
            yield from iter_states(member)
    elif isinstance(value, list):
        for one in value:
            yield from iter_states(one)


def is_state(value: Any) -> bool:
    if isinstance(value, list):
        return any(is_state(one) for one in value)
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):  # an index of an enumeration
        return 0 <= value < len(ALL) and ALL[int(value)] in STATES
    return isinstance(value, str) and simple(value) in STATES


# Requests


class Members(list[Any]):
    """An object whose members may repeat."""


letters = st.text(string.ascii_letters + string.digits + "_-. \0\u200b{}[]&=%", max_size=8)
spellings: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.title,
    lambda text: f" {text}\n",
    lambda text: f"{text}\0",
    lambda text: f"{text}\0x",
    lambda text: text[0] + "\u200b" + text[1:],
    lambda text: "".join(chr(ord(one) + 0xFEE0) for one in text),
    lambda text: text.replace("o", "\u00f3"),
]
words = st.sampled_from([*ALL, "x", ""]).flatmap(
    lambda word: st.sampled_from(spellings).map(lambda spell: spell(word) if word else "")
)
keys = st.one_of(
    st.sampled_from(["status", "Status", "sms[status]", "data.status", "stat us", "text"]),
    st.sampled_from(spellings).map(lambda spell: spell("status")),
    letters,
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-1, 6), words, letters)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(st.tuples(keys, inner), max_size=3).map(Members)
    ),
    max_leaves=8,
)


def write_json(value: Any, escape: bool) -> str:
    if isinstance(value, Members):
        inner = (f"{write_json(k, escape)}: {write_json(v, escape)}" for k, v in value)
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_json(one, escape) for one in value) + "]"
    if isinstance(value, str) and escape:
        return '"' + "".join(f"\\u{ord(one):04x}" for one in value) + '"'
    return json.dumps(value, ensure_ascii=False)


bodies = st.one_of(
    st.tuples(st.lists(st.tuples(keys, values), max_size=4).map(Members), st.booleans()).map(
        lambda drawn: write_json(*drawn)
    ),
    values.map(lambda value: write_json(value, False)),
    st.lists(st.tuples(keys, words), max_size=3).map(
        lambda pairs: "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs)
    ),
    letters,
)
encodings: list[Callable[[str], bytes]] = [
    lambda text: text.encode(),
    lambda text: text.encode(),
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.encode("utf-16"),
    lambda text: text.encode("utf-16-le"),
    lambda text: text.encode("utf-32"),
    lambda text: gzip.compress(text.encode(), mtime=0),
]
contents = st.builds(lambda text, encode: encode(text), bodies, st.sampled_from(encodings))
paths = st.sampled_from(
    [
        "/activity/sms/",
        "/activity/sms/",
        "/activity/sms/acti_1/",
        "/activity/sms",
        "//activity/sms/",
        "/activity//sms/",
        "/activity/x/../sms/",
        "/activity/%2e%2e/activity/sms/",
        "/activity%2fsms/",
        "/activity%252fsms/",
        "/ACTIVITY/SMS/",
        "/activity/sms.json",
        "/activity/sms;v=1/",
        "/activity\\sms",
        "/activity/%73ms/",
        "/activity/sms./",
        "/lead/",
        "/sms_template/",
    ]
)
queries = st.one_of(
    st.just(""),
    st.sampled_from(["?send_to_inbox=true", "?_method=PUT", "?x=1;status=outbox"]),
    st.tuples(keys, words).map(lambda pair: f"?{quote(pair[0])}={quote(pair[1])}"),
)
methods = st.sampled_from(["POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "post", "LINK"])
headers = st.dictionaries(
    st.sampled_from(
        ["X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL", "Accept", "X-Other"]
    ),
    st.sampled_from(["PUT", "POST", "/api/v1/activity/sms/", "x"]),
    max_size=1,
)
types = st.sampled_from(
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {},
    ]
)


@pytest.fixture(scope="module")
def draft() -> Answer:
    body = {"id": "acti_1", "status": "draft", "remote_phone": "+16505550123"}
    return Answer(200, {}, b"", body)


@settings(max_examples=600)
@given(methods, paths, queries, headers, types, contents, st.sampled_from(LEAVES))
def test_nothing_that_could_send_passes(
    document: Document,
    draft: Answer,
    method: str,
    path: str,
    query: str,
    more: dict[str, str],
    kind: dict[str, str],
    content: bytes,
    leave: Permissions,
) -> None:
    target = f"{ROOT}{path}{query}"
    guard = Guard(document, leave)
    guard.fetch = lambda target, headers: draft
    guard.own.add(("SMSActivity", "acti_1"))
    sends = lenient_sends(method, target, {**more, **kind}, content)
    try:
        guard.check(method, target, {**more, **kind}, content)
    except WithheldError:
        return
    assert not sends


@settings(max_examples=200)
@given(st.sampled_from(spellings), st.sampled_from(STATES), st.sampled_from(encodings), types)
def test_no_spelling_of_a_sending_state_passes(
    document: Document,
    spell: Callable[[str], str],
    state: str,
    encode: Callable[[str], bytes],
    kind: dict[str, str],
) -> None:
    body = encode(write_json(Members([("status", spell(state))]), False))
    with pytest.raises(WithheldError):
        Guard(document, LEAVES[0]).check("POST", f"{ROOT}/activity/sms/", kind, body)


@settings(max_examples=200)
@given(st.text(max_size=40), st.sampled_from(["draft", "sent", "inbox"]))
def test_plain_drafts_and_logs_pass_whatever_they_say(
    document: Document, text: str, state: str
) -> None:
    body = json.dumps({"status": state, "text": text}).encode("utf-8")
    kind = {"Content-Type": "application/json"}
    Guard(document, LEAVES[0]).check("POST", f"{ROOT}/activity/sms/", kind, body)
