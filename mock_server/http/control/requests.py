"""The journal: find requests, count them, see which come near, send one, make one a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from mock_server.http.control.call import Call, Raw
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.names import check_names
from mock_server.http.control.rewritten import test_of
from mock_server.http.control.search import Pattern
from mock_server.http.control.sending import send, to_wish
from mock_server.http.control.texts import curl_of
from mock_server.http.journal import Entry, to_json
from mock_server.http.redaction import covered_at
from mock_server.pipeline.order import catch_up
from mock_server.state.tenant import JOURNAL_LENGTH, Tenant

FINDING = ("since", "method", "path", "operation", "status", "rule", "text")
NEAREST = 5
TOO_LARGE = 413
PAUSE = 700  # milliseconds until a page asks again


def entries_of(call: Call) -> list[Entry]:
    """The requests that the tenant sees, newest first."""
    found = [one for journal in call.lane.journals(call.tenant) for one in list(journal)]
    return sorted(found, key=lambda entry: -entry.number)


def found_in(call: Call) -> list[Entry]:
    wish = {name: call.values[name] for name in FINDING}
    check_names(call.lane, {"query ": wish})
    pattern = Pattern(wish)
    return [entry for entry in entries_of(call) if pattern.matches(entry)]


def shown(call: Call, entry: Entry) -> dict[str, Any]:
    return to_json(entry, call.lane.plan, call.lane.coverage)


def find(call: Call) -> Any:
    return [shown(call, entry) for entry in found_in(call)[: call.values["limit"]]]


def count(call: Call) -> Any:
    return {"count": len(found_in(call))}


def near(call: Call) -> Any:
    check_names(call.lane, {"body/": call.body})
    return nearest_to(call, Pattern(call.body), entries_of(call), NEAREST)


def nearest_to(call: Call, pattern: Pattern, entries: list[Entry], most: int) -> list[Any]:
    """The requests that come nearest to a pattern, each with what it lacks."""
    ranked = sorted(
        ((*pattern.distance(entry), entry) for entry in entries), key=lambda row: row[0]
    )
    return [
        {"request": shown(call, entry), "misses": [without_secret(call, one) for one in misses]}
        for _, misses, entry in ranked[:most]
    ]


def without_secret(call: Call, miss: Mapping[str, Any]) -> dict[str, Any]:
    return {**miss, "found": covered_at(miss["where"], miss["found"], call.lane.plan)}


def entry_of(call: Call, number: int) -> Entry:
    """The entry with a number: of this tenant, or of nobody's, such as a request without a key."""
    entries: list[Entry] = [*list(call.tenant.journal), *list(call.lane.journal)]
    for entry in entries:
        if entry.number == number:
            return entry
    if tenant_of(call, number) is not None:
        words = f"Request {number} is of another key: ask with its key, or Mock-Tenant."
        raise ControlError(404, words)
    raise missing("request", number, f"the last {JOURNAL_LENGTH} requests of each key are kept")


def tenant_of(call: Call, number: int) -> Tenant | None:
    """The tenant in whose journal an entry stands."""
    for tenant in call.lane.tenants.iter_tenants():
        if any(entry.number == number for entry in list(tenant.journal)):
            return tenant
    return None


def one(call: Call) -> Any:
    if prefers_page(call.headers.get("Accept", "")):
        # Who follows the link of an explanation has no key to show: the page is told the tenant.
        number = call.values["id"]
        tenant = tenant_of(call, number)
        named = f"?{urlencode({'tenant': tenant.name})}" if tenant is not None else ""
        return Raw(b"", 303, {"Location": f"../{named}#/requests/{number}"})
    return shown(call, entry_of(call, call.values["id"]))


def prefers_page(accepted: str) -> bool:
    """Whether an Accept header asks for a page rather than for JSON, as browsers do."""
    accepts = parse_accept_header(accepted, MIMEAccept)
    return accepts.best_match(["application/json", "text/html"]) == "text/html"


def as_test(call: Call) -> Any:
    entry = entry_of(call, call.values["id"])
    return {"curl": curl_of(entry, call), "pytest": test_of(entry, call)}


def forget(call: Call) -> Any:
    for journal in call.lane.journals(call.tenant):
        journal.clear()


def send_one(call: Call) -> Any:
    return shown(call, send(call.lane, call.tenant, whole(call, call.body)))


def whole(call: Call, wish: Mapping[str, Any]) -> dict[str, Any]:
    """A wish with what it takes from a request of the journal."""
    said = {name: value for name, value in wish.items() if name != "request"}
    if "request" not in wish:
        return said
    entry = entry_of(call, wish["request"])
    if entry.answer.status == TOO_LARGE and "body" not in said and "raw" not in said:
        words = f"The body of request {entry.number} was too large to be kept; give it as raw."
        raise ControlError(409, words)
    return {**to_wish(entry), **said}


def live(call: Call) -> Any:
    """What has come since; the stream ends, and the page asks again after a pause."""
    last = call.headers.get("Last-Event-ID", "")
    since = int(last) if last.isascii() and last.isdigit() else call.values["since"]
    entries = entries_of(call)
    newest = max((entry.number for entry in entries), default=0)
    if since is None or since > newest:
        events = [event("hello", newest, {"newest": newest})]
    else:
        fresh = [entry for entry in reversed(entries) if entry.number > since]
        events = [event("request", entry.number, shown(call, entry)) for entry in fresh]
    # Without an id: what it tells is no place in the stream, but whether to look at records again.
    store = call.tenant.store
    with store.transaction():
        catch_up(call.lane.plan, call.tenant, reads="")
        state = {
            "writes": store.writes,
            "version": call.lane.number,
            "stale": call.lane.stale or None,
        }
        events.append(f"event: state\ndata: {json.dumps(state)}\n\n")
    data = f"retry: {PAUSE}\n\n" + "".join(events)
    return Raw(data.encode(), 200, {"Content-Type": "text/event-stream; charset=utf-8"})


def event(name: str, number: int, value: Any) -> str:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(value, default=str)}\n\n"


CALLS = {
    "requests": find,
    "sendRequest": send_one,
    "forgetRequests": forget,
    "countRequests": count,
    "nearRequests": near,
    "request": one,
    "requestAsTest": as_test,
    "live": live,
}
