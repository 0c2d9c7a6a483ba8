"""The pages: served with their files, and knowing no API."""

from __future__ import annotations

import re
from importlib.resources import files

from mock_server.http.app import MockServer
from mock_server.spec import Document
from tests.unit.http.control.conftest import Caller
from tests.unit.test_no_domain_words import singular, words_of

# What a page about requests and records says of itself.
SHARED = frozenset(
    (
        *(
            "create",
            "created",
            "media",
            "delete",
            "error",
            "event",
            "get",
            "list",
            "message",
            "number",
            "object",
        ),
        *("request", "sent", "status", "template", "text", "update"),
    )
)
STATIC = files("mock_server.http").joinpath("static")


def test_pages_and_their_files_are_served(app: MockServer) -> None:
    client = app.test_client()
    for page in ("", "docs"):
        answer = client.get(f"/__mock/{page}")
        assert answer.mimetype == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        named = re.findall(r"/__mock/assets/([\w.]+)", answer.get_data(as_text=True))
        assert named
        for name in named:
            assert client.get(f"/__mock/assets/{name}").status_code == 200


def test_a_module_imports_only_what_is_there() -> None:
    names = {one.name for one in STATIC.iterdir()}
    for one in STATIC.iterdir():
        for imported in re.findall(r'from "\./([^"]+)"', one.read_text(encoding="utf-8")):
            assert imported in names


def test_nothing_else_is_served(app: MockServer) -> None:
    client = app.test_client()
    for name in ("console.html", "nothing.js", "..%2fapp.py", "%2e%2e/app.py"):
        assert client.get(f"/__mock/assets/{name}").status_code == 404


def test_no_page_knows_the_api(document: Document) -> None:
    names = {*document.resources, *document.operations}
    for resource in document.resources.values():
        names |= {resource.collection}
        names |= set(resource.lifecycle.states if resource.lifecycle else ())
    known = {word for name in names for word in words_of(name)} - {singular(w) for w in SHARED}
    assert {"lead", "contact", "draft", "outbox"} <= known
    for one in STATIC.iterdir():
        found = words_of(one.read_text(encoding="utf-8")) & known
        assert found == set(), one.name


def test_threads_are_read_as_the_view_has_them(caller: Caller) -> None:
    (view,) = caller.control("GET", "/model")["views"]
    threads = caller.control("GET", f"/views/{view['resource']}")
    assert [row["label"] for row in threads][:2] == ["Sample Cycles", "Specimen Gardens"]
    assert threads[-1]["count"] == 0
    bakery = next(row for row in threads if row["label"] == "Nowhere Bakery")
    thread = caller.control("GET", f"/views/{view['resource']}/{bakery['key']}?limit=2")
    assert [row["state"] for row in thread["records"]] == ["inbox", "draft"]
    assert [row["own"] for row in thread["records"]] == [False, True]
    assert thread["records"][1]["moves"] == ["outbox", "scheduled"]
    assert thread["carried"]["remote_phone"] == "+16505550120"
    caller.control("GET", f"/views/{view['resource']}/nonsense", 404)
    assert "did you mean" in caller.control("GET", f"/views/{view['resource'][:-1]}", 404)["error"]
