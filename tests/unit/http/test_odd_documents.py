"""What OpenAPI allows and few documents have is served all the same."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.errors import DocumentError, SeedError
from mock_server.http.app import create_app
from mock_server.spec import Document, compile_source
from mock_server.spec.loader import parse_source
from mock_server.state.seed import check_seed

TEXT = """
openapi: 3.1.0
info: {title: Trees, version: "1"}
servers: [{url: "https://{host}.example/{version}/", variables: {host: {default: a}, version: {default: v2}}}]
paths:
  /trees: {$ref: '#/components/pathItems/Trees'}
  /trees/{tree-id}:
    parameters: [{name: tree-id, in: path, required: true, schema: {type: string}}]
    get: {operationId: read, responses: {'200': {$ref: '#/components/responses/Tree'}}}
    put:
      operationId: change
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
      responses: {'200': {$ref: '#/components/responses/Tree'}}
  /trees/{tree-id}/leaves/{1leaf}:
    parameters:
      - {name: tree-id, in: path, required: true, schema: {type: string}}
      - {name: 1leaf, in: path, required: true, schema: {type: string}}
    get:
      operationId: leaf
      x-handler: {does: read, resource: Tree, id: $request.path.1leaf}
      responses: {'200': {$ref: '#/components/responses/Tree'}}
components:
  pathItems:
    Trees:
      get:
        operationId: list
        responses:
          '200':
            description: All
            content:
              application/json:
                schema: {properties: {data: {type: array, items: {$ref: '#/components/schemas/Tree'}}}}
      post:
        operationId: create
        requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
        responses: {'201': {$ref: '#/components/responses/Tree'}}
  responses:
    Tree: {description: One, content: {application/json: {schema: {$ref: '#/components/schemas%2FTree'}}}}
  schemas:
    Tree:
      type: object
      x-resource: {collection: trees, prefix: tree_}
      properties:
        id: {type: string}
        name: {type: string}
        height: {type: number, readOnly: true, default: 1}
        child: {anyOf: [{$ref: '#/components/schemas/Tree'}, {type: "null"}]}
        kin: {type: array, items: {$ref: '#/components/schemas/Tree'}}
""".replace("schemas%2FTree", "schemas/%54ree")


@pytest.fixture(scope="module")
def trees() -> Document:
    return compile_source(parse_source(TEXT))


@pytest.fixture
def client(trees: Document) -> FlaskClient:
    seed = check_seed(parse_source("trees: [{id: t1, name: Oak, child: {kin: [{}]}}]"), trees)
    return create_app(trees, seeds=[seed], random_seed=1).test_client()


def test_a_servers_variables_make_the_base_path(trees: Document) -> None:
    assert trees.base_path == "/v2"


def test_a_variable_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(DocumentError, match='the variable "version"'):
        compile_source(
            parse_source(TEXT.replace("version: {default: v2}", "varsion: {default: v2}"))
        )


def test_paths_behind_references_are_served(client: FlaskClient) -> None:
    listed = client.get("/v2/trees").get_json()["data"]
    assert [tree["name"] for tree in listed] == ["Oak"]


@pytest.mark.parametrize("path", ["/v2/trees/t1", "/v2/trees/x/leaves/t1", "/v2/trees/%74%31"])
def test_parameters_have_any_names(client: FlaskClient, path: str) -> None:
    assert client.get(path).get_json()["name"] == "Oak"


def test_a_record_has_an_id_where_the_document_derives_none(client: FlaskClient) -> None:
    created = client.post("/v2/trees", json={"name": "Elm"})
    assert (created.status_code, created.get_json()["id"][:5]) == (201, "tree_")


def test_an_id_may_be_given_where_the_body_lists_it_but_not_twice(client: FlaskClient) -> None:
    assert client.post("/v2/trees", json={"id": "t2", "name": "Elm"}).get_json()["id"] == "t2"
    again = client.post("/v2/trees", json={"id": "t2", "name": "Ash"})
    assert again.status_code == 400
    assert again.get_json()["fields"]["id"] == "A Tree has this id already."
    assert client.get("/v2/trees/t2").get_json()["name"] == "Elm"


def test_neither_ids_nor_read_only_fields_change(client: FlaskClient) -> None:
    created = client.post("/v2/trees", json={"height": 7}).get_json()
    assert created["height"] == 1
    changed = client.put("/v2/trees/t1", json={"id": "t9", "height": 7, "name": "Yew"}).get_json()
    assert (changed["id"], changed["height"], changed["name"]) == ("t1", 1, "Yew")
    assert client.get("/v2/trees/t9").status_code == 404


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("Application/Merge-Patch+JSON", 200),
        ("application/vnd.tree.v2+json", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ],
)
def test_a_body_may_be_json_by_any_name_that_the_document_has(media_type: str, status: int) -> None:
    named = "application/merge-patch+json: {schema: {$ref: '#/components/schemas/Tree'}}"
    wild = "application/vnd.*+json: {schema: {$ref: '#/components/schemas/Tree'}}, text/plain: {}"
    plain = "application/json: {schema: {$ref: '#/components/schemas/Tree'}}"
    change = "operationId: change\n      requestBody: {content: {"
    text = TEXT.replace(change + plain, f"{change}{named}, {wild}")
    assert text != TEXT
    trees = compile_source(parse_source(text))
    seed = check_seed(parse_source("trees: [{id: t1}]"), trees)
    client = create_app(trees, seeds=[seed]).test_client()
    answer = client.put("/v2/trees/t1", data=b'{"name": "Yew"}', content_type=media_type)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"child": {"child": {"child": None}}}, 201),
        ({"child": {"child": {"name": 5}}}, 400),
        ({"kin": [{"kin": [{"kin": []}]}]}, 201),
        ({"kin": [{"kin": [5]}]}, 400),
    ],
)
def test_schemas_may_contain_themselves(client: FlaskClient, body: Any, status: int) -> None:
    assert client.post("/v2/trees", json=body).status_code == status


def test_seeds_are_held_against_schemas_that_contain_themselves(trees: Document) -> None:
    with pytest.raises(SeedError, match="#/trees/0/kin/0/name"):
        check_seed(parse_source("trees: [{id: t1, kin: [{name: 5}]}]"), trees)


def test_where_nobody_is_asked_who_calls_faults_strike_all_the_same(client: FlaskClient) -> None:
    wish = {"does": "status", "status": 503, "times": 1, "match": {"operation": "list"}}
    assert client.post("/__mock/faults", json=wish).status_code == 201
    assert [client.get("/v2/trees").status_code for _ in range(2)] == [503, 200]


def test_where_nobody_is_asked_who_calls_a_world_may_be_named(client: FlaskClient) -> None:
    def names(**headers: str) -> list[str]:
        return [tree["name"] for tree in client.get("/v2/trees", headers=headers).json["data"]]

    key = {"Authorization": "Bearer api_test_other"}
    for of_another in (key, {"Mock-Tenant": "api_test_other"}):
        assert client.post("/v2/trees", json={"name": "Ash"}, headers=of_another).status_code == 201
        assert "Ash" in names(**of_another)
        assert names() == ["Oak"]
    assert len(names(**key)) == 3
    both = {"Authorization": "Bearer nonsense", "Mock-Tenant": "api_test_other"}
    assert len(names(**both)) == 3
    assert client.get("/v2/trees", headers={"Mock-Tenant": "nonsense"}).status_code == 400
