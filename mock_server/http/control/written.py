"""Requests as people write them: JSON, a raw HTTP message, a curl line."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

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
        words = shlex.split(text.replace("\\\n", " "))[1:]
    except ValueError as error:
        raise SettingsError(f"{place}: found a curl line that breaks off ({error})") from None
    wish: dict[str, Any] = {"headers": {}}
    rest = iter(words)
    for word in rest:
        name, sign, attached = word.partition("=") if word.startswith("--") else (word, "", "")
        kind = options().get(name)
        if kind is not None:
            TAKE[kind](wish, attached if sign else next(rest, ""))
        elif not word.startswith("-"):
            set_address(wish, word)
    if "path" not in wish:
        raise SettingsError(f"{place}: found a curl line without an address; expected one")
    wish.setdefault("method", "POST" if "raw" in wish else "GET")
    wish["headers"] = kept(wish["headers"])
    return wish


def set_address(wish: dict[str, Any], text: str) -> None:
    parts = urlsplit(text if "//" in text else f"//{text}")
    wish["path"] = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def add_header(wish: dict[str, Any], text: str) -> None:
    name, _, value = text.partition(":")
    wish["headers"][name.strip()] = value.strip()


def add_login(wish: dict[str, Any], text: str) -> None:
    pair = text if ":" in text else f"{text}:"
    wish["headers"]["Authorization"] = "Basic " + b64encode(pair.encode()).decode()


def add_data(wish: dict[str, Any], text: str) -> None:
    wish["raw"] = text
    wish["headers"].setdefault("Content-Type", "application/x-www-form-urlencoded")


def add_json(wish: dict[str, Any], text: str) -> None:
    wish["raw"] = text
    wish["headers"]["Content-Type"] = "application/json"


def set_method(wish: dict[str, Any], text: str) -> None:
    wish["method"] = text


def ignore(wish: dict[str, Any], text: str) -> None:
    """An option whose value says nothing about the request."""


TAKE: Mapping[str, Callable[[dict[str, Any], str], None]] = {
    "method": set_method,
    "header": add_header,
    "login": add_login,
    "data": add_data,
    "json": add_json,
    "address": set_address,
    "other": ignore,
}


@cache
def options() -> dict[str, str]:
    """The options of curl that have a value, and what each one is."""
    text = files("mock_server.http.control").joinpath("curl.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded
