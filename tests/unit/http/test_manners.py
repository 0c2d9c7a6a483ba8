"""What HTTP's clients expect: CORS for configured origins, gzip, HEAD, redirects, odd texts."""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.http.app import MockServer, create_app
from mock_server.http.doorway import Doorway
from mock_server.http.manners import PACK_FROM, packs
from mock_server.spec import Document
from mock_server.testing.wsgi import call

SMS = "/api/v1/activity/sms/"
PAGE = "http://localhost:3000"
NUMBER = "+16505550100"


@pytest.fixture
def opened(document: Document) -> FlaskClient:
    """A client of a stub that pages of one origin may call."""
    return create_app(document, cors_origins=[PAGE, "http://127.0.0.1:*"]).test_client()


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def ask(
    client: FlaskClient, method: str, path: str = SMS, origin: str = "", **more: Any
) -> TestResponse:
    headers = {**more.pop("headers", {}), **({"Origin": origin} if origin else {})}
    served = {"SERVER_SOFTWARE": "Served"}  # as by a web server
    return client.open(
        path,
        method=method,
        auth=("api_test_key", ""),
        headers=headers,
        environ_overrides=served,
        **more,
    )


def cors(answer: TestResponse) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.startswith("Access-Control-")}


@pytest.mark.parametrize("origin", [PAGE, "http://127.0.0.1:5173"])
def test_a_page_of_a_configured_origin_reads_answers_and_refusals(
    opened: FlaskClient, origin: str
) -> None:
    answer = ask(opened, "POST", origin=origin, json={"status": "nonsense"})
    assert answer.status_code == 400
    assert cors(answer) == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Mock-Broken-Rules, Mock-Explanation",
    }
    assert "Origin" in answer.headers["Vary"]
    assert cors(ask(opened, "GET", "/api/v1/nothing/", origin))


@pytest.mark.parametrize("origin", ["", "http://localhost:3001", "http://localhost", "null"])
def test_no_other_page_does(opened: FlaskClient, origin: str) -> None:
    answer = ask(opened, "GET", origin=origin)
    assert (answer.status_code, cors(answer)) == (200, {})
    assert answer.headers["Vary"].endswith("Origin")


def test_nothing_is_said_where_nothing_is_configured(client: FlaskClient) -> None:
    for method in ("GET", "OPTIONS"):
        asked = {"Access-Control-Request-Method": "GET"}
        answer = ask(client, method, "/api/v1/me/", PAGE, headers=asked)
        assert cors(answer) == {}
        assert "Origin" not in answer.headers.get("Vary", "")


def test_a_preflight_is_answered_without_credentials(opened: FlaskClient) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = opened.options(SMS + "acti_x/", headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert cors(answer) == {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "DELETE, GET, HEAD, OPTIONS, PUT",
        "Access-Control-Allow-Headers": "authorization,content-type",
        "Access-Control-Allow-Private-Network": "true",
        "Access-Control-Max-Age": "600",
    }
    # A redirect would end it: browsers follow none here, but do for the request itself.
    assert opened.options(SMS.rstrip("/"), headers=asked).status_code == 204
    refused = opened.options(SMS, headers={**asked, "Origin": "http://other.example"})
    assert cors(refused) == {}


def test_any_origin_is_named_too(document: Document) -> None:
    client = create_app(document, cors_origins=["*"]).test_client()
    answer = ask(client, "GET", origin="https://anywhere.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://anywhere.example"


def test_the_control_api_is_for_no_other_page(opened: FlaskClient) -> None:
    answer = ask(opened, "GET", "/__mock/state", PAGE)
    assert (answer.status_code, cors(answer)) == (403, {})


@pytest.mark.parametrize("path", [SMS, "/__mock/openapi.json"])
def test_what_is_large_is_packed_for_who_asks(client: FlaskClient, path: str) -> None:
    plain = ask(client, "GET", path)
    packed = ask(client, "GET", path, headers={"Accept-Encoding": "gzip, br"})
    assert len(packed.data) < len(plain.data) > PACK_FROM
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert "Content-Encoding" not in plain.headers


def test_nothing_is_packed_within_a_process(app: MockServer) -> None:
    asked = [("Accept-Encoding", "gzip")]
    reply = call(Doorway(app.lane), "GET", "http://stub/__mock/openapi.json", asked)
    assert reply.body.startswith(b"{")


def test_what_is_small_is_not_packed(client: FlaskClient) -> None:
    answer = ask(client, "GET", SMS + "acti_no/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZip ; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*", True),
        ("*, gzip;q=0", False),
        ("identity", False),
    ],
)
def test_who_asks_for_gzip(accepted: str, wanted: bool) -> None:
    assert packs(accepted) is wanted


@pytest.mark.parametrize("path", [SMS, "/api/v1/lead/", "/api/v1/me/", "/api/v1/event/"])
def test_head_and_options_answer_on_documented_paths(client: FlaskClient, path: str) -> None:
    head = ask(client, "HEAD", path)
    assert (head.status_code, head.data) == (200, b"")
    packed = ask(client, "HEAD", path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers.get("Content-Length") in (None, head.headers["Content-Length"])
    options = client.options(path)
    assert options.status_code == 204
    assert {"GET", "HEAD", "OPTIONS"} <= set(options.headers["Allow"].split(", "))


def test_no_etag_is_invented(client: FlaskClient) -> None:
    for answer in (ask(client, "GET"), ask(client, "GET", "/api/v1/me/")):
        assert not {"ETag", "Last-Modified", "Cache-Control"} & set(answer.headers.keys())
    assert ask(client, "GET", headers={"If-None-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v1/activity/sms?a=1&a=2&b=", "/api/v1/activity/sms/?a=1&a=2&b="),
        ("/api/v1//activity/sms/?q=%F0%9F%98%80", "/api/v1/activity/sms/?q=%F0%9F%98%80"),
        ("/api/v1/activity//sms", "/api/v1/activity/sms/"),
        ("/api/v1/lead/%F0%9F%98%80", "/api/v1/lead/%F0%9F%98%80/"),
        ("/api/v1/lead/a%0D%0AX-Evil:%201", "/api/v1/lead/a%0D%0AX-Evil:%201/"),
    ],
)
def test_a_path_with_other_slashes_is_redirected(app: MockServer, path: str, location: str) -> None:
    reply = call(app, "DELETE", f"http://stub{path}", [])
    assert (reply.status, dict(reply.headers)["Location"]) == (308, location)


def test_parameters_may_stand_twice_or_hold_nothing(client: FlaskClient) -> None:
    ids = [
        ask(client, "POST", json={"status": "draft", "text": str(n)}).get_json()["id"]
        for n in range(3)
    ]

    def found(query: str) -> list[str]:
        answer = ask(client, "GET", f"{SMS}?{query}")
        assert answer.status_code == 200
        return sorted(one["id"] for one in answer.get_json()["data"])

    assert found(f"id__in={ids[0]}&id__in={ids[1]}") == sorted(ids[:2])
    assert found(f"_limit=9&_limit=1&id__in={ids[0]},{ids[2]}") == [ids[2]]
    assert found("lead_id=&_fields=&_limit=100") == found("_limit=100")
    assert [found(f"id__in={text}") for text in ("", ",", f"&id__in={ids[0]}")] == [[], [], ids[:1]]
    assert len(found("_limit=100")) > 3
    chosen = ask(client, "GET", f"{SMS}?_fields=id&_fields=text,status&_limit=1").get_json()
    assert chosen["data"][0].keys() == {"id", "text", "status"}
    wrong = ask(client, "GET", f"{SMS}?_limit=many&_limit=1")
    assert (wrong.status_code, list(wrong.get_json()["field-errors"])) == (400, ["_limit"])


@pytest.mark.parametrize(
    "query",
    [
        "/api/v1/phone_number/?number=%2B16505550100",
        "/api/v1/phone_number/?number=+16505550100",
        "/api/v1/activity/sms/?date_created__lt=2026-03-01T09:01:00+00:00",
        "/api/v1/activity/sms/?date_created__lt=2026-03-01T09:01:00%2B00:00",
    ],
)
def test_a_plus_that_was_not_encoded_is_understood(client: FlaskClient, query: str) -> None:
    answer = ask(client, "GET", query)
    assert (answer.status_code, len(answer.get_json()["data"])) == (200, 1)


@pytest.mark.parametrize(
    "text",
    ["Grüße 👩‍👩‍👧‍👦 🏳️‍🌈 日本語 \u202eright to left\u202c", "x" * 1_000_000, '\u0000\n\t\\"'],
    ids=len,
)
def test_texts_come_back_as_they_were_given(client: FlaskClient, text: str) -> None:
    made = ask(client, "POST", json={"status": "draft", "local_phone": NUMBER, "text": text})
    assert made.status_code == 200, made.get_data(as_text=True)[:200]
    packed = ask(
        client, "GET", f"{SMS}{made.get_json()['id']}/", headers={"Accept-Encoding": "gzip"}
    )
    data = packed.data if "Content-Encoding" not in packed.headers else gzip.decompress(packed.data)
    assert data.decode() == made.get_data(as_text=True)
    assert made.get_json()["text"] == text


def test_names_with_any_letters_are_found(client: FlaskClient) -> None:
    answer = ask(client, "GET", f"{SMS}{quote('😀')}/")
    assert answer.status_code == 404
    assert answer.get_json().keys() == {"error"}
