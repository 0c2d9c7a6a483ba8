"""A rule that is let through takes nothing else with it: defaults stay, and nothing fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mock_server.errors import SettingsError
from mock_server.http.app import create_app
from mock_server.pipeline.policies import decide_policies, iter_idle
from mock_server.settings import read_settings
from mock_server.spec import Document
from mock_server.spec.model import Policy

SMS = "/api/v1/activity/sms/"
NUMBER = "+16505550100"
TEMPLATE = {"text": "Hello", "template_id": "smstmpl_1"}
DEFAULTED = ("direction", "source")

# Requests that break one rule, by that rule.
BROKEN: dict[str, dict[str, Any]] = {
    "sms.template.instead": {"status": "draft", "text": "Hello", "template_id": None},
    "sms.send-in.limit": {"status": "draft", "text": "Hello", "send_in": 60},
    "sms.send-in.whole": {"status": "draft", "text": "Hello", "send_in": 1.5},
    "sms.phones.e164": {"status": "draft", "text": "Hello", "remote_phone": "555"},
    "sms.local-phone.required": {"status": "outbox", "text": "Hello"},
    "sms.scheduled.needs-date": {"status": "scheduled", "text": "Hello", "local_phone": NUMBER},
    "sms.fields.types": {"status": "draft", "text": 5},
    "sms.status.required": {"text": "Hello"},
    "sms.status.values": {"status": "gone", "text": "Hello"},
    "mms.types": {
        "status": "draft",
        "text": "Hello",
        "attachments": [
            {"url": "https://a.example/a", "filename": "a", "content_type": "text/x-odd"}
        ],
    },
}


def post(
    document: Document, policies: dict[str, Policy], body: dict[str, Any], query: str = ""
) -> Any:
    client = create_app(document, policies=policies).test_client()
    auth = ("api_test_key", "")
    if "template_id" in body:
        listed = client.get("/api/v1/sms_template/", auth=auth).get_json()["data"]
        active = next(row["id"] for row in listed if row["status"] == "active")
        body = {**body, "template_id": active}
    return client.post(f"{SMS}{query}", auth=auth, json=body)


@pytest.mark.parametrize("policy", ["off", "warn"])
@pytest.mark.parametrize("rule_id", BROKEN)
def test_defaults_apply_to_what_a_policy_lets_through(
    document: Document, rule_id: str, policy: Policy
) -> None:
    answer = post(document, {rule_id: policy}, BROKEN[rule_id])
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert [answer.get_json()[name] for name in DEFAULTED] == ["outbound", "Close.io"]


@pytest.mark.parametrize("rule_id", BROKEN)
def test_the_same_requests_are_refused_where_the_rule_is_enforced(
    document: Document, rule_id: str
) -> None:
    answer = post(document, {}, BROKEN[rule_id])
    assert answer.status_code == 400
    assert rule_id in answer.headers["Mock-Broken-Rules"]


@pytest.mark.parametrize(
    ("chosen", "idle"),
    [
        ({"sms.undo-window": "off"}, "sms.undo-window off: the same is asked by sms.outbox.sends"),
        ({"sms.undo-window": "off", "sms.outbox.sends": "off"}, None),
        ({"sms.draft.send": "off"}, "sms.draft.send off: it says what is possible"),
        ({"sms.notification": "warn"}, None),  # of its parameter
        ({"sms.template.renders": "warn"}, "sms.template.renders warn: it says what the server"),
        (
            {"sms.template.renders": "off", "auth.required": "warn", "sms.template.exists": "off"},
            None,
        ),
    ],
)
def test_a_policy_that_changes_nothing_says_why(
    document: Document, chosen: dict[str, Policy], idle: str | None
) -> None:
    told = list(iter_idle(document, decide_policies(document, chosen)))
    assert [line[: len(idle)] for line in told] == [idle] if idle else told == []


def test_a_policy_that_cannot_be_is_told_with_the_place_where_it_was_chosen(
    document: Document, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.mock_server]\nrules = {"a.b" = "off"}\n')
    environment = {"MOCK_SERVER_RULES": "c.d=warn"}
    chosen = {"rules": ["e.f=off", "sms.response.shape=off"]}
    settings = read_settings(tmp_path, environment, chosen)
    with pytest.raises(SettingsError) as raised:
        decide_policies(document, settings.rules)
    places = (f"{tmp_path}/pyproject.toml [tool.mock_server]", "the environment")
    expected = [
        f'{places[0]}: rules: the policy "a.b=off"',
        f'{places[1]}: rules: the policy "c.d=warn"',
        'the command line: rules: the policy "e.f=off"',
        'the command line: rules: the policy "sms.response.shape=off"',
    ]
    assert all(map(str.startswith, raised.value.faults, expected))
    assert len(raised.value.faults) == len(expected)


def test_who_calls_without_a_key_may_be_let_through_and_is_told(document: Document) -> None:
    client = create_app(document, policies={"auth.required": "warn"}).test_client()
    for path in ("/api/v1/me/", SMS):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Mock-Warned-Rules"]) == (200, "auth.required")
    answer = client.post(SMS, json={"status": "drat"}, headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 400
    assert answer.headers["Mock-Broken-Rules"] == "sms.status.values"
    assert "Mock-Warned-Rules" not in client.get(SMS, auth=("api_test_key", "")).headers


def test_a_parameter_that_is_let_through_leaves_the_defaults(document: Document) -> None:
    body = {"status": "inbox", "text": "Hello"}
    answer = post(document, {"sms.notification": "warn"}, body, "?send_to_inbox=nope")
    assert [answer.get_json()[name] for name in DEFAULTED] == ["inbound", "External"]


def test_only_its_own_rule_takes_a_default_away(document: Document) -> None:
    body = {"status": "draft", "text": "Hello"}
    answer = post(document, {"sms.direction.default": "off"}, body)
    assert [answer.get_json()[name] for name in DEFAULTED] == [None, "Close.io"]


@pytest.mark.parametrize("status", [["w"], {"a": 1}, 5])
def test_a_status_of_no_type_is_let_through_where_its_values_are_off(
    document: Document, status: Any
) -> None:
    client = create_app(document, policies={"sms.status.values": "off"}).test_client()
    auth = ("api_test_key", "")
    for path, method in ((SMS, "POST"), (None, "PUT")):
        target = path or f"{SMS}{client.get(SMS, auth=auth).get_json()['data'][0]['id']}/"
        answer = client.open(target, method=method, auth=auth, json={"status": status})
        assert answer.status_code in (200, 400), answer.get_data(as_text=True)


@pytest.mark.parametrize("moment", [5, [1], {"a": 1}, True])
def test_a_moment_of_no_type_counts_as_none_in_the_order_of_a_list(
    document: Document, moment: Any
) -> None:
    client = create_app(document, policies={"sms.fields.types": "off"}).test_client()
    auth = ("api_test_key", "")
    body = {"status": "draft", "text": "Odd", "date_created": moment}
    assert client.post(SMS, auth=auth, json=body).status_code == 200
    assert client.get(SMS, auth=auth).get_json()["data"][-1]["text"] == "Odd"
    enforced = create_app(document).test_client().post(SMS, auth=auth, json=body)
    assert "sms.fields.types" in enforced.headers["Mock-Broken-Rules"]


def test_who_is_let_through_without_a_key_meets_faults_and_names_a_world(
    document: Document,
) -> None:
    client = create_app(document, policies={"auth.required": "off"}).test_client()
    client.post("/__mock/faults", json={"does": "status", "status": 503, "times": 1})
    assert [client.get(SMS).status_code for _ in range(2)] == [503, 200]
    named = {"Mock-Tenant": "api_test_another"}
    made = client.post(SMS, json={"status": "draft", "text": "Mine"}, headers=named).get_json()
    assert client.get(f"{SMS}{made['id']}/", headers=named).status_code == 200
    assert client.get(f"{SMS}{made['id']}/").status_code == 404
