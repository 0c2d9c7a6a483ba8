"""Overlays: what they change, and what is said of their faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_server.errors import DocumentError
from mock_server.spec import load_document
from mock_server.spec.overlay import load_layers
from mock_server.testing import MockServer

BASE = """openapi: 3.1.0
info: {title: Things, version: "1"}
tags: [&tag {name: a}, *tag]
paths:
  /things/:
    get: {operationId: list, responses: {"200": {description: x, content: {application/json: {schema: {properties: {data: {items: {$ref: "#/components/schemas/Thing"}}}}}}}}}
    post:
      operationId: create
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses: {"201": {description: x, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
  /things/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: read, responses: {"200": {description: x, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}}
components:
  schemas:
    Thing:
      type: object
      properties:
        id: {type: string}
        name: {type: string}
"""
HEAD = 'overlay: 1.0.0\ninfo: {title: House rules, version: "1"}\nactions:\n'
RULES = (
    HEAD
    + """- target: $
  update:
    x-rules:
      thing.name: {says: A thing has no long name., source: House, certainty: documented}
- target: $.components.schemas.Thing
  update: {x-resource: {collection: things}}
- target: $.paths['/things/'].post.requestBody.content['application/json'].schema
  update: {x-rule: thing.name, properties: {name: {maxLength: 5}}}
"""
)


def write(folder: Path, **texts: str) -> Path:
    """Files named so, beside the document; its path."""
    for name, text in {"api": BASE, **texts}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "api.yaml"


def laid(folder: Path, actions: str) -> Any:
    """The values of the document with these actions done."""
    return load_layers(write(folder, over=HEAD + actions), [folder / "over.yaml"]).value


def refused(folder: Path, text: str) -> list[str]:
    path = write(folder, over=text)
    with pytest.raises(DocumentError) as raised:
        load_document(path, [folder / "over.yaml"])
    return [str(fault).replace(f"{folder}/", "") for fault in raised.value.faults]


def test_rules_are_laid_over_a_document_of_somebody_else(tmp_path: Path) -> None:
    path = write(tmp_path, over=RULES)
    with MockServer(path, overlay=[tmp_path / "over.yaml"]) as server:
        assert server.client.post("/things/", json={"name": "short"}).status_code == 201
        answer = server.client.post("/things/", json={"name": "longer"})
        assert (answer.status_code, answer.headers["Mock-Broken-Rules"]) == (400, "thing.name")
    assert path.read_text(encoding="utf-8") == BASE


def test_an_overlay_that_extends_a_document_is_one(tmp_path: Path) -> None:
    extended = RULES.replace("actions:", "extends: ../api.yaml\nactions:")
    write(tmp_path)
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "over.yaml").write_text(extended, encoding="utf-8")
    (folder / "more.yaml").write_text(
        HEAD.replace("actions:", "extends: over.yaml\nactions:")
        + "- {target: $.info, update: {version: '2'}}\n",
        encoding="utf-8",
    )
    document = load_document(folder / "more.yaml")
    assert (document.version, list(document.rules)) == ("2", ["thing.name"])
    assert [file.name for file in document.files] == ["api.yaml", "over.yaml", "more.yaml"]


def test_a_seed_stands_beside_the_overlay_that_names_it(tmp_path: Path) -> None:
    path = write(tmp_path)
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "seed.yaml").write_text("things: []", encoding="utf-8")
    over = folder / "over.yaml"
    over.write_text(f"{RULES}- {{target: $, update: {{x-seed: [seed.yaml]}}}}\n", encoding="utf-8")
    assert load_document(path, [over]).seeds == (folder / "seed.yaml",)


@pytest.mark.parametrize(
    ("action", "place", "value"),
    [
        ("{target: $.info, update: {title: T}}", ["info"], {"title": "T", "version": "1"}),
        ("{target: $.tags, update: {name: b}}", ["tags"], [{"name": n} for n in "aab"]),
        ("{target: $.tags, update: [{name: b}]}", ["tags"], [{"name": n} for n in "aab"]),
        ("{target: $, update: {tags: [{name: b}]}}", ["tags"], [{"name": n} for n in "aab"]),
        ("{target: '$.tags[0]', update: {x-b: 1}}", ["tags", 1], {"name": "a"}),
        ("{target: '$.tags.*', update: {x-b: []}}", ["tags", 1], {"name": "a", "x-b": []}),
        ("{target: \"$.tags[?@.name == 'a']\", remove: true}", ["tags"], []),
        ("{target: '$..nothing', remove: true}", ["openapi"], "3.1.0"),
        ("{target: $.info.title, update: T}", ["info", "title"], "T"),
        ("{target: $.paths.*.get, remove: true}", ["paths", "/things/", "get"], None),
    ],
)
def test_an_action_changes_what_its_target_selects(
    action: str, place: list[Any], value: Any, tmp_path: Path
) -> None:
    found = laid(tmp_path, f"- {action}\n")
    for token in place[:-1]:
        found = found[token]
    assert (found.get(place[-1]) if isinstance(found, dict) else found[place[-1]]) == value


def test_one_action_sees_what_the_one_before_has_done(tmp_path: Path) -> None:
    found = laid(
        tmp_path,
        "- {target: $.tags, remove: true}\n- {target: $, update: {tags: [{name: c}]}}\n"
        "- {target: '$.tags[?@.name == \"c\"]', update: {description: new}}\n",
    )
    assert found["tags"] == [{"name": "c", "description": "new"}]


def test_version_1_1_copies(tmp_path: Path) -> None:
    over = HEAD.replace("1.0.0", "1.1.0")
    over += "- {target: '$.tags[1]', copy: $.info}\n"
    path = write(tmp_path, over=over)
    found = load_layers(path, [tmp_path / "over.yaml"]).value
    assert found["tags"] == [{"name": "a"}, {"name": "a", "title": "Things", "version": "1"}]


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("{target: $.inf, update: {}}", '#/actions/0/target: found "$.inf", which is not there'),
        ("{target: $.inf, update: {}}", 'did you mean "info"?'),
        ("{target: '$.tags[7]', remove: true}", "which is not there"),
        ("{target: $.x-rules, update: {}}", "stand in brackets: ['x-rules']"),
        ("{target: paths, update: {}}", "expected a JSONPath query (RFC 9535)"),
        ("{target: $.info}", "found an action that does nothing; expected one of update, copy"),
        ("{target: $.info, update: {}, remove: true}", "found more than one"),
        ("{target: $.info, updat: {}}", 'the unknown key "updat"'),
        ("{update: {}}", 'expected the key "target"'),
        ("{target: $, remove: true}", "found the whole document"),
        ("{target: $.info, update: {title: [x]}}", "#/actions/0/update/title: found a list for"),
        ("{target: $, update: {info: 5}}", "#/actions/0/update/info: found a plain value for"),
        ("{target: $.info, copy: $.tags.*}", "which selects 2 values; expected a query"),
        ("{target: $.info, copy: $.nothing}", "#/actions/0/copy: "),
    ],
)
def test_an_action_that_cannot_be_done_is_told_where_it_stands(
    action: str, says: str, tmp_path: Path
) -> None:
    faults = refused(tmp_path, f"{HEAD}- {action}\n")
    assert any(says in fault for fault in faults)
    assert {fault.partition(": #")[0] for fault in faults} == {"over.yaml:4"}


def test_what_an_overlay_brings_is_judged_as_if_the_document_said_it(tmp_path: Path) -> None:
    slips = RULES.replace("certainty", "certanty").replace("x-rule:", "x-lifecyle: 3, x-rule:")
    slips = slips.replace("x-rule: thing.name", "x-rule: thing.nam")
    said = "\n".join(refused(tmp_path, slips))
    assert "over.yaml:7: #/actions/0/update/x-rules/thing.name/certanty: found the unknown" in said
    assert "over.yaml:11: #/actions/2/update/x-lifecyle: found the unknown word" in said
    assert (
        'over.yaml:11: #/actions/2/update/x-rule: found the rule "thing.nam" without an entry'
        in said
    )


def test_faults_of_the_document_keep_their_places_beside_those_of_overlays(tmp_path: Path) -> None:
    over = RULES.replace("certainty", "certanty") + "- {target: '$.tags[0]', remove: true}\n"
    write(tmp_path, over=over)
    (tmp_path / "api.yaml").write_text(BASE.replace("schemas/Thing", "schemas/Thin", 1))
    with pytest.raises(DocumentError) as raised:
        load_document(tmp_path / "api.yaml", [tmp_path / "over.yaml"])
    places = [(Path(fault.file).name, fault.line) for fault in raised.value.faults]
    assert places == [("api.yaml", 6), ("over.yaml", 7), ("over.yaml", 7)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BASE, "over.yaml:1: #: found what is no overlay; expected an OpenAPI overlay"),
        ("[]", "found what is no overlay"),
        ("overlay: [", "expected valid YAML or JSON"),
        (HEAD.replace("1.0.0", "2.0.0") + "- {target: $, update: {}}", "expected 1.0.0 or 1.1.0"),
        ("overlay: 1.0\n", "#/overlay: found 1.0; expected a value of type string"),
        (HEAD.replace("actions:", "actions: []"), "#/actions: found []"),
        (HEAD + "- &a {target: $, update: {}}\n- *a\nactions: []", 'the key "actions" a second'),
    ],
)
def test_what_is_no_overlay_is_told_so(text: str, says: str, tmp_path: Path) -> None:
    assert any(says in fault for fault in refused(tmp_path, text))


@pytest.mark.parametrize(
    ("extends", "says"),
    [
        ("", "found an overlay with nothing under extends"),
        ("extends: nothing.yaml", '#/extends: found "nothing.yaml", which is no file'),
        ("extends: over.yaml", "which comes back to itself"),
        ("extends: https://example.com/api.yaml", "nothing is fetched from the network"),
        ("extends: [api.yaml]", '#/extends: found ["api.yaml"]; expected the path'),
    ],
)
def test_an_overlay_by_itself_says_what_it_extends(extends: str, says: str, tmp_path: Path) -> None:
    text = f"overlay: 1.0.0\ninfo: {{title: x, version: y}}\n{extends}\nactions: []\n"
    write(tmp_path, over=text)
    with pytest.raises(DocumentError) as raised:
        load_document(tmp_path / "over.yaml")
    assert says in str(raised.value)


def test_the_document_of_a_file_url_is_found(tmp_path: Path) -> None:
    base = write(tmp_path)
    over = yaml.safe_load(RULES) | {"extends": base.as_uri()}
    (tmp_path / "over.yaml").write_text(yaml.safe_dump(over), encoding="utf-8")
    assert list(load_document(tmp_path / "over.yaml").rules) == ["thing.name"]
