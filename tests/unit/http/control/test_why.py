"""Why: judged without being performed, and what was met."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server.examples import still, try_example
from mock_server.http.app import create_app
from mock_server.spec import Document
from tests.conftest import START
from tests.unit.http.control.conftest import NUMBER, SMS, Caller


def ask_why(caller: Caller, **wish: Any) -> Any:
    return caller.control("POST", "/explain", json=wish)


def decisions(judgement: Any) -> dict[str, str]:
    return {row["stage"]: row["decision"] for row in judgement["stages"]}


def test_a_request_that_passes_is_shown_and_not_performed(caller: Caller) -> None:
    before = caller.control("GET", "/state")
    body = {"status": "draft", "local_phone": NUMBER, "text": "Hello"}
    judgement = ask_why(caller, operation="createSMS", body=body)
    assert (judgement["verdict"], judgement["status"]) == ("passes", 200)
    assert set(decisions(judgement).values()) == {"passed"}
    assert judgement["would"]["body"]["local_phone_formatted"] == "+1 650-555-0100"
    assert {"sms.status.required", "sms.local-phone.internal"} <= set(judgement["met"])
    assert {"what": "Phone number type", "value": "internal"} in judgement["facts"]
    assert (judgement["nearest"], judgement["changes"]) == (None, [])
    assert caller.control("GET", "/state") == before
    assert caller.control("GET", "/requests") == []


def test_asking_why_changes_no_id_that_is_given_later(document: Document) -> None:
    def first_id(ask_first: bool) -> str:
        app = create_app(document, time_source=lambda: START, random_seed=7)
        caller = Caller(app.test_client())
        if ask_first:
            ask_why(caller, operation="createSMS", body={"status": "draft"})
        return str(caller.sms(status="draft").get_json()["id"])

    assert first_id(True) == first_id(False)


@pytest.mark.parametrize(
    ("wish", "stage", "pointers"),
    [
        ({"path": "/activity/smss/"}, "route", ["/path"]),
        ({"method": "PATCH", "path": "/activity/sms/"}, "route", ["/method"]),
        (
            {"path": "/me/", "headers": {"Authorization": "Bearer nobody"}},
            "authenticate",
            ["/headers/authorization"],
        ),
        ({"path": "/activity/sms/?_limit=many"}, "parse", ["/query/_limit"]),
        ({"operation": "createSMS", "raw": "{"}, "parse", ["/body"]),
        ({"operation": "createSMS", "body": {}}, "validate", ["/body/status"]),
        (
            {"operation": "createSMS", "body": {"status": "schedulled", "local_phone": NUMBER}},
            "validate",
            ["/body/status", "/body/date_scheduled"],
        ),
        (
            {"operation": "createSMS", "body": {"status": "outbox", "local_phone": NUMBER, "send_in": 60}},
            "validate",
            ["/body/send_in"],
        ),
        (
            {"operation": "createSMS", "body": {"status": "draft", "local_phone": "+16505550103"}},
            "enforce",
            ["/body/local_phone"],
        ),
        ({"operation": "getSMS", "parameters": {"id": "acti_0Thanks"}}, "validate", ["/path"]),
        (
            {
                "operation": "updateSMS",
                "parameters": {"id": "acti_0Thanks000000000000000000000000000000000000000"},
                "body": {"status": "outbox"},
            },
            "enforce",
            ["/body/status"],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_nearest_request_that_passes_is_found(
    caller: Caller, wish: dict[str, Any], stage: str, pointers: list[str]
) -> None:
    judgement = ask_why(caller, **wish)
    assert judgement["verdict"] == "refused"
    assert decisions(judgement)[stage] == "refused"
    assert [change["pointer"] for change in judgement["changes"]] == pointers
    assert ask_why(caller, **judgement["nearest"])["verdict"] == "passes"
    sent = caller.control("POST", "/requests", json=judgement["nearest"])
    assert sent["status"] < 300


def test_several_violations_are_mended_together(caller: Caller) -> None:
    body = {
        "status": "schedulled",
        "local_phone": "+16505550103",
        "send_in": 99,
        "template_id": "smstmpl_nothing",
        "text": "Hello",
        "direction": "sideways",
    }
    judgement = ask_why(caller, operation="createSMS", body=body)
    assert len(judgement["violations"]) >= 5
    nearest = judgement["nearest"]["body"]
    assert (nearest["status"], nearest["local_phone"]) == ("scheduled", NUMBER)
    assert caller.control("POST", "/requests", json=judgement["nearest"])["status"] == 200


def test_a_judgement_is_the_answer_that_comes(caller: Caller) -> None:
    for body in ({}, {"status": "scheduled"}, {"status": "draft", "lead_id": "lead_nothing"}):
        judgement = ask_why(caller, operation="createSMS", body=body)
        sent = caller.control("POST", "/requests", json={"operation": "createSMS", "body": body})
        assert judgement["would"] == {"status": sent["status"], "body": sent["response"]}
        assert judgement["violations"] == sent["violations"]


def test_a_request_is_judged_as_a_snapshot_has_things(caller: Caller) -> None:
    made = caller.sms(status="draft").get_json()
    caller.control("POST", "/snapshots", 201, json={"name": "draft"})
    path = {"id": made["id"]}
    change = {"operation": "updateSMS", "parameters": path, "body": {"text": "Bye"}}
    caller.control("POST", "/requests", json={**change, "body": {"status": "outbox"}})
    assert ask_why(caller, **change)["verdict"] == "refused"
    assert ask_why(caller, **change, snapshot="draft")["verdict"] == "passes"
    assert caller.control("POST", "/explain", 404, json={**change, "snapshot": "x"})["error"]


def counts(caller: Caller) -> dict[str, tuple[int, int, int]]:
    rows = caller.control("GET", "/coverage")["rules"]
    return {row["id"]: (row["kept"], row["broke"], row["warned"]) for row in rows}


def test_rules_count_what_met_them(caller: Caller) -> None:
    assert set(counts(caller).values()) == {(0, 0, 0)}
    caller.sms(status="draft")
    caller.sms(status="scheduled")
    caller.sms(status="draft", local_phone=None)
    caller.sms(status="draft", direction="outbound")
    met = counts(caller)
    assert met["sms.status.required"] == (3, 0, 0)
    assert met["sms.scheduled.needs-date"] == (0, 1, 0)
    assert met["sms.local-phone.internal"] == (2, 0, 0)
    assert met["sms.local-phone.always"] == (2, 0, 1)
    assert met["sms.direction.default"] == (2, 0, 0)
    assert met["sms.direction.values"] == (1, 0, 0)
    assert met["errors.bad-request"] == (1, 0, 0)
    assert met["sms.send-in.limit"] == (0, 0, 0)
    caller.control("DELETE", "/coverage", 204)
    assert set(counts(caller).values()) == {(0, 0, 0)}


def test_transitions_count_requests_time_and_events(caller: Caller) -> None:
    made = [caller.sms(status="draft").get_json()["id"] for _ in range(3)]
    for name in made:
        caller.ask("PUT", f"/api/v1/activity/sms/{name}/", json={"status": "outbox", "send_in": 9})
    caller.ask("PUT", f"/api/v1/activity/sms/{made[0]}/", json={"status": "draft"})
    caller.control("POST", "/events/fails", json={"id": made[1]})
    caller.control("POST", "/clock", json={"advance": 10})
    rows = caller.control("GET", "/coverage")["transitions"]
    seen = {(row["from"], row["to"], row["by"]): row["count"] for row in rows if row["count"]}
    assert seen == {
        ("draft", "outbox", "request"): 3,
        ("outbox", "draft", "request"): 1,
        ("outbox", "error", "event"): 1,
        ("outbox", "sent", "time"): 1,
    }
    assert counts(caller)["sms.outbox.sends"][0] == 1


def test_kinds_of_requests_beyond_number_are_only_added_up(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.http.coverage.SIGHTINGS_KEPT", 3)
    for number in range(10):
        caller.sms(status="draft", **{f"unknown_{number}": 1})
    assert counts(caller)["sms.status.required"] == (10, 0, 0)


def test_every_rule_can_be_met(document: Document) -> None:
    """The catalogue's own examples meet every rule that has one; a count that misses them lies."""
    app = create_app(document, time_source=still(), random_seed=1)
    missed = []
    for rule in document.rules.values():
        for word, examples in (("kept", rule.accepts), ("broke", rule.rejects)):
            if not examples:
                continue
            for number, example in enumerate(examples):
                try_example(app, rule, example, f"{word}_{number}_{rule.rule_id}", word == "kept")
            found = sum(
                app.lane.coverage.counts(tenant)[kind, rule.rule_id]
                for tenant in app.lane.tenants.iter_tenants()
                for kind in ((word,) if word == "kept" else ("broke", "warned", "kept"))
            )
            # What is refused before an operation has it is counted for none.
            if not found and not rule.rule_id.startswith(("auth", "limits")):
                missed.append((rule.rule_id, word))
    assert missed == []


def test_a_rule_is_met_where_what_it_speaks_of_is_given(caller: Caller) -> None:
    def kept() -> set[str]:
        rules = caller.control("GET", "/coverage")["rules"]
        return {rule["id"] for rule in rules if rule["kept"]}

    special = {"mms.media", "mms.types", "sms.phones.formatted", "sms.phones.country"}
    special |= {"sms.template.instead", "sms.phones.e164", "sms.local-phone.required"}
    caller.ask("POST", SMS, json={"status": "draft"})
    caller.ask("GET", SMS)
    assert "sms.status.values" in kept()
    assert kept().isdisjoint(special)
    picture = {"url": "https://files.example/a.png", "filename": "a", "content_type": "image/png"}
    caller.sms(status="outbox", remote_phone="+16505550120", attachments=[picture])
    assert special <= kept()


BADLY = {
    "status": "scheduled",
    "text": 5,
    "date_scheduled": "tomorrow",
    "local_phone": "5551234",
    "remote_phone": "x",
    "lead_id": "zz",
    "send_in": 99,
    "attachments": [{}],
    "direction": "up",
}


def test_much_that_is_wrong_is_mended_too(caller: Caller) -> None:
    wish = {"operation": "createSMS", "body": BADLY}
    found = caller.control("POST", "/explain", json=wish)
    assert len(found["violations"]) > 8
    assert found["why_none"] is None
    assert caller.control("POST", "/requests", json=found["nearest"])["status"] == 200


def test_where_none_is_near_it_is_said_why(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.http.control.repair.TRIES", 1)
    monkeypatch.setattr("mock_server.http.control.explain.TRIES", 1)
    found = caller.control("POST", "/explain", json={"operation": "createSMS", "body": BADLY})
    assert (found["nearest"], found["changes"]) == (None, [])
    many = len(found["violations"])
    assert found["why_none"].startswith(f"{many} things are wrong with it, and none of 1 requests")
    passing = {"operation": "createSMS", "body": {"status": "draft"}}
    assert caller.control("POST", "/explain", json=passing)["why_none"] is None


def test_what_would_answer_in_place_of_the_api_is_foreseen_and_not_counted(caller: Caller) -> None:
    asked = {"operation": "listSMS", "headers": {"Prefer": "code=404"}}
    for wish in (
        {"does": "status", "status": 503, "probability": 0.5, "match": {"operation": "listSMS"}},
        {"does": "latency", "seconds": 0, "skip": 1},
        {"does": "limit", "requests": 2, "per": 9},
        {"does": "drop", "match": {"operation": "createSMS"}},
        {"does": "drop", "times": 1, "match": {"method": "PATCH"}},
    ):
        caller.control("POST", "/faults", 201, json=wish)
    for _ in range(3):
        told = caller.control("POST", "/explain", json=asked)
        assert told["verdict"] == "passes"
        assert [one.split(" ", 2)[0] for one in told["steered"]] == ["Prefer:", *["fault"] * 3]
        assert (
            "status happens, with a probability of 0.5, instead of what the API does"
            in (told["steered"][1])
        )
        assert told["steered"][2].endswith("latency lets 1 more through first")
        assert told["steered"][3].endswith("limit lets 2 more through now")
    assert caller.control("POST", "/explain", json={"path": "/api/v1/me/"})["steered"][0].endswith(
        "latency lets 1 more through first"
    )
    caller.control("DELETE", "/faults", 204)
    wrong = {**asked, "headers": {"Prefer": "code=9"}}
    assert caller.control("POST", "/explain", json=wrong)["steered"] == [
        "Prefer: found code=9; expected a status from 200 to 599."
    ]


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"path": "/api/v1/activity/sms"}, 308),
        ({"path": "/api/v1/activity/sms//"}, 308),
        ({"method": "OPTIONS", "path": SMS}, 204),
        ({"path": "/api/v1/me/", "headers": {"Authorization": ""}}, 401),
        ({"path": "/api/v1/me/", "headers": {"Authorization": "Basic é"}}, 401),
        ({"path": "/api/v1/nothing/"}, 404),
        ({"method": "PATCH", "path": SMS}, 405),
    ],
    ids=str,
)
def test_what_is_foretold_is_what_comes(caller: Caller, wish: dict[str, Any], status: int) -> None:
    told = caller.control("POST", "/explain", json=wish)
    assert told["status"] == told["would"]["status"] == status
    assert told["verdict"] == ("refused" if status >= 400 else "passes")
    assert caller.control("POST", "/requests", json=wish)["status"] == status


def test_a_request_that_was_steered_is_told_to_have_been(caller: Caller) -> None:
    unknown = caller.ask("GET", SMS, headers={"Mock-Tenant": "nonsense"})
    number = int(unknown.headers["Mock-Explanation"].rpartition("/")[2])
    told = caller.control("POST", "/explain", json={"request": number})
    assert told["steered"] == ["Mock-Tenant: it names no tenant made the answer that it had"]


def test_a_body_that_was_not_kept_is_asked_for(caller: Caller) -> None:
    large = caller.ask("POST", SMS, data=b" " * (6 * 1024 * 1024), content_type="application/json")
    assert large.status_code == 413
    number = int(large.headers["Mock-Explanation"].rpartition("/")[2])
    refused = caller.control("POST", "/explain", 409, json={"request": number})
    assert "too large to be kept" in refused["error"]


def test_what_is_told_of_a_request_of_the_journal_has_no_keys(caller: Caller) -> None:
    for more in (
        {"method": "POST", "path": SMS, "data": "password=private-one"},
        {
            "method": "POST",
            "path": SMS,
            "data": '{"token": "private-one"',
            "content_type": "application/json",
        },
        {"method": "GET", "path": "/api/v1/nowhere/?key=private-one"},
        {"method": "GET", "path": "/api/v1/activity/sms?key=private-one"},
        {
            "method": "POST",
            "path": SMS,
            "json": {"status": "scheduled", "local_phone": "http://u:private-one@h/"},
        },
    ):
        caller.ask(**more)
    entries = caller.control("GET", "/requests")
    told = [caller.control("POST", "/explain", json={"request": one["id"]}) for one in entries]
    assert len(told) == 5
    assert [one for one in told if "private-one" in str(one)] == []
    assert "private-one" not in str(entries)
