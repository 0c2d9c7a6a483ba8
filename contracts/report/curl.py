"""Requests as curl commands, without the secrets that they carry."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from contracts.report.redaction import HIDDEN, Redactor
from contracts.wire import BEARER, KEY, NONE, OTHER, Absent, Exchange

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
    return f'"{escaped}"'


def shown_body(request: Mapping[str, Any]) -> str:
    """The bytes of a body as text; lone surrogates stay escaped."""
    if "content" in request:
        return str(request["content"]).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = json.dumps(request["body"], ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without any secret."""
    return Redactor(secrets).text(text)


__all__ = ["HIDDEN", "curl_of", "redact", "request_data", "to_curl"]
