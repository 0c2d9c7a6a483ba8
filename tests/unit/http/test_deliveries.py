"""Deliveries to subscribers: what is sent to whom and when, without a socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from itertools import pairwise
from threading import Event
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from mock_server.clock import SECOND, parse_instant
from mock_server.errors import BlockedError
from mock_server.http.app import create_app
from mock_server.spec import Document

BASE = "/api/v1"
START = 1_900_000_000_000_000
HOOK = "http://127.0.0.1:9/hook"


class Sent(NamedTuple):
    url: str
    body: bytes
    headers: Mapping[str, str]
    verify: bool

    @property
    def event(self) -> Any:
        return json.loads(self.body)["event"]


class World:
    """A stub whose deliveries go into a list; `answers` are the statuses or errors that come back."""

    def __init__(self, document: Document) -> None:
        self.sent: list[Sent] = []
        self.answers: list[int | Exception] = []
        self.gate = Event()
        self.gate.set()
        self.app = create_app(document, time_source=lambda: START, random_seed=1, send=self.receive)
        self.client: FlaskClient = self.app.test_client()

    def receive(self, url: str, body: bytes, headers: Mapping[str, str], verify: bool) -> int:
        assert self.gate.wait(10)
        self.sent.append(Sent(url, body, headers, verify))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.open(path, method=method, json=body, auth=("api_test_key", ""))
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json(silent=True)

    def subscribe(self, *wanted: str, **more: Any) -> Any:
        events = [dict(zip(("object_type", "action"), w.split("/"), strict=True)) for w in wanted]
        body = {"url": HOOK, "events": events, **more}
        return self.ask("POST", f"{BASE}/webhook/", body, 201)

    def lead(self, name: str) -> Any:
        return self.ask("POST", f"{BASE}/lead/", {"name": name})

    def advance(self, seconds: float) -> None:
        self.ask("POST", "/__mock/clock", {"advance": seconds})
        self.settle()

    def settle(self) -> None:
        assert self.app.lane.courier.wait_until_quiet(10)

    def states(self) -> list[str]:
        return [row["state"] for row in self.ask("GET", "/__mock/deliveries")]


@pytest.fixture
def world(document: Document) -> World:
    return World(document)


def test_a_delivery_is_signed_as_documented(world: World) -> None:
    made = world.subscribe("lead/created")
    lead = world.lead("Placeholder Ltd")
    world.settle()
    (sent,) = world.sent
    assert (sent.url, sent.verify) == (HOOK, True)
    body = json.loads(sent.body)
    assert body.keys() == {"event", "subscription_id"}
    assert body["subscription_id"] == made["id"]
    assert body["event"]["data"]["id"] == lead["id"]
    stamp = sent.headers["close-sig-timestamp"]
    assert stamp == str(START // SECOND)
    key = bytes.fromhex(made["signature_key"])
    digest = hmac.new(key, stamp.encode() + sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["close-sig-hash"] == digest


def test_only_what_is_wanted_and_new_is_delivered(world: World) -> None:
    world.lead("Before")
    world.subscribe("lead/created", "activity.sms/sent")
    lead = world.lead("After")
    world.ask("PUT", f"{BASE}/lead/{lead['id']}/", {"name": "Changed"})
    body = {"status": "outbox", "send_in": 30, "local_phone": "+16505550100"}
    world.ask("POST", f"{BASE}/activity/sms/", body)
    world.settle()
    world.advance(30)
    told = [(one.event["object_type"], one.event["action"]) for one in world.sent]
    assert told == [("lead", "created"), ("activity.sms", "sent")]


def test_a_filter_takes_what_it_says(world: World) -> None:
    named = {"type": "field_accessor", "field": "name", "filter": {"type": "equals", "value": "B"}}
    more = {"type": "field_accessor", "field": "data", "filter": named}
    events = [{"object_type": "lead", "action": "created", "extra_filter": more}]
    world.ask("POST", f"{BASE}/webhook/", {"url": HOOK, "events": events}, 201)
    for name in "ABC":
        world.lead(name)
    world.settle()
    assert [one.event["data"]["name"] for one in world.sent] == ["B"]


def test_a_failed_delivery_holds_the_next_ones_back_and_keeps_their_order(world: World) -> None:
    world.subscribe("lead/created")
    world.answers = [500, OSError("refused"), 302]
    world.lead("A")
    world.lead("B")
    world.settle()
    assert len(world.sent) == 1
    for pause, tried in ((4, 1), (1, 2), (9, 2), (1, 3), (19, 3), (1, 5)):
        world.advance(pause)
        assert len(world.sent) == tried
    assert [one.event["data"]["name"] for one in world.sent] == list("AAAAB")
    second, first = world.ask("GET", "/__mock/deliveries")
    assert [one["status"] for one in first["attempts"]] == [500, None, 302, 204]
    assert first["attempts"][1]["error"] == "refused"
    assert (first["state"], second["state"]) == ("delivered", "delivered")
    stamps = [int(one.headers["close-sig-timestamp"]) for one in world.sent]
    assert [late - stamps[0] for late in stamps] == [0, 5, 15, 35, 35]


def test_pauses_grow_to_twenty_minutes_and_end_after_three_days(world: World) -> None:
    made = world.subscribe("lead/created")
    world.answers = [500] * 1_000
    world.lead("A")
    world.lead("B")
    world.settle()
    while "waiting" in world.states():
        world.advance(1_200)
    first = world.ask("GET", "/__mock/deliveries")[-1]
    instants = [parse_instant(one["at"]) or 0 for one in first["attempts"]]
    pauses = [(b - a) // SECOND for a, b in pairwise(instants)]
    assert max(pauses) == 1_200
    assert 259_200 - 1_200 <= (instants[-1] - instants[0]) // SECOND <= 259_200
    assert world.states() == ["dropped", "failed"]
    assert world.ask("GET", f"{BASE}/webhook/{made['id']}/")["status"] == "paused"
    sent = len(world.sent)
    world.lead("C")
    world.settle()
    assert len(world.sent) == sent


def test_a_slow_receiver_stands_in_nobodys_way(world: World) -> None:
    world.subscribe("lead/created")
    world.gate.clear()
    for name in "ABC":
        world.lead(name)
    assert world.states() == ["waiting"] * 3
    world.gate.set()
    world.settle()
    assert [one.event["data"]["name"] for one in world.sent] == list("ABC")


def test_who_has_paused_or_left_has_nothing_delivered(world: World) -> None:
    made = world.subscribe("lead/created")
    path = f"{BASE}/webhook/{made['id']}/"
    world.answers = [500]
    world.lead("A")
    world.settle()
    world.ask("PUT", path, {"status": "paused"})
    world.lead("B")
    world.advance(10)
    world.ask("PUT", path, {"status": "active"})
    world.lead("C")
    world.settle()
    world.ask("DELETE", path, status=204)
    world.lead("D")
    world.settle()
    assert [one.event["data"]["name"] for one in world.sent] == ["A", "C"]
    assert world.states() == ["delivered", "dropped"]


def test_nothing_goes_out_of_a_world_that_was_dropped_or_begins_anew(world: World) -> None:
    world.answers = [500] * 9
    world.subscribe("lead/created")
    world.lead("A")
    world.settle()
    assert world.states() == ["waiting"]
    world.ask("POST", "/__mock/reset")
    assert world.states() == []
    world.advance(10)
    assert len(world.sent) == 1

    tenants, key = world.app.lane.tenants, "api_test_dropped"
    wanted = {"url": HOOK, "events": [{"object_type": "lead", "action": "created"}]}
    for path, body in (("webhook", wanted), ("lead", {"name": "B"})):
        answer = world.client.post(f"{BASE}/{path}/", json=body, auth=(key, ""))
        assert answer.status_code in (200, 201)
    world.settle()
    assert len(world.sent) == 2
    tenant = tenants.find(key)
    assert tenant is not None
    world.ask("DELETE", f"/__mock/tenants/{key}", status=204)
    tenant.clock.advance(10)
    world.settle()
    assert len(world.sent) == 2
    assert id(tenant) not in world.app.lane.courier.tenants


def test_a_host_that_is_not_allowed_is_not_tried_again(world: World) -> None:
    world.subscribe("lead/created", verify_ssl=False)
    world.answers = [BlockedError("the host is not allowed")]
    world.lead("A")
    world.settle()
    world.advance(3_600)
    assert [one.verify for one in world.sent] == [False]
    assert world.states() == ["blocked"]


def test_a_delivery_is_sent_again(world: World) -> None:
    world.subscribe("lead/created")
    world.lead("A")
    world.settle()
    world.ask("POST", "/__mock/deliveries/1")
    world.settle()
    assert world.sent[0].body == world.sent[1].body
    assert [row["id"] for row in world.ask("GET", "/__mock/deliveries")] == [2, 1]
    assert world.ask("GET", "/__mock/deliveries/2")["state"] == "delivered"
    world.ask("POST", "/__mock/deliveries/9", status=404)


def test_the_provider_is_told_of_too(world: World) -> None:
    world.subscribe("activity.sms/created", "task.incoming_sms/created")
    world.ask("POST", "/__mock/events/arrives", {"from": "+16505550120", "text": "Ahoy"})
    world.settle()
    assert [one.event["object_type"] for one in world.sent] == [
        "activity.sms",
        "task.incoming_sms",
    ]
