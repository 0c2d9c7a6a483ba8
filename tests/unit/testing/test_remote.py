"""A server that runs elsewhere, in tests: what it has beyond records and time, which are tested beside MockServer's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest
import requests
from closeio_api import Client

from mock_server.errors import MockServerError
from mock_server.http.background import BackgroundServer
from mock_server.http.compose import build_lane
from mock_server.http.doorway import Doorway
from mock_server.spec import Document
from mock_server.testing import RemoteServer
from mock_server.testing.stub import Stub

DRAFT = {"status": "draft", "local_phone": "+16505550100", "text": "Hello"}


@pytest.fixture(scope="module")
def stub(document: Document) -> Iterator[Stub]:
    stub = Stub(document)
    yield stub
    stub.close()


@pytest.fixture
def server(stub: Stub) -> Iterator[RemoteServer]:
    with RemoteServer(stub.origin) as server:
        yield server


def test_two_accounts_of_one_server_never_see_each_other(stub: Stub) -> None:
    with RemoteServer(stub.origin) as first, RemoteServer(f"{stub.origin}/api/v1/") as second:
        sms = first.client.post("activity/sms/", json=DRAFT).json()
        assert requests.get(f"{first.url}me/", auth=(first.key, ""), timeout=9).ok
        assert second.client.get(f"activity/sms/{sms['id']}/").status_code == 404
        first.clock.freeze("2030-01-01T00:00:00Z")
        assert second.clock.now != first.clock.now
        assert [len(first.requests), len(second.requests)] == [2, 1]
        assert [one["method"] for one in first.requests] == ["POST", "GET"]
        first.client.post("activity/sms/", json={})
        assert "refused by sms.status.required at /body" in first.log()
    assert not stub.lane.tenants.fresh
    assert not stub.lane.steering.expiries


def test_whoever_makes_the_client_is_answered_there(server: RemoteServer) -> None:
    api = Client(server.key)  # its own base URL
    server.mount(api.session)
    assert api.post("activity/sms", data=DRAFT)["id"]
    auth, url = (server.key, ""), "https://api.close.com/api/v1/me/"
    with httpx.Client(transport=server.transport) as client:
        assert client.get(url, auth=auth).json()["first_name"] == "Ada"

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=server.transport) as client:
            return await client.get(url, auth=auth)

    assert asyncio.run(ask()).status_code == 200


def test_an_origin_is_intercepted_meanwhile(server: RemoteServer) -> None:
    auth, url = (server.key, ""), "https://api.close.com/api/v1/me/"
    with server.intercept("https://api.close.com"):
        assert requests.get(url, auth=auth, timeout=9).json()["first_name"] == "Ada"
        assert httpx.get(url, auth=auth).json()["first_name"] == "Ada"
        assert server.client.get("me/").ok
    assert len(server.requests) == 3


def test_where_no_mock_server_answers_it_is_said(document: Document) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(MockServerError, match=r"no answer .*expected a mock server"):
            RemoteServer(address)
    off = BackgroundServer(Doorway(build_lane(document, {"control": False})))
    try:
        with pytest.raises(MockServerError, match="expected a mock server with its control API"):
            RemoteServer(off.origin)
    finally:
        off.close()


def test_a_token_is_shown_where_one_is_needed(document: Document) -> None:
    token = "a-token-of-tests"
    there = BackgroundServer(Doorway(build_lane(document, {"control_token": token})))
    try:
        with pytest.raises(MockServerError, match="Set MOCK_SERVER_CONTROL_TOKEN"):
            RemoteServer(there.origin)
        with RemoteServer(there.origin, token=token) as server:
            assert server.client.get("me/").ok
            assert server.state.collections["leads"]
    finally:
        there.close()
