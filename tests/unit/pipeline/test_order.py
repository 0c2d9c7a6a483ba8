"""One transaction holds all that a request does: what fails half-way has not been."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_server.clock import parse_instant
from mock_server.http.app import MockServer, create_app
from mock_server.pipeline.order import settle
from mock_server.rules.record import Prototype
from mock_server.spec import Document, load_document

SMS = "/api/v1/activity/sms/"
KEY = "api_test_key"
NUMBER = "+16505550100"
DAY = 86_400_000_000  # microseconds


def ask(app: MockServer, method: str, path: str, **more: Any) -> Any:
    return app.test_client().open(path, method=method, auth=(KEY, ""), **more)


def everything(app: MockServer) -> Any:
    """All records of the tenant, hidden fields and due times with them."""
    tenant = app.lane.tenants.find(KEY)
    assert tenant is not None
    return {
        name: [(r.data, r.hidden, r.due, r.entered) for r in tenant.store.iter_records(name)]
        for name in tenant.store.collections()
    }


def failing(real: Callable[..., Any], resource: str) -> Callable[..., Any]:
    """The method of a prototype that fails for one resource."""

    def fail(self: Prototype, *given: Any) -> Any:
        if self.resource.name == resource:
            raise RuntimeError("on purpose")
        return real(self, *given)

    return fail


def test_an_effect_that_fails_leaves_nothing_of_its_operation(
    app: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(app)
    monkeypatch.setattr(Prototype, "create", failing(Prototype.create, "Task"))
    body = {"status": "inbox", "local_phone": NUMBER}
    answer = ask(app, "POST", f"{SMS}?send_to_inbox=true", json=body)
    assert (answer.status_code, answer.get_json().keys()) == (500, {"error"})
    assert everything(app) == before
    assert ask(app, "POST", SMS, json=body).status_code == 200


def test_what_fell_due_before_a_failing_request_falls_due_again(
    app: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = app.lane.tenants.find(KEY)
    assert tenant is not None
    # The thread that keeps the time for subscribers would settle what is due before the request.
    monkeypatch.setattr(tenant.clock, "moved", lambda: None)
    body = {"status": "outbox", "send_in": 5, "local_phone": NUMBER}
    sms = ask(app, "POST", SMS, json=body).get_json()
    ask(app, "POST", "/__mock/clock", json={"advance": 4})
    before = everything(app)
    tenant.clock.advance(6)
    with monkeypatch.context() as patch:
        patch.setattr(Prototype, "create", failing(Prototype.create, "SMSActivity"))
        assert ask(app, "POST", SMS, json=body).status_code == 500
        assert everything(app) == before
    sent = ask(app, "GET", f"{SMS}{sms['id']}/").get_json()
    created = parse_instant(sms["date_created"])
    assert created is not None
    assert (sent["status"], parse_instant(sent["date_sent"])) == ("sent", created + 5_000_000)


def test_what_is_due_fires_in_order_each_at_its_own_moment(
    lockers: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(lockers, time_source=lambda: 0)
    tenant = app.lane.tenants.find("api_test_courier")
    assert tenant is not None
    fired: list[tuple[str, int]] = []
    real = Prototype.move

    def move(self: Prototype, transition: Any, context: Any, stored: Any, now: int) -> Any:
        fired.append((transition.to, now))
        return real(self, transition, context, stored, now)

    monkeypatch.setattr(Prototype, "move", move)
    headers = {"Authorization": "Bearer api_test_courier"}
    for day in (3, 9, 2):
        body = {"to": "Ada", "weight": 1, "until": f"1970-01-{day + 1:02d}T00:00:00Z"}
        app.test_client().post("/lockers/parcels", json=body, headers=headers)
    settle(app.lane.plan, tenant, 8 * DAY)
    # The seed's stored parcel is returned after a week.
    assert fired == [("forgotten", 2 * DAY), ("forgotten", 3 * DAY), ("returned", 7 * DAY)]
    settle(app.lane.plan, tenant, 9 * DAY)
    assert fired[3:] == [("forgotten", 9 * DAY)]


CIRCLE = """
openapi: 3.1.0
info: {title: Lamps, version: "1"}
paths:
  /lamps/:
    post:
      operationId: createLamp
      requestBody: {content: {application/json: {schema: {type: object, properties: {at: {type: string, format: date-time}}}}}}
      responses: {"200": &lamp {description: One, content: {application/json: {schema: {$ref: "#/components/schemas/Lamp"}}}}}
  /lamps/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: getLamp, responses: {"200": *lamp}}
components:
  schemas:
    Lamp:
      type: object
      x-resource: {collection: lamps}
      x-lifecycle:
        field: light
        initial: ["on"]
        transitions: [{from: "on", to: "off", at: at}]
      properties:
        id: {type: string, x-derived: {value: $id, when: create}}
        at: {type: [string, "null"], format: date-time}
        light: {type: string, enum: ["on", "off"], x-derived: {value: "on"}}
"""


def test_what_turns_in_a_circle_is_told_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lamps.yaml"
    path.write_text(CIRCLE)
    app = create_app(load_document(path), random_seed=1)
    made = ask(app, "POST", "/lamps/", json={"at": "2020-01-01T00:00:00Z"}).get_json()
    assert ask(app, "GET", f"/lamps/{made['id']}/").status_code == 200
    assert [one.getMessage() for one in caplog.records] == [
        "a Lamp turns in a circle: #/components/schemas/Lamp/x-lifecycle/transitions/0"
    ]
