"""What a seed file may not hold, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock_server.errors import SeedError
from mock_server.http.app import create_app
from mock_server.spec import Document, default_document_path, load_document
from mock_server.spec.model import Policy
from mock_server.state.seed import load_seed

SMS = "sms_activities: [{id: acti_1, %s}]"


@pytest.fixture(scope="module")
def document() -> Document:
    return load_document(default_document_path())


def faults(document: Document, path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    try:
        load_seed(path, document)
    except SeedError as error:
        return [
            f"{one.pointer}: {one.found}; {one.expected}" + (f"; {one.hint}" if one.hint else "")
            for one in error.faults
        ]
    return []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "#: nothing; a mapping of collections to lists of records; {} is an account"),
        ("[]", "#: []; a mapping of collections to lists of records"),
        ("lead: []", 'did you mean "leads"?'),
        ("leads: {}", "#/leads: {}; a list of records"),
        ("leads: [x]", '#/leads/0: "x"; a Lead as a mapping'),
        ("leads: [{nam: x}]", 'did you mean "name"?'),
        ("leads: [{name: 5}]", "#/leads/0/name: 5; text"),
        (SMS % "status: drafts", 'did you mean "draft"?'),
        (SMS % "status: draft, direction: inbond", 'did you mean "inbound"?'),
        (SMS % "status: draft, date_created: soon", "a date and time such as"),
        (SMS % "status: draft, lead_id: lead_x", '"lead_x", which names nothing'),
        (SMS % 'status: draft, remote_phone: "020 7946 0456"', "text that matches ^"),
        (SMS % "status: draft, remote_phone: 5", "remote_phone: 5; text"),
        ("webhooks: [{url: 'ftp://there.example'}]", "#/webhooks/0/url: "),
        (SMS % "status: outbox", "nothing under local_phone; a value for local_phone, which"),
        (SMS % "status: scheduled", "nothing under date_scheduled"),
        (SMS % "status: scheduled, date_scheduled: null", "nothing under date_scheduled"),
        ("leads: [{id: lead_1}, {id: lead_1}]", 'the id "lead_1" again'),
        (
            SMS % 'status: draft, local_phone: "+1650"',
            '"+1650", which names nothing; the number of',
        ),
        (SMS % "status: draft, organization_id: orga_9", '"orga_9", which names nothing'),
        ("leads: [{organization_id: orga_9}]", '#/leads/0/organization_id: "orga_9", which'),
        (
            "users: [{id: user_1, api_key: k}, {id: user_2, api_key: k}]",
            "#/users/1/api_key: the api_key of #/users/0/api_key again; the api_key of nobody else",
        ),
    ],
)
def test_a_fault_of_a_seed_is_said_once(
    document: Document, tmp_path: Path, text: str, said: str
) -> None:
    found = faults(document, tmp_path / "seed.yaml", text)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "leads: []",
        SMS % "status: sent",
        "leads: [{organization_id: orga_9}]\norganizations: [{id: orga_9, name: x}]",
        SMS % 'status: draft, local_phone: "+1650"' + "\nphone_numbers: [{number: '+1650'}]",
        "users: [{id: user_1, api_key: k}, {id: user_2, api_key: l}, {id: user_3}, {id: user_4}]",
        SMS
        % 'status: scheduled, date_scheduled: "2040-01-01T00:00:00Z", local_phone: "+16505550100"'
        + "\nphone_numbers: [{number: '+16505550100'}]",
    ],
)
def test_what_fits_is_taken(document: Document, tmp_path: Path, text: str) -> None:
    assert faults(document, tmp_path / "seed.yaml", text) == []


NUMBERS = "\nphone_numbers: [{number: '+1650', type: external}, {number: '+1651', type: internal}]"


@pytest.mark.parametrize("policy", ["enforce", "warn", "off"])
def test_a_reference_names_what_serves_where_that_is_enforced(
    document: Document, tmp_path: Path, policy: Policy
) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(SMS % "status: sent, local_phone: '+1650'" + NUMBERS)
    policies: dict[str, Policy] = {"sms.local-phone.internal": policy}
    if policy != "enforce":
        create_app(document, seeds=[path], policies=policies)
        return
    with pytest.raises(SeedError) as refused:
        create_app(document, seeds=[path], policies=policies)
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.line) == ("#/sms_activities/0/local_phone", 1)
    assert fault.found == '"+1650", which has the type "external"'
    assert fault.expected.endswith('sms.local-phone.internal takes, such as "+1651"')


def test_the_form_of_a_value_is_held_to_where_that_is_enforced(
    document: Document, tmp_path: Path
) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(SMS % "status: draft, remote_phone: 020 7946 0456")
    with pytest.raises(SeedError):
        create_app(document, seeds=[path])
    create_app(document, seeds=[path], policies={"sms.phones.e164": "off"})


@pytest.mark.parametrize(
    "text",
    [
        SMS % "status: sent, local_phone: '+1651'" + NUMBERS,
        # A template may have been put away since, and a contact may have moved.
        SMS % "status: draft, template_id: t" + "\nsms_templates: [{id: t, status: archived}]",
        SMS % "status: sent, lead_id: lead_1, contact_id: cont_1"
        + "\nleads: [{id: lead_1}, {id: lead_2}]\ncontacts: [{id: cont_1, lead_id: lead_2}]",
    ],
)
def test_a_reference_may_name_what_requests_have_changed_since(
    document: Document, tmp_path: Path, text: str
) -> None:
    assert faults(document, tmp_path / "seed.yaml", text) == []


def write(path: Path, key: str) -> Path:
    path.write_text(f"users:\n  - id: user_1\n    api_key: {key}\n")
    return path


def test_the_same_file_is_no_second_account(document: Document, tmp_path: Path) -> None:
    seed = write(tmp_path / "one.yaml", "api_test_one")
    with pytest.raises(SeedError, match="found the same file a second time"):
        create_app(document, seeds=[seed, tmp_path / "." / "one.yaml"])


def test_a_key_opens_one_account(document: Document, tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, "api_test_one") for name in ("one.yaml", "two.yaml"))
    with pytest.raises(SeedError) as refused:
        create_app(document, seeds=[one, two])
    said = str(refused.value)
    assert f"{two}:3: #/users/0/api_key: found the api_key of an account in {one} again" in said
    assert "api_test_one" not in said
    other = write(tmp_path / "three.yaml", "api_test_other")
    app = create_app(document, seeds=[one, other])
    for key in ("api_test_one", "api_test_other"):
        assert app.test_client().get("/api/v1/me/", auth=(key, "")).status_code == 200


@pytest.mark.parametrize(
    ("text", "line"),
    [('{"leads": [{"name": "x"},\n]}', 2), ('{"leads": [],\n}', 2), ("leads: []", 1)],
)
def test_a_file_that_is_named_json_holds_json(
    document: Document, tmp_path: Path, text: str, line: int
) -> None:
    path = tmp_path / "seed.json"
    path.write_text(text)
    with pytest.raises(SeedError, match="what is no JSON") as refused:
        load_seed(path, document)
    assert refused.value.faults[0].line == line


def test_faults_in_json_have_their_lines(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text('{"leads":\n\t[{"name": "x"},\n\t{"nam": "y"}]}')
    with pytest.raises(SeedError) as refused:
        load_seed(path, document)
    assert [fault.line for fault in refused.value.faults] == [3]


def test_who_calls_is_there_where_a_seed_does_not_say(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("leads: [{name: Placeholder Ltd}]")
    client = create_app(document, seeds=[path]).test_client()
    auth = ("api_test_key", "")
    me = client.get("/api/v1/me/", auth=auth).get_json()
    assert me["first_name"] == "Ada"
    sms = client.post("/api/v1/activity/sms/", json={"status": "draft"}, auth=auth).get_json()
    assert sms["organization_id"] == me["organizations"][0]["id"]
    assert client.get("/api/v1/lead/", auth=auth).get_json()["total_results"] == 1


def test_users_of_whom_none_can_call_are_refused(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("leads: []\nusers:\n  - {first_name: Ada}\n")
    with pytest.raises(SeedError) as refused:
        create_app(document, seeds=[path])
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.line) == ("#/users", 2)
    assert (fault.found, fault.expected) == (
        "1 of users, none with api_key",
        "one with api_key: a key says who calls",
    )
