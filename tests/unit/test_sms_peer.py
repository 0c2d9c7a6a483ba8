"""The peer itself: the walk of an SMS through its life, and what it refuses."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from io import BytesIO
from threading import Thread
from typing import Any

import pytest

from tests.peers.sms_peer import DEFECTS, VARIANTS, Peer, create_peer, serve

SMS = "/activity/sms/"
INTERNAL, EXTERNAL, VIRTUAL = "+14155550171", "+13035550119", "+17735550163"
FIRST_KEY = "Basic " + base64.b64encode(b"peer_key_one:").decode()
SECOND_KEY = "Bearer peer_key_two"


class Client:
    """Speaks WSGI to a peer whose clock stands still until it is moved."""

    def __init__(self, defect: str | None = None, variant: str | None = None) -> None:
        self.now = datetime(2031, 5, 6, 7, 8, 9, 123456, UTC)
        self.peer: Peer = create_peer(defect, lambda: self.now, variant)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def call(
        self, method: str, path: str, body: Any = None, authorization: str = FIRST_KEY
    ) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        raw = b"" if body is None else json.dumps(body).encode()
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": "/api/v1" + path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(raw)),
            "HTTP_AUTHORIZATION": authorization,
            "wsgi.input": BytesIO(raw),
        }
        content = b"".join(self.peer(environ, lambda status, headers: statuses.append(status)))
        return int(statuses[0][:3]), json.loads(content) if content else None

    def create(self, **fields: Any) -> Any:
        status, sms = self.call("POST", SMS, fields)
        assert status == 200, sms
        return sms

    def read(self, sms: Any) -> Any:
        return self.call("GET", f"{SMS}{sms['id']}/")[1]

    def change(self, sms: Any, **fields: Any) -> tuple[int, Any]:
        return self.call("PUT", f"{SMS}{sms['id']}/", fields)


@pytest.fixture
def client() -> Client:
    return Client()


def test_walk_of_an_sms_from_draft_to_sent(client: Client) -> None:
    sms = client.create(status="draft", text="Hello", local_phone=INTERNAL)
    later = (client.now + timedelta(hours=1)).isoformat()
    assert client.change(sms, status="scheduled", date_scheduled=later)[1]["status"] == "scheduled"
    assert client.change(sms, status="draft")[1]["status"] == "draft"
    client.wait(7200)
    assert client.read(sms)["status"] == "draft"
    assert client.change(sms, status="outbox", send_in=30)[1]["status"] == "outbox"
    client.wait(29)
    assert client.change(sms, status="draft")[1]["status"] == "draft"
    client.wait(60)
    assert client.read(sms)["date_sent"] is None
    assert client.change(sms, status="outbox")[1]["status"] == "outbox"
    sent = client.read(sms)
    assert (sent["status"], sent["text"]) == ("sent", "Hello")
    assert sent["date_sent"] == client.now.isoformat().replace("+00:00", "Z")
    assert client.change(sms, status="draft")[0] == 400


def test_what_is_scheduled_is_sent_at_its_own_time(client: Client) -> None:
    due = client.now + timedelta(minutes=5)
    sms = client.create(status="scheduled", local_phone=INTERNAL, date_scheduled=due.isoformat())
    client.wait(299)
    assert client.read(sms)["status"] == "scheduled"
    client.wait(301)
    assert client.read(sms)["date_sent"] == due.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("status", {}),
        ("status", {"status": None}),
        ("status", {"status": "Draft"}),
        ("status", {"status": "error"}),
        ("date_scheduled", {"status": "scheduled", "local_phone": INTERNAL}),
        ("date_scheduled", {"status": "draft", "date_scheduled": "2031-05-06"}),
        ("send_in", {"status": "outbox", "local_phone": INTERNAL, "send_in": 60}),
        ("send_in", {"status": "outbox", "local_phone": INTERNAL, "send_in": "5"}),
        ("send_in", {"status": "outbox", "local_phone": INTERNAL, "send_in": True}),
        ("local_phone", {"status": "outbox"}),
        ("local_phone", {"status": "draft", "local_phone": EXTERNAL}),
        ("local_phone", {"status": "draft", "local_phone": VIRTUAL}),
        ("local_phone", {"status": "draft", "local_phone": "+12125550100"}),
        ("remote_phone", {"status": "draft", "remote_phone": "12125550100"}),
        ("remote_phone", {"status": "draft", "remote_phone": "+1234567890123456"}),
        ("remote_phone", {"status": "draft", "remote_phone": "+12125550100\n"}),
        ("text", {"status": "draft", "text": 5}),
        ("attachments", {"status": "draft", "attachments": "none"}),
        ("template", {"status": "draft", "template_id": "smstmpl_none"}),
        ("lead", {"status": "draft", "lead_id": "lead_none"}),
    ],
)
def test_a_refused_create_names_its_field_and_stores_nothing(
    client: Client, field: str, body: dict[str, Any]
) -> None:
    status, answer = client.call("POST", SMS, body)
    assert (status, list(answer["field-errors"])) == (400, [field])
    assert client.call("GET", SMS)[1]["data"] == []


def test_neighbours_of_the_refused_are_accepted(client: Client) -> None:
    client.create(status="outbox", local_phone=INTERNAL, send_in=59)
    client.create(status="draft", remote_phone="+123456789012345")
    client.create(status="scheduled", local_phone=INTERNAL, date_scheduled="2031-05-06T07:09:00")


def test_only_drafts_are_modified_and_writing_back_is_no_change(client: Client) -> None:
    sms = client.create(status="sent", text="Logged")
    assert client.change(sms, text="Other")[0] == 400
    assert client.change(sms, **sms) == (200, sms)
    assert client.read(sms) == sms


def test_a_template_is_rendered_with_the_contacts_names(client: Client) -> None:
    lead = next(lead for lead in client.call("GET", "/lead/")[1]["data"] if lead["contacts"])
    contact = lead["contacts"][0]
    template = client.call("POST", "/sms_template/", {"name": "T", "text": "{{contact.name}}!"})[1]
    sms = client.create(status="draft", template_id=template["id"], contact_id=contact["id"])
    assert (sms["text"], sms["lead_id"]) == (f"{contact['name']}!", lead["id"])
    assert client.read(sms) == sms


@pytest.mark.parametrize(("query", "count"), [("?send_to_inbox=true", 1), ("", 0)])
def test_an_inbox_sms_notifies_when_asked(client: Client, query: str, count: int) -> None:
    sms = client.call("POST", SMS + query, {"status": "inbox", "text": "In"})[1]
    tasks = client.call("GET", "/task/?_type=incoming_sms")[1]["data"]
    assert [task["object_id"] for task in tasks] == [sms["id"]] * count
    assert sms["direction"] == "inbound"


def test_another_account_sees_nothing(client: Client) -> None:
    sms = client.create(status="draft")
    path = f"{SMS}{sms['id']}/"
    assert client.call("GET", path, authorization=SECOND_KEY)[0] == 404
    assert client.call("GET", path, authorization="Bearer nobody")[0] == 401
    assert client.call("DELETE", path) == (200, {})
    assert client.call("GET", path)[0] == 404


def test_a_defect_bends_one_place() -> None:
    bent = Client("send-in-60")
    bent.create(status="outbox", local_phone=INTERNAL, send_in=60)
    assert bent.call("POST", SMS, {"status": "draft", "send_in": 61})[0] == 400
    assert bent.call("POST", SMS, {"status": "outbox", "send_in": 60})[0] == 400


def test_an_instant_variant_answers_sent() -> None:
    sms = Client(variant="instant").create(status="outbox", local_phone=INTERNAL)
    assert sms["status"] == "sent"
    assert sms["date_sent"]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown defect"):
        create_peer("unheard-of")
    with pytest.raises(ValueError, match="unknown variant"):
        create_peer(variant="unheard-of")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_walks_from_draft_to_sent(variant: str) -> None:
    client = Client(variant=variant)
    number = (
        "+442079460131" if variant == "real-numbers" else INTERNAL
    )  # the first one is mute there
    sms = client.create(status="draft", text="Hello", local_phone=number)
    assert client.change(sms, status="outbox", send_in=30)[1]["status"] == "outbox"
    assert client.change(sms, status="draft")[1]["status"] == "draft"
    assert client.change(sms, status="outbox")[0] == 200
    assert client.read(sms)["status"] == "sent"


def test_every_defect_names_rules_and_says_what_it_does() -> None:
    assert all(defect.rule_ids and defect.says for defect in DEFECTS.values())


def test_a_connection_stays_open_over_requests() -> None:
    server = serve()
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        headers = {"Authorization": FIRST_KEY, "Content-Type": "application/json"}
        answers = []
        for body in ('{"status": "draft"}', "{"):
            connection.request("POST", "/api/v1" + SMS, body, headers)
            socket = connection.sock
            response = connection.getresponse()
            answers.append((response.status, len(response.read()) > 0, socket is connection.sock))
        assert answers == [(200, True, True), (400, True, True)]
    finally:
        connection.close()
        server.shutdown()
        server.server_close()
        thread.join(10)
