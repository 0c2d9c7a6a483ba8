"""The mock server inside a test, without a socket."""

from __future__ import annotations

import asyncio
import unittest
from pathlib import Path

import httpx
import pytest
import requests
from closeio_api import API, APIError, Client

from mock_server.errors import MockServerError
from mock_server.spec import Document
from mock_server.testing import MockServer
from mock_server.testing.stub import Stub

NUMBER = "+16505550100"
DRAFT = {"status": "draft", "local_phone": NUMBER, "text": "Hello"}


@pytest.fixture(scope="module")
def stub(document: Document) -> Stub:
    return Stub(document)


@pytest.fixture
def server(stub: Stub) -> MockServer:
    return MockServer(stub=stub)


def test_two_servers_of_one_stub_never_see_each_other(stub: Stub) -> None:
    with MockServer(stub=stub) as first, MockServer(stub=stub) as second:
        sms = first.client.post("activity/sms/", json=DRAFT).json()
        assert first.client.get(f"activity/sms/{sms['id']}/").status_code == 200
        assert second.client.get(f"activity/sms/{sms['id']}/").status_code == 404
        first.clock.freeze("2030-01-01T00:00:00Z")
        assert second.clock.now != first.clock.now
        assert first.key != second.key
        assert [len(first.requests), len(second.requests)] == [2, 1]


def test_a_closed_server_leaves_nothing_behind(stub: Stub) -> None:
    with MockServer(stub=stub) as server:
        server.client.post("activity/sms/", json=DRAFT)
    assert server.tenant not in stub.lane.tenants.iter_tenants()
    again = MockServer(stub=stub, key=server.key)
    assert again.state.collections["sms_activities"] == 8


@pytest.mark.parametrize("path", ["me/", "/me/", "/api/v1/me/", "https://api.close.com/api/v1/me/"])
def test_the_client_takes_paths_however_they_are_written(server: MockServer, path: str) -> None:
    assert server.client.get(path).json()["first_name"] == "Ada"


def test_the_client_reaches_the_control_api(server: MockServer) -> None:
    assert server.client.get("/__mock/health").json()["status"] == "ok"


def test_a_redirect_is_followed_without_a_socket(server: MockServer) -> None:
    answer = server.client.get("me", params={"_fields": "id"})
    assert [one.status_code for one in answer.history] == [308]
    assert answer.status_code == 200


def test_the_vendors_client_is_answered_unchanged(server: MockServer) -> None:
    api = Client(server.key)  # its own base URL
    server.mount(api.session)
    sms = api.post("activity/sms", data=DRAFT)
    assert server.state.one("sms_activities", sms["id"])["text"] == "Hello"
    with pytest.raises(APIError) as refused:
        api.post("activity/sms", data={})
    assert refused.value.response.status_code == 400


def test_a_mount_may_be_for_one_address_only(server: MockServer) -> None:
    api = API("https://api.close.com/api/v1/", server.key)
    server.mount(api.session, "https://api.close.com/")
    assert api.get("me")["first_name"] == "Ada"
    assert type(api.session.get_adapter("https://example.com/")).__name__ == "HTTPAdapter"


def test_code_that_makes_its_own_session_is_intercepted(server: MockServer) -> None:
    auth = (server.key, "")
    with server.intercept("https://api.close.com"):
        assert requests.get("https://api.close.com/api/v1/me/", auth=auth, timeout=5).ok
        assert httpx.get("https://api.close.com/api/v1/me/", auth=auth).status_code == 200
    assert len(server.requests) == 2


def test_httpx_is_answered_without_a_socket(server: MockServer) -> None:
    auth, base = (server.key, ""), "https://api.close.com/api/v1"
    with httpx.Client(transport=server.transport, base_url=base, auth=auth) as client:
        sms = client.post("/activity/sms/", json=DRAFT).json()

    async def read() -> str:
        async with httpx.AsyncClient(
            transport=server.transport, base_url=base, auth=auth
        ) as client:
            answer = await client.get(f"/activity/sms/{sms['id']}/")
            return str(answer.json()["text"])

    assert asyncio.run(read()) == "Hello"


def test_bodies_arrive_in_whatever_way_they_are_given(server: MockServer) -> None:
    text = b'{"status": "draft", "text": "\xc3\xa9\xf0\x9f\x90\x99"}'
    headers = {"Content-Type": "application/json"}
    for data in (text, text.decode(), iter([text[:9], text[9:]])):
        sms = server.client.post("activity/sms/", data=data, headers=headers).json()
        assert sms["text"] == "é🐙"


def test_policies_and_documents_are_chosen(document: Document, lockers: Document) -> None:
    with MockServer(document, rules={"sms.status.required": "off"}) as server:
        answer = server.client.post("activity/sms/", json={"text": "x"})
        assert "sms.status.required" not in answer.headers.get("Mock-Broken-Rules", "")
    assert lockers.path is not None
    with MockServer(lockers.path) as server:
        assert "lockers" in server.state.collections


def test_a_key_without_the_prefix_is_refused(stub: Stub) -> None:
    with pytest.raises(ValueError, match="begins with api_test_"):
        MockServer(stub=stub, key="live_key")


def test_what_came_without_a_key_or_to_no_operation_is_shown_as_well(server: MockServer) -> None:
    server.client.get("activity/smses/")
    with server.intercept("https://api.close.com"):
        me = requests.get("https://api.close.com/api/v1/me/", timeout=5)
    assert me.status_code == 401
    assert [one["status"] for one in server.requests] == [404, 401]
    assert "401" in server.log()
    assert MockServer(stub=server.stub).requests == []


def test_the_log_says_why(server: MockServer) -> None:
    server.client.post("activity/sms/", json={"status": "scheduled"})
    assert "refused by sms.scheduled.needs-date" in server.log()
    assert server.key not in server.log()


def test_faults_of_a_document_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(MockServerError, match="no such file"):
        MockServer(tmp_path / "nothing.yaml")


class TestInUnittest(unittest.TestCase):
    """`enterContext` is all that unittest needs."""

    def setUp(self) -> None:
        self.server = self.enterContext(MockServer())

    def test_it_answers(self) -> None:
        assert self.server.client.get("me/").json()["first_name"] == "Ada"


@pytest.mark.parametrize("policy", ["nonsense", "OFF", False, None, 5, ["off"]], ids=str)
def test_a_policy_that_is_none_is_refused(document: Document, policy: object) -> None:
    with pytest.raises(MockServerError, match=r"rules: found the policy .* one of enforce, warn"):
        MockServer(document, rules={"sms.template.instead": policy})


def test_one_seed_need_not_stand_in_a_list(document: Document, tmp_path: Path) -> None:
    seed = tmp_path / "one.yaml"
    seed.write_text("leads: [{id: lead_one, name: Placeholder Ltd}]")
    with MockServer(document, seed=str(seed)) as server:
        assert [lead["id"] for lead in server.client.get("lead/").json()["data"]] == ["lead_one"]
