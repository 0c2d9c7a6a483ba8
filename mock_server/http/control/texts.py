"""Requests as texts to paste: a curl line."""

from __future__ import annotations

import shlex

from mock_server.http.control.call import Call
from mock_server.http.control.sending import NO_KEY, refused_key
from mock_server.http.journal import Entry
from mock_server.http.prefer import APPLIED
from mock_server.http.redaction import without_keys, without_secrets
from mock_server.pipeline.exchange import Plan

STEERED = "Prefer: "
WRONG, WRONG_KEY = "unknown credentials", "a_key_that_is_unknown"


def shown_key(call: Call) -> str:
    """The tenant's key where it may be shown, else a place for it."""
    key = next(iter(call.tenant.principals), "")
    return key if key.startswith(call.lane.tenants.prefix) else "YOUR_KEY"


def target(entry: Entry, plan: Plan) -> str:
    query = without_keys(entry.query, plan)
    return entry.path + (f"?{query}" if query else "")


def login_of(call: Call) -> str:
    kinds = [scheme.kind for scheme in call.lane.plan.schemes.values()]
    if not kinds:
        return ""
    key = shown_key(call)
    return f"-u {key}: " if "basic" in kinds else f"-H 'Authorization: Bearer {key}' "


def login_for(entry: Entry, call: Call) -> str:
    """How a request says who asks: as the tenant, or as wrongly as it did."""
    found = refused_key(entry)
    if not found:
        return login_of(call)
    if found == NO_KEY:
        return ""
    return login_of(call).replace(shown_key(call), WRONG_KEY) if found == WRONG else "-u wrong:key "


def preference_of(entry: Entry) -> str:
    """The `Prefer` that an answer was given for, or nothing."""
    if entry.steered and entry.steered.startswith(STEERED):
        return entry.steered.removeprefix(STEERED)
    return next((value for name, value in entry.answer.headers if name == APPLIED), "")


def faults_of(entry: Entry) -> list[str]:
    """The faults on purpose that made an answer another than the API's own; to be late is none."""
    told = (entry.steered or "").split(", ") if not preference_of(entry) else []
    return [
        one
        for one in told
        if one.startswith(("fault ", "rate limit")) and not one.endswith(": latency")
    ]


def curl_of(entry: Entry, call: Call) -> str:
    """A line that sends the request again."""
    host = call.headers.get("Host", "127.0.0.1:4010")
    parts = [f"curl -i {login_for(entry, call)}".rstrip()]
    preference = preference_of(entry)
    if preference:
        parts.append(f"-H {shlex.quote(f'Prefer: {preference}')}")
    if entry.method != "GET":
        parts.append(f"-X {entry.method}")
    parts.append(shlex.quote(f"http://{host}{target(entry, call.lane.plan)}"))
    if entry.body:
        kind = entry.media_type or "application/json"
        parts.append(f"-H {shlex.quote(f'Content-Type: {kind}')}")
        parts.append(
            f"--data-raw {shlex.quote(without_secrets(entry.body, call.lane.plan).decode('utf-8', 'replace'))}"
        )
    return " ".join(parts)
