"""What nobody is to read in a journal, a log or a view of the state: keys, passwords, logins.

They are told by their names, whatever API it is, and by what a document calls a password. What
people write, such as the text of a message, is shown as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import orjson

from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.parse import DEPTH_LIMIT, depth_of

HIDDEN = "…"
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# One of these words makes a name secret, also as the end of one that is written in one word.
SECRET = frozenset({
    "password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "token",
    "tokens", "apikey", "credential", "credentials", "authorization", "jwt", "bearer", "sessionid",
    "secretkey", "privatekey", "accesskey",
})  # fmt: skip
ENDINGS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "credentials")
# The tokens of pages open nothing.
PAGES = frozenset({"page", "next", "previous", "continuation", "cursor"})
# What makes a key one that opens something.
KEYS = frozenset({
    "api", "access", "client", "private", "secret", "session", "encryption", "auth", "master", "shared",
})  # fmt: skip
ASKED = frozenset({"auth", "sig", "session"})  # as words of a query
SENT = ASKED | {"key", "cookie", "tenant"}  # as words of a header; keys may name tenants as well
HARMLESS = frozenset({("idempotency", "key"), ("x", "idempotency", "key")})

LOGIN = re.compile(
    r"""((?:^|[\s"'=])(?:[a-z][a-z0-9+.-]*:)?//)(?:[^\s/"]+|[^\s/":@]*:(?!\d+(?:/|$))[^\s"]+)@"""
    r"""|(^\s*)[^\s/@:"{<]+:[^\s@/"]+@""",
    re.IGNORECASE,
)
PAIR = re.compile(r"""(^|[?&;#,]\s*)([^?&;#=\s"',{<]+)=([^&;#\s]+)""")
ADDRESS = re.compile(r"(?:(?:[a-z][a-z0-9+.-]*:)?//|/[^\s?#]*[?#])\S+", re.IGNORECASE)
NAME = re.compile(r"[A-Za-z][\w.-]*")


@lru_cache(4_096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, however they are put together."""
    return tuple(word.lower() for word in WORD.findall(name))


def signs(words: Iterable[str]) -> bool:
    return any(word.startswith("sign") for word in words)


@lru_cache(4_096)
def is_secret(name: str) -> bool:
    """Whether a field of this name holds what nobody is to read."""
    words = set(words_of(name))
    if not words.isdisjoint(PAGES):
        return False
    return (
        not words.isdisjoint(SECRET)
        or any(word.endswith(ENDINGS) for word in words)
        or (not words.isdisjoint(("key", "keys")) and (not words.isdisjoint(KEYS) or signs(words)))
        or {"session", "id"} <= words
    )


@lru_cache(4_096)
def is_secret_asked(name: str) -> bool:
    """Whether a parameter of a query does; there a key alone is one."""
    words = words_of(name)
    return is_secret(name) or words == ("key",) or is_among(ASKED, words)


@lru_cache(4_096)
def is_secret_sent(name: str) -> bool:
    """Whether a header does, named as HTTP or as WSGI has it."""
    words = words_of(name.removeprefix("HTTP_").lower())
    if words in HARMLESS:
        return False
    return is_secret(" ".join(words)) or is_among(SENT, words)


def is_among(known: frozenset[str], words: tuple[str, ...]) -> bool:
    return not known.isdisjoint(words) or any(word.startswith("signat") for word in words)


def is_named(plan: Plan, name: str, by_habit: Callable[[str], bool] = is_secret) -> bool:
    """Whether a name is one of the document's own secrets, or secret by what names mean."""
    return by_habit(name) or name in plan.secrets()


def covered(value: Any, plan: Plan, name: str = "") -> Any:
    """A value without what is secret in it.

    Of an address that stands alone, such as where a webhook goes, that is its login and its keys.
    """
    if value is None or isinstance(value, bool):
        return value
    if name and value not in ("", [], {}) and is_named(plan, name):
        return HIDDEN
    if isinstance(value, dict):
        return {key: covered(child, plan, key) for key, child in value.items()}
    if isinstance(value, list):
        return [covered(child, plan, name) for child in value]
    if isinstance(value, str) and is_address(value):
        return without_keys(value, plan)
    return value if name or not isinstance(value, str) else cut(value, plan)


def is_address(text: str) -> bool:
    return ADDRESS.fullmatch(text.strip()) is not None or LOGIN.match(text) is not None


def without_keys(text: str, plan: Plan) -> str:
    """A query, a form, an address or a header without logins and without the keys in it."""
    if "@" in text:
        text = LOGIN.sub(lambda found: f"{found[1] or found[2] or ''}{HIDDEN}@", text)
    if "=" not in text:
        return text

    def shown(found: re.Match[str]) -> str:
        value = unquote_plus(found[3])
        if is_named(plan, unquote_plus(found[2]), is_secret_asked) or hides(value, plan):
            return f"{found[1]}{found[2]}={HIDDEN}"
        return found[0]

    return PAIR.sub(shown, text)


def hides(value: str, plan: Plan) -> bool:
    """Whether the value of a pair is an address or JSON with something secret in it."""
    if "=" not in value and "@" not in value and "{" not in value:
        return False
    parsed = to_value(value.encode("utf-8", "replace"))
    return bool(covered(parsed, plan) != parsed)


def cut(text: str, plan: Plan) -> str:
    """A text that is no JSON; where it is no form either, without all that follows a secret's name."""
    text = without_keys(text, plan)
    for found in NAME.finditer(text):
        if is_named(plan, found[0]) and text[found.end() :].strip(" \"'=:") not in ("", HIDDEN):
            if "=" in text and not re.search(r"[\s{<]", text):
                continue  # a form, whose values are hidden one by one
            return f"{text[: found.end()]} {HIDDEN}"
    return text


def without_secrets(data: bytes, plan: Plan) -> bytes:
    """A body as it was sent where nothing in it is secret."""
    value = to_value(data)
    without = covered(value, plan)
    if without == value:
        return data
    text = without if isinstance(without, str) else json.dumps(without, ensure_ascii=False)
    return text.encode()


def covered_at(place: str, value: Any, plan: Plan) -> Any:
    """What was found at a place such as `/body/text`, without what is secret in it."""
    where, _, name = place.rpartition("/")
    if place.startswith("/headers/"):  # of a header it is only said what is wrong with it
        return value
    if place.startswith("/query/") and is_named(plan, name, is_secret_asked):
        return HIDDEN
    return covered(value, plan, name if where else "")


def is_incomplete(value: Any, plan: Plan, name: str = "") -> bool:
    """Whether a value still has the sign in it that stands for something that was not shown."""
    if isinstance(value, dict):
        return any(is_incomplete(child, plan, key) for key, child in value.items())
    if isinstance(value, list):
        return any(is_incomplete(child, plan, name) for child in value)
    if not isinstance(value, str) or HIDDEN not in value:
        return False
    cut_off = f"{HIDDEN}@" in value and not re.search(r"\s", value)
    return value == HIDDEN or cut_off or is_named(plan, name) or is_address(value)


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
