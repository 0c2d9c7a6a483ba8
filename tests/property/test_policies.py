"""Whatever policies let through, of whatever type: the stub never fails, then or later."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.http.app import create_app
from mock_server.pipeline.policies import FIXED_KINDS
from mock_server.spec import Document, default_document_path, load_document
from mock_server.spec.model import Operation, Policy
from mock_server.spec.schemas import properties_of

LOCKERS = Path(__file__).parents[1] / "documents" / "lockers.yaml"
DOCUMENTS = {"openapi": load_document(default_document_path()), "lockers": load_document(LOCKERS)}
KEY = "api_test_courier"
HEADERS = {"Authorization": f"Bearer {KEY}"}
BASIC = (KEY, "")
VALUES: list[Any] = [
    None,
    True,
    0,
    -5,
    2.5,
    1e308,
    2**63,
    "",
    "w",
    "2030-01-01T00:00:00Z",
    "+16505550100",
    [],
    ["w"],
    [None, 1, {"a": 1}],
    [["w"]],
    {},
    {"a": 1},
    {"a": {"b": []}},
]


def movable(document: Document) -> list[str]:
    """The rules that may have a policy."""
    return [
        rule_id
        for rule_id, rule in document.rules.items()
        if not all(place.kind in FIXED_KINDS for place in rule.places)
    ]


@cache
def app_of(name: str, off: str, policy: Policy) -> Any:
    """A stub in which one rule is let through, or all are."""
    document = DOCUMENTS[name]
    rules = movable(document) if off == "all" else [off]
    return create_app(
        document,
        policies=dict.fromkeys(rules, policy),
        time_source=lambda: 0,
        random_seed=1,
        deliver=False,
    )


def writing(document: Document, does: str) -> Iterator[Operation]:
    for operation in document.operations.values():
        if operation.does == does and operation.body_schema is not None:
            yield operation


def ask(client: Any, method: str, path: str, **more: Any) -> Any:
    auth: dict[str, Any] = {"auth": BASIC} if path.startswith("/api") else {"headers": HEADERS}
    answer = client.open(path, method=method, **auth, **more)
    assert answer.status_code < 500, (method, path, more, answer.get_data(as_text=True))
    return answer


def go_on(client: Any, document: Document, resource: str) -> None:
    """Time passes, and all that was made is looked at in every order and by every condition."""
    time = client.post("/__mock/clock", json={"advance": 90_000}, headers=HEADERS)
    assert time.status_code == 200
    for operation in document.operations.values():
        path = document.base_path + operation.path_template
        if operation.does != "list" or operation.resource != resource:
            continue
        ask(client, "GET", path)
        for parameter in operation.parameters:
            for text in ("1", "w", "2020-01-01", "-date_created"):
                ask(client, "GET", path, query_string={parameter.name: text})


def base_of(operation: Operation) -> dict[str, Any]:
    """A body that is as good as the schema's own example, where it has one."""
    example = (operation.body_schema or {}).get("example")
    return dict(example) if isinstance(example, dict) else {}


def records_of(client: Any, document: Document, operation: Operation) -> list[str]:
    tenant = app_tenant(client)
    collection = document.resources[operation.resource].collection
    return [record.record_id for record in tenant.store.iter_records(collection)]


def app_tenant(client: Any) -> Any:
    tenant = client.application.lane.tenants.find(KEY)
    assert tenant is not None
    return tenant


def path_of(document: Document, operation: Operation, record_id: str) -> str:
    parts = operation.path_template.split("{")
    rest = "".join(part.partition("}")[2] for part in parts[1:])
    return f"{document.base_path}{parts[0]}{record_id}{rest}"


@pytest.mark.parametrize("policy", ["off", "warn"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_value_of_any_type_makes_a_server_without_rules_fail(name: str, policy: Policy) -> None:
    document, client = DOCUMENTS[name], app_of(name, "all", policy).test_client()
    for operation in writing(document, "create"):
        path = document.base_path + operation.path_template
        for field in properties_of(operation.body_schema):
            for value in VALUES:
                ask(client, "POST", path, json={**base_of(operation), field: value})
        go_on(client, document, operation.resource)
    for operation in writing(document, "update"):
        known = records_of(client, document, operation)
        for number, field in enumerate(properties_of(operation.body_schema)):
            for value in VALUES:
                target = path_of(document, operation, known[number % len(known)])
                ask(client, operation.method, target, json={field: value})
        go_on(client, document, operation.resource)


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_policy_of_one_rule_makes_a_server_fail(name: str, data: st.DataObject) -> None:
    document = DOCUMENTS[name]
    off = data.draw(st.sampled_from([*movable(document), "all"]), label="rule")
    policy: Policy = data.draw(st.sampled_from(["off", "warn"]), label="policy")
    client = app_of(name, off, policy).test_client()
    creates, updates = ([*writing(document, does)] for does in ("create", "update"))
    made = data.draw(st.sampled_from(creates), label="create")
    path = document.base_path + made.path_template
    for operation in (made, *(one for one in updates if one.resource == made.resource)):
        fields = st.sampled_from(sorted(properties_of(operation.body_schema)))
        body = data.draw(st.dictionaries(fields, st.sampled_from(VALUES), max_size=4))
        if operation is made:
            ask(client, "POST", path, json={**base_of(made), **body})
            known = records_of(client, document, made)
        elif known:
            ask(client, operation.method, path_of(document, operation, known[-1]), json=body)
    go_on(client, document, made.resource)
