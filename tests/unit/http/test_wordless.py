"""A document without any word of ours is served by its paths, schemas and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.errors import DocumentError
from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document, compile_source, load_document
from mock_server.spec.loader import parse_source
from mock_server.state.seed import check_seed

BASE = "/library/v1"
START = 1_900_000_000_000_000


@pytest.fixture(scope="module")
def tools() -> Document:
    return load_document(Path(__file__).parents[2] / "documents" / "tools.yaml")


@pytest.fixture
def server(tools: Document) -> MockServer:
    return create_app(tools, time_source=lambda: START, random_seed=1)


@pytest.fixture
def client(server: MockServer) -> FlaskClient:
    return server.test_client()


def ask(
    client: FlaskClient, method: str, path: str, card: str | None = "api_test_a", **more: Any
) -> TestResponse:
    headers = {**({"X-Card": card} if card else {}), **more.pop("headers", {})}
    return client.open(f"{BASE}{path}", method=method, headers=headers, **more)


def test_what_was_inferred_is_apart_from_plain_answers(tools: Document) -> None:
    assert {n: (r.collection, r.key) for n, r in tools.resources.items()} == {
        "Tool": ("tools", "id"),
        "Note": ("notes", "note"),
        "members": ("members", "nickname"),
    }
    assert list(tools.plain) == ["showOpening", "showPicture"]
    assert tools.operations["replaceTool"].does == "update"


def test_a_record_is_created_listed_read_changed_replaced_and_deleted(client: FlaskClient) -> None:
    made = ask(
        client, "POST", "/tools", json={"name": "Drill", "kind": "power", "pin": "1234", "price": 3}
    )
    assert made.status_code == 201
    assert made.headers["Location"] == f"{BASE}/tools/1"
    assert made.json == {
        "id": 1,
        "name": "Drill",
        "kind": "power",
        "price": 3,
        "lent": False,
        "added": "2030-03-17T17:46:40.000000+00:00",
        "updated": "2030-03-17T17:46:40.000000+00:00",
        "code": "AA-0000",
    }
    assert ask(client, "GET", "/tools/1").json == made.json
    changed = ask(
        client,
        "PATCH",
        "/tools/1",
        json={"name": "Big drill"},
        content_type="application/merge-patch+json",
    )
    assert (changed.status_code, changed.data) == (204, b"")
    assert ask(client, "GET", "/tools/1").json == {**made.json, "name": "Big drill"}
    replaced = ask(client, "PUT", "/tools/1", json={"name": "Hoe", "kind": "garden"})
    assert replaced.json["name"] == "Hoe"
    assert "price" not in replaced.json
    assert replaced.json["code"] == "AA-0000"
    assert ask(client, "DELETE", "/tools/1").status_code == 204
    gone = ask(client, "GET", "/tools/1")
    assert (gone.status_code, gone.content_type) == (404, "application/problem+json")
    assert gone.json == {"title": "A title", "status": 404, "detail": "Tool 1 is not found."}


def test_the_documents_own_examples_are_there_to_begin_with(client: FlaskClient) -> None:
    assert [one["id"] for one in ask(client, "GET", "/tools").json["items"]] == [0, 7]
    assert ask(client, "GET", "/tools/7").json["name"] == "Saw"


def test_a_list_is_paged_filtered_and_counted_in_its_envelope(client: FlaskClient) -> None:
    for name in ("One", "Two", "Three"):
        ask(client, "POST", "/tools", json={"name": name, "kind": "garden"})
    page = ask(client, "GET", "/tools?kind=garden&kind=power&limit=2&offset=1").json
    assert [one["name"] for one in page["items"]] == ["Two", "Three"]
    assert (page["total"], page["has_more"]) == (3, False)
    assert ask(client, "GET", "/tools?kind=garden&limit=2").json["has_more"] is True


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/tools?limit=none", {}),
        ("GET", "/tools?kind=toy", {}),
        ("POST", "/tools", {"json": {"kind": "hand"}}),
        ("POST", "/tools", {"json": {"name": "A", "kind": "hand", "more": 1}}),
        ("POST", "/tools", {"data": {"name": "A", "kind": "toy"}}),
        ("PUT", "/tools/7", {"json": {"name": "A"}}),
        ("GET", "/opening?day=2030-01-01", {}),
        ("GET", "/opening?day=2030-01-01", {"headers": {"X-Branch": "west"}}),
        ("GET", "/opening", {"headers": {"X-Branch": "north"}}),
    ],
)
def test_what_a_schema_refuses_is_refused_in_the_documents_shape(
    client: FlaskClient, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = ask(client, method, path, **more)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["status"] == 400
    assert answer.json["detail"].startswith("/")


def test_a_form_is_read_as_json_is(client: FlaskClient) -> None:
    made = ask(client, "POST", "/tools", data={"name": "Rake", "kind": "garden", "price": "2.5"})
    assert (made.status_code, made.json["price"]) == (201, 2.5)
    assert ask(client, "POST", "/tools", data=b"x", content_type="text/plain").status_code == 415


def test_records_below_others_belong_to_them(client: FlaskClient) -> None:
    one, two = (
        ask(client, "POST", "/tools", json={"name": name, "kind": "hand"}).json["id"]
        for name in ("One", "Two")
    )
    note = ask(client, "POST", f"/tools/{one}/notes/", json={"text": "Blunt"}).json
    assert note["toolId"] == one
    assert note in ask(client, "GET", f"/tools/{one}/notes/").json
    assert note not in ask(client, "GET", f"/tools/{two}/notes/").json
    assert ask(client, "GET", f"/tools/{one}/notes/{note['note']}/").json == note
    assert ask(client, "GET", f"/tools/{two}/notes/{note['note']}/").status_code == 404
    assert ask(client, "POST", "/tools/999/notes/", json={"text": "?"}).status_code == 404


def test_a_key_that_clients_choose_is_nobody_elses(client: FlaskClient) -> None:
    body = {"nickname": "ada", "city": "London", "shoes": 38}
    assert ask(client, "POST", "/members", json=body).json == {"data": body}
    assert ask(client, "POST", "/members", json=body).status_code == 409
    assert ask(client, "GET", "/members/ada").json == {"data": body}
    assert ask(client, "DELETE", "/members/ada").json == {"left": True}


def test_plain_operations_answer_with_what_the_schema_tells(client: FlaskClient) -> None:
    opening = ask(client, "GET", "/opening?day=2030-01-01", headers={"X-Branch": "north"})
    assert opening.json == {"opens": "00:00", "email": "amber@placeholder.example"}
    picture = ask(client, "GET", "/tools/7/picture")
    assert (picture.content_type, picture.data[:4]) == ("image/png", b"\x89PNG")
    assert ask(client, "GET", "/tools/8/picture").status_code == 404
    preferred = ask(client, "GET", "/opening", headers={"Prefer": "code=500"})
    assert preferred.status_code == 500


def test_a_key_is_asked_for_where_a_scheme_has_it_and_opens_a_world(client: FlaskClient) -> None:
    refused = ask(client, "GET", "/tools", card=None)
    assert refused.status_code == 401
    assert "a key in the header X-Card or Bearer credentials" in refused.json["detail"]
    assert ask(client, "GET", "/tools", card="anything").status_code == 401
    bearer = {"Authorization": "Bearer api_test_a"}
    made = ask(
        client, "POST", "/tools", None, json={"name": "A", "kind": "hand"}, headers=bearer
    ).json
    assert ask(client, "GET", f"/tools/{made['id']}").status_code == 200  # open, with a key
    assert ask(client, "GET", f"/tools/{made['id']}", card=None).status_code == 404  # another world
    assert ask(client, "GET", "/tools/7", card=None).status_code == 200  # open to all


def test_faults_strike_who_shows_no_key_where_none_is_asked_for(client: FlaskClient) -> None:
    client.post("/__mock/faults", json={"does": "status", "status": 503, "times": 1})
    found = [ask(client, "GET", "/tools/7", card=None).status_code for _ in range(2)]
    assert found == [503, 200]


def test_the_control_api_knows_every_operation(client: FlaskClient) -> None:
    ask(client, "GET", "/opening?day=2030-01-01", headers={"X-Branch": "north"})
    model = client.get("/__mock/model").json
    assert {one["id"] for one in model["operations"]} >= {"showOpening", "addTool"}
    listed = client.get("/__mock/requests", headers={"Authorization": "Bearer api_test_a"}).json
    assert [one["operation"] for one in listed] == ["showOpening"]
    counts = client.get("/__mock/coverage", headers={"Authorization": "Bearer api_test_a"}).json
    assert {"showOpening": 1}.items() <= {
        o["id"]: o["passed"] for o in counts["operations"]
    }.items()
    held = client.get("/__mock/state/members", headers={"Authorization": "Bearer api_test_a"})
    assert held.json["total"] == 1
    fault = {"does": "status", "status": 503, "match": {"operation": "showOpening"}}
    assert (
        client.post(
            "/__mock/faults", json=fault, headers={"Authorization": "Bearer api_test_a"}
        ).status_code
        == 201
    )


def test_one_word_of_ours_brings_back_the_faults() -> None:
    text = """
openapi: 3.1.0
info: {title: T, version: "1", description: d}
paths:
  /health: {get: {responses: {"200": {description: ok}}}}
components: {schemas: {Thing: {type: object, x-resource: {collection: things}, properties: {id: {type: string}}}}}
"""
    with pytest.raises(DocumentError, match="fits no pair"):
        compile_source(parse_source(text))
    plain = compile_source(parse_source(text.replace("x-resource: {collection: things}, ", "")))
    assert list(plain.plain) == ["get /health"]


def test_faults_of_structure_are_told_with_their_line() -> None:
    text = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /things/{id}:
    get: {responses: {"200": {description: ok}}}
"""
    with pytest.raises(DocumentError) as caught:
        compile_source(parse_source(text))
    (fault,) = caught.value.faults
    assert (fault.line, fault.expected) == (6, 'a parameter "id" in path')


XML = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /boxes:
    post:
      requestBody:
        content:
          application/xml: {schema: {$ref: '#/components/schemas/Box'}}
      responses:
        "201": {description: made, content: {application/json: {schema: {$ref: '#/components/schemas/Box'}}}}
        "400": {description: no, content: {application/json: {schema: {type: object, required: [error], properties: {error: {type: object, required: [code, message], properties: {code: {type: integer}, message: {type: string}}}}}}}}
  /boxes/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Box'}}}}}
components:
  schemas:
    Box:
      type: object
      required: [size]
      properties:
        id: {type: string, pattern: "^b[0-9]{4}$", readOnly: true}
        size: {type: integer}
        tags: {type: array, items: {type: string}, xml: {name: tag}}
"""


def test_xml_is_read_by_the_schema_and_errors_may_be_nested() -> None:
    client = create_app(compile_source(parse_source(XML)), random_seed=1).test_client()
    body = "<box><size>3</size><tag>a</tag><tag>b</tag></box>"
    made = client.post("/boxes", data=body, content_type="application/xml")
    assert made.status_code == 201
    assert {**made.json, "id": ""} == {"id": "", "size": 3, "tags": ["a", "b"]}
    assert client.get(f"/boxes/{made.json['id']}").json == made.json
    refused = client.post("/boxes", data="<box/>", content_type="application/xml")
    assert refused.json == {
        "error": {"code": 400, "message": "/body/size: This field is required."}
    }
    assert client.post("/boxes", data="<box", content_type="application/xml").status_code == 400


OLDER = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /cups:
    get:
      parameters: [{name: least, in: query, schema: {type: integer, minimum: 0, exclusiveMinimum: true}}]
      responses: {"200": {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Cup'}}}}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Cup'}}}}
      responses: {"201": {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Cup'}}}}}
  /cups/{id}:
    delete:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {"204": {description: gone}}
components:
  schemas:
    Cup:
      type: object
      required: [colour]
      properties: {id: {type: integer}, colour: {type: string, nullable: true, enum: [red, blue], example: blue}}
"""


def test_a_document_of_the_older_version_is_served_without_words_only() -> None:
    document = compile_source(parse_source(OLDER))
    assert document.raw["openapi"] == "3.0.3"
    client = create_app(document, random_seed=1).test_client()
    assert client.get("/cups?least=0").status_code == 400
    assert client.get("/cups?least=1").json == [{"id": 0, "colour": "blue"}]
    assert client.post("/cups", json={"colour": None}).json == {"id": 1, "colour": None}
    assert client.post("/cups", json={"colour": "green"}).status_code == 400
    assert client.delete("/cups/1").status_code == 204
    with pytest.raises(DocumentError, match=r"3\.0\.3"):
        compile_source(parse_source(OLDER.replace("Cup:\n", "Cup:\n      x-resource: {}\n")))


def test_records_are_carried_over_to_the_next_version_of_a_document(tools: Document) -> None:
    before, after = (create_app(tools, random_seed=1) for _ in range(2))
    made = ask(before.test_client(), "POST", "/tools", json={"name": "A", "kind": "hand"}).json
    assert after.lane.follow(before.lane) == []
    assert ask(after.test_client(), "GET", f"/tools/{made['id']}").json == made


def test_a_seed_takes_the_place_of_the_examples(tools: Document) -> None:
    seed = check_seed(parse_source("tools: [{id: 3, name: Axe, kind: hand, code: AX-0001}]"), tools)
    client = create_app(tools, seeds=[seed], random_seed=1).test_client()
    assert [one["name"] for one in ask(client, "GET", "/tools").json["items"]] == ["Axe"]
    assert ask(client, "POST", "/tools", json={"name": "B", "kind": "hand"}).json["id"] == 1
