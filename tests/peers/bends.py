"""Single faults that stand between a client and a right server: each a small change of what passes.

They add to the defects of `sms_peer` what one programmer writes into a parser, a serialiser or a
lookup: keys in any case, offsets of dates that are dropped, lists of half records, another record
that is changed.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

Record = dict[str, Any]
SMS = "/api/v1/activity/sms/"


@dataclass
class Call:
    """A request to one SMS, or to all of them, on its way; hooks change it in place."""

    method: str
    path: str
    query: Record
    body: Any
    authorization: str
    seen: dict[str, Record]  # SMS by id, as they were last shown
    memory: Record = field(default_factory=dict)  # a hook's own

    @property
    def one(self) -> str:
        """The id in the path."""
        return self.path.removeprefix(SMS).strip("/")

    @property
    def creates(self) -> bool:
        return self.method == "POST" and isinstance(self.body, dict)

    @property
    def changes(self) -> bool:
        return self.method == "PUT" and isinstance(self.body, dict)


@dataclass(frozen=True)
class Bend:
    """A fault: the rules that rightly name it, what it does before and after the right server.

    `after` gives the answer's status and body.
    """

    rule_ids: tuple[str, ...]
    says: str
    before: Callable[[Call], None] = lambda call: None
    after: Callable[[Call, int, Any], tuple[int, Any]] = lambda call, status, body: (status, body)
    documented: bool = True


class Bent:
    """A WSGI application with one fault in front of a right one."""

    def __init__(self, app: Any, bend: Bend) -> None:
        self.app = app
        self.bend = bend
        self.seen: dict[str, Record] = {}
        self.memory: Record = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not environ["PATH_INFO"].startswith(SMS):
            return self.app(environ, start_response)
        call = self.to_call(environ)
        self.bend.before(call)
        status, headers, content = self.pass_on(environ, call)
        body = json.loads(content) if content else None
        code = int(status.split()[0])
        bent, told = self.bend.after(call, code, body)
        self.notice(told)
        if (bent, told) != (code, body):
            content = json.dumps(told).encode()
            status = status if bent == code else f"{bent} Bent"
        kept = [(n, v) for n, v in headers if n.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Length", str(len(content)))])
        return [content]

    def to_call(self, environ: Mapping[str, Any]) -> Call:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        return Call(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            body,
            environ.get("HTTP_AUTHORIZATION", ""),
            self.seen,
            self.memory,
        )

    def pass_on(self, environ: dict[str, Any], call: Call) -> tuple[str, list[Any], bytes]:
        raw = call.body
        if not isinstance(raw, bytes):
            raw = (
                b""
                if raw is None and not environ.get("CONTENT_LENGTH")
                else json.dumps(raw).encode()
            )
        inner = {
            **environ,
            "PATH_INFO": call.path,
            "QUERY_STRING": urlencode(call.query),
            "HTTP_AUTHORIZATION": call.authorization,
            "CONTENT_LENGTH": str(len(raw)),
            "wsgi.input": io.BytesIO(raw),
        }
        started: list[Any] = []
        content = b"".join(
            self.app(inner, lambda status, headers: started.extend((status, headers)))
        )
        return started[0], started[1], content

    def notice(self, told: Any) -> None:
        rows = told.get("data", [told]) if isinstance(told, dict) else []
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and "id" in row:
                self.seen[row["id"]] = row


# -- what comes in ---------------------------------------------------------------------------------


def any_case_keys(call: Call) -> None:
    if isinstance(call.body, dict):
        call.body = {name.lower(): value for name, value in call.body.items()}


def first_of_list(call: Call) -> None:
    if call.method == "POST" and isinstance(call.body, list):
        call.body = call.body[0] if call.body else {"status": "draft"}


def no_object(call: Call) -> None:
    if call.method == "POST" and not isinstance(call.body, dict | bytes):
        call.body = {"status": "draft"}


def no_object_changes(call: Call) -> None:
    if call.method == "PUT" and not isinstance(call.body, dict | bytes):
        call.body = {}


def stripped_status(call: Call) -> None:
    if isinstance(call.body, dict) and isinstance(call.body.get("status"), str):
        call.body["status"] = call.body["status"].strip()


def any_case_on_change(call: Call) -> None:
    if call.changes and isinstance(call.body.get("status"), str):
        call.body["status"] = call.body["status"].lower()


def any_case_direction(call: Call) -> None:
    if isinstance(call.body, dict) and isinstance(call.body.get("direction"), str):
        call.body["direction"] = call.body["direction"].lower()


def digits(call: Call) -> None:
    if isinstance(call.body, dict):
        value = call.body.get("send_in")
        if isinstance(value, str) and value.isdecimal():
            call.body["send_in"] = int(value)


def true_is_one(call: Call) -> None:
    if isinstance(call.body, dict) and isinstance(call.body.get("send_in"), bool):
        call.body["send_in"] = int(call.body["send_in"])


def numbers_are_text(call: Call) -> None:
    for name in ("local_phone", "remote_phone"):
        if isinstance(call.body, dict) and isinstance(call.body.get(name), int):
            call.body[name] = f"+{call.body[name]}"


def any_word_is_a_date(call: Call) -> None:
    body = call.body
    if isinstance(body, dict) and body.get("status") == "scheduled":
        date = body.get("date_scheduled")
        if isinstance(date, str) and not date[:4].isdecimal():
            body["date_scheduled"] = "2044-05-06T07:08:09Z"


def without_offset(call: Call) -> None:
    if isinstance(call.body, dict) and isinstance(call.body.get("date_scheduled"), str):
        bare = re.sub(r"[+-]\d\d:?\d\d$", "", call.body["date_scheduled"])
        call.body["date_scheduled"] = bare


def without(name: str) -> Callable[[Call], None]:
    def before(call: Call) -> None:
        if isinstance(call.body, dict):
            call.body.pop(name, None)

    return before


def without_on_change(name: str) -> Callable[[Call], None]:
    def before(call: Call) -> None:
        if call.changes:
            call.body.pop(name, None)

    return before


def resets(name: str) -> Callable[[Call], None]:
    def before(call: Call) -> None:
        if call.changes and "status" not in call.body and name not in call.body:
            call.body[name] = None

    return before


def send_resets(name: str) -> Callable[[Call], None]:
    """A draft loses a field when it is sent or scheduled."""

    def before(call: Call) -> None:
        if call.changes and call.body.get("status") in ("outbox", "scheduled"):
            call.body.setdefault(name, None)

    return before


def not_asked(when: Callable[[Call], bool]) -> Callable[[Call], None]:
    def before(call: Call) -> None:
        if call.creates and when(call):
            call.query.pop("send_to_inbox", None)

    return before


def only_first_of_lead(call: Call) -> bool:
    lead = call.body.get("lead_id")
    told = call.memory.setdefault("told", set())
    if lead in told:
        return True
    if call.query.get("send_to_inbox") == "true":
        told.add(lead)
    return False


def another_record(call: Call) -> None:
    """A change lands on the newest SMS of the same remote phone."""
    mine = call.seen.get(call.one)
    if call.changes and mine is not None:
        drafts = [
            one
            for one in call.seen.values()
            if one.get("remote_phone") == mine.get("remote_phone")
            and one["status"] == "draft" == mine["status"]
        ]
        newest = max(drafts, key=lambda one: str(one["date_created"]), default=mine)
        call.path = f"{SMS}{newest['id']}/"


def deletes_without_key(call: Call) -> None:
    if call.authorization:
        call.memory["key"] = call.authorization
    elif call.method == "DELETE":
        call.authorization = call.memory.get("key", "")


def outbox_without_template(call: Call) -> None:
    if call.creates and call.body.get("status") == "outbox":
        call.body.pop("template_id", None)


# -- what goes out ---------------------------------------------------------------------------------

After = Callable[[Call, int, Any], tuple[int, Any]]


def in_records(bend: Callable[[Call, Record], None], where: str = "all") -> After:
    """Bends each SMS that an answer shows: all, those of lists, or those read alone."""

    def after(call: Call, status: int, body: Any) -> tuple[int, Any]:
        if status >= 300 or not isinstance(body, dict):
            return status, body
        body = json.loads(json.dumps(body))
        listing = isinstance(body.get("data"), list)
        if where in ("all", "lists" if listing else "reads"):
            for row in body["data"] if listing else [body]:
                if isinstance(row, dict) and row.get("_type") == "SMS":
                    bend(call, row)
        return status, body

    return after


def emptied(name: str, value: Any = None) -> Callable[[Call, Record], None]:
    def bend(call: Call, row: Record) -> None:
        if name in row:
            row[name] = value

    return bend


def vanishes(call: Call, status: int, body: Any) -> tuple[int, Any]:
    """What the server itself has sent cannot be read any more."""
    if status == 200 and isinstance(body, dict) and call.method == "GET":
        waited = call.memory.setdefault("waited", set())
        rows = body["data"] if isinstance(body.get("data"), list) else [body]
        waited |= {row["id"] for row in rows if row.get("status") in ("outbox", "scheduled")}
        waited |= {
            name for name, row in call.seen.items() if row.get("status") in ("outbox", "scheduled")
        }
        gone = [row for row in rows if row.get("status") == "sent" and row["id"] in waited]
        if gone and "data" not in body:
            return 404, {"error": "Empty query: gone."}
        if gone:
            return status, {**body, "data": [row for row in rows if row not in gone]}
    return status, body


def vanishes_from_lists(call: Call, status: int, body: Any) -> tuple[int, Any]:
    if status == 200 and isinstance(body, dict) and isinstance(body.get("data"), list):
        kept = [row for row in body["data"] if row.get("status") != "sent"]
        return status, {**body, "data": kept}
    return status, body


def text_as_number(call: Call, row: Record) -> None:
    if isinstance(row.get("text"), str) and row["text"].isdecimal():
        row["text"] = int(row["text"])


def stale_format(call: Call, row: Record) -> None:
    kept = call.memory.setdefault(row["id"], row.get("remote_phone_formatted"))
    row["remote_phone_formatted"] = kept


def plain_answer_to_change(call: Call, status: int, body: Any) -> tuple[int, Any]:
    if call.method == "PUT" and status == 200 and isinstance(body, dict):
        return status, {"id": body["id"], "status": body["status"]}
    return status, body


def created_answer_lacks(call: Call, status: int, body: Any) -> tuple[int, Any]:
    if call.method == "POST" and status == 200 and isinstance(body, dict):
        return status, {**body, "remote_phone": None}
    return status, body


def crash_on_list(call: Call, status: int, body: Any) -> tuple[int, Any]:
    if call.method in ("POST", "PUT") and not isinstance(call.body, dict | bytes):
        return 500, {"error": "oops"}
    return status, body


def bend(
    rules: str, says: str, before: Any = None, after: Any = None, documented: bool = True
) -> Bend:
    given = {"before": before, "after": after}
    return Bend(
        tuple(rules.split()),
        says,
        documented=documented,
        **{name: hook for name, hook in given.items() if hook is not None},
    )


ECHO = "sms.response.echo"
BENDS: dict[str, Bend] = {
    "keys-any-case": bend(
        "sms.status.required sms.fields.types", "Status is taken for status", any_case_keys
    ),
    "list-body": bend(
        "errors.bad-request sms.fields.types sms.status.required",
        "a list is taken for its first item",
        first_of_list,
    ),
    "no-object": bend(
        "errors.bad-request sms.fields.types sms.status.required",
        "a body that is no object is a draft",
        no_object,
    ),
    "no-object-crash": bend(
        "errors.bad-request sms.fields.types sms.status.required",
        "a body that is no object crashes",
        after=crash_on_list,
    ),
    "no-object-change": bend(
        "errors.bad-request",
        "a change that is no object is taken",
        no_object_changes,
        documented=False,
    ),
    "status-stripped": bend(
        "sms.status.values", "blanks around a status are taken", stripped_status
    ),
    "status-any-case-on-change": bend(
        "sms.status.values sms.transitions.closed", "OUTBOX is taken on change", any_case_on_change
    ),
    "direction-any-case": bend(
        "sms.direction.values", "INBOUND is taken", any_case_direction, documented=False
    ),
    "send-in-digits": bend("sms.fields.types", "send_in may be a text of digits", digits),
    "send-in-true": bend("sms.fields.types", "send_in may be true", true_is_one),
    "numbers-as-numbers": bend(
        "sms.fields.types sms.phones.e164", "phones may be JSON numbers", numbers_are_text
    ),
    "scheduled-any-word": bend(
        "sms.scheduled.needs-date", "any word is a date where scheduled", any_word_is_a_date
    ),
    "offset-dropped": bend(
        f"{ECHO} sms.scheduled.sends", "the offset of date_scheduled is dropped", without_offset
    ),
    "user-id-ignored": bend(ECHO, "a given user_id is ignored", without("user_id")),
    "remote-unchangeable": bend(
        f"{ECHO} sms.drafts-only",
        "remote_phone cannot be changed",
        without_on_change("remote_phone"),
    ),
    "template-unchangeable": bend(
        f"{ECHO} sms.drafts-only sms.template.renders",
        "template_id cannot be changed",
        without_on_change("template_id"),
    ),
    "activity-at-unchangeable": bend(
        f"{ECHO} sms.drafts-only", "activity_at cannot be changed", without_on_change("activity_at")
    ),
    "change-resets-remote": bend(
        f"{ECHO} sms.drafts-only", "a change empties remote_phone", resets("remote_phone")
    ),
    "change-resets-text": bend(
        f"{ECHO} sms.drafts-only", "a change empties the text", resets("text")
    ),
    "change-resets-date": bend(
        f"{ECHO} sms.drafts-only", "a change empties date_scheduled", resets("date_scheduled")
    ),
    "sending-resets-text": bend(
        f"{ECHO} sms.draft.send", "sending empties the text", send_resets("text")
    ),
    "notified-with-contact": bend(
        "sms.notification",
        "only with a contact_id",
        not_asked(lambda c: not c.body.get("contact_id")),
    ),
    "notified-without-contact": bend(
        "sms.notification",
        "not with a contact_id",
        not_asked(lambda c: bool(c.body.get("contact_id"))),
    ),
    "notified-with-lead": bend(
        "sms.notification", "only with a lead_id", not_asked(lambda c: not c.body.get("lead_id"))
    ),
    "notified-external": bend(
        "sms.notification",
        "not where source is External",
        not_asked(lambda c: c.body.get("source") == "External"),
    ),
    "notified-inbound": bend(
        "sms.notification",
        "only where direction is given",
        not_asked(lambda c: not c.body.get("direction")),
    ),
    "notified-once-a-lead": bend(
        "sms.notification", "one notification for each lead", not_asked(only_first_of_lead)
    ),
    "another-is-changed": bend(
        f"{ECHO} sms.drafts-only",
        "a change lands on the newest of the remote phone",
        another_record,
    ),
    "delete-without-auth": bend(
        "auth.required", "no header at all: the deletion is let in", deletes_without_key
    ),
    "outbox-template": bend(
        "sms.template.renders", "no template where status is outbox", outbox_without_template
    ),
    "sent-vanishes": bend(
        "sms.outbox.sends sms.scheduled.sends sms.response.shape errors.not-found " + ECHO,
        "what was sent cannot be read",
        after=vanishes,
    ),
    "sent-unlisted": bend(
        f"sms.outbox.sends {ECHO} sms.list.filters sms.list.pages sms.logged.not-sent",
        "lists have no sent SMS",
        after=vanishes_from_lists,
    ),
    "list-null-user": bend(
        f"{ECHO} sms.people", "lists show no user_id", after=in_records(emptied("user_id"), "lists")
    ),
    "list-null-date": bend(
        f"{ECHO} sms.scheduled.sends",
        "lists show no date_scheduled",
        after=in_records(emptied("date_scheduled"), "lists"),
    ),
    "list-outbound": bend(
        f"{ECHO} sms.direction.default",
        "lists say outbound always",
        after=in_records(emptied("direction", "outbound"), "lists"),
    ),
    "text-as-number": bend(
        f"{ECHO} sms.response.shape",
        "a text of digits comes back as a number",
        after=in_records(text_as_number),
    ),
    "change-answers-little": bend(
        f"{ECHO} sms.response.shape", "a change answers id and status", after=plain_answer_to_change
    ),
    "create-answers-less": bend(
        f"{ECHO} sms.response.shape",
        "the answer to a create lacks remote_phone",
        after=created_answer_lacks,
    ),
    "format-stale": bend(
        "sms.phones.formatted",
        "remote_phone_formatted stays after a change",
        after=in_records(stale_format),
        documented=False,
    ),
}
