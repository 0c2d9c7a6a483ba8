"""Requests as people write them: JSON, a raw HTTP message, a curl line."""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from mock_server.errors import SettingsError
from mock_server.http.control.interface import find_outline, iter_misfits
from mock_server.messages import quoted

FORMS = 'a JSON object with "path" or "operation", a raw HTTP request, or a curl line'


def read_wish(text: str, place: str) -> dict[str, Any]:
    """A request as the control API takes it; raises SettingsError that names the place."""
    stripped = text.strip()
    if stripped.startswith("{"):
        wish = from_json(stripped, place)
    elif stripped.startswith("curl "):
        wish = from_curl(stripped.removeprefix("$ "), place)
    else:
        wish = from_http(text.lstrip(), place)
    form = find_outline("explain").body
    assert form is not None
    for misfit in iter_misfits(form, wish, ""):
        raise SettingsError(
            f"{place}: {misfit['where'] or 'the request'}: found {quoted(misfit['found'])}; "
            f"expected {misfit['expected']}"
        )
    return wish


def from_json(text: str, place: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{place}: found no valid JSON ({error}); expected {FORMS}") from None
    if "response" in value and "request" in value:  # an entry of the journal
        body = {} if value["request"] is None else {"body": value["request"]}
        return {**{name: value[name] for name in ("method", "path", "query")}, **body}
    return value


def from_http(text: str, place: str) -> dict[str, Any]:
    """`POST /path HTTP/1.1`, headers, an empty line, the body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    words = first.split()
    if len(words) not in (2, 3) or not words[0].isalpha() or not words[1].startswith("/"):
        raise SettingsError(f"{place}:1: found {quoted(first)}; expected {FORMS}")
    headers = {}
    for number, line in enumerate(lines, 2):
        name, colon, value = line.partition(":")
        if not colon:
            raise SettingsError(f"{place}:{number}: found {quoted(line)}; expected Name: value")
        headers[name.strip()] = value.strip()
    wish: dict[str, Any] = {"method": words[0], "path": words[1], "headers": kept(headers)}
    return {**wish, "raw": body.rstrip("\n")} if body.strip() else wish


def kept(headers: dict[str, str]) -> dict[str, str]:
    """The headers that count."""
    return {n: v for n, v in headers.items() if n.lower() in ("authorization", "content-type")}


def from_curl(text: str, place: str) -> dict[str, Any]:
    """The options of curl that say what is sent; others say how, and do not matter."""
    try:
        words = shlex.split(QUOTED.sub(without_escapes, text.replace("\\\n", " ")))[1:]
    except ValueError as error:
        raise SettingsError(f"{place}: found a curl line that breaks off ({error})") from None
    wish: dict[str, Any] = {"headers": {}}
    rest = iter(words)
    try:
        for word in rest:
            for kind, value in iter_options(word, rest):
                TAKE[kind](wish, value)
    except OSError as error:
        raise SettingsError(f"{place}: {error.filename}: {error.strerror}") from None
    except UnreadableError as error:
        raise SettingsError(f"{place}: {error}") from None
    if "path" not in wish:
        raise SettingsError(f"{place}: found a curl line without an address; expected one")
    if wish.pop("in_query", False) and "raw" in wish:
        wish["path"] += ("&" if "?" in wish["path"] else "?") + wish.pop("raw")
        wish["headers"].pop("Content-Type", None)
    wish.setdefault("method", "POST" if "raw" in wish else "GET")
    wish["headers"] = kept(wish["headers"])
    return wish


# What a shell quotes, so that only the last kind is looked into: 'a', "a" and $'a'.
QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\$'((?:\\.|[^'\\])*)'""", re.DOTALL)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


class UnreadableError(Exception):
    """What a curl line asks for and no request is made of here."""


def without_escapes(match: re.Match[str]) -> str:
    """A text in $'…', as browsers copy requests, in plain quotes."""
    if match[1] is None:
        return match[0]

    def plain(one: re.Match[str]) -> str:
        code = one[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else LETTERS.get(code, code)

    return shlex.quote(ESCAPE.sub(plain, match[1]))


def iter_options(word: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """What a word of the line says, with the value that it has or that follows it."""
    known = options()
    if word.startswith("--"):
        name, sign, attached = word.partition("=")
        if name in known:
            kind = known[name]
            yield kind, "" if kind in FLAGS else attached if sign else next(rest, "")
    elif word.startswith("-"):
        for position, letter in enumerate(word[1:], 2):
            kind = known.get(f"-{letter}", "")
            if kind in FLAGS:
                yield kind, ""
            elif kind:
                yield kind, word[position:] or next(rest, "")
                return
    else:
        yield "address", word


def set_address(wish: dict[str, Any], text: str) -> None:
    parts = urlsplit(text if "//" in text else f"//{text}")
    wish["path"] = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def add_header(wish: dict[str, Any], text: str) -> None:
    name, _, value = text.partition(":")
    wish["headers"][name.strip().title()] = value.strip()  # however browsers write it


def add_login(wish: dict[str, Any], text: str) -> None:
    pair = text if ":" in text else f"{text}:"
    wish["headers"]["Authorization"] = "Basic " + b64encode(pair.encode()).decode()


def add_data(wish: dict[str, Any], text: str) -> None:
    add_text(wish, from_file(text).replace("\r", "").replace("\n", "") if text[:1] == "@" else text)


def add_binary(wish: dict[str, Any], text: str) -> None:
    add_text(wish, from_file(text) if text[:1] == "@" else text)


def from_file(text: str) -> str:
    return Path(text[1:]).read_text(encoding="utf-8")


def add_encoded(wish: dict[str, Any], text: str) -> None:
    name, sign, value = text.partition("=")
    add_text(wish, f"{name}={quote(value, safe='')}" if sign and name else quote(value or name))


def add_text(wish: dict[str, Any], text: str) -> None:
    wish["raw"] = f"{wish['raw']}&{text}" if "raw" in wish else text
    wish["headers"].setdefault("Content-Type", "application/x-www-form-urlencoded")


def add_json(wish: dict[str, Any], text: str) -> None:
    wish["raw"] = wish.get("raw", "") + (from_file(text) if text[:1] == "@" else text)
    wish["headers"]["Content-Type"] = "application/json"


def set_method(wish: dict[str, Any], text: str) -> None:
    wish["method"] = text


def set_in_query(wish: dict[str, Any], text: str) -> None:
    wish["in_query"] = True


def refuse_form(wish: dict[str, Any], text: str) -> None:
    raise UnreadableError("found a form with files (-F); expected a body in -d or --json")


def ignore(wish: dict[str, Any], text: str) -> None:
    """An option whose value says nothing about the request."""


TAKE: Mapping[str, Callable[[dict[str, Any], str], None]] = {
    "method": set_method,
    "header": add_header,
    "login": add_login,
    "data": add_data,
    "raw": add_text,
    "binary": add_binary,
    "encoded": add_encoded,
    "in-query": set_in_query,
    "form": refuse_form,
    "json": add_json,
    "address": set_address,
    "other": ignore,
}


FLAGS = ("in-query",)


@cache
def options() -> dict[str, str]:
    """The options of curl that have a value, and what each one is."""
    text = files("mock_server.http.control").joinpath("curl.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded
