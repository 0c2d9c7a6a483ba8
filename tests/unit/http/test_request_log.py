"""The lines that whoever runs a server reads: what was refused, and what keeps a page out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest

from mock_server.http.app import create_app
from mock_server.http.log import RequestLog
from mock_server.spec import Document

SMS = "/api/v1/activity/sms/"
PAGE = "http://localhost:3000"


def logged(
    document: Document,
    method: str,
    path: str,
    form: str = "text",
    origins: Sequence[str] = (),
    **more: Any,
) -> str:
    stream = StringIO()
    log = RequestLog("info", form, stream=stream)
    app = create_app(document, log=log, cors_origins=origins)
    app.test_client().open(path, method=method, **more)
    return stream.getvalue()


def preflight(origin: str = PAGE) -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": "GET"}


def test_a_page_that_is_not_let_in_is_told_with_the_option(document: Document) -> None:
    said = logged(document, "OPTIONS", SMS, headers=preflight())
    told, line = said.splitlines()
    assert told == f"CORS: the page is of {PAGE}, whose pages may not call this API; --cors-origin {PAGE} lets them"  # fmt: skip
    assert line == f"OPTIONS {SMS} 204"
    row = json.loads(logged(document, "OPTIONS", SMS, "json", headers=preflight()).splitlines()[0])
    assert (row["level"], row["message"]) == ("warning", told)


@pytest.mark.parametrize("origins", [(PAGE,), ("*",)])
def test_a_page_that_is_let_in_needs_no_word(document: Document, origins: Sequence[str]) -> None:
    said = logged(document, "OPTIONS", SMS, origins=origins, headers=preflight())
    assert said == f"OPTIONS {SMS} 204\n"


def test_another_page_than_those_let_in_is_told(document: Document) -> None:
    said = logged(document, "OPTIONS", SMS, origins=[PAGE], headers=preflight("http://other"))
    assert "--cors-origin http://other" in said


def test_what_no_rule_refuses_is_refused_by_none(document: Document) -> None:
    said = logged(document, "GET", "/api/v1/nothing/", auth=("api_test_key", ""))
    assert "  refused at /path: There is nothing at /api/v1/nothing/." in said
    assert "rule" not in said


def test_the_root_names_the_console_where_there_is_one(document: Document) -> None:
    where = " The console of this mock server is at /__mock/."
    answer = create_app(document).test_client().get("/", auth=("api_test_key", ""))
    said = "There is nothing at /. Paths of this API begin with /api/v1/."
    assert answer.get_json() == {"error": said + where}
    closed = create_app(document, control=False).test_client()
    assert closed.get("/", auth=("api_test_key", "")).get_json() == {"error": said}


def test_a_path_of_any_letters_is_logged_as_it_was_sent(document: Document) -> None:
    said = logged(document, "GET", "/api/v1/Ж/", auth=("api_test_key", ""))
    assert said.startswith("GET /api/v1/Ж/ 404\n  refused at /path: There is nothing at /api/v1/Ж/")
