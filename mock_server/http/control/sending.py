"""Requests that the control API itself makes: wishes as values, sent as the tenant's own."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from mock_server.http.control.errors import ControlError
from mock_server.http.control.interface import hinted, misfit
from mock_server.http.control.names import unknown
from mock_server.http.journal import Entry
from mock_server.http.redaction import to_value
from mock_server.http.wire import Lane
from mock_server.pipeline.exchange import Request
from mock_server.spec.model import Document
from mock_server.spec.pointers import nearest, one_of
from mock_server.state.tenant import Tenant

NO_KEY = "no credentials"
UNKNOWN = b64encode(b"a_key_that_is_unknown:").decode()


def send(lane: Lane, tenant: Tenant, wish: Mapping[str, Any]) -> Entry:
    """Sends a wish to the mocked API; its entry stands in the journal."""
    request = build_request(lane, tenant, wish)
    if "HTTP_PREFER" in request.headers:
        _, entry, _ = lane.steering.answer(request, dict(request.headers), body_of(wish))
    else:
        _, entry = lane.answer(request)
    lane.log.write(entry, lane.plan)
    return entry


def build_request(lane: Lane, tenant: Tenant, wish: Mapping[str, Any]) -> Request:
    """A request with the tenant's key unless the wish has credentials of its own."""
    method, path, query = target_of(lane.document, wish)
    body = body_of(wish)
    headers = {name.lower(): value for name, value in wish.get("headers", {}).items()}
    authorization = headers.get("authorization", credentials_of(lane, tenant))
    request = Request(
        method,
        as_received(path),
        query,
        authorization if authorization != "none" else None,
        headers.get("content-type", "application/json" if body else ""),
        len(body),
        lambda limit: body[:limit],
    )
    request.headers = {f"HTTP_{name.upper().replace('-', '_')}": headers[name] for name in headers}
    return request


def to_wish(entry: Entry) -> dict[str, Any]:
    """The wish that a request once more is: with its own media type and every byte of its body."""
    wish: dict[str, Any] = {
        "method": entry.method,
        "path": quote(entry.path),
        "query": entry.query,
    }
    headers = {}
    value = to_value(entry.body)
    if entry.body and entry.media_type == "application/json" and not isinstance(value, str):
        wish["body"] = value
    elif entry.body:
        headers["content-type"] = entry.media_type
        wish["raw"] = entry.body.decode("utf-8", "surrogateescape")
    prefer = entry.header("Prefer")
    if prefer:
        headers["prefer"] = prefer
    found = refused_key(entry)
    if found:
        headers["authorization"] = "none" if found == NO_KEY else f"Basic {UNKNOWN}"
    return {**wish, "headers": headers} if headers else wish


def refused_key(entry: Entry) -> str:
    """What was wrong with the key of a request, or nothing; the key itself is never kept."""
    for one in entry.broken:
        if one.pointer == "/headers/authorization":
            return str(one.found)
    return ""


def body_of(wish: Mapping[str, Any]) -> bytes:
    if "raw" in wish:
        return str(wish["raw"]).encode("utf-8", "surrogateescape")
    return json.dumps(wish["body"]).encode() if "body" in wish else b""


def credentials_of(lane: Lane, tenant: Tenant) -> str:
    """The tenant's key in the first scheme that the document knows."""
    key = next(iter(tenant.principals), lane.tenants.default_key)
    kinds = [scheme.kind for scheme in lane.plan.schemes.values()]
    if kinds and kinds[0] == "bearer":
        return f"Bearer {key}"
    return "Basic " + b64encode(f"{key}:".encode()).decode()


def target_of(document: Document, wish: Mapping[str, Any]) -> tuple[str, str, str]:
    """Method, path and query; raises ControlError for an operation that there is not."""
    query = wish.get("query", "")
    written = query if isinstance(query, str) else urlencode(list(iter_pairs(query)))
    if "operation" not in wish:
        if "path" not in wish:
            known = "a path or an operation, for only a running server has a journal"
            raise ControlError(400, f"Found a request of the journal; expected {known}.")
        parts = urlsplit(wish["path"])
        path, base = unquote(parts.path), document.base_path
        inside = not base or path == base or path.startswith(f"{base}/")
        together = "&".join(one for one in (parts.query, written) if one)
        return wish.get("method", "GET").upper(), path if inside else base + path, together
    operations = {**document.operations, **document.plain}
    faults = unknown("body/operation", wish["operation"], operations)
    if faults:
        raise ControlError(404, "There is no such operation.", faults)
    operation = operations[wish["operation"]]
    path = wish.get("path") or filled(
        document.base_path + operation.path_template, wish.get("parameters", {})
    )
    return operation.method, unquote(path), written


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A path with its parameters; raises ControlError for those that are missing, or of another path."""
    names = re.findall(r"\{([^{}]+)\}", template)
    faults = [
        misfit("body/parameters", values.get(name), f"a value for {name}")
        for name in names
        if not isinstance(values.get(name), str | int | float)
    ]
    expected = one_of(names) if names else "no parameters"
    faults += [
        misfit("body/parameters", name, hinted(expected, nearest(name, names)))
        for name in values
        if name not in names
    ]
    if faults:
        raise ControlError(400, "The path is not filled in.", faults)
    return re.sub(
        r"\{([^{}]+)\}", lambda found: quote(text_of(values[found[1]]), safe=""), template
    )


def iter_pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names with their values; a list repeats its name."""
    for name, value in query.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, text_of(one)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_written(path: str) -> str:
    """A path in which nothing begins a query or an escape."""
    return re.sub("[%?#]", lambda found: quote(found[0]), path)


def as_received(path: str) -> str:
    """A path as web servers hand it on: its bytes in UTF-8, each as a character."""
    return path.encode().decode("latin-1")
