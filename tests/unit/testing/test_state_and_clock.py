"""Records and time that tests arrange."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mock_server.errors import MockServerError, StateError
from mock_server.spec import Document
from mock_server.testing import MockServer, RemoteServer
from mock_server.testing.stub import Stub

NUMBER = "+16505550100"


@pytest.fixture(scope="module")
def stub(document: Document) -> Iterator[Stub]:
    stub = Stub(document)
    yield stub
    stub.close()


@pytest.fixture(params=["inside", "elsewhere"])
def server(request: pytest.FixtureRequest, stub: Stub) -> Iterator[MockServer | RemoteServer]:
    """The same promises, whether the server is in this process or answers on a socket."""
    with MockServer(stub=stub) if request.param == "inside" else RemoteServer(stub.origin) as found:
        yield found


def test_what_is_added_is_completed_and_served(server: MockServer | RemoteServer) -> None:
    lead = server.state.add("leads", name="Placeholder Ltd")
    served = server.client.get(f"lead/{lead['id']}/").json()
    assert served["display_name"] == "Placeholder Ltd"
    assert served["date_created"]


def test_what_is_left_out_follows_as_it_would_from_a_creation(
    server: MockServer | RemoteServer,
) -> None:
    sms = server.state.add("sms_activities", status="inbox", local_phone=NUMBER)
    assert (sms["direction"], sms["source"]) == ("inbound", "External")
    me = server.client.get("me/").json()
    assert (sms["organization_id"], sms["user_id"]) == (me["organizations"][0]["id"], me["id"])


def test_a_record_is_put_into_any_state(server: MockServer | RemoteServer) -> None:
    sms = server.state.add("sms_activities", status="draft", local_phone=NUMBER, text="Hi")
    changed = server.state.change("sms_activities", sms["id"], status="error", error_message="No")
    assert changed["status"] == "error"
    assert server.client.get(f"activity/sms/{sms['id']}/").json()["error_message"] == "No"


def test_what_is_read_is_a_copy(server: MockServer | RemoteServer) -> None:
    lead = server.state["leads"][0]
    lead["name"] = "Scribble"
    assert server.state.one("leads", lead["id"])["name"] != "Scribble"


def test_records_are_read_by_values_and_removed(server: MockServer | RemoteServer) -> None:
    made = server.state.add("leads", name="Once")
    assert [one["id"] for one in server.state.read("leads", name="Once")] == [made["id"]]
    server.state.remove("leads", made["id"])
    assert server.state.read("leads", name="Once") == []
    with pytest.raises(StateError, match="record"):
        server.state.remove("leads", made["id"])


def test_what_changes_tell_is_read_at_once(server: MockServer | RemoteServer) -> None:
    server.client.post("activity/sms/", json={"status": "draft"})
    assert server.state.collections["events"] == len(server.state["events"]) == 1


def test_a_field_that_is_none_is_not_looked_for(server: MockServer | RemoteServer) -> None:
    with pytest.raises(StateError, match="text"):
        server.state.read("sms_activities", txt="Hello")
    with pytest.raises(StateError, match="quite_another"):
        server.state.read("webhooks", quite_another=1)
    assert server.state.read("webhooks", url="https://nowhere.example") == []


def test_the_state_has_collections_as_a_mapping_has_keys(
    server: MockServer | RemoteServer,
) -> None:
    assert list(server.state) == list(server.state.collections)
    assert len(server.state) == len(server.state.collections)
    assert "leads" in server.state
    assert "leeds" not in server.state
    assert 3 not in server.state


@pytest.mark.parametrize(
    ("collection", "values", "words"),
    [
        (3, {}, "found 3; expected text"),
        ("leads", 5, "leads: #: found 5; expected a mapping of fields"),
        ("leads", {"name": {1}}, "serializable: set; expected values of JSON"),
        ("leads", {"name": "\ud800"}, "surrogates not allowed; expected values of JSON"),
    ],
    ids=["collection", "values", "a set", "half a character"],
)
def test_what_no_record_can_hold_is_refused_in_words(
    server: MockServer | RemoteServer, collection: Any, values: Any, words: str
) -> None:
    with pytest.raises(StateError, match=re.escape(words)):
        server.state.add(collection, values)


def test_a_moment_is_stored_as_text(server: MockServer | RemoteServer) -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    task = server.state.add("tasks", text="Call", due_date=noon)
    assert task["due_date"].startswith("2030-01-01T12:00:00")


def test_an_id_is_text(server: MockServer | RemoteServer) -> None:
    with pytest.raises(StateError, match="found None; expected text"):
        server.state.one("leads", None)  # type: ignore[arg-type]


def test_a_reset_brings_back_the_seed(server: MockServer | RemoteServer) -> None:
    before = server.state["sms_activities"]
    server.client.post("activity/sms/", json={"status": "draft", "text": "x"})
    server.client.delete(f"activity/sms/{before[0]['id']}/")
    assert server.state["sms_activities"] != before
    server.state.reset()
    assert server.state["sms_activities"] == before


@pytest.mark.parametrize(
    ("collection", "values", "words"),
    [
        ("sms_activites", {}, 'did you mean "sms_activities"'),
        ("leads", {"nmae": "x"}, 'did you mean "name"'),
        ("leads", {"name": 5}, "#/name"),
        ("sms_activities", {"status": "gone"}, '#/status: found "gone"'),
        ("sms_activities", {"status": "draft", "lead_id": "lead_no"}, "#/lead_id: found"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    server: MockServer | RemoteServer, collection: str, values: dict[str, object], words: str
) -> None:
    with pytest.raises(StateError) as refused:
        server.state.add(collection, values)
    assert words in str(refused.value)


def test_an_id_is_given_once_and_stays(server: MockServer | RemoteServer) -> None:
    lead = server.state.add("leads", name="One")
    with pytest.raises(StateError, match="an id of its own"):
        server.state.add("leads", id=lead["id"])
    with pytest.raises(StateError, match=r"#/id: found .*lead_other"):
        server.state.change("leads", lead["id"], id="lead_other")


def test_time_is_frozen_set_and_advanced(server: MockServer | RemoteServer) -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert server.clock.freeze(noon) == noon
    assert server.clock.advance(30) == noon + timedelta(seconds=30)
    assert server.clock.advance(minutes=1) == noon + timedelta(seconds=90)
    assert server.clock.advance(timedelta(days=1)).day == 2
    assert server.clock.set("2031-02-03T04:05:06Z") == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert server.clock.now == server.clock.now
    assert server.clock.real() < noon


def test_what_is_due_fires_when_time_is_moved(server: MockServer | RemoteServer) -> None:
    server.clock.freeze("2030-01-01T12:00:00Z")
    body = {"status": "outbox", "send_in": 30, "local_phone": NUMBER, "text": "Hi"}
    sms = server.client.post("activity/sms/", json=body).json()
    server.clock.advance(29)
    assert server.state.one("sms_activities", sms["id"])["status"] == "outbox"
    server.clock.advance(1)
    sent = server.state.one("sms_activities", sms["id"])
    assert (sent["status"], sent["date_sent"]) == ("sent", "2030-01-01T12:00:30.000000+00:00")


@pytest.mark.parametrize("moment", ["noon", "2030-13-01T00:00:00Z", 5, None])
def test_a_moment_that_is_none_is_refused(server: MockServer | RemoteServer, moment: Any) -> None:
    with pytest.raises(MockServerError, match="expected a datetime"):
        server.clock.set(moment)


@pytest.mark.parametrize(
    ("by", "units", "words"),
    [
        ("5", {}, "found '5'; expected seconds"),
        (None, {}, "found None; expected seconds"),
        (0, {"minutes": "5"}, "found '5'; expected seconds"),
        (0, {"fortnights": 1}, "found the unit fortnights; expected seconds"),
        (0, {"days": 1e30}, "expected no less than 0"),
        (float("nan"), {}, "expected no less than 0"),
    ],
)
def test_what_is_no_time_is_refused(
    server: MockServer | RemoteServer, by: Any, units: Any, words: str
) -> None:
    with pytest.raises(MockServerError, match=re.escape(words)):
        server.clock.advance(by, **units)


def test_time_does_not_go_back_by_advancing(server: MockServer | RemoteServer) -> None:
    with pytest.raises(MockServerError, match="no less than 0"):
        server.clock.advance(-1)
