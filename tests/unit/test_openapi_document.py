"""The document says what the page says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator

from mock_server.examples import Outcome, run_examples
from mock_server.http.app import MockServer
from mock_server.spec import Document, default_document_path
from mock_server.spec.schemas import keyword_of, properties_of, types_of

DOCUMENTED = [
    "auth.required",
    "errors.bad-request",
    "errors.not-found",
    "sms.status.required",
    "sms.status.values",
    "sms.scheduled.needs-date",
    "sms.send-in.limit",
    "sms.local-phone.required",
    "sms.local-phone.internal",
    "sms.phones.e164",
    "sms.template.renders",
    "sms.direction.default",
    "sms.notification",
    "sms.fields.types",
    "sms.drafts-only",
    "sms.draft.schedule",
    "sms.draft.send",
    "sms.cancel.scheduled",
    "sms.cancel.outbox",
    "sms.transitions.closed",
    "sms.outbox.sends",
    "sms.undo-window",
    "sms.scheduled.sends",
    "sms.logged.not-sent",
    "sms.response.shape",
    "sms.response.echo",
]
INFERRED = [
    "sms.send-in.whole",
    "sms.local-phone.always",
    "sms.template.exists",
    "sms.template.instead",
    "sms.direction.values",
    "sms.source.values",
    "sms.source.default",
    "sms.references.exist",
    "sms.phones.formatted",
    "sms.phones.country",
    "sms.people",
    "sms.dates",
    "sms.list.filters",
    "sms.list.pages",
    "sms.delete",
]
REQUEST_FIELDS = {
    "status": {"string"},
    "activity_at": {"string", "null"},
    "attachments": {"array", "null"},
    "contact_id": {"string", "null"},
    "created_by_id": {"string", "null"},
    "date_created": {"string", "null"},
    "direction": {"string", "null"},
    "lead_id": {"string", "null"},
    "local_phone": {"string", "null"},
    "organization_id": {"string", "null"},
    "remote_phone": {"string", "null"},
    "source": {"string", "null"},
    "template_id": {"string", "null"},
    "text": {"string", "null"},
    "user_id": {"string", "null"},
    "date_scheduled": {"string", "null"},
    "send_in": {"number", "null"},
}
NEVER_NULL = {
    "_type": "string",
    "date_created": "string",
    "date_updated": "string",
    "direction": "string",
    "id": "string",
    "organization_id": "string",
    "source": "string",
    "status": "string",
    "users": "array",
}
NULLABLE = [
    "activity_at",
    "contact_id",
    "cost",
    "created_by",
    "date_scheduled",
    "date_sent",
    "error_message",
    "lead_id",
    "local_country_iso",
    "local_phone",
    "local_phone_formatted",
    "remote_country_iso",
    "remote_phone",
    "remote_phone_formatted",
    "template_id",
    "text",
    "updated_by",
    "user_id",
    "agent_action_reason",
    "agent_config_id",
    "created_by_name",
    "sequence_id",
    "sequence_name",
    "sequence_subscription_id",
    "updated_by_name",
    "user_name",
]


def test_it_is_openapi(document: Document) -> None:
    assert not list(OpenAPIV31SpecValidator(dict(document.raw)).iter_errors())


def test_it_loads_in_schemathesis(document: Document) -> None:
    schema = schemathesis.openapi.from_path(default_document_path())
    assert schema.statistic.operations.total == len(document.operations)


@pytest.mark.parametrize("operation_id", ["createSMS", "updateSMS"])
def test_request_fields_have_the_types_of_the_page(document: Document, operation_id: str) -> None:
    properties = properties_of(document.operations[operation_id].body_schema)
    if operation_id == "createSMS":
        assert properties.keys() == REQUEST_FIELDS.keys()
    for name, schema in properties.items():
        assert types_of(schema) == REQUEST_FIELDS[name], name


def test_the_35_response_fields_have_the_types_of_the_page(document: Document) -> None:
    schema = document.resources["SMSActivity"].schema
    properties = properties_of(schema)
    assert len(schema["required"]) == 35
    assert set(schema["required"]) == NEVER_NULL.keys() | set(NULLABLE)
    for name in schema["required"]:
        expected = {NEVER_NULL[name]} if name in NEVER_NULL else {"string", "null"}
        assert types_of(properties[name]) == expected, name


def test_attachments_have_41_content_types(document: Document) -> None:
    attachments = properties_of(document.operations["createSMS"].body_schema)["attachments"]
    kinds = attachments["items"]["properties"]["content_type"]["enum"]
    assert len(kinds) == len(set(kinds)) == 41


@pytest.mark.parametrize(
    ("certainty", "ids"), [("documented", DOCUMENTED), ("inferred", INFERRED)], ids=str
)
def test_every_rule_has_its_certainty(document: Document, certainty: str, ids: list[str]) -> None:
    for rule_id in ids:
        assert document.rules[rule_id].certainty == certainty
        assert document.rules[rule_id].places


def test_inferred_rules_say_why(document: Document) -> None:
    silent = {
        rule.rule_id
        for rule in document.rules.values()
        if rule.certainty == "inferred" and not rule.note
    }
    assert silent <= {
        "sms.phones.formatted",
        "sms.phones.country",
        "sms.people",
        "sms.list.filters",
        "sms.list.pages",
        "sms.delete",
        "contact.lead",
    }


def test_rules_that_refuse_have_a_rejecting_example(document: Document) -> None:
    refusing = {"schema", "reference", "refusal", "closed", "editable", "requires", "security"}
    for rule in document.rules.values():
        if any(place.kind in refusing for place in rule.places):
            assert rule.rejects, rule.rule_id
        else:
            assert rule.accepts or rule.rejects or rule.rule_id == "sms.sending-fails", rule.rule_id


def test_operations_read_well(document: Document) -> None:
    for operation in document.operations.values():
        raw: Any = document.raw["paths"][operation.path_template][operation.method.lower()]
        assert all((operation.summary, operation.tags, raw["description"]))
        wanted = {"400", "401"} | ({"404"} if "{" in operation.path_template else set())
        assert wanted <= operation.responses.keys(), operation.operation_id


def test_properties_of_the_sms_are_described(document: Document) -> None:
    for name in ("createSMS", "updateSMS"):
        for field, schema in properties_of(document.operations[name].body_schema).items():
            assert keyword_of(schema, "description"), field
    for field, schema in properties_of(document.resources["SMSActivity"].schema).items():
        assert keyword_of(schema, "description"), field


def outcomes(documents: list[Document]) -> list[Outcome]:
    return [outcome for document in documents for outcome in run_examples(document)]


def test_every_example_does_what_it_says(document: Document, lockers: Document) -> None:
    ran = outcomes([document, lockers])
    assert len(ran) > 100
    assert [outcome for outcome in ran if outcome.fault] == []


SMS_EXAMPLES = ("draft", "scheduled", "sent", "received", "failed")


@pytest.mark.parametrize("name", SMS_EXAMPLES)
def test_an_sms_of_each_kind_can_be_preferred_by_its_name(app: MockServer, name: str) -> None:
    client, auth, headers = app.test_client(), ("api_test_key", ""), {"Prefer": f"example={name}"}
    path = "/api/v1/activity/sms/"
    asked = [
        client.post(path, auth=auth, headers=headers, json={"status": "draft"}),
        client.get(f"{path}acti_any/", auth=auth, headers=headers),
        client.put(f"{path}acti_any/", auth=auth, headers=headers, json={}),
    ]
    shown = app.document.raw["components"]["examples"][f"SMS{name.title()}"]["value"]
    assert [answer.status_code for answer in asked] == [200, 200, 200]
    assert [answer.get_json() for answer in asked] == [shown] * 3
    served = client.get(f"{path}acti_0FirstOrder0000000000000000000000000000000000/", auth=auth)
    assert shown.keys() == served.get_json().keys()


def test_who_tries_a_document_out_asks_the_stub_first(document: Document) -> None:
    first, *others = document.raw["servers"]
    assert first["url"].startswith("http://127.0.0.1:")
    assert all(one["url"].endswith(document.base_path) for one in (first, *others))


@pytest.mark.parametrize("path", ["activity/sms/", "lead/", "task/", "phone_number/"])
def test_generated_answers_hold_ids_that_look_like_ids(app: MockServer, path: str) -> None:
    headers = {"Prefer": "dynamic=true"}
    answer = app.test_client().get(f"/api/v1/{path}", auth=("api_test_key", ""), headers=headers)
    row = answer.get_json()["data"][0]
    prefixes = {"id": row["id"].partition("_")[0]} | {"organization_id": "orga"}
    assert prefixes["id"] in ("acti", "lead", "task", "phon")
    for name, prefix in prefixes.items():
        assert re.fullmatch(rf"{prefix}_[0-9A-Za-z]{{43}}", row[name])
    if path == "activity/sms/":
        assert row["cost"] is None or re.fullmatch(r"[0-9]+\.[0-9]+", row["cost"])
        assert row["created_by"].startswith("user_")
        assert row["local_phone"] == "+16505550100"
