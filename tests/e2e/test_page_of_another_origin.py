"""A page of another origin calls the stub from a real chrome."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.e2e.served import served

ASK = """
const [url, method, body, done] = arguments;
fetch(url, {
  method,
  credentials: "include",
  headers: {"Authorization": "Basic " + btoa("api_test_page:"), "Content-Type": "application/json"},
  body: body === null ? undefined : JSON.stringify(body),
})
  .then(async (answer) => done({
    status: answer.status, body: await answer.json(), broken: answer.headers.get("Mock-Broken-Rules"),
  }))
  .catch((error) => done({failed: String(error)}));
"""


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page of its own</title>")

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    """The origin of a page that is not the stub's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_of_a_configured_origin_works_with_the_api(chrome: Chrome, page: str) -> None:
    with served("--cors-origin", page) as origin:
        chrome.get(page)

        def ask(method: str, path: str, body: Any = None) -> Any:
            return chrome.execute_async_script(ASK, f"{origin}{path}", method, body)

        sms = "/api/v1/activity/sms/"
        made = ask("POST", sms, {"status": "draft", "text": "From a page 🎉"})
        assert (made["status"], made["body"]["text"]) == (200, "From a page 🎉")
        there = f"{sms}{made['body']['id']}/"
        assert ask("PUT", there, {"text": "Again"})["body"]["text"] == "Again"
        listed = ask("GET", sms.rstrip("/") + "?_limit=100")
        assert there.split("/")[-2] in [one["id"] for one in listed["body"]["data"]]
        refused = ask("POST", sms, {"status": "nonsense"})
        assert (refused["status"], refused["broken"]) == (400, "sms.status.values")
        assert ask("GET", "/api/v1/nothing/")["status"] == 404
        assert ask("DELETE", there)["status"] == 200
        assert "failed" in ask("GET", "/__mock/state")


def test_a_page_of_another_origin_is_kept_out(chrome: Chrome, page: str) -> None:
    with served() as origin:
        chrome.get(page)
        answer = chrome.execute_async_script(ASK, f"{origin}/api/v1/me/", "GET", None)
    assert "failed" in answer
