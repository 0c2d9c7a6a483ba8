"""Attachments: taken, read back with where they are, and gone with their SMS."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.functions.media import size
from mock_server.http.app import MockServer

SMS = "/api/v1/activity/sms/"
PICTURE = {"content_type": "image/png", "filename": "a.png", "url": "https://files.example/a.png"}
SOUND = {"content_type": "audio/amr", "filename": "a.amr", "url": "https://files.example/a.amr"}


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, method: str, path: str, **more: Any) -> TestResponse:
    return client.open(path, method=method, auth=("api_test_key", ""), **more)


def create(client: FlaskClient, *attachments: dict[str, Any]) -> dict[str, Any]:
    body = {"status": "draft", "text": "Look", "attachments": list(attachments)}
    answer = ask(client, "POST", SMS, json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json())


def held(client: FlaskClient) -> int:
    return int(ask(client, "GET", "/__mock/state").get_json()["collections"]["media"])


def test_they_are_read_back_with_where_they_are(client: FlaskClient) -> None:
    sms = create(client, PICTURE, SOUND)
    picture, sound = sms["attachments"]
    assert picture == {
        **PICTURE,
        "media_id": picture["media_id"],
        "size": size("image/png", PICTURE["url"]),
        "thumbnail_url": f"http://localhost/api/v1/media/{picture['media_id']}/thumbnail/",
    }
    assert sound["thumbnail_url"] is None
    assert picture["media_id"] != sound["media_id"]
    assert ask(client, "GET", f"{SMS}{sms['id']}/").get_json()["attachments"] == [picture, sound]


def test_their_content_is_of_the_right_kind_and_size(client: FlaskClient) -> None:
    picture, sound = create(client, PICTURE, SOUND)["attachments"]
    for one in (picture, sound):
        answer = ask(client, "GET", f"/api/v1/media/{one['media_id']}/")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, one["content_type"])
        assert len(answer.data) == one["size"]
        assert answer.data == ask(client, "GET", f"/api/v1/media/{one['media_id']}/").data
    thumbnail = ask(client, "GET", picture["thumbnail_url"])
    assert (thumbnail.headers["Content-Type"], thumbnail.data[:4]) == ("image/png", b"\x89PNG")
    assert client.get(picture["thumbnail_url"]).status_code == 401
    assert ask(client, "GET", "/api/v1/media/media_nothing/").status_code == 404


def test_a_record_that_is_written_back_keeps_its_files(client: FlaskClient) -> None:
    sms = create(client, PICTURE)
    written = ask(client, "PUT", f"{SMS}{sms['id']}/", json={**sms, "text": "Again"})
    assert (written.status_code, written.get_json()["attachments"]) == (200, sms["attachments"])
    more = {"attachments": [*sms["attachments"], SOUND]}
    after = ask(client, "PUT", f"{SMS}{sms['id']}/", json=more).get_json()["attachments"]
    assert after[0] == sms["attachments"][0]
    assert ask(client, "GET", f"/api/v1/media/{after[1]['media_id']}/").status_code == 200
    assert held(client) == 2


def test_they_go_with_their_sms(client: FlaskClient) -> None:
    before = held(client)
    sms = create(client, PICTURE, SOUND)
    assert held(client) == before + 2
    assert ask(client, "DELETE", f"{SMS}{sms['id']}/").status_code == 200
    assert held(client) == before
    gone = ask(client, "GET", f"/api/v1/media/{sms['attachments'][0]['media_id']}/")
    assert gone.status_code == 404


def test_a_refused_sms_leaves_none(client: FlaskClient) -> None:
    before = held(client)
    odd = {**PICTURE, "content_type": "image/svg+xml"}
    answer = ask(client, "POST", SMS, json={"status": "draft", "attachments": [PICTURE, odd]})
    assert answer.status_code == 400
    assert "mms.types" in answer.headers["Mock-Broken-Rules"]
    assert held(client) == before


def test_what_comes_in_has_them_too(client: FlaskClient) -> None:
    told = {"from": "+16505550120", "text": "Look", "attachments": [PICTURE]}
    answer = ask(client, "POST", "/__mock/events/arrives", json=told)
    (picture,) = answer.get_json()["attachments"]
    assert picture["thumbnail_url"].startswith("http://localhost/api/v1/media/media_")
    assert ask(client, "GET", picture["thumbnail_url"]).status_code == 200
