"""Another API, of another layout, on the same engine: nothing of the first one shows through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from mock_server.http.app import create_app
from mock_server.spec import Document

START = 1_900_000_000_000_000  # an instant of no meaning, in microseconds


@pytest.fixture
def client(lockers: Document) -> FlaskClient:
    return create_app(lockers, time_source=lambda: START, random_seed=1).test_client()


def ask(client: FlaskClient, method: str, path: str, **more: Any) -> TestResponse:
    headers = {"Authorization": "Bearer api_test_courier", **more.pop("headers", {})}
    return client.open(path, method=method, headers=headers, **more)


def announce(client: FlaskClient, **body: Any) -> str:
    answer = ask(client, "POST", "/lockers/parcels", json={"to": "Ada", "weight": 1, **body})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return str(answer.get_json()["id"])


def kinds(document: Document) -> set[str]:
    return {place.kind for rule in document.rules.values() for place in rule.places}


def test_it_is_openapi(lockers: Document) -> None:
    assert not list(OpenAPIV31SpecValidator(dict(lockers.raw)).iter_errors())


def test_it_states_rules_of_every_kind(document: Document, lockers: Document) -> None:
    assert kinds(lockers) >= kinds(document)


def test_every_operation_is_in_an_example(lockers: Document) -> None:
    used = {
        step.operation_id
        for rule in lockers.rules.values()
        for example in (*rule.accepts, *rule.rejects)
        for step in example.steps
    }
    assert used == lockers.operations.keys()


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/lockers/parcels", {"headers": {"Authorization": "Bearer nobody"}}, 401),
        ("GET", "/lockers/parcels/P-nothing", {}, 404),
        ("GET", "/lockers/nothing", {}, 404),
        ("PUT", "/lockers/parcels", {"json": {}}, 405),
        ("POST", "/lockers/parcels", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/lockers/parcels", {"data": "{}", "content_type": "text/plain"}, 415),
        ("POST", "/lockers/parcels", {"json": {"to": "x" * 6_000_000}}, 413),
        ("POST", "/lockers/parcels", {"json": {"weight": 0}}, 422),
        ("PATCH", "/lockers/parcels/P-2", {"json": {"to": "Ben"}}, 422),
        ("GET", "/lockers/parcels?size=0", {}, 422),
    ],
    ids=str,
)
def test_errors_have_this_apis_shape(
    client: FlaskClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    answer = ask(client, method, path, **more)
    assert answer.status_code == status
    body = answer.get_json()
    assert body.keys() == {"problem"}
    assert body["problem"].keys() == ({"texts", "fields"} if status in (400, 422) else {"text"})


def test_a_parcel_is_announced_changed_and_dropped(client: FlaskClient) -> None:
    path = f"/lockers/parcels/{announce(client, locker='A1')}"
    changed = ask(client, "PATCH", path, json={"to": "Ben Example"})
    assert (changed.status_code, changed.get_json()["label"]) == (200, "Ben A1")
    dropped = ask(client, "DELETE", path)
    assert (dropped.status_code, dropped.data) == (204, b"")
    assert ask(client, "GET", path).status_code == 404


def test_a_refused_change_changes_nothing(client: FlaskClient) -> None:
    before = ask(client, "GET", "/lockers/parcels").get_json()
    refused = ask(client, "PATCH", "/lockers/parcels/P-2", json={"to": "Ben", "locker": "B1"})
    assert set(refused.headers["Mock-Broken-Rules"].split(", ")) == {
        "parcel.announced-only",
        "parcel.locker.fits",
    }
    assert refused.get_json()["problem"]["fields"].keys() == {"to", "locker"}
    assert ask(client, "GET", "/lockers/parcels").get_json() == before


@pytest.mark.parametrize(
    ("query", "recipients", "more"),
    [
        ("sort=weight", ["Dora Dough", "Eli Oven"], False),
        ("sort=-weight", ["Eli Oven", "Dora Dough"], False),
        ("sort=weight&size=1", ["Dora Dough"], True),
        ("sort=weight&size=1&from=1", ["Eli Oven"], False),
        ("stage=stored", ["Eli Oven"], False),
        ("stage=stored,announced&sort=weight", ["Dora Dough", "Eli Oven"], False),
        ("heavier=2", ["Eli Oven"], False),
        ("heavier=2.5", ["Eli Oven"], False),
        ("heavier=1e0&sort=weight", ["Dora Dough", "Eli Oven"], False),
        ("heavier=3", [], False),
    ],
)
def test_pages_are_laid_out_as_this_document_says(
    client: FlaskClient, query: str, recipients: list[str], more: bool
) -> None:
    page = ask(client, "GET", f"/lockers/parcels?{query}").get_json()
    assert page.keys() == {"items", "next"}
    assert [parcel["to"] for parcel in page["items"]] == recipients
    assert page["next"] is more


def test_a_sticker_is_no_json_and_says_where_it_is(client: FlaskClient) -> None:
    parcel = ask(client, "GET", f"/lockers/parcels/{announce(client)}").get_json()
    assert parcel["sticker"] == f"http://localhost/lockers/stickers/{parcel['id']}"
    answer = ask(client, "GET", parcel["sticker"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain")
    assert answer.data == ask(client, "GET", parcel["sticker"]).data
    assert ask(client, "HEAD", parcel["sticker"]).headers["Content-Length"] == str(len(answer.data))
    assert ask(client, "GET", "/lockers/stickers/P-nothing").status_code == 404


def test_fields_can_be_asked_for(client: FlaskClient) -> None:
    page = ask(client, "GET", "/lockers/boxes?only=code,size").get_json()
    assert page == {"items": [{"code": "A1", "size": "S"}, {"code": "B1", "size": "L"}]}


def test_a_parcel_is_handed_in(client: FlaskClient) -> None:
    answer = ask(client, "POST", "/__mock/events/handed-in", json={"to": "Ada", "size": "S"})
    assert (answer.status_code, answer.get_json()["locker"]) == (200, "A1")
    assert ask(client, "GET", "/lockers/notices").get_json()["count"] == 1


def test_a_listener_hears_and_is_tried_again(lockers: Document) -> None:
    heard: list[tuple[Any, ...]] = []

    def hear(url: str, body: bytes, headers: Mapping[str, str], verify: bool) -> int:
        heard.append((url, json.loads(body), headers["X-Listener"][:2], verify))
        return 500

    app = create_app(lockers, time_source=lambda: START, random_seed=1, send=hear)
    client = app.test_client()
    wish = {"at": "http://127.0.0.1:9/", "to": [{"what": "created"}]}
    assert ask(client, "POST", "/lockers/listeners", json=wish).status_code == 200
    announce(client)
    for _ in range(9):
        assert app.lane.courier.wait_until_quiet(10)
        ask(client, "POST", "/__mock/clock", json={"advance": 1})
    assert heard == [(wish["at"], {"told": "created", "about": "Ada"}, "H-", True)] * 4


def test_a_magic_name_lets_something_follow(client: FlaskClient) -> None:
    lost = announce(client, to="Lost Example", locker="A1", patience=60)
    again = announce(client, to="Again Example", locker="A1", patience=60)
    for number in (lost, again):
        ask(client, "PATCH", f"/lockers/parcels/{number}", json={"stage": "stored"})
    ask(client, "POST", "/__mock/clock", json={"advance": 120})
    assert ask(client, "GET", f"/lockers/parcels/{lost}").get_json()["stage"] == "lost"
    listed = ask(client, "GET", "/lockers/parcels?size=99").get_json()["items"]
    assert [one["to"] for one in listed].count("Again Sample") == 1


def test_something_happens_at_the_providers_side(client: FlaskClient) -> None:
    number = announce(client, locker="A1")
    vanishes = {"id": number, "message": "Door open"}
    assert ask(client, "POST", "/__mock/events/vanishes", json=vanishes).status_code == 409
    ask(client, "PATCH", f"/lockers/parcels/{number}", json={"stage": "stored"})
    assert ask(client, "POST", "/__mock/events/vanishes", json=vanishes).status_code == 200
    lost = ask(client, "GET", f"/lockers/parcels/{number}").get_json()
    assert (lost["stage"], lost["remark"]) == ("lost", "Door open")
