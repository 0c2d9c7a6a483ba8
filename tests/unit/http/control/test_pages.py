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
    apart = next(row for row in threads if row["label"] == "Nobody")
    (lone,) = caller.control("GET", f"/views/{view['resource']}/{apart['key']}")["records"]
    assert [lone["record"][name] for name in view["thread"]] == [None, None]
    earlier = caller.control("GET", f"/views/{view['resource']}/{bakery['key']}?limit=2&skip=1")
    assert earlier["records"][1] == thread["records"][0]
    assert earlier["count"] == thread["count"] > 2
    past = caller.control("GET", f"/views/{view['resource']}/{bakery['key']}?skip=9999")
    assert past["records"] == []
    caller.control("GET", f"/views/{view['resource']}/nonsense", 404)
    assert "did you mean" in caller.control("GET", f"/views/{view['resource'][:-1]}", 404)["error"]


def test_threads_are_searched_and_paged_by_the_server(caller: Caller) -> None:
    (view,) = caller.control("GET", "/model")["views"]
    place = f"/views/{view['resource']}"
    whole = caller.control("GET", place)
    assert caller.control("GET", f"{place}?limit=2&skip=1") == whole[1:3]
    for words in ("NOWHERE BAK", "+16505550120", "van is there at seven"):
        found = caller.control("GET", place, query_string={"text": words})
        assert "Nowhere Bakery" in [row["label"] for row in found], words
        assert len(found) < len(whole)
    assert caller.control("GET", f"{place}?text=nobody+says+this") == []


def test_every_named_record_may_begin_a_thread(caller: Caller) -> None:
    (view,) = caller.control("GET", "/model")["views"]
    for number in range(250):
        row = {"name": f"Of many {number:03}"}
        caller.control("POST", "/state/leads?by=record", 201, json=row)
    found = caller.control("GET", f"/views/{view['resource']}?text=of+many&limit=1000")
    assert len(found) == 250


def test_a_message_shows_what_stands_beside_its_text(caller: Caller) -> None:
    (view,) = caller.control("GET", "/model")["views"]
    picture = {"content_type": "image/png", "filename": "a.png", "url": "https://files.example/a"}
    lead = caller.ask("GET", "/api/v1/lead/").get_json()["data"][0]["id"]
    made = caller.sms(
        status="outbox",
        send_in=50,
        lead_id=lead,
        remote_phone="+16505550120",
        attachments=[picture, picture],
    ).get_json()
    caller.control("POST", "/events/fails", json={"id": made["id"], "message": "Out of reach."})
    (found,) = caller.control("GET", f"/views/{view['resource']}/lead_id={made['lead_id']}")[
        "records"
    ][-1:]
    assert found["id"] == made["id"]
    assert found["shows"] == [
        {"field": "error_message", "values": ["Out of reach."], "pictures": []},
        {
            "field": "attachments",
            "values": ["a.png", "a.png"],
            "pictures": [
                {"at": one["thumbnail_url"], "of": "a.png"} for one in made["attachments"]
            ],
        },
    ]


def test_pictures_are_shown_to_their_tenant_and_leave_no_request(
    caller: Caller, other: Caller
) -> None:
    kinds = ("image/png", "application/pdf", "image/jpeg")
    files = [{"content_type": k, "filename": "a", "url": "https://files.example/a"} for k in kinds]
    picture, document, photo = caller.sms(status="draft", attachments=files).get_json()[
        "attachments"
    ]
    caller.control("DELETE", "/requests", 204)
    for of, kind in ((picture, "image/png"), (photo, "image/jpeg")):
        at = f"http://elsewhere.example/api/v1/media/{of['media_id']}/"
        answer = caller.ask("GET", "/__mock/picture", query_string={"at": at})
        assert (answer.status_code, answer.mimetype) == (200, kind)
        assert len(answer.data) == of["size"]
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    refused = (
        f"/api/v1/media/{document['media_id']}/",  # no picture
        "/api/v1/media/media_unknown/",
        "/api/v1/activity/sms/",
        "/media/",
        "https://files.example/a",
        "",
    )
    for at in refused:
        caller.control("GET", "/picture", 404, query_string={"at": at})
    other.control("GET", "/picture", 404, query_string={"at": picture["thumbnail_url"]})
    assert caller.control("GET", "/requests/count")["count"] == 0


def test_the_model_says_what_a_state_needs(caller: Caller) -> None:
    resources = caller.control("GET", "/model")["resources"]
    (needs,) = [one["lifecycle"]["needs"] for one in resources if one["name"] == "SMSActivity"]
    assert "date_scheduled" in needs["scheduled"]
    assert "date_scheduled" not in needs["outbox"]
