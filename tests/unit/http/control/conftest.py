"""A caller of the control API whose every answer is held against the API's own document."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.test import TestResponse

from mock_server.http.app import MockServer
from mock_server.http.control.interface import interface, outlines, resolved

SMS = "/api/v1/activity/sms/"
NUMBER = "+16505550100"


class Caller:
    """Calls as one key; `control` checks what comes back."""

    def __init__(self, client: FlaskClient, key: str = "api_test_key") -> None:
        self.client = client
        self.key = key

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        return self.client.open(path, method=method, auth=(self.key, ""), **more)

    def sms(self, **body: Any) -> TestResponse:
        return self.ask("POST", SMS, json={"local_phone": NUMBER, "text": "Hello", **body})

    def control(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = self.ask(method, f"/__mock{path}", **more)
        assert answer.status_code == status, answer.get_data(as_text=True)
        hold(method, path.partition("?")[0], answer)
        return answer.get_json() if answer.is_json else answer.get_data(as_text=True)


def hold(method: str, path: str, answer: TestResponse) -> None:
    """An answer is one that the document describes."""
    document = interface()
    matching = [
        call
        for call in outlines()
        if call.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", call.path), path)
    ]
    # A path without parameters counts before one with them.
    call = min(matching, key=lambda one: one.path.count("{"))
    responses = document["paths"][call.path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code)
    content = resolved(document, responses[str(answer.status_code)]).get("content")
    if content is None:
        assert answer.data == b""
        return
    assert answer.mimetype in content
    schema = content[answer.mimetype]["schema"]
    if answer.is_json:
        whole = {"allOf": [schema], "components": document["components"]}
        assert [str(e) for e in Draft202012Validator(whole).iter_errors(answer.get_json())] == []


@pytest.fixture
def caller(app: MockServer) -> Caller:
    return Caller(app.test_client())


@pytest.fixture
def other(app: MockServer) -> Caller:
    return Caller(app.test_client(), "api_test_other")
