"""Requests as texts to paste: a curl line, and a test in Python."""

from __future__ import annotations

import json
import re
import shlex
from pprint import pformat
from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.search import to_value
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


def test_of(entry: Entry, call: Call) -> str:
    """A test that sends the request and expects the answer that it had."""
    name = re.sub(r"[^a-z0-9]+", "_", f"{entry.operation_id or entry.method}".lower()).strip("_")
    body = to_value(entry.body)
    sent = (
        {"json": body}
        if isinstance(body, dict | list)
        else {"data": entry.body.decode("utf-8", "replace")}
    )
    more = f", {next(iter(sent))}={literal(next(iter(sent.values())))}" if entry.body else ""
    rules = sorted({rule_id for one in entry.broken for rule_id in one.rule_ids})
    lines = [
        "from mock_server.http.app import create_app",
        "",
        "",
        f"def test_{name}_is_answered_with_{entry.answer.status}():",
        "    client = create_app().test_client()",
        f"    answer = client.open({target(entry)!r}, method={entry.method!r}, {credentials(call)}{more})",
        f"    assert answer.status_code == {entry.answer.status}",
    ]
    if rules:
        lines.append(
            f"    assert set(answer.headers['Mock-Broken-Rules'].split(', ')) == {set_of(rules)}"
        )
    elif isinstance(answer := to_value(entry.answer.body), dict):
        stable = {
            k: v for k, v in answer.items() if isinstance(body, dict) and k in body and v == body[k]
        }
        lines += [f"    assert answer.get_json()[{k!r}] == {v!r}" for k, v in stable.items()]
    return "\n".join(lines) + "\n"


def set_of(names: list[str]) -> str:
    return "{" + ", ".join(repr(name) for name in names) + "}"


def literal(value: Any) -> str:
    return (
        pformat(value, width=10_000, sort_dicts=False)
        if not isinstance(value, str)
        else json.dumps(value)
    )


def credentials(call: Call) -> str:
    kinds = [scheme.kind for scheme in call.lane.plan.schemes.values()]
    key = shown_key(call)
    if "basic" in kinds or not kinds:
        return f"auth=({key!r}, '')"
    return f"headers={{'Authorization': 'Bearer {key}'}}"
