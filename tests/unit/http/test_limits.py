"""Limits on requests: off unless set, told by every answer, and waited for by clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from closeio_api import API
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.http.app import create_app
from mock_server.settings import read_settings
from mock_server.spec import Document
from mock_server.testing.requests_adapter import InProcessAdapter

SMS = "/api/v1/activity/sms/"
START = 1_900_000_000_000_000


@pytest.fixture
def client(document: Document) -> FlaskClient:
    app = create_app(document, rate_limit=(2, 8), time_source=lambda: START, random_seed=1)
    return app.test_client()


def ask(
    client: FlaskClient,
    method: str = "GET",
    path: str = SMS,
    key: str = "api_test_key",
    **more: Any,
) -> TestResponse:
    return client.open(path, method=method, auth=(key, ""), **more)


def limits(answer: TestResponse) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if "rate" in k.lower() or k == "Retry-After"}


def test_without_a_setting_nothing_is_counted(document: Document) -> None:
    client = create_app(document).test_client()
    assert limits(ask(client)) == {}


@pytest.mark.parametrize(("written", "window"), [("5/8", 8), ("5/1.5", 2), ("5/0.25", 1)])
def test_windows_are_told_in_whole_seconds(document: Document, written: str, window: int) -> None:
    settings = read_settings(Path(), {}, {"rate_limit": written})
    app = create_app(document, rate_limit=settings.rate_limit, time_source=lambda: START)
    client = app.test_client()
    assert limits(ask(client))["x-ratelimit-limit"] == f"5, 5;w={window}"
    for _ in range(5):
        refused = ask(client)
    assert refused.status_code == 429
    assert repr(refused.get_json()["rate_window"]) == str(window)


def test_every_answer_tells_how_the_limit_stands(client: FlaskClient) -> None:
    assert limits(ask(client)) == {
        "X-Rate-Limit-Limit": "2",
        "X-Rate-Limit-Remaining": "1",
        "X-Rate-Limit-Reset": "8",
        "x-ratelimit-limit": "2, 2;w=8",
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": "8",
        "RateLimit": "limit=2, remaining=1, reset=8",
    }
    refused = ask(client, "GET", f"{SMS}?_limit=many")
    assert refused.status_code == 400
    assert limits(refused)["X-Rate-Limit-Remaining"] == "0"


def test_one_too_many_is_refused_as_recorded(client: FlaskClient) -> None:
    ask(client)
    ask(client, path="/__mock/clock", method="POST", json={"freeze": True})
    ask(client, path="/__mock/clock", method="POST", json={"advance": 7.404044})
    ask(client)
    answer = ask(client)
    assert answer.status_code == 429
    assert answer.get_json() == {
        "message": "API call count exceeded for this period",
        "rate_endpoint_group": "GET /activity/sms/",
        "rate_limit": 2,
        "rate_limit_type": "key",
        "rate_reset": "0.595956",
        "rate_window": 8,
    }
    assert limits(answer)["Retry-After"] == "1"
    assert limits(answer)["RateLimit"] == "limit=2, remaining=0, reset=1"
    journal = ask(client, path="/__mock/requests?status=429").get_json()
    assert journal[0]["steered"] == "rate limit: key"
    ask(client, path="/__mock/clock", method="POST", json={"advance": 0.6})
    assert ask(client).status_code == 200


def test_keys_and_operations_are_counted_apart(client: FlaskClient) -> None:
    for _ in range(2):
        ask(client)
    assert ask(client).status_code == 429
    assert ask(client, "HEAD").status_code == 429
    assert ask(client, key="api_test_other").status_code == 200
    assert ask(client, "POST", json={"status": "draft"}).status_code == 200
    assert ask(client, key="nobody").status_code == 401
    assert client.options(SMS).status_code == 204


def test_the_keys_of_an_organization_share_three_times_as_much(
    document: Document, tmp_path: Path
) -> None:
    keys = [f"api_test_{name}" for name in ("one", "two", "three", "four")]
    seed = tmp_path / "crowd.json"
    people = [{"id": f"user_{key}", "email": "no@one.example", "api_key": key} for key in keys]
    seed.write_text(json.dumps({"users": people}), encoding="utf-8")
    app = create_app(document, seeds=[seed], rate_limit=(2, 8), time_source=lambda: START)
    client = app.test_client()
    assert [ask(client, key=key).status_code for key in keys[:3] for _ in "ab"] == [200] * 6
    refused = ask(client, key=keys[3])
    assert refused.status_code == 429
    told = refused.get_json()
    assert (told["rate_limit"], told["rate_limit_type"]) == (6, "organization")
    assert limits(refused)["RateLimit"] == "limit=6, remaining=0, reset=8"
    assert ask(client, key=keys[0]).get_json()["rate_limit_type"] == "key"
    assert ask(client, key=keys[3], path="/api/v1/me/").status_code == 200


def test_a_limit_that_is_asked_for_tells_the_same(document: Document) -> None:
    client = create_app(document, time_source=lambda: START).test_client()
    wish = {"does": "limit", "requests": 1, "per": 5, "match": {"operation": "listSMS"}}
    assert ask(client, "POST", "/__mock/faults", json=wish).status_code == 201
    assert limits(ask(client))["RateLimit"] == "limit=1, remaining=0, reset=5"
    refused = ask(client)
    assert (refused.status_code, refused.get_json()["rate_window"]) == (429, 5)
    assert limits(ask(client, path="/api/v1/me/")) == {}


def test_another_429_has_the_same_shape(document: Document) -> None:
    client = create_app(document).test_client()
    ask(client, "POST", "/__mock/faults", json={"does": "status", "status": 429})
    assert ask(client).get_json()["rate_limit"] == 0


def test_another_document_tells_in_its_own_words(lockers: Document) -> None:
    client = create_app(lockers, rate_limit=(1, 60), time_source=lambda: START).test_client()
    headers = {"Authorization": "Bearer api_test_courier"}
    assert (
        client.get("/lockers/parcels", headers=headers).headers["Parcels-Left"] == "0 of 1 in 60 s"
    )
    refused = client.get("/lockers/parcels", headers=headers)
    assert refused.status_code == 429
    assert refused.get_json() == {
        "problem": {"text": "Too many requests.", "wait": "60.000000", "group": "GET /parcels"}
    }


def test_the_vendors_client_waits_and_asks_again(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(document, rate_limit=(2, 3), time_source=lambda: START)
    api: Any = API("http://stub/api/v1/", "api_test_patient")
    api.session.mount("http://stub/", InProcessAdapter(app))
    tenant = app.lane.tenants.find("api_test_patient")
    assert tenant is not None
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        tenant.clock.advance(seconds)

    monkeypatch.setattr("closeio_api.time.sleep", sleep)
    ids = [api.post("activity/sms", data={"status": "draft"})["id"] for _ in range(5)]
    assert len(set(ids)) == 5
    assert waited == [3.0, 3.0]


def test_a_refusal_names_its_rule_which_is_met_by_it(document: Document) -> None:
    client = create_app(document, rate_limit=(1, 8), time_source=lambda: START).test_client()
    named = "limits.refused"
    assert ask(client).headers.get("Mock-Broken-Rules") is None
    foreseen = ask(client, "POST", "/__mock/explain", json={"operation": "listSMS"}).get_json()
    assert foreseen["steered"] == [
        "the limit of 1 requests in 8 s (key) is reached; the next passes in 8 s"
    ]
    refused = ask(client)
    assert (refused.status_code, refused.headers.get("Mock-Broken-Rules")) == (429, named)
    entry = ask(client, path=refused.headers["Mock-Explanation"]).get_json()
    told = [(one["rules"][0]["id"], one["found"]) for one in entry["violations"]]
    assert told == [(named, "one more than 1 requests in 8 s")]
    rules = ask(client, path="/__mock/coverage").get_json()["rules"]
    (met,) = [row for row in rules if row["id"] == "limits.refused"]
    assert (met["kept"], met["broke"]) == (1, 1)
