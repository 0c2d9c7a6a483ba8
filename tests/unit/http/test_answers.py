"""What the stub answers, from both sides of every kind of rule."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.errors import SettingsError
from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document

SMS = "/api/v1/activity/sms/"
NUMBER = "+16505550100"
STATUSES = "Not a valid choice. Choose one of: inbox, draft, scheduled, outbox, sent."


@pytest.fixture
def client(app: MockServer) -> FlaskClient:
    return app.test_client()


def ask(
    client: FlaskClient, method: str, path: str, key: str = "api_test_key", **more: Any
) -> TestResponse:
    return client.open(path, method=method, auth=(key, ""), **more)


def create(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = ask(client, "POST", SMS, json={"local_phone": NUMBER, "text": "Hello", **body})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json())


def advance(client: FlaskClient, seconds: float) -> None:
    assert ask(client, "POST", "/__mock/clock", json={"advance": seconds}).status_code == 200


def broken(answer: TestResponse) -> set[str]:
    return set(answer.headers.get("Mock-Broken-Rules", "").split(", ")) - {""}


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/api/v1/nothing/", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("PATCH", SMS, {}, 405),
        ("POST", SMS, {"data": "{", "content_type": "application/json"}, 400),
        ("POST", SMS, {"data": "{}", "content_type": "text/plain"}, 415),
        ("POST", SMS, {"data": "{}"}, 415),
        ("POST", SMS, {"json": {"text": "x" * 6_000_000}}, 413),
        ("POST", SMS, {"json": []}, 400),
        ("POST", SMS, {"json": None}, 400),
        ("POST", SMS, {}, 400),
        ("PUT", SMS + "acti_nothing/", {"json": {}}, 404),
        ("DELETE", SMS + "acti_nothing/", {}, 404),
        ("GET", SMS + "?_limit=many", {}, 400),
        ("GET", SMS + "?_limit=-1", {}, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_have_the_apis_shape(
    client: FlaskClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    answer = ask(client, method, path, **more)
    assert answer.status_code == status
    body = answer.get_json()
    assert body.keys() == ({"errors", "field-errors"} if status == 400 else {"error"})
    assert answer.headers["Mock-Explanation"].startswith("/__mock/requests/")


@pytest.mark.parametrize(
    ("field", "value", "words", "rules"),
    [
        (
            "send_in",
            "5",
            "Not a valid value. Expected a whole number or null.",
            {"sms.fields.types", "sms.send-in.whole"},
        ),
        ("status", 1, STATUSES, {"sms.status.values"}),
        ("status", None, STATUSES, {"sms.status.values"}),
        ("status", ["draft"], STATUSES, {"sms.status.values"}),
    ],
)
def test_a_value_of_a_wrong_type_is_told_once(
    client: FlaskClient, field: str, value: Any, words: str, rules: set[str]
) -> None:
    answer = ask(client, "POST", SMS, json={"status": "draft", "local_phone": NUMBER, field: value})
    assert answer.get_json()["field-errors"] == {field: words}
    assert broken(answer) == rules


@pytest.mark.parametrize("status", ["draft", "sent"])
@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("created_by_id", None, [5, [], {}, True]),
        ("date_created", "2020-01-01T00:00:00Z", [5, "soon", "2020-01-01"]),
        ("direction", "inbound", [5, ["inbound"]]),
        ("organization_id", "orga_0", [5, {}]),
        ("source", "External", [5, False]),
    ],
)
def test_a_change_ignores_what_only_a_creation_takes_but_holds_its_type(
    client: FlaskClient, status: str, field: str, good: Any, bad: list[Any]
) -> None:
    sms = create(client, status=status)
    place = f"{SMS}{sms['id']}/"
    ignored = ask(client, "PUT", place, json={field: good})
    assert (ignored.status_code, ignored.get_json()) == (200, sms)
    for value in bad:
        refused = ask(client, "PUT", place, json={field: value})
        assert (refused.status_code, broken(refused)) == (400, {"sms.fields.types"})
    assert ask(client, "PUT", place, json=sms).get_json() == sms
    assert ask(client, "GET", place).get_json() == sms


def test_a_draft_without_text_is_rendered_when_its_template_is_named_again(
    client: FlaskClient,
) -> None:
    template = {"template_id": "smstmpl_0Reminder0000000000000000000000000000000000"}
    rendered = create(client, status="draft", text=None, **template)
    place = f"{SMS}{rendered['id']}/"

    def change(**body: Any) -> Any:
        answer = ask(client, "PUT", place, json=body)
        assert answer.status_code == 200
        return answer.get_json()

    emptied = change(text=None)
    assert (rendered["text"] is not None, emptied["text"]) == (True, None)
    assert change(**emptied) == emptied  # what is written back as it is changes nothing
    assert change(**template)["text"] == rendered["text"]
    assert change(text="Own words")["text"] == "Own words"
    assert change(**template)["text"] == "Own words"
    change(text=None)
    waiting = change(status="scheduled", date_scheduled="2040-01-01T00:00:00Z")
    assert change(**template) == waiting


@pytest.mark.parametrize("date", ["tomorrow", "", "2030-01-01", "2030-13-01T09:00:00Z", 5])
def test_what_is_no_moment_is_no_date_of_a_scheduled_sms(client: FlaskClient, date: Any) -> None:
    change = {"status": "scheduled", "date_scheduled": date}
    rules = {"sms.fields.types", "sms.scheduled.needs-date"}
    made = ask(client, "POST", SMS, json={"local_phone": NUMBER, **change})
    sms = create(client, status="draft")
    changed = ask(client, "PUT", f"{SMS}{sms['id']}/", json=change)
    kept = ask(client, "POST", SMS, json={"status": "draft", "date_scheduled": date})
    assert (broken(made), broken(changed), broken(kept)) == (rules, rules, {"sms.fields.types"})
    assert len(made.get_json()["field-errors"]) == 1


def test_what_a_state_needs_and_the_record_lacks_is_required(client: FlaskClient) -> None:
    sms = create(client, status="draft", local_phone=None)
    answer = ask(client, "PUT", f"{SMS}{sms['id']}/", json={"status": "outbox"})
    assert answer.get_json()["field-errors"] == {"local_phone": "This field is required."}


def test_a_seeded_record_was_last_changed_when_it_was_created(client: FlaskClient) -> None:
    for lead in ask(client, "GET", "/api/v1/lead/").get_json()["data"]:
        assert lead["date_updated"] == lead["date_created"] < "2026-03"


def test_a_seeded_record_moves_like_any_other(client: FlaskClient) -> None:
    (lead, *_) = ask(client, "GET", "/api/v1/lead/").get_json()["data"]
    # What a seed says of it stays until it changes, whatever it says.
    changed = ask(client, "PUT", f"/api/v1/lead/{lead['id']}/", json={"name": "Renamed"}).get_json()
    assert changed["date_updated"] > "2026-03" > changed["date_created"]
    drafts = ask(client, "GET", f"{SMS}?_limit=100").get_json()["data"]
    draft = next(one for one in drafts if one["status"] == "draft")
    sms = ask(client, "PUT", f"{SMS}{draft['id']}/", json={"text": "Other."}).get_json()
    assert sms["date_updated"] > draft["date_updated"] > ""


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    assert ask(client, "PATCH", SMS).headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    answer = ask(client, "OPTIONS", SMS)
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def test_head_is_get_without_its_body(client: FlaskClient) -> None:
    head, get = ask(client, "HEAD", SMS), ask(client, "GET", SMS)
    assert head.data == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_a_path_without_its_slash_is_redirected(client: FlaskClient) -> None:
    answer = ask(
        client, "POST", "/api/v1/activity/sms?send_to_inbox=true", json={"status": "draft"}
    )
    assert answer.status_code == 308
    assert answer.headers["Location"] == SMS + "?send_to_inbox=true"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Bearer",
        "Bearer a b",
        "Digest x",
        "Bearer unknown",
    ],
)
def test_callers_who_are_not_known_are_refused(client: FlaskClient, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = client.get(SMS, headers=headers)
    assert answer.status_code == 401
    assert "could not verify" in answer.get_json()["error"]
    assert broken(answer) == {"auth.required"}


def test_a_failure_inside_is_no_traceback_outside(app: MockServer, client: FlaskClient) -> None:
    tenant = app.lane.tenants.find("api_test_key")
    assert tenant is not None
    tenant.store.parts.clear()  # type: ignore[attr-defined]
    answer = ask(client, "GET", SMS)
    assert answer.status_code == 500
    assert "Traceback" not in answer.get_data(as_text=True)


def test_all_violations_are_found_at_once(client: FlaskClient) -> None:
    body = {
        "status": "scheduled",
        "text": 5,
        "local_phone": "+16505550103",
        "remote_phone": "nonsense",
        "send_in": 60,
        "lead_id": "lead_nothing",
        "direction": "sideways",
    }
    answer = ask(client, "POST", SMS + "?send_to_inbox=maybe", json=body)
    assert broken(answer) == {
        "sms.notification",
        "sms.scheduled.needs-date",
        "sms.fields.types",
        "sms.local-phone.internal",
        "sms.phones.e164",
        "sms.send-in.limit",
        "sms.references.exist",
        "sms.direction.values",
    }
    fields = answer.get_json()["field-errors"]
    assert fields["lead"] == "Object does not exist."
    assert fields["date_scheduled"] == "This field is required."


def test_a_refusal_can_be_explained(client: FlaskClient) -> None:
    answer = ask(client, "POST", SMS, json={"status": "draft", "local_phone": "+16505550103"})
    entry = ask(client, "GET", answer.headers["Mock-Explanation"]).get_json()
    (violation,) = entry["violations"]
    assert violation["rules"][0]["id"] == "sms.local-phone.internal"
    assert violation["rules"][0]["says"]
    assert violation["pointer"] == "/body/local_phone"
    assert violation["found"] == "+16505550103"
    assert violation["facts"] == {"PhoneNumber.type": "external"}
    assert violation["accepted"]
    assert "api_test_key" not in str(entry)


def test_time_fires_what_is_due_in_order_each_at_its_own_time(client: FlaskClient) -> None:
    at = [f"2031-05-05T10:0{minute}:00.000000+00:00" for minute in (2, 0, 1)]
    ids = [create(client, status="scheduled", date_scheduled=moment)["id"] for moment in at]
    ask(client, "POST", "/__mock/clock", json={"set": "2031-05-05T10:05:00Z"})
    for record_id, moment in zip(ids, at, strict=True):
        sms = ask(client, "GET", f"{SMS}{record_id}/").get_json()
        assert (sms["status"], sms["date_sent"], sms["date_updated"]) == ("sent", moment, moment)


def test_outbox_answers_outbox_and_is_sent_by_the_next_request(client: FlaskClient) -> None:
    sms = create(client, status="outbox")
    assert sms["status"] == "outbox"
    assert ask(client, "GET", f"{SMS}{sms['id']}/").get_json()["status"] == "sent"


def test_an_undone_sms_is_never_sent(client: FlaskClient) -> None:
    sms = create(client, status="outbox", send_in=30)
    advance(client, 29)
    assert ask(client, "PUT", f"{SMS}{sms['id']}/", json={"status": "draft"}).status_code == 200
    advance(client, 1000)
    assert ask(client, "GET", f"{SMS}{sms['id']}/").get_json()["status"] == "draft"


def test_a_deleted_sms_is_never_sent(client: FlaskClient) -> None:
    sms = create(client, status="outbox", send_in=30)
    assert ask(client, "DELETE", f"{SMS}{sms['id']}/").get_json() == {}
    advance(client, 60)
    assert ask(client, "GET", f"{SMS}{sms['id']}/").status_code == 404


def test_writing_back_what_is_there_changes_nothing(client: FlaskClient) -> None:
    for status in ("draft", "inbox", "sent", "scheduled"):
        sms = create(client, status=status, date_scheduled="2040-01-01T00:00:00Z")
        advance(client, 5)
        again = ask(client, "PUT", f"{SMS}{sms['id']}/", json=sms)
        assert again.status_code == 200, again.get_data(as_text=True)
        assert again.get_json() == sms


def test_one_changed_field_of_a_whole_record_is_one_change(client: FlaskClient) -> None:
    sms = create(client, status="draft")
    changed = ask(client, "PUT", f"{SMS}{sms['id']}/", json={**sms, "text": "Changed"}).get_json()
    assert changed == {**sms, "text": "Changed"}


def test_false_is_not_zero_where_changes_are_counted(client: FlaskClient) -> None:
    sms = create(client, status="draft", send_in=0)
    answer = ask(client, "PUT", f"{SMS}{sms['id']}/", json={"send_in": False})
    assert "sms.fields.types" in broken(answer)


def test_a_policy_of_warn_lets_through_and_says_so(document: Document) -> None:
    client = create_app(document, policies={"sms.template.exists": "warn"}).test_client()
    answer = ask(client, "POST", SMS, json={"status": "draft", "template_id": "smstmpl_nothing"})
    assert answer.status_code == 200
    assert "sms.template.exists" in answer.headers["Mock-Warned-Rules"]


@pytest.mark.parametrize(
    ("rule_id", "body", "expected"),
    [
        ("sms.status.required", {"text": "x"}, {"status": None}),
        ("sms.direction.default", {"status": "inbox"}, {"direction": None}),
        ("sms.phones.formatted", {"status": "draft"}, {"local_phone_formatted": None}),
        ("sms.local-phone.internal", {"status": "draft", "local_phone": "+16505550103"}, {}),
    ],
)
def test_a_policy_of_off_switches_a_rule_off(
    document: Document, rule_id: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    client = create_app(document, policies={rule_id: "off"}).test_client()
    answer = ask(client, "POST", SMS, json={"local_phone": NUMBER, **body})
    assert answer.status_code == 200
    assert rule_id not in answer.headers.get("Mock-Warned-Rules", "")
    assert expected.items() <= answer.get_json().items()


def test_effects_and_times_can_be_switched_off(document: Document) -> None:
    policies: dict[str, Any] = {"sms.notification": "off", "sms.scheduled.sends": "off"}
    client = create_app(document, policies=policies).test_client()
    ask(client, "POST", SMS + "?send_to_inbox=true", json={"status": "inbox", "text": "Untold"})
    tasks = ask(client, "GET", "/api/v1/task/?_type=incoming_sms").get_json()["data"]
    assert "Untold" not in [task["text"] for task in tasks]
    sms = create(client, status="scheduled", date_scheduled="2020-01-01T00:00:00Z")
    assert ask(client, "GET", f"{SMS}{sms['id']}/").get_json()["status"] == "scheduled"


def test_without_authentication_the_first_user_calls(document: Document) -> None:
    client = create_app(document, policies={"auth.required": "off"}).test_client()
    assert client.get("/api/v1/me/").get_json()["first_name"] == "Ada"


def test_a_rule_about_answers_has_no_policy(document: Document) -> None:
    with pytest.raises(SettingsError, match="nothing to let through"):
        create_app(document, policies={"sms.response.shape": "warn"})


def test_keys_open_worlds_of_their_own(client: FlaskClient) -> None:
    sms = ask(client, "POST", SMS, key="api_test_one", json={"status": "draft"}).get_json()
    assert ask(client, "GET", f"{SMS}{sms['id']}/", key="api_test_one").status_code == 200
    assert ask(client, "GET", f"{SMS}{sms['id']}/", key="api_test_two").status_code == 404
    assert ask(client, "GET", f"{SMS}{sms['id']}/").status_code == 404


def test_colleagues_share_a_world(client: FlaskClient) -> None:
    sms = create(client, status="draft")
    seen = ask(client, "GET", f"{SMS}{sms['id']}/", key="api_test_colleague").get_json()
    assert seen["created_by_name"] == "Ada Example"
    changed = ask(
        client, "PUT", f"{SMS}{sms['id']}/", key="api_test_colleague", json={"text": "Mine"}
    )
    assert changed.get_json()["updated_by_name"] == "Ben Sample"


def test_the_provider_can_fail_a_sending(client: FlaskClient) -> None:
    sms = create(client, status="outbox", send_in=30)
    wish = {"id": sms["id"], "message": "Unreachable"}
    failed = ask(client, "POST", "/__mock/events/fails", json=wish).get_json()
    assert (failed["status"], failed["error_message"]) == ("error", "Unreachable")
    assert ask(client, "POST", "/__mock/events/fails", json=wish).status_code == 409
    assert ask(client, "POST", "/__mock/events/fails", json={}).status_code == 409


@pytest.mark.parametrize(
    "wish", [None, [], {}, {"advance": -1}, {"advance": "1"}, {"set": "soon"}, {"stop": 1}]
)
def test_a_clock_takes_no_nonsense(client: FlaskClient, wish: Any) -> None:
    answer = ask(client, "POST", "/__mock/clock", json=wish)
    assert answer.status_code == 400
    assert "expected" in answer.get_json()["error"]


def test_the_control_api_tells_what_is_served(client: FlaskClient, document: Document) -> None:
    health = client.get("/__mock/health").get_json()
    assert (health["operations"], health["rules"]) == (
        len(document.operations),
        len(document.rules),
    )
    rules = {row["id"]: row for row in client.get("/__mock/rules").get_json()}
    assert rules["sms.local-phone.always"]["policy"] == "warn"
    assert client.get("/__mock/nothing").get_json()["error"].startswith("There is nothing")
    assert client.get("/__mock/requests", headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.get("/__mock/clock").get_json()["mode"] == "real"


def test_fields_of_lists_can_be_chosen_filtered_and_ordered(client: FlaskClient) -> None:
    page = ask(client, "GET", SMS + "?_fields=id,status&_limit=3").get_json()
    assert [sms.keys() for sms in page["data"]] == [{"id", "status"}] * 3
    assert page["has_more"] is True
    after = ask(
        client, "GET", SMS + "?date_created__gte=2026-03-05&date_created__lt=2026-03-06"
    ).get_json()
    assert [sms["date_created"][:10] for sms in after["data"]] == ["2026-03-05"] * 2
    tasks = ask(client, "GET", "/api/v1/task/?_type=all&_order_by=date").get_json()
    dates = [task["date"] for task in tasks["data"]]
    assert dates == sorted(dates)
    assert tasks["total_results"] == 2


def test_fields_that_a_request_does_not_have_are_ignored(client: FlaskClient) -> None:
    body = {"id": "acti_mine", "_type": "X", "cost": "5", "users": [1], "date_sent": "2020-01-01"}
    sms = create(client, status="draft", sequence_id=7, **body)
    assert sms["id"] != "acti_mine"
    found = [sms[name] for name in ("_type", "cost", "users", "date_sent", "sequence_id")]
    assert found == ["SMS", None, [], None, None]


@pytest.mark.parametrize(
    "body",
    [
        b'{"send_in": NaN}',
        b'{"send_in": Infinity}',
        b'{"send_in": 1e400}',
        b'{"send_in": ' + b"9" * 400 + b"}",
        b'{"text": "\\ud800"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\xff"}',
        b'\xef\xbb\xbf{"status": "draft"}',
        '{"status": "draft"}'.encode("utf-16"),
        b'{"status": "draft"} {}',
        b'{"status": "draft", "attachments": ' + b"[" * 120 + b"]" * 120 + b"}",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"\x00",
        b"   ",
        b"null",
        b'"text"',
        b"true",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_object_is_refused_in_words(
    client: FlaskClient, body: bytes
) -> None:
    answer = ask(client, "POST", SMS, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert len(answer.get_json()["errors"]) == 1
    entry = ask(client, "GET", answer.headers["Mock-Explanation"]).get_json()
    assert entry["violations"][0]["pointer"] == "/body"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"status": "sent", "status": "draft"}', {"status": "draft"}),
        (b'{"status": "draft", "send_in": 5.0}', {"status": "draft"}),
        (b'{"status": "draft", "text": "a\\u0000b"}', {"text": "a\x00b"}),
        (b'{"status": "draft", "": 1, "__class__": 1}', {"status": "draft"}),
        ('{"status": "draft", "text": "👋\u2028"}'.encode(), {"text": "👋\u2028"}),
    ],
)
def test_unusual_json_is_taken_as_json_has_it(
    client: FlaskClient, body: bytes, expected: dict[str, Any]
) -> None:
    answer = ask(client, "POST", SMS, data=body, content_type="application/json")
    assert answer.status_code == 200
    assert expected.items() <= answer.get_json().items()


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("APPLICATION/JSON; charset=utf-8", 200),
        ("application/vnd.stub+json", 415),
        ("application/json-patch+json", 415),
        ("text/json", 415),
        ("evil/json", 415),
        ("json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json, text/plain", 415),
    ],
)
def test_only_json_is_read(client: FlaskClient, media_type: str, status: int) -> None:
    answer = ask(client, "POST", SMS, data=b'{"status": "draft"}', content_type=media_type)
    assert answer.status_code == status


def test_very_many_violations_are_cut_off(client: FlaskClient) -> None:
    body = {"status": "draft", "attachments": [{} for _ in range(20_000)]}
    answer = ask(client, "POST", SMS, json=body)
    entry = ask(client, "GET", answer.headers["Mock-Explanation"]).get_json()
    assert answer.status_code == 400
    assert 1_000 <= len(entry["violations"]) < 1_010


def test_a_refusal_before_the_record_is_looked_at_happens_at_the_tenants_time(
    client: FlaskClient,
) -> None:
    advance(client, 1_000_000)
    ask(client, "POST", SMS, data=b"{", content_type="application/json")
    newest = ask(client, "GET", "/__mock/requests?limit=1").get_json()[0]
    assert newest["at"] == ask(client, "GET", "/__mock/clock").get_json()["now"]
