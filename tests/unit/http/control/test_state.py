"""State: records by the same rules, snapshots, the way back, tenants."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document
from tests.conftest import START
from tests.unit.http.control.conftest import NUMBER, SMS, Caller

DRAFT = {"status": "draft", "text": "Hello", "local_phone": NUMBER}


def test_records_are_counted_listed_and_searched(caller: Caller) -> None:
    held = caller.control("GET", "/state")["collections"]
    assert (held["leads"], held["users"]) == (4, 3)
    page = caller.control("GET", "/state/leads?limit=1&skip=1")
    assert (page["total"], len(page["records"])) == (4, 1)
    found = caller.control("GET", "/state/leads?text=BAKERY")
    assert [row["record"]["name"] for row in found["records"]] == ["Nowhere Bakery"]


def test_a_log_is_counted_without_making_its_entries(app: MockServer, caller: Caller) -> None:
    store = app.lane.tenants.find("api_test_key").store
    for _ in range(3):
        caller.control("POST", "/state/sms_activities", 201, json=DRAFT)
    assert caller.control("GET", "/state")["collections"]["events"] == 3
    caller.control("GET", "/state/sms_activities")
    caller.control("GET", "/live")
    assert store.collections()["events"] == 0
    entries = caller.control("GET", "/state/events")
    assert (entries["total"], store.collections()["events"]) == (3, 3)
    assert caller.control("GET", "/state")["collections"]["events"] == 3


def test_a_record_is_made_changed_and_deleted_by_the_rules_of_its_operations(
    caller: Caller,
) -> None:
    made = caller.control("POST", "/state/sms_activities", 201, json=DRAFT)
    assert made["record"]["local_phone_formatted"] == "+1 650-555-0100"
    path = f"/state/sms_activities/{made['id']}"
    assert caller.control("PUT", path, json={"text": "Bye"})["record"]["text"] == "Bye"
    assert caller.control("GET", path)["record"]["text"] == "Bye"
    caller.control("DELETE", path, 204)
    caller.control("GET", path, 404)
    assert caller.control("GET", "/requests") == []


def test_what_breaks_a_rule_is_refused_with_its_explanation(caller: Caller) -> None:
    answer = caller.control("POST", "/state/sms_activities", 409, json={"status": "scheduled"})
    broken = {rule["id"] for one in answer["violations"] for rule in one["rules"]}
    assert broken == {"sms.scheduled.needs-date", "sms.local-phone.required"}
    before = caller.control("GET", "/state")
    caller.control("POST", "/state/sms_activities", 409, json={})
    assert caller.control("GET", "/state") == before


def test_a_seeds_rules_are_enough_where_that_is_asked_for(caller: Caller) -> None:
    wish = {"status": "error", "error_message": "Unreachable", "direction": "outbound"}
    made = caller.control("POST", "/state/sms_activities?by=record", 201, json=wish)
    assert made["record"]["status"] == "error"
    path = f"/state/sms_activities/{made['id']}?by=record"
    assert caller.control("PUT", path, json={"status": "sent"})["record"]["status"] == "sent"


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("users?by=record", {"first_nam": "Ada"}, "body/first_nam"),
        ("users?by=record", {"first_name": 5}, "body/first_name"),
        ("sms_activities?by=record", {"status": "lost"}, "body/status"),
        ("contacts?by=record", {"lead_id": "lead_nothing"}, "body/lead_id"),
        (
            "users?by=record",
            {"id": "user_0AdaExample0000000000000000000000000000000000"},
            "body/id",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_named(
    caller: Caller, path: str, body: dict[str, Any], place: str
) -> None:
    answer = caller.control("POST", f"/state/{path}", 409, json=body)
    assert {fault["where"] for fault in answer["faults"]} == {place}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_the_api_cannot_do_is_done_by_record_alone(caller: Caller, method: str) -> None:
    user = caller.control("GET", "/state/users")["records"][0]["id"]
    path = "/state/users" if method == "POST" else f"/state/users/{user}"
    more: dict[str, Any] = {} if method == "DELETE" else {"json": {"first_name": "Eve"}}
    for by in ("", "?by=operation"):
        refused = caller.control(method, f"{path}{by}", 409, **more)
        assert "The API has no operation that can" in refused["error"]
        assert "?by=record does it" in refused["error"]
    done = {"POST": 201, "PUT": 200, "DELETE": 204}[method]
    caller.control(method, f"{path}?by=record", done, **more)


def test_unknown_collections_have_near_ones(caller: Caller) -> None:
    assert 'did you mean "leads"?' in caller.control("GET", "/state/lead", 404)["error"]


def test_a_snapshot_comes_back_with_its_time(caller: Caller) -> None:
    made = caller.sms(status="outbox", send_in=30).get_json()
    before = caller.control("GET", "/clock")["now"]
    caller.control("POST", "/snapshots", 201, json={"name": "waiting"})
    caller.control("POST", "/clock", json={"advance": 60})
    path = f"/state/sms_activities/{made['id']}"
    assert caller.control("GET", path)["record"]["status"] == "sent"
    diff = caller.control("GET", "/snapshots/waiting/diff")
    (changed,) = diff["changed"]
    assert changed["fields"]["status"] == {"before": "outbox", "after": "sent"}
    # The log tells of it as well.
    assert {one["collection"] for one in diff["created"]} == {"events"}
    assert {one["record"]["action"] for one in diff["created"]} == {"updated", "sent"}
    assert diff["deleted"] == []
    caller.control("POST", "/snapshots/waiting/restore")
    assert caller.control("GET", "/clock")["now"] == before
    assert caller.control("GET", path)["record"]["status"] == "outbox"
    caller.control("POST", "/clock", json={"advance": 31})
    assert caller.control("GET", path)["record"]["status"] == "sent"


def test_what_a_change_tells_shows_at_once(caller: Caller) -> None:
    caller.sms(status="draft")
    assert caller.control("GET", "/state")["collections"]["events"] == 1
    (event,) = caller.control("GET", "/state/events")["records"]
    assert event["record"]["action"] == "created"


def test_snapshots_are_compared_listed_and_dropped(caller: Caller) -> None:
    assert caller.control("POST", "/snapshots", 201, json={})["name"] == "snapshot-1"
    caller.sms(status="draft")
    assert caller.control("POST", "/snapshots", 201, json={})["name"] == "snapshot-2"
    diff = caller.control("GET", "/snapshots/snapshot-1/diff?to=snapshot-2")
    assert sorted(one["collection"] for one in diff["created"]) == ["events", "sms_activities"]
    back = caller.control("GET", "/snapshots/snapshot-2/diff?to=snapshot-1")
    assert back["deleted"] == diff["created"]
    caller.control("POST", "/snapshots", 409, json={"name": "snapshot-1"})
    caller.control("DELETE", "/snapshots/snapshot-1", 204)
    assert [row["name"] for row in caller.control("GET", "/snapshots")] == ["snapshot-2"]
    caller.control("POST", "/snapshots/snapshot-1/restore", 404)


def test_a_reset_makes_all_as_it_was_and_no_other_key_notices(
    caller: Caller, other: Caller
) -> None:
    first = caller.control("GET", "/state")
    for one in (caller, other):
        one.sms(status="draft")
        one.control("POST", "/clock", json={"freeze": True})
        one.control("POST", "/faults", 201, json={"does": "status", "status": 500})
    assert caller.control("POST", "/reset") == first
    assert caller.control("GET", "/clock")["mode"] == "real"
    assert caller.control("GET", "/faults") == []
    assert caller.control("GET", "/requests/count") == {"count": 0}
    assert caller.ask("GET", SMS).status_code == 200
    assert other.control("GET", "/state")["collections"]["sms_activities"] == 9
    assert other.control("GET", "/clock")["mode"] == "frozen"
    other.control("POST", "/reset")
    assert other.control("GET", "/state") == first


def test_a_tenant_is_picked_by_a_header_beside_the_key(caller: Caller) -> None:
    chosen = {"Mock-Tenant": "api_test_world"}
    made = caller.ask("POST", SMS, json=DRAFT, headers=chosen).get_json()
    assert caller.ask("GET", f"{SMS}{made['id']}/").status_code == 404
    assert caller.ask("GET", f"{SMS}{made['id']}/", headers=chosen).status_code == 200
    assert caller.control("GET", "/state", headers=chosen)["collections"]["sms_activities"] == 9
    assert caller.control("GET", "/state")["collections"]["sms_activities"] == 8


def test_a_header_opens_nothing_for_a_stranger(caller: Caller) -> None:
    stranger = Caller(caller.client, "nobody")
    answer = stranger.ask("GET", SMS, headers={"Mock-Tenant": "api_test_world"})
    assert answer.status_code == 401
    colleague = Caller(caller.client, "api_test_colleague")
    me = colleague.ask("GET", "/api/v1/me/", headers={"Mock-Tenant": "seed-1"}).get_json()
    assert me["first_name"] == "Ben"
    unknown = caller.ask("GET", SMS, headers={"Mock-Tenant": "nonsense"})
    assert (unknown.status_code, 'found "nons…"' in unknown.get_json()["errors"][0]) == (400, True)
    caller.control("GET", "/state", 401, headers={"Mock-Tenant": "nonsense"})


def test_tenants_are_opened_listed_and_dropped(caller: Caller) -> None:
    made = caller.control("POST", "/tenants", 201, json={"key": "api_test_made"})
    assert made["keys"] == ["api_test_made"]
    names = [row["name"] for row in caller.control("GET", "/tenants")]
    assert names == ["seed-1", "api_test_made"]
    caller.control("POST", "/tenants", 409, json={"key": "api_test_made"})
    caller.control("POST", "/tenants", 409, json={"key": "production"})
    caller.control("DELETE", "/tenants/api_test_made", 204)
    caller.control("DELETE", "/tenants/api_test_made", 404)
    caller.control("DELETE", "/tenants/seed-1", 409)


def test_a_tenant_ends_when_its_time_is_over(document: Document) -> None:
    now = [START]
    app: MockServer = create_app(document, time_source=lambda: now[0])
    caller, short = Caller(app.test_client()), Caller(app.test_client(), "api_test_short")
    row = caller.control("POST", "/tenants", 201, json={"key": "api_test_short", "ttl": 60})
    assert row["expires"] is not None
    short.sms(status="draft")
    now[0] += 59_000_000
    assert short.control("GET", "/state")["collections"]["sms_activities"] == 9
    now[0] += 2_000_000
    assert caller.ask("GET", SMS).status_code == 200  # any request wakes it
    assert [row["name"] for row in caller.control("GET", "/tenants")] == ["seed-1"]
    assert not app.lane.steering.active


def test_events_and_clock_belong_to_one_key(caller: Caller, other: Caller) -> None:
    made = caller.sms(status="outbox", send_in=30).get_json()
    other.control("POST", "/events/fails", 404, json={"id": made["id"]})
    failed = caller.control("POST", "/events/fails", json={"id": made["id"], "message": "No"})
    assert failed["status"] == "error"
    again = caller.control("POST", "/events/fails", 409, json={"id": made["id"]})
    assert 'status: found "error"; expected one of outbox, scheduled' in again["error"]
    refused = caller.control("POST", "/events/failed", 404, json={"id": made["id"]})
    assert 'did you mean "fails"?' in refused["error"]


PLACE = "https://user:private-login@hook.example/in?key=private-query&shade=dark"
PRIVATE = ("private-login", "private-query")


def test_no_key_is_shown_wherever_it_stands(caller: Caller) -> None:
    body = {"url": PLACE, "events": [{"object_type": "lead", "action": "created"}]}
    made = caller.ask("POST", "/api/v1/webhook/?key=private-query", json=body)
    assert made.get_json()["url"] == PLACE  # to its owner the API itself says all
    signing, webhook = made.get_json()["signature_key"], made.get_json()["id"]
    caller.control("POST", "/snapshots", 201, json={"name": "before"})
    caller.ask("POST", "/api/v1/lead/", json={"name": "A lead to tell of"})
    caller.ask("PUT", f"/api/v1/webhook/{webhook}/", json={"url": f"{PLACE}&more=1"})
    entry = caller.control("GET", "/requests?operation=createWebhook")[0]
    told = [
        entry,
        caller.control("GET", "/state/webhooks"),
        caller.control("GET", f"/state/webhooks/{webhook}"),
        caller.control("GET", "/snapshots/before/diff"),
        caller.control("GET", "/deliveries"),
        caller.control("GET", f"/requests/{entry['id']}/test"),
        caller.control("POST", "/explain", json={"request": entry["id"]}),
    ]
    for one in told:
        assert not [word for word in (*PRIVATE, signing) if word in str(one)], one
    assert entry["query"] == "key=…"
    assert entry["request"]["url"] == "https://…@hook.example/in?key=…&shade=dark"
    changed = told[3]["changed"][0]["fields"]["url"]
    assert changed["after"] == "https://…@hook.example/in?key=…&shade=dark&more=1"


@pytest.mark.parametrize("by", ["operation", "record"])
def test_a_record_that_comes_back_as_it_was_shown_keeps_its_keys(caller: Caller, by: str) -> None:
    body = {"url": PLACE, "events": [{"object_type": "lead", "action": "created"}]}
    webhook = caller.ask("POST", "/api/v1/webhook/", json=body).get_json()["id"]
    shown = caller.control("GET", f"/state/webhooks/{webhook}")["record"]
    sent = {"url": shown["url"], "status": "paused"}
    if by == "record":
        sent["signature_key"] = shown["signature_key"]
    caller.control("PUT", f"/state/webhooks/{webhook}?by={by}", json=sent)
    stored = caller.ask("GET", f"/api/v1/webhook/{webhook}/").get_json()
    assert (stored["url"], stored["status"]) == (PLACE, "paused")


@pytest.mark.parametrize("by", ["operation", "record"])
@pytest.mark.parametrize("more", ["&more=1", ""])
def test_what_is_hidden_is_not_changed_in_part(caller: Caller, by: str, more: str) -> None:
    body = {"url": PLACE, "events": [{"object_type": "lead", "action": "created"}]}
    webhook = caller.ask("POST", "/api/v1/webhook/", json=body).get_json()["id"]
    shown = caller.control("GET", f"/state/webhooks/{webhook}")["record"]
    sent = {"url": shown["url"] + more}
    place = f"/state/webhooks?by={by}" if not more else f"/state/webhooks/{webhook}?by={by}"
    said = caller.control("PUT" if more else "POST", place, 409, json=sent)
    assert said["faults"][0]["where"] == "body/url"
    assert "… stands for what is not shown" in said["faults"][0]["expected"]
    assert caller.ask("GET", f"/api/v1/webhook/{webhook}/").get_json()["url"] == PLACE


@pytest.mark.parametrize("by", ["operation", "record"])
def test_an_id_stays(caller: Caller, by: str) -> None:
    (lead, *_) = caller.control("GET", "/state/leads")["records"]
    said = caller.control("PUT", f"/state/leads/{lead['id']}?by={by}", 409, json={"id": "x"})
    assert said["faults"][0]["where"] == "body/id"


def test_a_reset_forgets_what_came_without_a_key_as_well(caller: Caller) -> None:
    caller.client.get(SMS)
    assert len(caller.control("GET", "/requests")) == 1
    caller.control("POST", "/reset")
    assert caller.control("GET", "/requests") == []
