"""The guard, attacked: what could send is withheld, whoever wrote it and however."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest

from contracts.errors import WithheldError
from contracts.target.safety import Guard, Permissions
from contracts.target.wire import Answer
from mock_server.spec import Document

SMS = "/api/v1/activity/sms/"
RECORD = f"{SMS}acti_1/"
FRIEND, STRANGER = "+16505550123", "+16505550199"
DRAFT = {"status": "draft", "remote_phone": FRIEND}
SENDING = b'{"status": "outbox", "remote_phone": "+16505550123"}'
JSON = {"Content-Type": "application/json"}

LOOPBACK = Permissions(write=True, send=False)
REMOTE = Permissions(write=True, send=False, recipients=frozenset(), strict=True)
TO_FRIEND = Permissions(write=True, send=True, recipients=frozenset({FRIEND}))


def stored(status: int, body: Any) -> Any:
    """A target that has one record."""
    content = json.dumps(body).encode()
    return lambda target, headers: Answer(status, {}, content, body)


def guard_of(
    document: Document, permissions: Permissions, record: Any = None, own: bool = True
) -> Guard:
    """A guard before a target that has one record, of the run's `own`, or none."""
    guard = Guard(document, permissions)
    if own:
        guard.adopt("SMSActivity", "acti_1")
    if record is not None:
        whole = {"id": "acti_1", "status": "draft", "remote_phone": None, **record}
        guard.fetch = stored(200, whole)
    else:
        guard.fetch = stored(404, {})
    return guard


def is_withheld(
    guard: Guard,
    method: str,
    target: str,
    content: bytes | None = None,
    headers: Mapping[str, str] = JSON,
) -> bool:
    try:
        guard.check(method, target, headers, content)
    except WithheldError:
        return True
    return False


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


# Bodies

BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "plain": (SENDING, {}),
    "sending later": (b'{"status": "scheduled"}', {}),
    "repeated, last": (b'{"status": "draft", "status": "outbox"}', {}),
    "repeated, first": (b'{"status": "outbox", "status": "draft"}', {}),
    "escaped value": (rb'{"status": "\u006futbox"}', {}),
    "escaped name": (rb'{"\u0073tatus": "outbox"}', {}),
    "upper case": (b'{"status": "OUTBOX"}', {}),
    "blanks": (b'{"status": " outbox\\n"}', {}),
    "an invisible character": ('{"status": "out\u200bbox"}'.encode(), {}),
    "full width": ('{"status": "\uff4f\uff55\uff54\uff42\uff4f\uff58"}'.encode(), {}),
    "an accent": ('{"status": "óutbox"}'.encode(), {}),
    "a dotless i": ('{"status": "schedul\u0131ed outbox"}'.encode(), {}),
    "a NUL behind it": (rb'{"status": "outbox\u0000"}', {}),
    "a NUL in the name": (rb'{"status\u0000x": "outbox"}', {}),
    "another case of the name": (b'{"Status": "outbox"}', {}),
    "a prefix of the name": (b'{"sms[status]": "outbox"}', {}),
    "wrapped": (b'{"data": {"attributes": {"status": "outbox"}}}', {}),
    "in a list": (b'[{"status": "outbox"}]', {}),
    "a list as the value": (b'{"status": ["draft", "outbox"]}', {}),
    "an object as the value": (b'{"status": {"$set": "outbox"}}', {}),
    "an index": (b'{"status": 3}', {}),
    "an index as text": (b'{"status": "3"}', {}),
    "flags": (b'{"status": "draft, outbox"}', {}),
    "a patch": (b'[{"op": "replace", "path": "/status", "value": "outbox"}]', {}),
    "single quotes": (b"{'status': 'outbox'}", {}),
    "a comment inside": (b'{"status": "out"/**/"box"}', {}),
    "a trailing comma": (b'{"status": "outbox",}', {}),
    "something behind it": (SENDING + b"x", {}),
    "UTF-16": (SENDING.decode().encode("utf-16"), {}),
    "UTF-16 without a mark": (SENDING.decode().encode("utf-16-le"), {}),
    "UTF-32": (SENDING.decode().encode("utf-32"), {}),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + SENDING, {}),
    "UTF-7": (b'{"status": "+AG8-utbox"}', {"Content-Type": "application/json; charset=utf-7"}),
    "EBCDIC": (
        SENDING.decode().encode("cp500"),
        {"Content-Type": "application/json; charset=cp500"},
    ),
    "zipped": (gzip.compress(SENDING, mtime=0), {"Content-Encoding": "gzip"}),
    "zipped, unsaid": (gzip.compress(SENDING, mtime=0), {}),
    "a form": (b"status=outbox", {"Content-Type": "application/x-www-form-urlencoded"}),
    "an escaped form": (
        b"st%61tus=out%62ox",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "a form in JSON": (
        b'{"status": "draft", "text": "&status=outbox&"}',
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "parts": (
        b'--x\r\nContent-Disposition: form-data; name="status"\r\n\r\noutbox\r\n--x--',
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    "XML": (b"<status>out<!-- -->box</status>", {"Content-Type": "application/xml"}),
    "XML in two pieces": (
        b"<status><![CDATA[out]]><![CDATA[box]]></status>",
        {"Content-Type": "application/xml"},
    ),
    "YAML": (b'status: "\\x6futbox"', {"Content-Type": "application/yaml"}),
    "no JSON at all": (b"\x81\xa6status\xa6outbox", {"Content-Type": "application/msgpack"}),
    "plain text": (b"draft outbox", {"Content-Type": "text/plain"}),
    "deep": (b'{"a":' * 5000 + b'{"status":"outbox"}' + b"}" * 5000, {}),
}


@pytest.mark.parametrize("permissions", [LOOPBACK, REMOTE], ids=["loopback", "remote"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_could_send_is_withheld(
    document: Document, name: str, permissions: Permissions
) -> None:
    content, more = BODIES[name]
    headers = {**JSON, **more}
    assert is_withheld(guard_of(document, permissions), "POST", SMS, content, headers)
    guard = guard_of(document, permissions, DRAFT)
    assert is_withheld(guard, "PUT", RECORD, content, headers)


@pytest.mark.parametrize(
    "body",
    [
        DRAFT,
        {"status": "draft", "text": 'scheduled to outbox: {"status": "outbox"}'},
        {"status": "sent", "remote_phone": STRANGER},
        {"status": "inbox", "text": "sending"},
        {"status": "Draft"},
        {"status": None},
        {"text": "no state"},
        {},
        {"status": "draft", "attachments": [{"content_type": "image/png", "url": "outbox"}]},
    ],
    ids=str,
)
def test_what_sends_nothing_passes_on_this_machine(document: Document, body: Any) -> None:
    assert not is_withheld(guard_of(document, LOOPBACK), "POST", SMS, encoded(body))
    assert not is_withheld(guard_of(document, LOOPBACK, DRAFT), "PUT", RECORD, encoded(body))


# Paths, queries, methods, headers

PATHS = {
    "two slashes": "/api/v1//activity/sms/",
    "two slashes at the end": f"{SMS}/",
    "dots": "/api/v1/activity/x/../sms/",
    "escaped dots": "/api/v1/activity/x/%2e%2e/sms/",
    "an escaped slash": "/api/v1/activity%2fsms/",
    "a twice escaped slash": "/api/v1/activity%252fsms/",
    "a backslash": "/api/v1/activity\\sms/",
    "another case": "/API/V1/Activity/SMS/",
    "a suffix": "/api/v1/activity/sms.json",
    "parameters": "/api/v1/activity/sms;x=1/",
    "a dot": "/api/v1/activity/sms./",
    "a NUL": "/api/v1/activity/sms%00/",
    "a blank": "/api/v1/activity/sms%20/",
    "another root": "/v2/activity/sms/",
    "an address": "http://elsewhere.example/api/v1/activity/sms/",
    "nothing of the document": "/api/v1/activity/email/",
    "not UTF-8": "/api/v1/activity/%ff/",
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("content", [SENDING, encoded(DRAFT), None], ids=["sending", "draft", "-"])
def test_a_path_of_which_servers_could_make_anything_is_withheld(
    document: Document, name: str, content: bytes | None
) -> None:
    for permissions in (LOOPBACK, REMOTE, TO_FRIEND):
        assert is_withheld(guard_of(document, permissions), "POST", PATHS[name], content)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("POST", f"{SMS}?status=outbox", {}),
        ("POST", f"{SMS}?st%61tus=outbox", {}),
        ("POST", f"{SMS}?x=1;status=outbox", {}),
        ("POST", f"{SMS}?_method=PUT", {}),
        ("GET", f"{RECORD}?_method=PUT&status=outbox", {}),
        ("GET", RECORD, {"X-HTTP-Method-Override": "PUT"}),
        ("GET", RECORD, {"x-method": "PUT"}),
        ("POST", SMS, {"X-Original-URL": RECORD}),
        ("POST", SMS, {"X-Rewrite-URL": RECORD}),
        ("POST", SMS, {"Host": "elsewhere.example"}),
        ("POST", SMS, {"Transfer-Encoding": "chunked"}),
        ("POST", SMS, {"Content-Encoding": "identity, gzip"}),
        ("POST", SMS, {"Cookie": "status=outbox"}),
        ("DELETE", RECORD, {"X-HTTP-Method-Override": "PUT"}),
        ("get", RECORD, {}),
    ],
    ids=str,
)
def test_what_overrides_method_path_or_body_is_withheld(
    document: Document, method: str, target: str, headers: dict[str, str]
) -> None:
    guard = guard_of(document, LOOPBACK, {"status": "scheduled"})
    assert is_withheld(guard, method, target, encoded({"text": "x"}), {**JSON, **headers})


def test_a_question_with_a_body_is_no_question(document: Document) -> None:
    hidden = b"POST /api/v1/activity/sms/ HTTP/1.1\r\nContent-Length: 20\r\n\r\n" + SENDING
    guard = guard_of(document, LOOPBACK)
    assert not is_withheld(guard, "GET", SMS)
    assert is_withheld(guard, "GET", SMS, hidden, {})


# Changes of records that are stored


@pytest.mark.parametrize("state", ["scheduled", "outbox"])
@pytest.mark.parametrize(
    "changes",
    [{"remote_phone": STRANGER}, {"text": "other"}, {}, {"status": "x"}, {"status": None}],
    ids=str,
)
def test_what_is_to_be_sent_is_not_changed_without_leave(
    document: Document, state: str, changes: dict[str, Any]
) -> None:
    guard = guard_of(document, LOOPBACK, {"status": state, "remote_phone": FRIEND})
    assert is_withheld(guard, "PUT", RECORD, encoded(changes))
    assert not is_withheld(guard, "PUT", RECORD, encoded({"status": "draft"}))
    assert is_withheld(guard, "PUT", RECORD, encoded({"status": "draft", "text": "other"}))
    assert not is_withheld(guard, "DELETE", RECORD)


def test_a_record_that_cannot_be_read_is_taken_for_the_worst(document: Document) -> None:
    guard = guard_of(document, LOOPBACK)
    for fetch in (stored(500, {}), stored(401, {}), stored(200, []), stored(200, {"id": "x"})):
        guard.fetch = fetch
        guard.looked_up.clear()
        assert is_withheld(guard, "PUT", RECORD, encoded({"text": "other"}))


@pytest.mark.parametrize(
    ("record", "changes", "withheld"),
    [
        ({"remote_phone": FRIEND}, {"status": "outbox"}, False),
        ({"remote_phone": STRANGER}, {"status": "outbox"}, True),
        ({"remote_phone": None}, {"status": "outbox"}, True),
        ({"remote_phone": STRANGER}, {"status": "outbox", "remote_phone": FRIEND}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "remote_phone": STRANGER}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "remote_phone": FRIEND}, False),
        ({"remote_phone": FRIEND}, {"status": "outbox", "Remote-Phone": STRANGER}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "to": [{"cc": STRANGER}]}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "to": {STRANGER: {}}}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "cc": "someone@example.com"}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "remote_phone": 16505550123}, True),
        ({"remote_phone": FRIEND}, {"status": "outbox", "local_phone": STRANGER}, False),
        ({"remote_phone": FRIEND}, {"status": "outbox", "text": f"call {STRANGER}"}, False),
        ({"status": "scheduled", "remote_phone": FRIEND}, {"remote_phone": STRANGER}, True),
        ({"status": "scheduled", "remote_phone": STRANGER}, {"text": "x"}, True),
        ({"status": "scheduled", "remote_phone": STRANGER}, {"status": "draft"}, False),
    ],
    ids=str,
)
def test_with_leave_it_goes_to_the_recipients_alone(
    document: Document, record: dict[str, Any], changes: dict[str, Any], withheld: bool
) -> None:
    guard = guard_of(document, TO_FRIEND, record)
    assert is_withheld(guard, "PUT", RECORD, encoded(changes)) is withheld


@pytest.mark.parametrize(
    ("content", "withheld"),
    [
        (SENDING, False),
        (b'{"status": "outbox", "remote_phone": "+16505550199"}', True),
        (
            b'{"remote_phone": "+16505550199", "remote_phone": "+16505550123", "status":"outbox"}',
            True,
        ),
        (
            b'{"remote_phone": "+16505550123", "remote_phone": "+16505550199", "status":"outbox"}',
            True,
        ),
        (b'{"status": "outbox", "remote_phone": "+1 650 555 0123"}', True),
        (b'{"status": "outbox"}', True),
        (b'{"status": "outbox", "remote_phone": ["+16505550123", "+16505550199"]}', True),
        (rb'{"status": "outbox", "remote_phone": "\u002b16505550199"}', True),
        (b"status=outbox&remote_phone=%2B16505550123", True),
        (gzip.compress(SENDING, mtime=0), True),
    ],
    ids=str,
)
def test_a_creation_with_leave_names_a_recipient(
    document: Document, content: bytes, withheld: bool
) -> None:
    assert is_withheld(guard_of(document, TO_FRIEND), "POST", SMS, content) is withheld


def test_an_answer_does_not_stand_for_what_is_stored(document: Document) -> None:
    """A target may say that it stored the friend's number and have stored another."""
    guard = guard_of(document, TO_FRIEND, {"remote_phone": STRANGER})
    told = {"id": "acti_1", "status": "draft", "remote_phone": FRIEND}
    guard.learn("POST", SMS, Answer(200, {}, b"", told))
    assert is_withheld(guard, "PUT", RECORD, encoded({"status": "outbox"}))


def test_no_address_at_all_is_a_recipient_on_loopback_only(document: Document) -> None:
    anyone = Permissions(write=True, send=True)
    assert not is_withheld(guard_of(document, anyone), "POST", SMS, encoded({"status": "outbox"}))


# Beyond this machine


def test_beyond_this_machine_reading_is_all_that_is_allowed(document: Document) -> None:
    guard = guard_of(document, Permissions(False, False, frozenset(), strict=True))
    assert not is_withheld(guard, "GET", SMS)
    for method, target in (("POST", SMS), ("PUT", RECORD), ("DELETE", RECORD), ("PATCH", SMS)):
        with pytest.raises(WithheldError, match="needs --allow write"):
            guard.check(method, target, JSON, encoded(DRAFT))
    with pytest.raises(WithheldError, match="needs --allow write"):
        guard.check("POST", "/__mock/clock", JSON, b'{"advance": 1}')


@pytest.mark.parametrize("permissions", [LOOPBACK, REMOTE], ids=["loopback", "remote"])
def test_only_own_records_are_changed_and_deleted(
    document: Document, permissions: Permissions
) -> None:
    guard = guard_of(document, permissions, DRAFT, own=False)
    for method, content in (("PUT", encoded({"text": "x"})), ("DELETE", None)):
        with pytest.raises(WithheldError, match="a record that the run has made itself"):
            guard.check(method, RECORD, JSON, content)
    guard.learn("POST", SMS, Answer(200, {}, b"", {"id": "acti_1", **DRAFT}))
    assert not is_withheld(guard, "PUT", RECORD, encoded({"text": "x"}))
    assert not is_withheld(guard, "DELETE", RECORD)


def test_beyond_this_machine_no_other_method_is_tried(document: Document) -> None:
    assert is_withheld(guard_of(document, REMOTE), "DELETE", SMS)


def test_a_record_that_may_be_there_is_not_deleted(document: Document) -> None:
    guard = guard_of(document, LOOPBACK, own=False)
    guard.fetch = stored(500, {})
    assert is_withheld(guard, "DELETE", RECORD)
    guard.looked_up.clear()
    guard.fetch = stored(404, {})
    assert not is_withheld(guard, "DELETE", RECORD)


def test_beyond_this_machine_what_is_not_there_may_be_asked_to_change(document: Document) -> None:
    guard = guard_of(document, REMOTE, own=False)
    assert not is_withheld(guard, "PUT", RECORD, encoded({"status": "draft"}))
    assert not is_withheld(guard, "DELETE", RECORD)


def test_beyond_this_machine_nothing_is_bought(document: Document) -> None:
    guard = guard_of(document, REMOTE)
    target = "/api/v1/phone_number/request/internal/"
    assert is_withheld(guard, "POST", target, encoded({"country": "US"}))


def test_beyond_this_machine_the_server_chooses_no_state(document: Document) -> None:
    guard = guard_of(document, REMOTE)
    for body in ({"remote_phone": FRIEND}, {"status": "queued", "contact_id": "cont_1"}):
        assert is_withheld(guard, "POST", SMS, encoded(body))
    assert not is_withheld(guard, "POST", SMS, encoded({"text": "to nobody"}))


def test_a_second_document_is_guarded_by_its_own_words(lockers: Document) -> None:
    guard = Guard(lockers, LOOPBACK)
    sending = [route for route in guard.routes if route.words.sending]
    for route in sending:
        for state in route.words.sending:
            body = encoded({route.words.field: state})
            path = next(iter(route.operations.values())).path_template
            if not route.takes_id:
                assert is_withheld(guard, "POST", f"{lockers.base_path}{path}", body)


def test_every_reason_says_what_would_let_it_through(document: Document) -> None:
    with pytest.raises(WithheldError, match=r"^needs --allow send$"):
        guard_of(document, LOOPBACK).check("POST", SMS, JSON, SENDING)
    stranger = encoded({"status": "outbox", "remote_phone": STRANGER})
    with pytest.raises(WithheldError, match="needs --recipient"):
        guard_of(document, TO_FRIEND).check("POST", SMS, JSON, stranger)
