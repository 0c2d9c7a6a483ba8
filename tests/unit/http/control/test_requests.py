"""The journal: found, counted, verified, made a test of, streamed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_server.testing import MockServer
from tests.unit.http.control.conftest import NUMBER, SMS, Caller

LOCKERS = Path(__file__).parents[3] / "documents" / "lockers.yaml"
HELLO = {"properties": {"text": {"const": "Hello"}}, "required": ["text"]}


@pytest.fixture
def talked(caller: Caller) -> Caller:
    """Two drafts, one refusal and a list."""
    caller.sms(status="draft")
    caller.sms(status="draft", text="Grüße")
    caller.sms(status="scheduled")
    caller.ask("GET", f"{SMS}?_limit=1")
    return caller


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("method=post", 3),
        ("operation=createSMS", 3),
        ("status=400", 1),
        ("status=2xx", 3),
        ("rule=sms.scheduled.needs-date", 1),
        ("text=grüße", 2),  # the list shows it too
        ("path=/sms/", 4),
        ("path=/api/*/lead/", 0),
        ("path=/api/*/sms/", 4),
        ("path=/activity/*/", 4),
        ("method=POST&status=4xx", 1),
    ],
)
def test_requests_are_found_by_what_they_are_like(talked: Caller, query: str, count: int) -> None:
    assert talked.control("GET", f"/requests/count?{query}") == {"count": count}
    assert len(talked.control("GET", f"/requests?{query}")) == count


def test_requests_come_newest_first_and_after_one(talked: Caller) -> None:
    ids = [row["id"] for row in talked.control("GET", "/requests")]
    assert ids == sorted(ids, reverse=True)
    later = talked.control("GET", f"/requests?since={ids[1]}")
    assert [row["id"] for row in later] == ids[:1]
    assert len(talked.control("GET", "/requests?limit=2")) == 2


def test_what_reaches_no_operation_is_the_keys_own_as_well(caller: Caller, other: Caller) -> None:
    for method, path in (("GET", "/nowhere/"), ("PATCH", SMS), ("OPTIONS", SMS)):
        other.ask(method, path)
    assert caller.control("GET", "/requests") == []
    assert [row["status"] for row in other.control("GET", "/requests")] == [204, 405, 404]
    nothing = {"expect": [], "nothing_else": True}
    assert caller.control("POST", "/verify", json=nothing)["holds"]


def test_requests_of_nobody_show_with_the_default_key_alone(caller: Caller, other: Caller) -> None:
    caller.client.get(SMS)
    assert other.control("GET", "/requests") == []
    (row,) = caller.control("GET", "/requests")
    assert row["status"] == 401
    # Whoever has been given the link may read why.
    assert other.control("GET", f"/requests/{row['id']}")["violations"]
    rules = {rule["id"]: rule for rule in caller.control("GET", "/coverage")["rules"]}
    assert rules["auth.required"]["broke"] == 1
    caller.control("DELETE", "/requests", 204)
    assert caller.control("GET", "/requests") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("GET", "/requests?operation=createSms", None, "query operation"),
        ("GET", "/requests/count?rule=sms.status", None, "query rule"),
        ("POST", "/requests/near", {"operation": "createSms"}, "body/operation"),
        ("POST", "/verify", {"expect": [{"operation": "x"}]}, "body/expect/0/operation"),
        ("POST", "/verify", {"expect": [], "ignore": [{"rule": "x"}]}, "body/ignore/0/rule"),
    ],
)
def test_a_name_that_is_none_is_never_looked_for(
    caller: Caller, method: str, path: str, body: Any, where: str
) -> None:
    refused = caller.control(method, path, 404, **({} if body is None else {"json": body}))
    assert where in [fault["where"] for fault in refused["faults"]]


def test_a_journal_has_room_for_so_many_bytes(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.state.tenant.JOURNAL_BYTES", 200_000)
    for number in range(30):
        caller.sms(status="draft", text=f"{number} " + "x" * 10_000)
    shown = caller.control("GET", "/requests")
    assert 5 < len(shown) < 12
    assert shown[0]["request"]["text"].startswith("29 ")


def test_each_key_has_requests_of_its_own(talked: Caller, other: Caller) -> None:
    assert other.control("GET", "/requests/count") == {"count": 0}
    talked.control("DELETE", "/requests", 204)
    assert talked.control("GET", "/requests") == []


def test_a_request_says_which_rules_it_met(talked: Caller) -> None:
    listed, refused, *_ = talked.control("GET", "/requests")
    assert "sms.list.pages" in listed["met"]
    assert refused["violations"][0]["rules"][0]["id"] == "sms.scheduled.needs-date"
    assert "sms.scheduled.needs-date" not in refused["met"]


def expect(caller: Caller, status: int = 200, **wish: Any) -> Any:
    return caller.control("POST", "/verify", status, json=wish)


def test_what_was_made_is_verified(talked: Caller) -> None:
    create = {"operation": "createSMS", "status": "2xx"}
    verdict = expect(talked, expect=[{**create, "count": 2}, {**create, "body": HELLO, "count": 1}])
    assert verdict["holds"]
    assert [row["found"] for row in verdict["expected"]] == [2, 1]


def test_a_verdict_says_what_was_found_and_what_came_near(talked: Caller) -> None:
    verdict = expect(talked, 409, expect=[{"operation": "createSMS", "body": HELLO, "count": 3}])
    assert verdict["says"] == ["operation createSMS: found 2, expected exactly 3"]
    nearest = verdict["expected"][0]["nearest"][0]
    assert nearest["request"]["request"]["text"] == "Grüße"
    assert nearest["misses"] == [{"where": "body/text", "found": "Grüße", "expected": '"Hello"'}]


def test_nothing_else_means_nothing_else(talked: Caller) -> None:
    wish = {"expect": [{"operation": "createSMS", "count": 3}], "nothing_else": True}
    verdict = expect(talked, 409, **wish)
    assert [row["operation"] for row in verdict["others"]] == ["listSMS"]
    assert expect(talked, **wish, ignore=[{"method": "GET"}])["holds"]


@pytest.mark.parametrize(
    ("count", "status"), [(2, 200), (1, 409), ({"min": 1}, 200), ({"max": 1}, 409), (None, 200)]
)
def test_counts_have_bounds(talked: Caller, count: Any, status: int) -> None:
    wish = {"operation": "createSMS", "status": 200}
    expect(talked, status, expect=[wish if count is None else {**wish, "count": count}])


def test_order_counts_where_it_is_asked_for(talked: Caller) -> None:
    first, second = {"text": "Hello", "method": "POST"}, {"method": "GET"}
    assert expect(talked, expect=[first, second], in_order=True)["holds"]
    says = expect(talked, 409, expect=[second, first], in_order=True)["says"]
    assert says == ["the requests came in another order than the expectations"]


def test_a_schema_that_is_none_is_named(talked: Caller) -> None:
    answer = talked.control("POST", "/requests/near", 400, json={"body": {"type": "nonsense"}})
    assert answer["faults"][0]["where"] == "body/body"


@given(
    st.sampled_from(["/verify", "/requests/near", "/faults"]),
    st.sampled_from(["text", "typ", "propertys", "status", "Const"]),
    st.sampled_from([[], ["properties", "text"], ["not"], ["anyOf", 0], ["items"], ["$defs", "a"]]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_keyword_that_is_none_is_named(
    talked: Caller, call: str, word: str, way: list[str | int]
) -> None:
    """It would hold whatever comes, so that an expectation of it would be kept by anything."""
    schema: Any = {word: "Hello"}
    for step in reversed(way):
        schema = [schema] if isinstance(step, int) else {step: schema}
    pattern = {"body": schema}
    wishes = {
        "/verify": {"expect": [pattern]},
        "/requests/near": pattern,
        "/faults": {"does": "status", "status": 503, "match": pattern},
    }
    (fault,) = talked.control("POST", call, 400, json=wishes[call])["faults"]
    assert fault["where"].endswith("/".join(map(str, ["body", *way, word])))
    assert json.dumps({"const": "Hello"}) in fault["expected"]


def test_headers_of_requests_are_shown_and_found(caller: Caller) -> None:
    sent = {"Idempotency-Key": "77", "X-Api-Key": "hush"}
    caller.ask("GET", "/api/v1/me/", headers=sent)
    shown = caller.control("GET", "/requests?limit=1")[0]["request_headers"]
    assert shown["Idempotency-Key"] == "77"
    assert {shown[name] for name in ("Authorization", "X-Api-Key")} == {"…"}
    wish = {"headers": {"idempotency-key": {"const": "77"}, "Authorization": True}, "count": 1}
    assert caller.control("POST", "/verify", json={"expect": [wish]})["holds"]
    near = {
        "headers": {
            "idempotency-key": {"const": "78"},
            "x-other": True,
            "x-api-key": {"const": "a"},
        }
    }
    misses = caller.control("POST", "/requests/near", json=near)[0]["misses"]
    assert [(one["where"], one["found"]) for one in misses] == [
        ("headers/idempotency-key", "77"),
        ("headers/x-other", None),
        ("headers/x-api-key", "…"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Mock-Control-Token",
        "Ocp-Apim-Subscription-Key",
        "X-Auth",
        "X-Forwarded-Authorization",
        "X-Functions-Key",
        "X-Goog-Api-Key",
        "X-Session",
    ],
)
def test_no_header_that_may_hold_a_key_is_kept(caller: Caller, name: str) -> None:
    caller.ask("GET", "/api/v1/me/", headers={name: "hush-hush"})
    (entry,) = caller.control("GET", "/requests")
    assert entry["request_headers"][name] == "…"
    assert "hush-hush" not in json.dumps(entry)


def test_the_key_of_signatures_is_not_shown(caller: Caller) -> None:
    wanted = {"url": "https://hooks.example/a", "events": [{"object_type": "lead", "action": "x"}]}
    made = caller.ask("POST", "/api/v1/webhook/", json=wanted).get_json()
    (entry,) = caller.control("GET", "/requests")
    assert made["signature_key"]
    assert entry["response"]["signature_key"] == "…"


def test_near_requests_are_ranked(talked: Caller) -> None:
    wish = {"operation": "createSMS", "status": 400, "rule": "sms.status.values"}
    rows = talked.control("POST", "/requests/near", json=wish)
    assert [miss["where"] for miss in rows[0]["misses"]] == ["rule"]
    assert len(rows[0]["misses"]) < len(rows[-1]["misses"])


def test_a_request_is_sent_for_somebody(caller: Caller) -> None:
    body = {"status": "draft", "local_phone": NUMBER}
    entry = caller.control("POST", "/requests", json={"operation": "createSMS", "body": body})
    assert (entry["status"], entry["operation"]) == (200, "createSMS")
    wish = {"operation": "getSMS", "parameters": {"id": entry["response"]["id"]}}
    assert caller.control("POST", "/requests", json=wish)["response"] == entry["response"]
    refused = {"path": "/me/", "headers": {"Authorization": "Bearer nobody"}}
    assert caller.control("POST", "/requests", json=refused)["status"] == 401
    missing = caller.control("POST", "/requests", 404, json={"operation": "createSms"})
    assert 'did you mean "createSMS"?' in missing["error"]


def test_every_request_becomes_a_test_that_passes(talked: Caller, tmp_path: Path) -> None:
    path = "/api/v1/activity/sms/"
    lead = talked.ask("POST", "/api/v1/lead/", json={"name": "Of {this} session"}).get_json()
    body = {"status": "draft", "local_phone": NUMBER, "lead_id": lead["id"], "text": "'\" 👍"}
    sms = talked.ask("POST", path, json=body).get_json()["id"]
    talked.ask("PUT", f"{path}{sms}/", json={"status": "outbox", "send_in": 50})
    talked.ask("PUT", f"{path}{sms}/", json={"text": "Too late"})
    talked.ask("GET", f"{path}?lead_id={lead['id']}")
    talked.ask("DELETE", f"{path}{sms}/")
    talked.ask("GET", f"{path}{sms}/")
    talked.ask("POST", path, data="{half", content_type="application/json")
    talked.ask("POST", path, data="a=b", content_type="application/x-www-form-urlencoded")
    talked.ask("POST", path, data=b"\xff{", content_type="application/json")
    # Without a key, with a wrong one, by a preference, and by time that has passed.
    talked.client.get("/api/v1/me/")
    talked.client.get("/api/v1/me/", auth=("nobody", ""))
    talked.ask("GET", "/api/v1/lead/", headers={"Prefer": "code=404"})
    soon = talked.sms(status="outbox", send_in=10).get_json()["id"]
    talked.control("POST", "/clock", json={"advance": 31})
    assert talked.ask("PUT", f"{path}{soon}/", json={"status": "draft"}).status_code == 400
    talked.control("POST", "/clock", json={"advance": 864_000})
    talked.sms(status="scheduled", date_scheduled="2030-01-01T00:00:00Z")
    rows = talked.control("GET", "/requests")
    for row in rows:
        texts = talked.control("GET", f"/requests/{row['id']}/test")
        (tmp_path / f"test_{row['id']}.py").write_text(texts["pytest"])
        if row["status"] != 401:
            assert texts["curl"].startswith("curl -i -u api_test_key:")
    clocked = [one for one in tmp_path.iterdir() if "mock_clock.set('" in one.read_text()]
    assert clocked
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert f"{len(rows)} passed" in done.stdout, done.stdout


def test_a_request_is_pasted_with_the_key_and_the_preference_that_it_had(caller: Caller) -> None:
    caller.client.get("/api/v1/me/")
    caller.client.get("/api/v1/me/", auth=("nobody", ""))
    caller.ask("GET", "/api/v1/me/", headers={"Prefer": "code=404"})
    rows = caller.control("GET", "/requests")
    lines = [caller.control("GET", f"/requests/{row['id']}/test")["curl"] for row in rows]
    assert lines[0].startswith("curl -i -u api_test_key: -H 'Prefer: code=404' ")
    assert lines[1].startswith("curl -i -u a_key_that_is_unknown: http")
    assert lines[2].startswith("curl -i http")


def test_a_test_has_the_requests_that_it_needs_and_no_others(caller: Caller) -> None:
    path = "/api/v1/activity/sms/"
    lead = caller.ask("POST", "/api/v1/lead/", json={"name": "Of long ago"}).get_json()["id"]
    task = caller.ask("GET", "/api/v1/task/").get_json()["data"][0]["id"]
    caller.ask("DELETE", f"/api/v1/task/{task}/")
    for number in range(30):
        caller.sms(status="draft", text=f"Between {number}")
    caller.ask("GET", f"/api/v1/task/{task}/")
    caller.ask("POST", "/api/v1/contact/", json={"name": "Late", "lead_id": lead})
    contact, gone = caller.control("GET", "/requests?limit=2")
    told = caller.control("GET", f"/requests/{contact['id']}/test")["pytest"]
    assert told.count("mock_server.client.request(") == 2
    assert "'name': 'Of long ago'" in told
    told = caller.control("GET", f"/requests/{gone['id']}/test")["pytest"]
    assert told.count("mock_server.client.request(") == 2
    assert "'DELETE'" in told
    # What made it is in the journal no more.
    made = caller.sms(status="draft", text="First").get_json()["id"]
    for _ in range(510):
        caller.ask("GET", "/api/v1/me/")
    caller.ask("PUT", f"{path}{made}/", json={"text": "Second"})
    entry = caller.control("GET", "/requests?limit=1")[0]
    told = caller.control("GET", f"/requests/{entry['id']}/test")["pytest"]
    assert f"# What made {made} is in the journal no more: make it here." in told


def test_a_body_that_begins_like_a_file_is_pasted_as_it_is(caller: Caller) -> None:
    caller.ask(
        "POST", "/api/v1/activity/sms/", data="@/etc/hostname", content_type="application/json"
    )
    (entry,) = caller.control("GET", "/requests")
    line = caller.control("GET", f"/requests/{entry['id']}/test")["curl"]
    assert line.endswith(" --data-raw @/etc/hostname")


def test_a_request_is_sent_again_with_its_preference(caller: Caller) -> None:
    caller.ask("GET", "/api/v1/me/", headers={"Prefer": "code=404"})
    (entry,) = caller.control("GET", "/requests")
    again = caller.control("POST", "/requests", json={"request": entry["id"]})
    assert (again["status"], again["steered"]) == (404, "Prefer: code=404")


def test_no_test_is_made_of_what_a_fault_has_answered(caller: Caller) -> None:
    caller.control("POST", "/faults", 201, json={"does": "status", "status": 503, "times": 1})
    late = {"does": "latency", "seconds": 0.001, "times": 2}
    caller.control("POST", "/faults", 201, json=late)
    caller.ask("GET", "/api/v1/me/")
    caller.ask("GET", "/api/v1/me/")
    slow, refused = caller.control("GET", "/requests")
    said = caller.control("GET", f"/requests/{refused['id']}/test")["pytest"]
    assert "was not the API's own" in said
    assert "def test" not in said
    assert "== 200" in caller.control("GET", f"/requests/{slow['id']}/test")["pytest"]


def test_a_request_is_sent_and_judged_once_more_to_the_byte(caller: Caller) -> None:
    long = "x" * 30_000
    asked = (
        {"data": "{half", "content_type": "application/json"},
        {"data": "a=b", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"\xff{", "content_type": "application/json"},
        {"json": {"local_phone": NUMBER, "text": long, "status": "draft"}},
        {"json": "only a text"},
        {"json": {"status": "draft", "local_phone": NUMBER}},
    )
    for more in asked:
        first = caller.ask("POST", SMS, **more)
        entry = caller.control("GET", "/requests?limit=1")[0]
        judged = caller.control("POST", "/explain", json={"request": entry["id"]})
        assert judged["status"] == first.status_code, more
        again = caller.control("POST", "/requests", json={"request": entry["id"]})
        assert again["status"] == first.status_code, more
        assert again["request"] == entry["request"]
        if first.status_code >= 400:
            assert again["response"] == entry["response"]
    caller.client.get("/api/v1/me/")
    nobody = caller.control("GET", "/requests?limit=1")[0]
    again = caller.control("POST", "/requests", json={"request": nobody["id"]})
    assert again["status"] == 401
    caller.control("POST", "/requests", 404, json={"request": 99_999_999})


def test_a_test_names_the_document_and_the_policies_that_were_served(tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text(
        'overlay: 1.0.0\ninfo: {title: x, version: "1"}\nactions:\n- {target: $.info, update: {}}\n'
    )
    with MockServer(LOCKERS, overlay=[over], rules={"parcel.weight": "off"}) as server:
        server.client.post("/parcels", json={"to": "Ada", "weight": 50})
        number = server.requests[-1]["id"]
        said = server.client.get(
            f"/__mock/requests/{number}/test", headers={"Mock-Tenant": server.key}
        ).json()["pytest"]
    marked = f"document={str(LOCKERS)!r}, overlay=[{str(over)!r}], rules={{'parcel.weight': 'off'}}"
    assert f"@pytest.mark.mock_server({marked})\ndef test_announceparcel" in said


def test_what_happens_is_streamed_from_where_one_was(talked: Caller) -> None:
    hello = talked.control("GET", "/live")
    newest = json.loads(hello.split("data: ")[1].splitlines()[0])["newest"]
    assert "retry:" in hello
    assert "event: request" not in talked.control("GET", f"/live?since={newest}")
    talked.ask("GET", "/api/v1/me/")
    answer = talked.ask("GET", "/__mock/live", headers={"Last-Event-ID": str(newest)})
    told = [line for line in answer.get_data(as_text=True).splitlines() if "data: " in line]
    assert json.loads(told[0].removeprefix("data: "))["operation"] == "getMe"


def test_the_stream_tells_whether_records_have_changed(talked: Caller) -> None:
    def writes() -> int:
        told = talked.control("GET", "/live").split("event: state\ndata: ")[1]
        return int(json.loads(told.splitlines()[0])["writes"])

    before = writes()
    assert writes() == before
    facts = {"from": "+16505550120", "text": "From the provider, without a request."}
    talked.control("POST", "/events/arrives", json=facts)
    assert writes() > before
