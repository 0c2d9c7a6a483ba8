"""The control API and its document agree, and whoever may not use it is told so."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mock_server.http.app import MockServer, create_app
from mock_server.http.control.api import HANDLERS
from mock_server.http.control.interface import interface, outlines
from mock_server.http.log import RequestLog
from mock_server.spec import Document, compile_source
from mock_server.spec.loader import parse_source
from tests.conftest import START
from tests.unit.http.control.conftest import Caller

TOOLS = (Path(__file__).parents[3] / "documents" / "tools.yaml").read_text(encoding="utf-8")
FORM = "application/x-www-form-urlencoded"


def test_the_document_is_openapi() -> None:
    assert not list(OpenAPIV31SpecValidator(interface()).iter_errors())


def test_calls_and_document_are_the_same(app: MockServer) -> None:
    served = {
        (method, rule.rule.replace("int:", "").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == {(call.method, f"/__mock{call.path}") for call in outlines()}
    assert HANDLERS.keys() == {call.operation_id for call in outlines()}


def test_the_document_is_served(caller: Caller) -> None:
    assert caller.control("GET", "/openapi.json") == interface()


def test_the_mocked_document_is_served(caller: Caller, document: Document) -> None:
    assert caller.control("GET", "/document")["info"]["title"] == document.title
    assert caller.control("GET", "/version")["title"] == document.title


APP = create_app(time_source=lambda: START, random_seed=1)
APP.lane.steering.pause = lambda seconds: None
SCHEMA = schemathesis.openapi.from_wsgi("/__mock/openapi.json", APP)


@SCHEMA.parametrize()
@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
def test_answers_are_as_described(case: schemathesis.Case) -> None:
    # A value that is a JSON Schema by its type only may be refused all the same.
    holds_schemas = case.path in ("/verify", "/requests/near", "/faults")
    case.call_and_validate(excluded_checks=[positive_data_acceptance] if holds_schemas else [])


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_no_body_breaks_it(data: bytes) -> None:
    client = APP.test_client()
    for path in ("clock", "verify", "explain", "faults", "tenants", "snapshots", "state/tasks"):
        answer = client.post(f"/__mock/{path}", data=data, content_type="application/json")
        assert answer.status_code < 500
        assert "Traceback" not in answer.get_data(as_text=True)


def test_unknown_paths_and_methods_say_what_there_is(app: MockServer) -> None:
    client = app.test_client()
    said = client.get("/__mock/nothing").get_json()["error"]
    assert said == "There is nothing at /__mock/nothing. See /__mock/openapi.json."
    said = client.get("/__mock/helth").get_json()["error"]
    assert said.startswith('There is nothing at /__mock/helth; did you mean "/__mock/health"?')
    off = create_app(app.document, control=False).test_client().get("/__mock/health")
    assert "switched off" in off.get_json()["error"]
    answer = client.put("/__mock/clock", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_misspelt_fields_and_parameters_are_named(caller: Caller) -> None:
    (fault,) = caller.control("POST", "/clock", 400, json={"advence": 1})["faults"]
    assert (fault["where"], fault["found"]) == ("body/advence", "advence")
    assert 'did you mean "advance"?' in fault["expected"]
    said = caller.control("POST", "/clock", 400, json={"advence": 1})["error"]
    assert said.endswith('did you mean "advance"?')
    assert caller.control("POST", "/events/fials", 404, json={})["error"].endswith('"fails"?')
    (fault,) = caller.control("GET", "/requests?methd=GET", 400)["faults"]
    assert 'did you mean "method"?' in fault["expected"]
    for none_or_two in ({}, {"advance": 1, "real": True}):
        (fault,) = caller.control("POST", "/clock", 400, json=none_or_two)["faults"]
        assert fault["expected"].endswith(" 1 field: one of advance, freeze, real, set")


def test_a_body_must_be_json(app: MockServer) -> None:
    client = app.test_client()
    answer = client.post("/__mock/clock", data="advance=1")
    assert answer.status_code == 400
    assert "application/json" in answer.get_json()["error"]


def test_pages_of_other_origins_are_refused(app: MockServer) -> None:
    client = app.test_client()
    foreign = {"Origin": "https://elsewhere.example"}
    assert client.post("/__mock/reset", headers=foreign).status_code == 403
    assert "Access-Control-Allow-Origin" not in client.get("/__mock/health").headers
    own = {"Origin": "http://localhost"}
    assert client.post("/__mock/reset", headers=own).status_code == 200


def test_a_name_that_strangers_may_own_is_no_name_of_this_machine(app: MockServer) -> None:
    client = app.test_client()
    assert client.get("/__mock/clock", headers={"Host": "rebound.com"}).status_code == 403
    for host in ("127.0.0.1:4010", "[::1]:4010", "localhost:4010", "stub:4010", "api.test"):
        assert client.get("/__mock/clock", headers={"Host": host}).status_code == 200


def with_token(document: Document) -> FlaskClient:
    return create_app(document, control_token="a token of some length").test_client()


def test_the_token_is_needed_where_there_is_one(document: Document) -> None:
    client = with_token(document)
    key = {"Authorization": "Basic YXBpX3Rlc3Rfa2V5Og=="}
    assert client.get("/__mock/health").status_code == 200
    assert client.get("/__mock/clock").status_code == 401
    assert client.get("/__mock/clock", headers=key).status_code == 401
    bearer = {"Authorization": "Bearer a token of some length", "Mock-Tenant": "api_test_a"}
    assert client.get("/__mock/clock", headers=bearer).status_code == 200
    beside = {**key, "Mock-Control-Token": "a token of some length"}
    assert client.get("/__mock/clock", headers=beside).status_code == 200
    wrong = {**key, "Mock-Control-Token": "a token of some lengt"}
    assert client.get("/__mock/clock", headers=wrong).status_code == 401


def test_it_can_be_switched_off(document: Document) -> None:
    client = create_app(document, control=False).test_client()
    assert client.get("/__mock/health").status_code == 404
    assert client.get("/__mock/requests").status_code == 404
    refused = client.get("/api/v1/me/")
    assert refused.headers["Mock-Broken-Rules"] == "auth.required"
    assert "Mock-Explanation" not in refused.headers


def test_secrets_in_bodies_are_shown_nowhere() -> None:
    """By the document's word (`format: password`), or by how a field is called."""
    document = parse_source(TOOLS.replace("pin: {", "pin: {format: password, ", 1))
    stream = StringIO()
    log = RequestLog("info", "json", stream=stream)
    app = create_app(compile_source(document), log=log)
    client = app.test_client()
    place, wrong = "/library/v1/tools", {"name": "Saw", "kind": "hand", "pin": ["hush-1"]}
    sent: list[dict[str, Any]] = [
        {"json": {"name": "Saw", "kind": "hand", "pin": "1234", "clientSecret": "hush-2"}},
        {"json": wrong},
        {"data": "name=Saw&kind=hand&password=hush-3", "content_type": FORM},
        {
            "data": '{"password": "hush-4", "name": "A saw of some length",',
            "content_type": "application/json",
        },
        {"json": {"deep": [{"access_token": "hush-5", "token": "hush-6", "note": "x" * 30_000}]}},
    ]
    login = {"Authorization": "Bearer api_test_key"}
    for one in sent:
        client.post(place, headers=login, **one)
    entries = client.get("/__mock/requests", headers=login).get_json()
    ways = ["/requests", "/live?since=0"]
    ways += [f"/requests/{one['id']}{more}" for one in entries for more in ("", "/test")]
    texts = [client.get(f"/__mock{way}", headers=login).text for way in ways]
    near = {"body": {"properties": {"pin": {"const": 1}}}}
    texts.append(client.post("/__mock/requests/near", json=near, headers=login).text)
    leaks = re.findall("(?:hush-|1234).{0,40}", "\n".join([*texts, stream.getvalue()]))
    assert leaks == []
    assert entries[-1]["request"] == {**sent[0]["json"], "pin": "…", "clientSecret": "…"}
    # What was really sent is still there to be found, and to be sent again.
    asked = {"body": {"const": sent[0]["json"]}}
    assert (
        client.post(
            "/__mock/verify", json={"expect": [{**asked, "count": 1}]}, headers=login
        ).status_code
        == 200
    )


def test_a_slash_at_the_end_is_no_other_call(caller: Caller) -> None:
    caller.sms(status="draft")
    for path in ("/requests", "/state", "/state/sms", "/clock", "/requests/1"):
        plain, slashed = (caller.ask("GET", f"/__mock{path}{end}") for end in ("", "/"))
        assert (plain.status_code, plain.get_json()) == (slashed.status_code, slashed.get_json())


def test_keys_are_shown_nowhere(app: MockServer, caller: Caller) -> None:
    tenant = app.lane.tenants.find("api_test_key")
    assert tenant is not None
    tenant.principals["secret_of_somebody"] = {}
    app.lane.tenants.keys["secret_of_somebody"] = tenant
    caller.ask("GET", "/api/v1/me/", headers={"X-Secret": "secret_of_somebody"})
    caller.key = "secret_of_somebody"
    caller.ask("GET", "/api/v1/me/")
    caller.ask("GET", "/api/v1/me/?api_key=secret_of_somebody&access_token=secret_of_somebody")
    texts = [
        caller.ask("GET", f"/__mock{path}").get_data(as_text=True)
        for path in ("/requests", "/requests/1/test", "/tenants", "/state/users", "/live?since=0")
    ]
    assert not [text for text in texts if "secret_of_somebody" in text]
    assert "api_test_colleague" not in texts[3]


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"freeze": True, "advance": 3}, "at most 1 field"), ({}, "at least 1 field")],
    ids=["two", "none"],
)
def test_how_many_fields_a_body_has_is_said_in_words(
    caller: Caller, body: Any, expected: str
) -> None:
    refused = caller.control("POST", "/clock", 400, json=body)
    known = "one of advance, freeze, real, set"
    assert [fault["expected"] for fault in refused["faults"]] == [f"{expected}: {known}"]


def test_a_body_that_is_no_json_says_where_and_what_was_expected(caller: Caller) -> None:
    answer = caller.ask("POST", "/__mock/faults", data='{"does"', content_type="application/json")
    assert answer.status_code == 400
    said = answer.get_json()
    assert said["faults"] == [
        {"where": "body", "found": '{"does"', "expected": "one JSON value in UTF-8"}
    ]
    assert "at line 1, column 8" in said["error"]
