"""JSON Pointers (RFC 6901) and near spellings."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote


def to_pointer(tokens: Iterable[str | int]) -> str:
    """The URI-fragment form: `#/a/b~1c`."""
    return "#" + "".join("/" + escape(str(token)) for token in tokens)


def escape(token: str) -> str:
    if "/" in token or "~" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """Tokens of `#/a/b`, `/a/b` or the empty pointer."""
    text = pointer.removeprefix("#")
    if not text:
        return ()
    return tuple(t.replace("~1", "/").replace("~0", "~") for t in text.removeprefix("/").split("/"))


def parse_reference(ref: str) -> tuple[str, ...]:
    """Tokens of a `$ref` into the same document, which may be percent-encoded."""
    return parse_pointer(unquote(ref))


def follow(value: Any, tokens: Iterable[str]) -> Any:
    """The value at a pointer; raises KeyError where there is none."""
    for token in tokens:
        if isinstance(value, dict):
            value = value[token]
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            raise KeyError(token)
    return value


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known spelling, or nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def one_of(words: Iterable[str]) -> str:
    listed = sorted(words)
    return f"one of {', '.join(listed)}" if listed else "nothing, since there is none"
