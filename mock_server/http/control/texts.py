"""Requests as texts to paste: a curl line."""

from __future__ import annotations

import shlex

from mock_server.http.control.call import Call
from mock_server.http.journal import Entry


def shown_key(call: Call) -> str:
    """The tenant's key where it may be shown, else a place for it."""
    key = next(iter(call.tenant.principals), "")
    return key if key.startswith(call.lane.tenants.prefix) else "YOUR_KEY"


def target(entry: Entry) -> str:
    return entry.path + (f"?{entry.query}" if entry.query else "")


def login_of(call: Call) -> str:
    kinds = [scheme.kind for scheme in call.lane.plan.schemes.values()]
    if not kinds:
        return ""
    key = shown_key(call)
    return f"-u {key}: " if "basic" in kinds else f"-H 'Authorization: Bearer {key}' "


def curl_of(entry: Entry, call: Call) -> str:
    """A line that sends the request again."""
    host = call.headers.get("Host", "127.0.0.1:4010")
    parts = [f"curl -i {login_of(call)}".rstrip()]
    if entry.method != "GET":
        parts.append(f"-X {entry.method}")
    parts.append(shlex.quote(f"http://{host}{target(entry)}"))
    if entry.body:
        kind = entry.media_type or "application/json"
        parts.append(f"-H {shlex.quote(f'Content-Type: {kind}')}")
        parts.append(f"-d {shlex.quote(entry.body.decode('utf-8', 'replace'))}")
    return " ".join(parts)
