"""Faults on purpose and preferences: which requests they meet, and what they make of them."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server.http.app import MockServer
from tests.unit.http.control.conftest import SMS, Caller


@pytest.fixture
def waited(app: MockServer) -> list[float]:
    """The seconds that somebody was kept waiting, without waiting."""
    seconds: list[float] = []
    app.lane.steering.pause = seconds.append
    return seconds


def fault(caller: Caller, **wish: Any) -> Any:
    return caller.control("POST", "/faults", 201, json=wish)


def statuses(caller: Caller, count: int, path: str = SMS) -> list[int]:
    return [caller.ask("GET", path).status_code for _ in range(count)]


def test_a_status_has_the_apis_shape_unless_it_has_a_body(caller: Caller) -> None:
    fault(caller, does="status", status=503, times=1)
    answer = caller.ask("GET", SMS)
    assert (answer.status_code, answer.get_json().keys()) == (503, {"error"})
    wish = {"does": "status", "status": 502, "body": [1], "headers": {"X-A": "b"}}
    fault(caller, **wish)
    answer = caller.ask("GET", SMS)
    assert (answer.status_code, answer.get_json(), answer.headers["X-A"]) == (502, [1], "b")
    assert caller.control("GET", "/requests?status=502")[0]["steered"].endswith(": status")


def test_a_request_that_fails_is_not_performed_unless_that_is_said(caller: Caller) -> None:
    def held() -> int:
        return int(caller.control("GET", "/state")["collections"]["sms_activities"])

    fault(caller, does="status", status=500, times=1)
    assert caller.sms(status="draft").status_code == 500
    assert held() == 8
    fault(caller, does="status", status=500, times=1, performed=True)
    assert caller.sms(status="draft").status_code == 500
    assert held() == 9


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"operation": "createSMS"}, True),
        ({"operation": ["listSMS", "createSMS"]}, True),
        ({"operation": "listSMS"}, False),
        ({"method": "post"}, True),
        ({"path": "/sms/"}, True),
        ({"path": "/lead/"}, False),
        ({"headers": {"X-Run": {"const": "7"}}}, True),
        ({"headers": {"X-Run": {"const": "8"}}}, False),
        ({"headers": {"X-Absent": True}}, False),
        ({"body": {"properties": {"text": {"pattern": "^He"}}, "required": ["text"]}}, True),
        ({"body": {"properties": {"text": {"const": "Bye"}}, "required": ["text"]}}, False),
        ({"query": {"required": ["send_to_inbox"]}}, True),
        ({"query": {"required": ["nothing"]}}, False),
        ({"operation": "createSMS", "method": "GET"}, False),
    ],
    ids=str,
)
def test_everything_that_is_said_must_hold(
    caller: Caller, match: dict[str, Any], hit: bool
) -> None:
    fault(caller, does="status", status=500, match=match)
    body = {"status": "draft", "text": "Hello"}
    answer = caller.ask("POST", f"{SMS}?send_to_inbox=true", json=body, headers={"X-Run": "7"})
    assert answer.status_code == (500 if hit else 200)
    (row,) = caller.control("GET", "/faults")
    assert (row["matched"], row["happened"]) == ((1, 1) if hit else (0, 0))


def test_a_fault_happens_so_often_after_so_many(caller: Caller) -> None:
    made = fault(caller, does="status", status=500, skip=2, times=2)
    assert made["left"] == 2
    assert statuses(caller, 6) == [200, 200, 500, 500, 200, 200]
    assert caller.control("GET", "/faults")[0]["left"] == 0


def test_luck_repeats_with_its_seed(caller: Caller) -> None:
    def run(seed: int) -> list[int]:
        caller.control("DELETE", "/faults", 204)
        fault(caller, does="status", status=500, probability=0.5, seed=seed)
        return statuses(caller, 20)

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 3 < run(3).count(500) < 17


def test_faults_belong_to_one_key_and_can_be_removed(caller: Caller, other: Caller) -> None:
    made = fault(caller, does="status", status=500)
    assert statuses(other, 1) == [200]
    other.control("DELETE", f"/faults/{made['id']}", 404)
    caller.control("DELETE", f"/faults/{made['id']}", 204)
    assert statuses(caller, 1) == [200]
    assert not caller.client.application.lane.steering.active  # type: ignore[attr-defined]


def test_latency_is_fixed_or_spread_and_adds_up(caller: Caller, waited: list[float]) -> None:
    fault(caller, does="latency", seconds=0.5, times=1)
    fault(caller, does="latency", between=[1, 2])
    assert statuses(caller, 1) == [200]
    assert 1.5 <= waited[0] < 2.5
    caller.control("DELETE", "/faults", 204)
    fault(caller, does="latency", median=0.1)
    statuses(caller, 50)
    drawn = sorted(waited[1:])
    assert 0.05 < drawn[25] < 0.2
    assert drawn[0] < drawn[25] < drawn[-1]


def test_a_limit_refuses_what_is_too_much_in_its_time(caller: Caller) -> None:
    caller.control("POST", "/clock", json={"freeze": True})
    fault(caller, does="limit", requests=2, per=60)
    assert statuses(caller, 3) == [200, 200, 429]
    assert caller.ask("GET", SMS).headers["Retry-After"] == "60"
    caller.control("POST", "/clock", json={"advance": 45})
    assert caller.ask("GET", SMS).headers["Retry-After"] == "15"
    caller.control("POST", "/clock", json={"advance": 15})
    assert statuses(caller, 1) == [200]


def test_connections_break_where_there_are_any(caller: Caller) -> None:
    fault(caller, does="drop", times=1)
    with pytest.raises(ConnectionResetError):
        caller.ask("GET", SMS)
    fault(caller, does="half", times=1)
    with pytest.raises(ConnectionResetError):
        caller.ask("GET", SMS).get_data()
    fault(caller, does="garbage", times=1)
    answer = caller.ask("GET", SMS)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="utf-8"):
        answer.data.decode("utf-8")


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({"does": "sleep"}, "body/does"),
        ({"does": "latency"}, "body"),
        ({"does": "latency", "seconds": 1, "median": 1}, "body"),
        ({"does": "latency", "seconds": -1}, "body/seconds"),
        ({"does": "status"}, "body/status"),
        ({"does": "drop", "seconds": 1}, "body/seconds"),
        ({"does": "limit"}, "body/requests"),
        ({"does": "status", "status": 500, "probability": 2}, "body/probability"),
        ({"does": "drop", "match": {"body": {"type": "nonsense"}}}, "body/match/body"),
        ({"does": "drop", "match": {"query": {"required": "x"}}}, "body/match/query"),
        ({"does": "drop", "match": {"headers": {"a": {"enum": 1}}}}, "body/match/headers/a"),
        ({"does": "drop", "seconds": 3}, "body/seconds"),
        ({"does": "drop", "match": {"operaton": "x"}}, "body/match/operaton"),
    ],
)
def test_a_fault_that_cannot_be_is_named(caller: Caller, wish: dict[str, Any], where: str) -> None:
    answer = caller.control("POST", "/faults", 400, json=wish)
    assert where in [one["where"] for one in answer["faults"]]


def test_an_operation_that_there_is_not_has_a_near_one(caller: Caller) -> None:
    wish = {"does": "drop", "match": {"operation": "createSms"}}
    answer = caller.control("POST", "/faults", 404, json=wish)
    assert 'did you mean "createSMS"?' in answer["error"]


@pytest.mark.parametrize(
    ("header", "status", "applied"),
    [
        ("code=404", 404, "code=404"),
        ("code=503", 503, "code=503"),
        ("code=400; dynamic=true", 400, "code=400, dynamic=true"),
        ('dynamic="true"', 200, "dynamic=true"),
        ("respond-async, code=401", 401, "code=401"),
    ],
)
def test_a_preferred_answer_says_what_was_applied(
    caller: Caller, header: str, status: int, applied: str
) -> None:
    answer = caller.ask("GET", SMS, headers={"Prefer": header})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (status, applied)
    assert answer.get_json() is not None


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("code=299", "expected one of 200, 400, 401, 404"),
        ("code=nonsense", "expected a status"),
        ("example=nothing", "named ones"),
        ("dynamic=perhaps", "expected true or false"),
        ("wait=long", "expected seconds"),
    ],
)
def test_a_preference_that_cannot_be_is_named(caller: Caller, header: str, words: str) -> None:
    answer = caller.ask("GET", SMS, headers={"Prefer": header})
    assert answer.status_code == 400
    assert words in answer.get_data(as_text=True)
    assert "Preference-Applied" not in answer.headers


def test_preferences_of_others_are_left_alone(caller: Caller) -> None:
    answer = caller.ask("GET", SMS, headers={"Prefer": "return=minimal"})
    assert (answer.status_code, "Preference-Applied" in answer.headers) == (200, False)


def test_waiting_changes_nothing_else(caller: Caller, waited: list[float]) -> None:
    answer = caller.ask("GET", SMS, headers={"Prefer": "wait=1.5"})
    assert (answer.status_code, waited) == (200, [1.5])
    assert answer.headers["Preference-Applied"] == "wait=1.5"
    assert answer.get_json()["data"]


def test_a_dynamic_answer_fits_its_schema(caller: Caller) -> None:
    from mock_server.rules.schema import build_validator

    document = caller.client.application.document  # type: ignore[attr-defined]
    for operation in document.operations.values():
        path = document.base_path + operation.path_template.replace("{id}", "x")
        answer = caller.ask(operation.method, path, headers={"Prefer": "dynamic=true"}, json={})
        schema = operation.responses[str(operation.success)].schema
        if schema is not None:
            errors = build_validator(schema).iter_errors(answer.get_json())
            assert [str(error) for error in errors] == [], operation.operation_id


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({"headers": {"Content-Length": "5"}}, "body/headers/Content-Length"),
        ({"headers": {"transfer-encoding": "chunked"}}, "body/headers/transfer-encoding"),
        ({"status": 204, "body": {"a": 1}}, "body/body"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused(
    caller: Caller, wish: dict[str, Any], where: str
) -> None:
    said = caller.control("POST", "/faults", 409, json={"does": "status", "status": 500, **wish})
    assert said["faults"][0]["where"] == where


def test_a_body_that_is_looked_for_is_not_found_where_there_is_none(caller: Caller) -> None:
    wanted = {"properties": {"text": {"const": "boom"}}, "required": ["text"]}
    wish = {"does": "status", "status": 500, "match": {"body": wanted}}
    caller.control("POST", "/faults", 201, json=wish)
    assert caller.ask("GET", "/api/v1/me/").status_code == 200
    assert caller.sms(status="draft", text="boom").status_code == 500
