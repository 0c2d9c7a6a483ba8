"""Requests as curl commands, without the secrets that they carry."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from contracts.report.redaction import HIDDEN, Redactor
from contracts.report.redaction import VARIABLES as NAMES
from contracts.target.wire import BEARER, KEY, NONE, OTHER, Absent, Exchange
from mock_server.spec.pointers import parse_pointer

KEY_VARIABLE = "$CONTRACTS_API_KEY"
VARIABLES = {
    KEY: f'-u "{KEY_VARIABLE}:"',
    OTHER: '-u "$CONTRACTS_OTHER_API_KEY:"',
    BEARER: '-H "Authorization: Bearer $CONTRACTS_BEARER_TOKEN"',
    NONE: "",
}
AS_BEARER = {
    KEY: f'-H "Authorization: Bearer {KEY_VARIABLE}"',
    OTHER: '-H "Authorization: Bearer $CONTRACTS_OTHER_API_KEY"',
}


def to_curl(exchange: Exchange, base: str, secrets: Iterable[str]) -> str:
    """One command that sends the request of an exchange again."""
    return curl_of(request_data(exchange, Redactor(secrets)), base)


def request_data(exchange: Exchange, redactor: Redactor) -> dict[str, Any]:
    """A request as data: no secret, credentials by name."""
    request = exchange.request
    data: dict[str, Any] = {
        "operation": request.operation_id,
        "method": request.method,
        "path": redactor.text(request.path),
        "query": [[redactor.text(name), redactor.text(value)] for name, value in request.query],
        "credentials": redactor.credentials(request.credentials),
        "wait": round(exchange.wait, 3),
    }
    if isinstance(request.body, bytes):
        data["content"] = redactor.text(request.body.decode("utf-8", "surrogateescape"))
    elif not isinstance(request.body, Absent):
        data["body"] = redactor.value(request.body)
    return data


def curl_of(request: Mapping[str, Any], base: str, scheme: str = "basic") -> str:
    """One command that sends a request of a report again."""
    parts = ["curl -sS"]
    if request["method"] != "GET":
        parts.append(f"-X {request['method']}")
    pairs = [(name, value) for name, value in request["query"]]
    query = f"?{urlencode(pairs, errors='replace')}" if pairs else ""
    parts.append(shlex.quote(f"{base}{quote(request['path'], safe=SAFE)}{query}"))
    credentials = written_credentials(str(request["credentials"]), scheme)
    if credentials:
        parts.append(credentials)
    if "body" in request or "content" in request:
        parts.append("-H 'Content-Type: application/json'")
        parts.append("--data-raw " + shlex.quote(shown_body(request)))
    return " ".join(parts)


SAFE = "/%:@!$&'()*+,;=~"


def written_credentials(credentials: str, scheme: str) -> str:
    """The option of curl that authenticates as a request of a report did."""
    named = {**VARIABLES, **(AS_BEARER if scheme == "bearer" else {})}
    if credentials in named:
        return named[credentials]
    pair = re.fullmatch(r"Basic base64\((.*)\)", credentials)
    if pair:
        return f"-u {in_double_quotes(pair[1])}"
    if not credentials:
        return "-H 'Authorization;'"
    return f"-H {in_double_quotes(f'Authorization: {credentials}')}"


def in_double_quotes(text: str) -> str:
    """A word of the shell in which only our variables are replaced."""
    if KEY_VARIABLE not in text and "$CONTRACTS_" not in text:
        return shlex.quote(text)
    escaped = re.sub(r'(["`\\]|\$(?!CONTRACTS_))', r"\\\1", text)
    # What follows a name at once would be read as a part of it.
    escaped = re.sub(rf"\$({'|'.join(NAMES)})(?=\w)", r"${\1}", escaped)
    return f'"{escaped}"'


def shown_body(request: Mapping[str, Any]) -> str:
    """The bytes of a body as text; what cannot be printed is escaped as JSON does it."""
    if "content" in request:
        return str(request["content"]).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = json.dumps(request["body"], ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def with_variables(lines: list[str], takes: list[list[Mapping[str, str]]]) -> list[str]:
    """The commands as one script: what an answer tells is kept for those that take it.

    `takes` has, for each command, the values in it that come from answers, as `to_steps` finds them.
    """
    names: dict[tuple[int, str], str] = {}
    written = list(lines)
    for index, taken in enumerate(takes):
        for one in taken:
            place = re.fullmatch(r"\$steps\.(\d+)\.response\.body#/(.+)", one["from"])
            if place is None or one["value"] not in written[index]:
                continue
            source, tokens = int(place[1]), parse_pointer(f"#/{place[2]}")
            word = re.sub(r"\W", "_", tokens[-1])
            word = word if word.isidentifier() and word.isascii() else "value"
            name = names.setdefault((source, to_filter(tokens)), f"{word}_{source + 1}")
            written[index] = in_place(written[index], one["value"], name)
    for source in {source for source, _ in names}:
        kept = {name: path for (number, path), name in names.items() if number == source}
        if len(kept) == 1:
            ((name, path),) = kept.items()
            written[source] = f"{name}=$({written[source]} | jq -r {path})"
        else:
            parts = [f"answer_{source + 1}=$({written[source]})"]
            parts += [f'{n}=$(jq -r {p} <<<"$answer_{source + 1}")' for n, p in kept.items()]
            written[source] = "; ".join(parts)
    return written


def to_filter(tokens: Iterable[str]) -> str:
    """A place in JSON as jq is told of it."""
    words = [f"[{t}]" if t.isdigit() else f'["{t}"]' if not t.isidentifier() else t for t in tokens]
    text = "".join(word if word[0] == "[" else f".{word}" for word in words)
    return shlex.quote(text if text[0] == "." else f".{text}")


def in_place(line: str, value: str, name: str) -> str:
    """The line with a variable of the shell in place of a value, whatever quotes it stands in."""
    quotes = {"": f'"${{{name}}}"', "'": f"'\"${{{name}}}\"'", '"': f"${{{name}}}"}
    found, mark, at = "", "", 0
    while at < len(line):
        if line.startswith(value, at):
            found += quotes[mark]
            at += len(value)
            continue
        character = line[at]
        if character in "'\"" and mark in ("", character):
            mark = "" if mark else character
        found += character
        at += 1
    return found


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without any secret."""
    return Redactor(secrets).text(text)


__all__ = ["HIDDEN", "curl_of", "redact", "request_data", "to_curl"]
