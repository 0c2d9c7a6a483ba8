"""A receiver of webhooks, written from the vendor's documentation alone, beside the served stub."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest
import requests


class Receiver(ThreadingHTTPServer):
    """Puts every request into a queue and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: Queue[tuple[str, dict[str, str], bytes]] = Queue()
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.put((self.path, headers, body))  # before the next one can come
        status, more = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class Account:
    def __init__(self, base: str, key: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.auth = (key, "")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.session.request(method, f"{self.base}/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def subscribe(self, url: str, *events: tuple[str, str]) -> Any:
        wanted = [{"object_type": kind, "action": action} for kind, action in events]
        return self.ask("POST", "api/v1/webhook/", {"url": url, "events": wanted})


@pytest.fixture
def account(origin: str, request: pytest.FixtureRequest) -> Account:
    return Account(origin, f"api_test_{request.node.name}")


def verified(key: str, headers: dict[str, str], body: bytes) -> Any:
    """The payload of a delivery whose signature is right."""
    message = headers["close-sig-timestamp"].encode() + body
    digest = hmac.new(bytes.fromhex(key), message, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, headers["close-sig-hash"])
    return json.loads(body)


def test_an_sms_that_is_sent_while_nobody_asks_is_delivered(account: Account) -> None:
    with receiving() as receiver:
        made = account.subscribe(f"{receiver.url}/hook", ("activity.sms", "sent"))
        body = {"status": "outbox", "send_in": 1, "local_phone": "+16505550100", "text": "Grüße 👋"}
        sms = account.ask("POST", "api/v1/activity/sms/", body)
        path, headers, data = receiver.got.get(timeout=20)
        payload = verified(made["signature_key"], headers, data)
    assert path == "/hook"
    assert headers["content-type"] == "application/json"
    assert payload["subscription_id"] == made["id"]
    assert payload["event"]["object_id"] == sms["id"]
    assert payload["event"]["data"]["text"] == "Grüße 👋"
    assert payload["event"]["data"]["date_sent"]


def test_a_redirect_is_not_followed(account: Account) -> None:
    with receiving() as receiver, receiving() as other:
        receiver.answers.append((307, {"Location": f"{other.url}/elsewhere"}))
        account.subscribe(f"{receiver.url}/hook", ("lead", "created"))
        account.ask("POST", "api/v1/lead/", {"name": "Placeholder Ltd"})
        receiver.got.get(timeout=20)
        account.ask("POST", "__mock/clock", {"advance": 5})
        receiver.got.get(timeout=20)
        assert other.got.empty()


def test_nothing_is_sent_to_a_host_that_is_not_allowed(account: Account) -> None:
    account.subscribe("http://hooks.example/", ("lead", "created"))
    with receiving() as receiver:
        account.subscribe(f"{receiver.url}/hook", ("lead", "created"))
        account.ask("POST", "api/v1/lead/", {"name": "Placeholder Ltd"})
        receiver.got.get(timeout=20)
        for _ in range(100):
            rows = {row["url"]: row for row in account.ask("GET", "__mock/deliveries")}
            row = rows["http://hooks.example/"]
            if row["state"] != "waiting":
                break
    assert row["state"] == "blocked"
    assert row["attempts"][0]["error"] == "the host hooks.example is not allowed"


def test_many_subscribers_each_have_their_own_order(account: Account) -> None:
    with receiving() as receiver:
        for number in range(5):
            account.subscribe(f"{receiver.url}/{number}", ("lead", "created"))
        for number in range(20):
            account.ask("POST", "api/v1/lead/", {"name": str(number)})
        seen: dict[str, list[str]] = {}
        for _ in range(100):
            path, _, data = receiver.got.get(timeout=20)
            seen.setdefault(path, []).append(json.loads(data)["event"]["data"]["name"])
    assert seen == {f"/{n}": [str(i) for i in range(20)] for n in range(5)}
