"""Another server of the SMS API, written by hand from its page: right, or wrong in one place.

It shares no code, no document and no data with the stub, so that a judge which calls it right, and
each of its defects wrong, knows the rules and not one implementation of them.

`python -m tests.peers.sms_peer --port 0 [--defect NAME] [--variant NAME]`
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import heapq
import io
import itertools
import json
import math
import operator
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import phonenumbers

Record = dict[str, Any]
Clock = Callable[[], datetime]
StartResponse = Callable[..., Any]
Answer = tuple[int, Any, dict[str, str]]

BASE = "/api/v1"
MAX_BODY = 4_000_000


# -- what can be wrong, and what can be otherwise ------------------------------------------------


@dataclass(frozen=True)
class Defect:
    """One fault: the rules that rightly name it (the best first), what it does, whether it fails."""

    rule_ids: tuple[str, ...]
    says: str
    documented: bool = True


def breaks(rules: str, says: str) -> Defect:
    """A defect against documented rules: a run must fail on it."""
    return Defect(tuple(rules.split()), says)


def differs(rules: str, says: str) -> Defect:
    """A defect against inferred readings: reported, and a run may pass."""
    return Defect(tuple(rules.split()), says, documented=False)


DEFECTS: dict[str, Defect] = {
    # Authentication and errors
    "list-without-auth": breaks("auth.required", "the list asks for no credentials"),
    "create-without-auth": breaks("auth.required", "no header at all: the create is let in"),
    "read-without-auth": breaks("auth.required", "no header at all: reading one is let in"),
    "update-without-auth": breaks("auth.required", "no header at all: the change is let in"),
    "any-basic-key": breaks("auth.required", "any Basic user name is let in"),
    "any-key-of-a-kind": breaks(
        "auth.required", "any key is let in that begins as the right ones do"
    ),
    "any-bearer": breaks("auth.required", "any Bearer token is let in"),
    "bare-key-accepted": breaks("auth.required", "the key without a scheme is let in"),
    "empty-key-accepted": breaks("auth.required", "Basic with an empty user name is let in"),
    "bearer-refused": breaks("auth.required", "the right Bearer token is refused"),
    "auth-403": breaks("auth.required", "403 instead of 401"),
    "refusal-422": breaks("errors.bad-request", "422 instead of 400"),
    "refused-is-stored": breaks("errors.bad-request", "a refused create is stored all the same"),
    "refused-half-applied": breaks("errors.bad-request", "a refused change changes the text"),
    "refused-move-half-applied": breaks(
        "errors.bad-request", "a move that is refused has changed the text that came with it"
    ),
    "refused-create-notifies": breaks(
        "errors.bad-request sms.notification", "a refused inbox create leaves its notification"
    ),
    "error-body": differs("errors.bad-request", "a refusal's body is a bare string"),
    "unknown-400": breaks("errors.not-found", "an unknown id in the path is 400"),
    "unknown-get-200": breaks("errors.not-found", "reading an unknown id is 200 with {}"),
    "unknown-put-200": breaks("errors.not-found", "changing an unknown id is 200 with {}"),
    "unknown-delete-200": breaks("errors.not-found", "deleting an unknown id is 200"),
    "foreign-visible": breaks("errors.not-found", "another account's SMS can be read"),
    "foreign-changeable": breaks("errors.not-found", "another account's SMS can be changed"),
    # Creating
    "status-optional": breaks("sms.status.required", "no status means draft"),
    "status-null": breaks("sms.status.values sms.status.required", "a null status means draft"),
    "status-any-case": breaks("sms.status.values", "DRAFT is taken for draft"),
    "status-error": breaks("sms.status.values", "error is taken as a status"),
    "status-more": breaks("sms.status.values", "queued is taken as a status"),
    "status-free": breaks("sms.status.values", "any string is taken as a status"),
    "status-error-on-change": breaks(
        "sms.status.values sms.transitions.closed", "a draft can be changed to error"
    ),
    "inbox-refused": breaks("sms.status.values", "inbox is refused"),
    "scheduled-no-date": breaks(
        "sms.scheduled.needs-date sms.draft.schedule", "scheduled without a date is taken"
    ),
    "scheduled-null-date": breaks(
        "sms.scheduled.needs-date", "scheduled with date_scheduled null is taken on create"
    ),
    "scheduled-no-date-on-change": breaks(
        "sms.scheduled.needs-date sms.draft.schedule", "draft to scheduled needs no date"
    ),
    "send-in-60": breaks("sms.send-in.limit", "send_in 60 is taken"),
    "send-in-59-refused": breaks("sms.send-in.limit", "send_in 59 is refused"),
    "send-in-unlimited": breaks("sms.send-in.limit", "send_in has no limit"),
    "send-in-limit-drafts-only": breaks("sms.send-in.limit", "no limit where status is outbox"),
    "send-in-unlimited-on-change": breaks("sms.send-in.limit", "no limit on changes"),
    "send-in-limit-outbox-only": differs("sms.send-in.limit", "the limit holds for outbox only"),
    "send-in-negative": differs("sms.send-in.whole", "a negative send_in is taken"),
    "send-in-fraction": differs("sms.send-in.whole", "a fractional send_in is taken"),
    "no-number-outbox": breaks(
        "sms.local-phone.required sms.draft.send", "outbox needs no local_phone"
    ),
    "no-number-with-send-in": breaks(
        "sms.local-phone.required", "outbox needs no local_phone where send_in is given"
    ),
    "null-number-outbox": breaks(
        "sms.local-phone.required", "an explicit null local_phone is taken on an outbox create"
    ),
    "no-number-scheduled": breaks(
        "sms.local-phone.required sms.draft.schedule", "scheduled needs no local_phone"
    ),
    "no-number-on-change": breaks(
        "sms.local-phone.required sms.draft.send", "a draft without a number can be sent"
    ),
    "external-number": breaks("sms.local-phone.internal", "an external number can send"),
    "virtual-number": breaks("sms.local-phone.internal", "a virtual number can send"),
    "unknown-number": breaks("sms.local-phone.internal", "a number of nobody can send"),
    "foreign-number": breaks("sms.local-phone.internal", "another account's number can send"),
    "external-number-on-sending": breaks(
        "sms.local-phone.internal", "an external number can come with the change that sends"
    ),
    "any-number-on-change": breaks("sms.local-phone.internal", "a change takes any number"),
    "second-number-refused": breaks(
        "sms.local-phone.internal", "only the first internal number is taken"
    ),
    "no-plus": breaks("sms.phones.e164", "remote_phone needs no plus"),
    "16-digits": breaks("sms.phones.e164", "16 digits are taken"),
    "15-digits-refused": breaks("sms.phones.e164", "15 digits are refused"),
    "leading-zero": breaks("sms.phones.e164", "a leading zero is taken"),
    "spaces-taken": breaks("sms.phones.e164", "spaces and hyphens are taken"),
    "trailing-newline": breaks("sms.phones.e164", "a trailing newline is taken"),
    "remote-unchecked": breaks("sms.phones.e164", "remote_phone takes any string"),
    "remote-unchecked-on-change": breaks("sms.phones.e164", "a change takes any remote_phone"),
    "null-text-stays": breaks(
        "sms.template.renders", "a text that is given as null is no template's"
    ),
    "template-ignored": breaks("sms.template.renders", "text stays null"),
    "template-raw": breaks("sms.template.renders", "the placeholders stay in the text"),
    "template-first-contact": breaks(
        "sms.template.renders", "the lead's first contact is named in place of the one given"
    ),
    "template-name": breaks("sms.template.renders", "the template's name becomes the text"),
    "template-unsaved": breaks(
        "sms.template.renders sms.response.echo", "rendered in the answer, null when read"
    ),
    "template-raw-saved": breaks(
        "sms.template.renders sms.response.echo", "rendered in the answer, raw when read"
    ),
    "template-ignored-on-change": differs(
        "sms.template.renders", "a draft changed to a template keeps its text"
    ),
    "unknown-template": differs("sms.template.exists", "an unknown template is taken"),
    "unknown-template-500": differs("sms.template.exists", "an unknown template crashes"),
    "text-and-template": differs("sms.template.instead", "text and template_id are both taken"),
    "direction-flipped": breaks("sms.direction.default", "the two defaults are exchanged"),
    "direction-outbound": breaks("sms.direction.default", "always outbound by default"),
    "direction-sent-inbound": breaks("sms.direction.default", "a sent log is inbound by default"),
    "direction-overwritten": breaks(
        "sms.direction.default sms.response.echo", "a given direction gives way to the default"
    ),
    "direction-inbound-given": breaks(
        "sms.direction.default sms.response.echo", "a given inbound becomes outbound"
    ),
    "direction-any": differs("sms.direction.values", "any string is a direction"),
    "source-any": differs("sms.source.values", "any string is a source"),
    "source-default": differs("sms.source.default", "a log's source is Close.io by default"),
    "notification-never": breaks("sms.notification", "there is never a notification"),
    "notification-always": breaks("sms.notification", "every inbox SMS has a notification"),
    "notification-when-false": breaks("sms.notification", "false creates one too"),
    "notification-any-status": breaks("sms.notification", "other statuses create one too"),
    "notification-twice": breaks("sms.notification", "two notifications for one SMS"),
    "notification-of-nothing": breaks("sms.notification", "the notification names no SMS"),
    "text-any-type": breaks("sms.fields.types sms.response.shape", "text takes any type"),
    "update-any-type": breaks(
        "sms.fields.types sms.response.shape", "on change every string field takes any type"
    ),
    "date-any": breaks("sms.fields.types sms.response.shape", "date_scheduled takes any string"),
    "activity-at-any": breaks("sms.fields.types sms.response.shape", "activity_at takes anything"),
    "attachment-in-no-list": breaks("sms.fields.types", "a single attachment needs no list"),
    "attachments-any": breaks("sms.fields.types", "attachments takes anything"),
    "send-in-any-type": breaks("sms.fields.types", "send_in takes any type"),
    "send-in-any-type-on-change": breaks("sms.fields.types", "on change send_in takes any type"),
    "references-any": differs("sms.references.exist", "ids may name nothing"),
    "contact-of-other-lead": differs("sms.references.exist", "a contact of another lead is taken"),
    # Changing
    "sent-modifiable": breaks("sms.drafts-only", "a sent SMS can be modified"),
    "inbox-modifiable": breaks("sms.drafts-only", "an inbox SMS can be modified"),
    "scheduled-modifiable": breaks("sms.drafts-only", "a scheduled SMS can be modified"),
    "outbox-modifiable": breaks("sms.drafts-only", "an unsent SMS can be modified"),
    "modifiable-text": breaks("sms.drafts-only", "the text alone can be modified in any status"),
    "draft-unmodifiable": breaks("sms.drafts-only", "a draft cannot be modified"),
    "change-with-cancel": differs("sms.drafts-only", "a cancel may bring other changes"),
    "draft-to-scheduled-refused": breaks("sms.draft.schedule", "a draft cannot be scheduled"),
    "draft-to-scheduled-loses-date": breaks(
        "sms.draft.schedule sms.response.echo sms.scheduled.needs-date", "scheduling drops the date"
    ),
    "draft-to-scheduled-needs-given-date": breaks(
        "sms.draft.schedule", "the draft's stored date does not count"
    ),
    "draft-to-scheduled-keeps-stored-date": breaks(
        "sms.draft.schedule", "scheduling with a date keeps the date that is stored"
    ),
    "draft-to-outbox-refused": breaks("sms.draft.send", "a draft cannot be sent"),
    "draft-to-outbox-send-in-refused": breaks(
        "sms.draft.send", "a draft cannot be sent with send_in"
    ),
    "scheduled-to-draft-refused": breaks("sms.cancel.scheduled", "scheduled cannot be cancelled"),
    "outbox-to-draft-refused": breaks(
        "sms.cancel.outbox sms.undo-window", "outbox cannot be cancelled"
    ),
    "cancel-forgotten": breaks(
        "sms.cancel.scheduled sms.cancel.outbox sms.response.echo sms.undo-window",
        "a cancel answers draft and stores nothing",
    ),
    "cancel-half-window": breaks(
        "sms.cancel.outbox sms.undo-window", "cancelled in the first half of send_in only"
    ),
    "cancel-three-seconds": breaks(
        "sms.cancel.outbox sms.undo-window", "cancelled in three seconds, whatever send_in says"
    ),
    "cancel-not-at-last": breaks(
        "sms.cancel.outbox sms.undo-window", "not cancelled in the last second of send_in"
    ),
    "draft-with-delay-is-sent": breaks(
        "sms.transitions.closed", "a draft that was given a send_in is sent when it is over"
    ),
    "draft-with-date-is-sent": breaks(
        "sms.transitions.closed", "a draft that was given a date_scheduled is sent then"
    ),
    "outbox-waits-for-date": breaks(
        "sms.outbox.sends sms.draft.send", "in outbox an SMS waits for the date that the draft had"
    ),
    "sent-once-planned": breaks(
        "sms.outbox.sends sms.scheduled.sends sms.draft.send sms.draft.schedule",
        "what was cancelled once is never sent",
    ),
    "cancelled-is-sent": breaks(
        "sms.cancel.outbox sms.cancel.scheduled sms.undo-window", "what was cancelled is sent"
    ),
    "cancelled-scheduled-is-sent": breaks(
        "sms.cancel.scheduled", "a cancelled scheduled SMS is sent at its date"
    ),
    "cancelled-outbox-is-sent": breaks(
        "sms.cancel.outbox sms.undo-window", "a cancelled outbox SMS is sent after send_in"
    ),
    "draft-to-sent": breaks("sms.transitions.closed", "draft to sent is open"),
    "draft-to-inbox": breaks("sms.transitions.closed", "draft to inbox is open"),
    "scheduled-to-outbox": breaks("sms.transitions.closed", "scheduled to outbox is open"),
    "scheduled-to-sent": breaks("sms.transitions.closed", "scheduled to sent is open"),
    "outbox-to-scheduled": breaks("sms.transitions.closed", "outbox to scheduled is open"),
    "outbox-to-sent": breaks("sms.transitions.closed", "outbox to sent is open"),
    "sent-to-draft": breaks(
        "sms.cancel.outbox sms.transitions.closed", "what was sent can be taken back to draft"
    ),
    "sent-to-outbox": breaks("sms.transitions.closed", "sent to outbox is open"),
    "sent-to-inbox": breaks("sms.transitions.closed", "sent to inbox is open"),
    "inbox-to-draft": breaks("sms.transitions.closed", "inbox to draft is open"),
    "inbox-to-sent": breaks("sms.transitions.closed", "inbox to sent is open"),
    "all-moves": breaks("sms.transitions.closed", "every change of status is open"),
    # Over time
    "outbox-stays": breaks("sms.outbox.sends", "outbox is never sent"),
    "sent-is-delivered": breaks(
        "sms.outbox.sends sms.scheduled.sends sms.response.shape", "it becomes delivered, not sent"
    ),
    "no-date-sent": breaks(
        "sms.outbox.sends sms.scheduled.sends", "sent by the server without date_sent"
    ),
    "scheduled-no-date-sent": differs(
        "sms.scheduled.sends sms.dates", "a scheduled one is sent without date_sent"
    ),
    "send-in-ignored": breaks("sms.undo-window sms.cancel.outbox", "sent at once all the same"),
    "send-in-ignored-on-change": breaks(
        "sms.undo-window sms.cancel.outbox", "a draft with send_in is sent at once"
    ),
    "send-in-halved": breaks("sms.undo-window", "sent after half of send_in"),
    "send-in-from-created": breaks(
        "sms.undo-window", "on change send_in is counted from the creation"
    ),
    "send-in-doubled": breaks("sms.outbox.sends", "sent after twice send_in"),
    "send-in-stays": breaks("sms.outbox.sends sms.undo-window", "with send_in it is never sent"),
    "scheduled-stays": breaks("sms.scheduled.sends", "scheduled is never sent"),
    "scheduled-on-change-stays": breaks(
        "sms.scheduled.sends", "a draft that was scheduled is never sent"
    ),
    "rescheduled-at-first-date": breaks(
        "sms.scheduled.sends", "cancelled and scheduled anew, it is sent at the first date"
    ),
    "scheduled-early": breaks("sms.scheduled.sends", "scheduled is sent at once"),
    "inbox-becomes-sent": breaks("sms.logged.not-sent", "an inbox log is sent"),
    "sent-log-becomes-outbox": breaks(
        "sms.logged.not-sent sms.response.echo", "a sent log goes through outbox"
    ),
    # What comes back
    "type-wrong": breaks("sms.response.shape", "_type is sms"),
    "field-missing": breaks("sms.response.shape", "cost is missing"),
    "field-missing-on-read": breaks("sms.response.shape", "error_message is missing when read"),
    "field-missing-in-list": breaks("sms.response.shape", "local_country_iso is missing in lists"),
    "late-field-missing": breaks("sms.response.shape", "sequence_name is missing"),
    "users-null": breaks("sms.response.shape", "users is null"),
    "cost-number": breaks("sms.response.shape", "cost is a number"),
    "date-number": breaks("sms.response.shape", "date_created is a number"),
    "text-truncated": breaks("sms.response.echo", "text keeps five characters"),
    "text-truncated-160": breaks("sms.response.echo", "text keeps 160 characters"),
    "text-ascii": breaks("sms.response.echo", "text loses what is not ASCII"),
    "text-stripped": breaks("sms.response.echo", "text loses white space at its ends"),
    "text-stale": breaks(
        "sms.response.echo sms.drafts-only", "reading shows the text as it was created"
    ),
    "remote-lost": breaks("sms.response.echo", "remote_phone is lost"),
    "lead-lost": breaks("sms.response.echo", "lead_id is lost"),
    "contact-lost": breaks("sms.response.echo", "contact_id is lost"),
    "activity-at-lost": breaks("sms.response.echo sms.dates", "a given activity_at is lost"),
    "date-created-ignored": breaks("sms.response.echo sms.dates", "a given date_created is lost"),
    "date-scheduled-shifted": breaks(
        "sms.response.echo sms.scheduled.sends", "date_scheduled is an hour late"
    ),
    "update-lost": breaks(
        "sms.response.echo sms.drafts-only sms.draft.schedule sms.draft.send",
        "a change is answered and not stored",
    ),
    "newest-is-changed": breaks(
        "sms.response.echo", "a change goes to the newest draft of the same lead"
    ),
    "alike-are-deleted": breaks(
        "sms.response.echo sms.delete", "deleting one deletes those with its text too"
    ),
    "list-lacks-user": breaks("sms.response.echo", "lists show a null user_id"),
    "user-lost-beside-attachments": breaks(
        "sms.response.echo", "user_id is lost where attachments are given too"
    ),
    "update-offset-dropped": breaks(
        "sms.response.echo", "on change the offset of a date is dropped"
    ),
    "update-text-lost": breaks("sms.response.echo sms.drafts-only", "a changed text becomes null"),
    "list-lacks-text": breaks("sms.response.echo", "lists show no text"),
    "list-stale": breaks("sms.response.echo sms.list.filters", "lists show the SMS as created"),
    "direction-on-read": breaks(
        "sms.response.echo sms.direction.default", "reading says outbound always"
    ),
    "formatted-wrong": differs("sms.phones.formatted", "formatted numbers are not"),
    "country-wrong": differs("sms.phones.country", "every country is ZZ"),
    "created-by-null": differs("sms.people", "created_by is null"),
    "created-by-wrong": differs("sms.people", "created_by is always the account's other person"),
    "date-updated-stale": differs("sms.dates", "date_updated does not move on change"),
    "sent-log-without-date-sent": differs("sms.dates", "a sent log has no date_sent"),
    # Lists and deletion
    "filters-ignored": differs("sms.list.filters", "filters are ignored"),
    "oldest-first": differs("sms.list.filters", "the oldest comes first"),
    "list-doubles": differs("sms.list.pages sms.list.filters", "lists hold every SMS twice"),
    "pages-overlap": differs("sms.list.pages", "a page repeats the last of the one before"),
    "has-more-wrong": differs("sms.list.pages", "has_more is the opposite"),
    "delete-keeps": differs("sms.delete", "a deleted SMS can still be read"),
    "deleted-still-listed": differs("sms.delete", "a deleted SMS is still in lists"),
    "deleted-scheduled-returns": differs("sms.delete", "a deleted scheduled SMS is sent anyway"),
    "notification-stays": differs("task.gone", "what a deleted SMS told the inbox stays"),
    # What shows only with all fields given, at the second time, or to somebody else
    "key-trimmed": breaks("auth.required", "blanks around a key are passed over"),
    "update-without-bearer": breaks("auth.required", "a change takes no Bearer token"),
    "unauthorized-create-works": breaks("auth.required", "a create is answered 401, and stored"),
    "unauthorized-delete-works": breaks("auth.required", "a deletion is answered 401, and done"),
    "deleted-twice-200": breaks("errors.not-found", "deleting what was deleted is 200"),
    "list-of-all-accounts": differs("errors.not-found", "lists show every account's SMS"),
    "number-by-its-end": breaks(
        "sms.local-phone.internal", "a number is one of the account's if its last ten digits are"
    ),
    "template-stripped": breaks("sms.template.renders", "white space around a template is lost"),
    "template-by-chance": breaks(
        "sms.template.renders", "templates that were there before are not rendered"
    ),
    "direction-without-number": breaks(
        "sms.direction.default", "a sent log without local_phone is inbound by default"
    ),
    "notification-needs-text": breaks("sms.notification", "without a text no notification"),
    "notification-done": breaks("sms.notification", "a notification is complete from the start"),
    "null-text-refused-on-change": breaks("sms.fields.types", "on change text may not be null"),
    "modifiable-by-null": breaks("sms.drafts-only", "fields can be emptied in every status"),
    "sent-goes-out-again": breaks(
        "sms.transitions.closed", "what was sent from outbox may go to outbox again"
    ),
    "files-are-never-sent": breaks("sms.outbox.sends", "with attachments outbox is never sent"),
    "templates-are-never-sent": breaks("sms.outbox.sends", "with a template_id it is never sent"),
    "send-in-2-ignored": breaks("sms.undo-window", "two seconds or less are none"),
    "sent-loses-files": breaks("sms.response.echo", "attachments are gone once it is sent"),
    "sent-loses-template": breaks("sms.response.echo", "template_id is null once it is sent"),
    "sent-loses-date": breaks("sms.response.echo", "date_scheduled is null once it is sent"),
    "cancel-dates-anew": breaks("sms.response.echo", "a cancel sets activity_at to date_created"),
    "cancel-loses-files": breaks("sms.response.echo", "attachments are gone with a cancel"),
    "move-ignores-number": breaks(
        "sms.response.echo", "a remote_phone that comes with a change of status is not taken"
    ),
    "move-directs": breaks(
        "sms.response.echo sms.direction.default", "a change of status makes it outbound"
    ),
    "update-resets-user": breaks("sms.response.echo", "a change makes it the caller's"),
    "null-contact-ignored": breaks("sms.response.echo", "a contact cannot be taken away"),
    "empty-text-ignored": breaks("sms.response.echo", "a text cannot be emptied"),
    "files-pile-up": breaks("sms.response.echo", "a change adds its attachments to those before"),
    "text-none": breaks("sms.response.echo", "the text None is none"),
    "no-dates-before-1970": breaks("sms.response.echo", "a date before 1970 becomes 1970"),
    "remote-of-before": breaks(
        "sms.response.echo", "without a remote_phone it is the one of the request before"
    ),
    "text-of-before": breaks(
        "sms.response.echo", "without a text it is the one of the request before"
    ),
    "alike-are-one": breaks("sms.response.echo", "the same text to the same number is sent once"),
    "list-undated": breaks("sms.response.echo", "lists show no date_sent"),
    "dated-log-is-scheduled": breaks(
        "sms.logged.not-sent", "a sent log with a date_scheduled to come becomes scheduled"
    ),
    "delayed-log-is-sent": breaks(
        "sms.logged.not-sent", "an inbox log with send_in is sent when it has passed"
    ),
    "sent-as-two": breaks("sms.outbox.sends", "what is sent from outbox is there twice"),
    "scheduled-late": breaks("sms.scheduled.sends", "scheduled is sent ten seconds late"),
    "remote-clears-lead": breaks("sms.response.echo", "another remote_phone empties lead_id"),
    "null-date-on-change": breaks(
        "sms.scheduled.needs-date sms.draft.schedule", "a draft is scheduled with a null date"
    ),
    "unknown-number-notifies": breaks(
        "errors.bad-request sms.notification", "with a number of nobody it is refused, and notified"
    ),
    "modifiable-with-its-state": breaks(
        "sms.drafts-only", "an inbox SMS can be modified where its status is given too"
    ),
    "unmodifiable-once-cancelled": breaks(
        "sms.drafts-only", "a draft that was cancelled cannot be modified"
    ),
    "template-followed": breaks(
        "sms.template.renders sms.response.echo", "the text follows what becomes of the template"
    ),
    "cost-number-once-sent": breaks("sms.response.shape", "cost is a number once it is sent"),
}

# All correct: other readings of what the page leaves open, other freedoms taken.
VARIANTS: dict[str, str] = {
    "instant": "what is due at once is sent in the answer already",
    "lenient": "takes whatever is refused by inference only; text wins over a template",
    "strict-null": "refuses null for direction and source",
    "strict-number": "wants local_phone for drafts and logs too",
    "strict-past": "refuses to schedule for a moment that is past",
    "strict-write-back": "takes writing back what is there for a modification",
    "own-bearer": "Bearer tokens are other secrets than keys",
    "bare": "deletes answer 204, source is Close.io always, fields of its own, no attachments; "
    "a cancelled SMS has no date any more",
    "real-numbers": "refuses numbers that nobody can have, and an internal one without SMS",
    "zulu": "milliseconds and Z in dates, total_results in lists, null people where null was given",
}

STATUSES = ("inbox", "draft", "scheduled", "outbox", "sent")
LOGS = ("inbox", "sent")
DIRECTIONS = ("inbound", "outbound")
SOURCES = ("Close.io", "External")
OPEN_MOVES = frozenset(
    {("draft", "scheduled"), ("draft", "outbox"), ("scheduled", "draft"), ("outbox", "draft")}
)
STRING_FIELDS = (
    "contact_id",
    "created_by_id",
    "lead_id",
    "local_phone",
    "organization_id",
    "remote_phone",
    "template_id",
    "text",
    "user_id",
)
DATE_FIELDS = ("activity_at", "date_created", "date_scheduled")
CHANGEABLE = (
    "activity_at",
    "attachments",
    "contact_id",
    "date_scheduled",
    "lead_id",
    "local_phone",
    "remote_phone",
    "send_in",
    "status",
    "template_id",
    "text",
    "user_id",
)
# How a defect widens or narrows E.164; everything else is held to `E164`.
E164 = re.compile(r"\+[1-9][0-9]{0,14}")
BENT_E164 = {
    "no-plus": re.compile(r"\+?[1-9][0-9]{0,14}"),
    "16-digits": re.compile(r"\+[1-9][0-9]{0,15}"),
    "15-digits-refused": re.compile(r"\+[1-9][0-9]{0,13}"),
    "leading-zero": re.compile(r"\+[0-9]{1,15}"),
    "spaces-taken": re.compile(r"\+[1-9][0-9 -]{0,18}"),
    "trailing-newline": re.compile(r"\+[1-9][0-9]{0,14}\n?"),
}
BENT_LIMIT: dict[str, float] = {
    "send-in-60": 61,
    "send-in-59-refused": 59,
    "send-in-unlimited": math.inf,
}
OPENED_MOVES = {
    "draft-to-sent": ("draft", "sent"),
    "draft-to-inbox": ("draft", "inbox"),
    "scheduled-to-outbox": ("scheduled", "outbox"),
    "scheduled-to-sent": ("scheduled", "sent"),
    "outbox-to-scheduled": ("outbox", "scheduled"),
    "outbox-to-sent": ("outbox", "sent"),
    "sent-to-draft": ("sent", "draft"),
    "sent-to-outbox": ("sent", "outbox"),
    "sent-to-inbox": ("sent", "inbox"),
    "inbox-to-draft": ("inbox", "draft"),
    "inbox-to-sent": ("inbox", "sent"),
    "status-error-on-change": ("draft", "error"),
}
CLOSED_MOVES = {
    "draft-to-scheduled-refused": ("draft", "scheduled"),
    "draft-to-outbox-refused": ("draft", "outbox"),
    "scheduled-to-draft-refused": ("scheduled", "draft"),
    "outbox-to-draft-refused": ("outbox", "draft"),
}
MODIFIABLE = {
    "sent-modifiable": "sent",
    "inbox-modifiable": "inbox",
    "scheduled-modifiable": "scheduled",
    "outbox-modifiable": "outbox",
}
LOST_ON_CREATE = {
    "remote-lost": "remote_phone",
    "lead-lost": "lead_id",
    "contact-lost": "contact_id",
    "activity-at-lost": "activity_at",
}
UNGUARDED = {
    "list-without-auth": ("GET", False),
    "create-without-auth": ("POST", False),
    "read-without-auth": ("GET", True),
    "update-without-auth": ("PUT", True),
}
WORKS_ANYWAY = {"unauthorized-create-works": "POST", "unauthorized-delete-works": "DELETE"}
COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
}


class RefusalError(Exception):
    """A request that gets no further: its status and the body that says why."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def bad_request(fields: Mapping[str, str], *errors: str) -> RefusalError:
    """400 in the API's shape; a reference is named without its `_id`."""
    return RefusalError(400, {"errors": list(errors), "field-errors": dict(fields)})


def not_found(kind: str) -> RefusalError:
    return RefusalError(404, {"error": f"Empty query: no {kind} goes by that id."})


# -- values ----------------------------------------------------------------------------------------

DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?([Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
DATE_ONLY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def machine_clock() -> datetime:
    return datetime.now(UTC)


def parse_moment(text: str, allow_date: bool = False) -> datetime | None:
    """The moment that `text` names, in UTC; without an offset it is UTC; None if it names none."""
    if allow_date and DATE_ONLY.fullmatch(text):
        text += "T00:00:00Z"
    match = DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    second = int(match[6] or 0)
    micro = int((match[7] or "")[:6].ljust(6, "0"))
    leap = second == 60  # RFC 3339 has leap seconds, Python has none: the second after :59
    try:
        moment = datetime(
            year, month, day, hour, minute, second - leap, micro, parse_offset(match[8] or "Z")
        )
        return (moment + timedelta(seconds=leap)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise ValueError(text)
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if text[0] == "-" else size)


def write_moment(value: Any, timespec: str) -> Any:
    """A date as answers carry it; what is none (only a defect lets it in) as it is."""
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


@lru_cache(maxsize=4096)
def place_number(number: str) -> tuple[str | None, str | None]:
    """The international form and the country of a number, or two Nones."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None, None
    country = phonenumbers.region_code_for_number(found)
    if country is None or not country.isalpha():
        return None, None
    form = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return form, country


def render_template(text: str, records: Mapping[str, Any]) -> str:
    """Fill `{{ lead.display_name }}` and the like; what is missing is empty."""

    def fill(match: re.Match[str]) -> str:
        value: Any = records
        for name in match[1].split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return "" if value is None or isinstance(value, Mapping | list) else str(value)

    return PLACEHOLDER.sub(fill, text)


def find(records: Mapping[str, Record], key: Any) -> Record | None:
    """The record of that id; a key that is no string (only a defect lets it in) finds none."""
    return records.get(key) if isinstance(key, str) else None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def is_attachment(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    named = all(isinstance(value.get(k), str) and value[k] for k in ("filename", "url"))
    media_type = value.get("content_type")
    return named and isinstance(media_type, str) and "/" in media_type


# -- an account and what it starts with --------------------------------------------------------------


@dataclass
class Account:
    """One organization: its people, numbers and records."""

    organization: Record
    person: Record
    users: dict[str, Record]
    numbers: dict[str, Record]
    leads: dict[str, Record] = field(default_factory=dict)
    contacts: dict[str, Record] = field(default_factory=dict)
    templates: dict[str, Record] = field(default_factory=dict)
    tasks: dict[str, Record] = field(default_factory=dict)
    sms: dict[str, Record] = field(default_factory=dict)
    deleted: dict[str, Record] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What tells one account's seed from the other's."""

    organization: str
    people: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str], ...]
    leads: tuple[tuple[str, tuple[str, ...]], ...]
    templates: tuple[tuple[str, str], ...]


PROFILES = (
    Profile(
        organization="Lantern & Loom",
        people=(("Odalys", "Brackwater"), ("Teodor", "Winterbourne")),
        numbers=(
            ("external", "+13035550119"),
            ("internal", "+14155550171"),
            ("virtual", "+17735550163"),
            ("internal", "+442079460131"),
        ),
        leads=(
            ("Juniper Tannery", ("Ysolde Farthing", "Bram Okonjo-Vale")),
            ("Saltmarsh Looms", ("Ambrose Quill",)),
            ("Nobody's Kiosk", ()),
        ),
        templates=(
            (
                "Fitting day",
                "Hello {{ contact.first_name }}, {{user.first_name}} of {{ organization.name }} "
                "waits for {{ lead.display_name }}.",
            ),
            ("Opening hours", "We are open from nine to five."),
        ),
    ),
    Profile(
        organization="Copper Kettle Society",
        people=(("Ingram", "Desrosiers"),),
        numbers=(
            ("virtual", "+12065550147"),
            ("internal", "+16175550142"),
            ("external", "+18085550188"),
        ),
        leads=(("Gullwing Ferries", ("Petra Lindqvist-Rowe",)),),
        templates=(("Ferry", "{{ contact.name }}: the ferry leaves at dawn."),),
    ),
)


@dataclass(frozen=True)
class Request:
    """One authenticated request."""

    account: Account
    item_id: str
    query: dict[str, str]
    media_type: str
    raw: bytes

    def load(self) -> Record:
        """The body, which is to be a JSON object."""
        if self.media_type not in ("", "application/json") and not self.media_type.endswith(
            "+json"
        ):
            raise RefusalError(415, {"error": f"{self.media_type} is not spoken here; JSON is."})
        try:
            body = json.loads(self.raw, parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise bad_request({}, "The body cannot be read as JSON.") from None
        if not isinstance(body, dict):
            raise bad_request({}, "The body has to be a JSON object.")
        return body


def refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


Operation = Callable[[Request], Answer]


# -- the server --------------------------------------------------------------------------------------


class Peer:
    """The whole API as one WSGI callable; `defect` and `variant` bend it in one place."""

    def __init__(
        self, defect: str | None = None, clock: Clock | None = None, variant: str | None = None
    ) -> None:
        if defect is not None and defect not in DEFECTS:
            raise ValueError(f"unknown defect {defect!r}: one of {', '.join(DEFECTS)}")
        if variant is not None and variant not in VARIANTS:
            raise ValueError(f"unknown variant {variant!r}: one of {', '.join(VARIANTS)}")
        self.defect = defect or ""
        self.variant = variant or ""
        self.clock = clock or machine_clock
        self.lock = threading.RLock()
        self.serial = itertools.count(1)
        self.remote_before: Any = None
        self.text_before: Any = None
        self.seeded: set[str] = set()  # ids of the templates that were there before
        # What will be sent: when, in which order it came, whose, which SMS, which stay in a status.
        self.due: list[tuple[datetime, int, Account, str, int]] = []
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Account] = {}
        for number, profile in zip(("one", "two"), PROFILES, strict=True):
            account = self.seed_account(profile)
            key = os.environ.get(f"PEER_KEY_{number.upper()}", f"peer_key_{number}")
            own_token = self.variant == "own-bearer"
            self.accounts[key] = account
            self.tokens[f"peer_token_{number}" if own_token else key] = account
        self.operations = self.build_operations()

    def wrong(self, *defects: str) -> bool:
        """Whether one of these defects is switched on."""
        return self.defect in defects

    def build_operations(self) -> dict[str, tuple[dict[str, Operation], dict[str, Operation]]]:
        """For each resource: what can be done with all of it, and with one of it."""
        return {
            "activity/sms": (
                {"GET": self.list_sms, "POST": self.create_sms},
                {"GET": self.get_sms, "PUT": self.update_sms, "DELETE": self.delete_sms},
            ),
            "phone_number": ({"GET": self.list_numbers}, {"GET": self.get_number}),
            "sms_template": (
                {"GET": self.list_templates, "POST": self.create_template},
                {
                    "GET": self.get_template,
                    "PUT": self.update_template,
                    "DELETE": self.delete_template,
                },
            ),
            "lead": ({"GET": self.list_leads, "POST": self.create_lead}, {"GET": self.get_lead}),
            "contact": (
                {"GET": self.list_contacts, "POST": self.create_contact},
                {"GET": self.get_contact},
            ),
            "user": ({"GET": self.list_users}, {"GET": self.get_user}),
            "task": ({"GET": self.list_tasks}, {"GET": self.get_task}),
            "me": ({"GET": self.get_me}, {}),
        }

    # -- from WSGI to an operation and back ------------------------------------------------------

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> list[bytes]:
        status, body, headers = self.answer(environ)
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers["Content-Length"] = str(len(content))
        if body is not None:
            headers["Content-Type"] = "application/json"
        start_response(f"{status} {REASONS[status]}", list(headers.items()))
        return [content] if environ["REQUEST_METHOD"] != "HEAD" else []

    def answer(self, environ: Mapping[str, Any]) -> Answer:
        try:
            with self.lock:
                return self.dispatch(environ)
        except RefusalError as refusal:
            return self.answer_refusal(refusal)
        except Exception as error:  # a client never sees a traceback; whoever runs it does
            print(f"peer crashed: {error!r}", file=sys.stderr)
            return 500, {"error": "The server failed."}, {}

    def answer_refusal(self, refusal: RefusalError) -> Answer:
        status, body = refusal.status, refusal.body
        if status == 400 and self.wrong("refusal-422"):
            status = 422
        if status == 400 and self.wrong("error-body"):
            body = "no"
        if status == 401 and self.wrong("auth-403"):
            status = 403
        return status, body, refusal.headers

    def dispatch(self, environ: Mapping[str, Any]) -> Answer:
        method = environ["REQUEST_METHOD"]
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace")
        resource, item_id = self.find_resource(path)
        if not path.endswith("/"):
            return 308, None, {"Location": redirect_target(environ, path)}
        operations = self.operations[resource][bool(item_id)]
        if method not in operations:
            allowed = ", ".join(sorted(operations))
            raise RefusalError(405, {"error": f"{method} is not possible."}, {"Allow": allowed})
        pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        media_type = str(environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
        try:
            account = self.authenticate(
                environ.get("HTTP_AUTHORIZATION", ""), method, resource, item_id
            )
        except RefusalError:
            if WORKS_ANYWAY.get(self.defect) == method and resource == "activity/sms":
                holder = self.holder_of(item_id)
                raw = read_body(environ)
                operations[method](Request(holder, item_id, dict(pairs), media_type, raw))
            raise
        self.settle()
        raw = read_body(environ)
        return operations[method](Request(account, item_id, dict(pairs), media_type, raw))

    def find_resource(self, path: str) -> tuple[str, str]:
        """The resource and, where the path names one record of it, the id."""
        if path.startswith(BASE + "/"):
            bare = path[len(BASE) + 1 :].removesuffix("/")
            if bare in self.operations:
                return bare, ""
            resource, _, item_id = bare.rpartition("/")
            if item_id and resource in self.operations and self.operations[resource][1]:
                return resource, item_id
        raise RefusalError(404, {"error": "There is nothing at this path."})

    def authenticate(self, header: str, method: str, resource: str, item_id: str) -> Account:
        account = self.account_of(header)
        if self.wrong("update-without-bearer") and method == "PUT" and header[:6] == "Bearer":
            account = None
        if account is not None:
            return account
        if resource == "activity/sms" and (
            UNGUARDED.get(self.defect) == (method, bool(item_id))
            and (not header or self.wrong("list-without-auth"))
        ):
            return self.holder_of(item_id)
        challenge = {"WWW-Authenticate": 'Basic realm="peer"'}
        raise RefusalError(401, {"error": "Say who you are: the key is not known."}, challenge)

    def holder_of(self, item_id: str) -> Account:
        accounts = list(self.accounts.values())
        return next((account for account in accounts if item_id in account.sms), accounts[0])

    def account_of(self, header: str) -> Account | None:
        scheme, _, rest = header.strip().partition(" ")
        first = next(iter(self.accounts.values()))
        if self.wrong("bare-key-accepted") and header in self.accounts:
            return self.accounts[header]
        if scheme.lower() == "bearer":
            if self.wrong("bearer-refused"):
                return None
            return first if self.wrong("any-bearer") else self.tokens.get(rest.strip())
        if scheme.lower() != "basic":
            return None
        name = self.basic_user(rest.strip())
        if name is None:
            return None
        if self.wrong("key-trimmed"):
            name = name.strip()
        alike = (name or "").startswith("peer_") and self.wrong("any-key-of-a-kind")
        if (
            alike
            or self.wrong("any-basic-key")
            or (self.wrong("empty-key-accepted") and name == "")
        ):
            return first
        return self.accounts.get(name)

    def basic_user(self, token: str) -> str | None:
        """The user name in a Basic token; None if it is malformed or has a password."""
        try:
            text = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        name, colon, password = text.partition(":")
        if not colon or (password and self.variant != "lenient"):
            return None
        return name

    # -- time -----------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.keep_precision(self.clock().astimezone(UTC))

    def keep_precision(self, moment: datetime) -> datetime:
        if self.variant == "zulu":
            return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return moment

    def settle(self) -> None:
        """Send all that is due, in the order of the due times, each at its own."""
        now = self.now()
        while self.due and self.due[0][0] <= now:
            moment, _, account, sms_id, stay = heapq.heappop(self.due)
            sms = account.sms.get(sms_id)
            if sms is None and self.wrong("deleted-scheduled-returns"):
                sms = account.deleted.pop(sms_id, None)
                if sms is not None and sms["status"] == "scheduled":
                    account.sms[sms_id] = sms
            if sms is not None and (sms["stay"] == stay or self.is_sent_anyway(sms)):
                if self.wrong("sent-as-two") and sms["status"] == "outbox":
                    twin = {**sms, "id": self.new_id("acti_")}
                    account.sms[twin["id"]] = twin
                    self.send(twin, moment)
                self.send(sms, moment)

    def is_sent_anyway(self, sms: Record) -> bool:
        ghosts = {
            "cancelled-is-sent": ("scheduled", "outbox"),
            "cancelled-scheduled-is-sent": ("scheduled",),
            "cancelled-outbox-is-sent": ("outbox",),
        }
        if self.wrong("rescheduled-at-first-date") and sms["status"] == "scheduled":
            return True
        cancelled_from = ghosts.get(self.defect, ())
        return sms["status"] == "draft" and sms["status_before"] in cancelled_from

    def send(self, sms: Record, moment: datetime) -> None:
        dateless = self.wrong("no-date-sent") or (
            self.wrong("scheduled-no-date-sent") and sms["status"] == "scheduled"
        )
        self.enter(sms, "delivered" if self.wrong("sent-is-delivered") else "sent", moment)
        sms["date_sent"] = None if dateless else moment
        sms["date_updated"] = moment
        sms["cost"] = 0.0125 if self.wrong("cost-number-once-sent") else "0.0125"
        if self.wrong("sent-loses-files"):
            sms["attachments"] = []
        lost = {"sent-loses-template": "template_id", "sent-loses-date": "date_scheduled"}
        if self.defect in lost:
            sms[lost[self.defect]] = None

    def enter(self, sms: Record, status: str, moment: datetime) -> None:
        """Begin a new stay in a status: what the stay before had planned is void."""
        sms["status_before"] = sms.get("status")
        sms["status"] = status
        sms["entered"] = moment
        sms["stay"] = next(self.serial)

    def plan(self, account: Account, sms: Record, changing: bool = False) -> None:
        """Note when an SMS that has just entered its status is to be sent, if ever."""
        moment = self.due_moment(sms, changing)
        if moment is None or (self.wrong("sent-once-planned") and sms.get("planned")):
            return
        sms["planned"] = True
        heapq.heappush(self.due, (moment, next(self.serial), account, sms["id"], sms["stay"]))
        if self.variant == "instant":
            self.settle()

    def due_moment(self, sms: Record, changing: bool) -> datetime | None:
        entered: datetime = sms["entered"]
        if sms["status"] == "scheduled":
            date = sms["date_scheduled"]
            if self.wrong("scheduled-stays") or not isinstance(date, datetime):
                return None
            if self.wrong("scheduled-on-change-stays") and changing:
                return None
            late = timedelta(seconds=10 if self.wrong("scheduled-late") else 0)
            return entered if self.wrong("scheduled-early") else max(date, entered) + late
        if sms["status"] == "outbox":
            seconds = sms["send_in"] if is_number(sms["send_in"]) else 0
            if self.wrong("outbox-stays") or (self.wrong("send-in-stays") and seconds):
                return None
            if self.wrong("files-are-never-sent") and sms["attachments"]:
                return None
            if self.wrong("templates-are-never-sent") and sms["template_id"]:
                return None
            ignored = (self.wrong("send-in-2-ignored") and seconds <= 2) or (
                self.wrong("send-in-ignored")
            )
            ignored = ignored or (self.wrong("send-in-ignored-on-change") and changing)
            if self.wrong("send-in-from-created") and changing:
                entered = sms["date_created"]
            date = sms["date_scheduled"]
            if self.wrong("outbox-waits-for-date") and changing and isinstance(date, datetime):
                entered = max(date, entered)
            factor = {"send-in-halved": 0.5, "send-in-doubled": 2}.get(self.defect, 1)
            return entered + timedelta(seconds=0 if ignored else max(seconds, 0) * factor)
        if sms["status"] == "draft" and not changing:
            if self.wrong("draft-with-delay-is-sent") and is_number(sms["send_in"]):
                return entered + timedelta(seconds=sms["send_in"])
            if self.wrong("draft-with-date-is-sent"):
                date = sms["date_scheduled"]
                return max(date, entered) if isinstance(date, datetime) else None
        if sms["status"] == "inbox" and self.wrong("inbox-becomes-sent"):
            return entered
        if sms["status"] == "inbox" and self.wrong("delayed-log-is-sent") and sms["send_in"]:
            return entered + timedelta(seconds=sms["send_in"])
        return None

    # -- reading the fields of an SMS -----------------------------------------------------------

    def read_fields(self, body: Record, changing: bool) -> tuple[Record, dict[str, str]]:
        """The well-typed fields of a body as values, and what is wrong with the others."""
        values: Record = {}
        wrong: dict[str, str] = {}
        self.read_status(body, values, wrong, changing)
        for name in STRING_FIELDS:
            if name in body:
                self.read_string(name, body[name], values, wrong, changing)
        for name in DATE_FIELDS:
            if name in body:
                self.read_date(name, body[name], values, wrong)
                if changing and self.wrong("update-offset-dropped") and values.get(name):
                    values[name] = parse_moment(body[name][:19])
        self.read_choice("direction", DIRECTIONS, body, values, wrong)
        self.read_choice("source", SOURCES, body, values, wrong)
        if "send_in" in body:
            self.read_send_in(body, values, wrong, changing)
        if "attachments" in body:
            self.read_attachments(body["attachments"], values, wrong)
        return values, wrong

    def read_status(
        self, body: Record, values: Record, wrong: dict[str, str], changing: bool
    ) -> None:
        if "status" not in body:
            if not changing and self.wrong("status-optional"):
                values["status"] = "draft"
            elif not changing:
                wrong["status"] = "A status has to be given."
            return
        status = body["status"]
        if status is None and not changing and self.wrong("status-null"):
            status = "draft"
        if isinstance(status, str) and self.wrong("status-any-case"):
            status = status.lower()
        if self.is_status(status, changing):
            values["status"] = status
        else:
            wrong["status"] = f"Not one of {', '.join(STATUSES)}."

    def is_status(self, status: Any, changing: bool) -> bool:
        if not isinstance(status, str):
            return False
        if status == "inbox" and self.wrong("inbox-refused"):
            return False
        if changing and self.wrong("status-error-on-change") and status == "error":
            return True
        if not changing and self.wrong("status-free"):
            return status != ""
        extra = {"status-error": "error", "status-more": "queued"}.get(self.defect)
        return status in STATUSES or (not changing and status == extra)

    def read_string(
        self, name: str, value: Any, values: Record, wrong: dict[str, str], changing: bool
    ) -> None:
        lax = (self.wrong("text-any-type") and name == "text") or (
            self.wrong("update-any-type") and changing
        )
        if (
            value is None
            and name == "text"
            and changing
            and self.wrong("null-text-refused-on-change")
        ):
            wrong[name] = "Has to be a string."
        elif value is not None and not isinstance(value, str) and not lax:
            wrong[name] = "Has to be a string or null."
        elif (
            name.endswith("_phone")
            and isinstance(value, str)
            and not self.is_phone(name, value, changing)
        ):
            wrong[name] = "Has to be in E.164 format: a plus and up to 15 digits."
        else:
            values[name] = value

    def is_phone(self, name: str, value: str, changing: bool) -> bool:
        if name == "remote_phone" and (
            self.wrong("remote-unchecked")
            or (self.wrong("remote-unchecked-on-change") and changing)
        ):
            return True
        if BENT_E164.get(self.defect, E164).fullmatch(value) is None:
            return False
        if self.variant == "real-numbers":
            return phonenumbers.is_valid_number(phonenumbers.parse(value))
        return True

    def read_date(self, name: str, value: Any, values: Record, wrong: dict[str, str]) -> None:
        lenient = self.variant == "lenient"
        moment = parse_moment(value, lenient) if isinstance(value, str) else None
        if value is None or moment is not None:
            values[name] = moment and self.keep_precision(moment)
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            if self.wrong("no-dates-before-1970") and moment is not None and moment < epoch:
                values[name] = epoch
        elif (self.wrong("date-any") and name == "date_scheduled" and isinstance(value, str)) or (
            self.wrong("activity-at-any") and name == "activity_at"
        ):
            values[name] = value
        else:
            wrong[name] = "Has to be a date with a time, or null."

    def read_choice(
        self,
        name: str,
        choices: tuple[str, ...],
        body: Record,
        values: Record,
        wrong: dict[str, str],
    ) -> None:
        if name not in body:
            return
        value = body[name]
        lax = isinstance(value, str) and self.wrong(f"{name}-any")
        if value in choices or lax or (value is None and self.variant != "strict-null"):
            values[name] = value
        else:
            wrong[name] = f"Not one of {', '.join(choices)}."

    def read_send_in(
        self, body: Record, values: Record, wrong: dict[str, str], changing: bool
    ) -> None:
        value = body["send_in"]
        if value is None:
            values["send_in"] = None
        elif not is_number(value):
            if self.wrong("send-in-any-type") or (
                self.wrong("send-in-any-type-on-change") and changing
            ):
                values["send_in"] = value
            else:
                wrong["send_in"] = "Has to be a number of seconds."
        elif value >= self.send_in_limit(body.get("status"), changing):
            wrong["send_in"] = "Has to be less than 60 seconds."
        elif value < 0 and not (self.wrong("send-in-negative") or self.variant == "lenient"):
            wrong["send_in"] = "Cannot be negative."
        elif value != int(value) and not (
            self.wrong("send-in-fraction") or self.variant == "lenient"
        ):
            wrong["send_in"] = "Has to be a whole number."
        else:
            values["send_in"] = value

    def send_in_limit(self, status: Any, changing: bool) -> float:
        if self.wrong("send-in-limit-drafts-only") and status == "outbox":
            return 10**9
        if self.wrong("send-in-unlimited-on-change") and changing:
            return 10**9
        outbox_only = self.wrong("send-in-limit-outbox-only") or self.variant == "lenient"
        # Without a status in a change it may yet be a draft's: what will be sent is limited.
        if outbox_only and not changing and status != "outbox":
            return 10**9
        return min(BENT_LIMIT.get(self.defect, 60), 10**9)

    def read_attachments(self, value: Any, values: Record, wrong: dict[str, str]) -> None:
        objects = isinstance(value, list) and all(isinstance(item, dict) for item in value)
        if self.wrong("attachment-in-no-list") and isinstance(value, dict) and is_attachment(value):
            values["attachments"] = [value]
            return
        complete = objects and all(is_attachment(item) for item in value)
        lenient = objects and self.variant == "lenient"
        if value is None or complete or lenient or self.wrong("attachments-any"):
            values["attachments"] = value
        else:
            wrong["attachments"] = "Has to be a list of content_type, filename and url."

    # -- what needs the account's records ---------------------------------------------------------

    def check_local_phone(
        self, account: Account, sms: Record, body: Record, changing: bool, wrong: dict[str, str]
    ) -> None:
        number, status = sms.get("local_phone"), sms.get("status")
        if "local_phone" in wrong:
            return
        if number is None:
            if self.needs_number(status) and not self.forgives_no_number(status, body, changing):
                wrong["local_phone"] = "The number to send from has to be given."
            return
        if changing and self.wrong("any-number-on-change"):
            return
        if changing and self.wrong("update-any-type") and not isinstance(number, str):
            return
        if self.variant == "lenient" and status in LOGS:
            return
        found = [n for n in account.numbers.values() if n["number"] == number]
        if self.wrong("number-by-its-end") and not found:
            found = [n for n in account.numbers.values() if n["number"][-10:] == number[-10:]]
        if self.wrong("foreign-number") and not found:
            others = (n for a in self.accounts.values() for n in a.numbers.values())
            found = [n for n in others if n["number"] == number]
        if not found:
            if not self.wrong("unknown-number"):
                wrong["local_phone"] = "None of your Phone Numbers."
        elif self.wrong("external-number-on-sending") and changing and status != "draft":
            return
        elif not self.may_send(account, found[0]):
            wrong["local_phone"] = (
                f"An {found[0]['type']} number sends no SMS; an internal one does."
            )

    def needs_number(self, status: Any) -> bool:
        return status in ("scheduled", "outbox") or self.variant == "strict-number"

    def forgives_no_number(self, status: Any, body: Record, changing: bool) -> bool:
        return (
            (self.wrong("no-number-outbox") and status == "outbox")
            or (self.wrong("no-number-scheduled") and status == "scheduled")
            or (self.wrong("no-number-on-change") and changing)
            or (self.wrong("no-number-with-send-in") and "send_in" in body)
            or (
                self.wrong("null-number-outbox")
                and status == "outbox"
                and not changing
                and "local_phone" in body
            )
        )

    def may_send(self, account: Account, number: Record) -> bool:
        kind = number["type"]
        if self.variant == "real-numbers" and not number["sms_enabled"]:
            return False
        if self.wrong("second-number-refused"):
            return number is next(n for n in account.numbers.values() if n["type"] == "internal")
        lax = {"external-number": "external", "virtual-number": "virtual"}.get(self.defect)
        return bool(kind in ("internal", lax))

    def check_schedule(
        self, sms: Record, body: Record, changing: bool, wrong: dict[str, str]
    ) -> None:
        if sms.get("status") != "scheduled" or "date_scheduled" in wrong:
            return
        date = sms.get("date_scheduled")
        if date is None:
            lax = (
                self.wrong("scheduled-no-date")
                or (self.wrong("scheduled-no-date-on-change") and changing)
                or (self.wrong("scheduled-null-date") and not changing and "date_scheduled" in body)
                or (self.wrong("null-date-on-change") and changing and "date_scheduled" in body)
            )
            if not lax:
                wrong["date_scheduled"] = "A scheduled SMS needs its date."
        elif self.variant == "strict-past" and date < self.now():
            wrong["date_scheduled"] = "Is past."
        elif (
            self.wrong("draft-to-scheduled-needs-given-date")
            and changing
            and "date_scheduled" not in body
        ):
            wrong["date_scheduled"] = "A scheduled SMS needs its date."

    def check_references(
        self, account: Account, given: Record, sms: Record, wrong: dict[str, str]
    ) -> None:
        if self.variant == "lenient" or self.wrong("references-any"):
            return
        people = account.users
        for name, known in (
            ("lead_id", account.leads),
            ("contact_id", account.contacts),
            ("user_id", people),
            ("created_by_id", people),
            ("organization_id", {account.organization["id"]: account.organization}),
        ):
            if given.get(name) is not None and find(known, given[name]) is None:
                wrong[name.removesuffix("_id")] = "Names nothing that you have."
        contact = find(account.contacts, sms.get("contact_id"))
        lead = sms.get("lead_id")
        mixed = contact is not None and lead is not None and contact["lead_id"] != lead
        if mixed and not self.wrong("contact-of-other-lead"):
            wrong.setdefault("contact", "Belongs to another lead.")

    def check_template(
        self, account: Account, template_id: Any, text: Any, wrong: dict[str, str]
    ) -> None:
        if template_id is None or not isinstance(template_id, str):
            return
        if text is not None:
            if self.variant != "lenient" and not self.wrong("text-and-template"):
                wrong["template_id"] = "Comes instead of text, and not together with it."
        elif template_id not in account.templates:
            if self.wrong("unknown-template-500"):
                raise KeyError(template_id)
            if self.variant != "lenient" and not self.wrong("unknown-template"):
                wrong["template"] = "Names no SMS Template that you have."

    def text_of_template(self, account: Account, sms: Record) -> str | None:
        template = find(account.templates, sms["template_id"])
        if template is None or template["text"] is None or self.wrong("template-ignored"):
            return None
        text: str = template["text"]
        if self.wrong("template-name"):
            return str(template["name"])
        if self.wrong("template-raw") or (
            self.wrong("template-by-chance") and template["id"] in self.seeded
        ):
            return text
        records = {
            "lead": find(account.leads, sms["lead_id"]),
            "contact": find(account.contacts, sms["contact_id"]),
            "user": find(account.users, sms["user_id"]),
            "organization": account.organization,
        }
        if self.wrong("template-first-contact") and records["contact"] is not None:
            own = (c for c in account.contacts.values() if c["lead_id"] == sms["lead_id"])
            records["contact"] = next(own, None)
        rendered = render_template(text, records)
        return rendered.strip() if self.wrong("template-stripped") else rendered

    # -- the five operations on SMS ---------------------------------------------------------------

    def create_sms(self, request: Request) -> Answer:
        account, body = request.account, request.load()
        values, wrong = self.read_fields(body, changing=False)
        notify = self.read_send_to_inbox(request.query, wrong)
        self.check_local_phone(account, values, body, False, wrong)
        self.check_schedule(values, body, False, wrong)
        self.check_references(account, values, values, wrong)
        self.check_template(account, values.get("template_id"), values.get("text"), wrong)
        if wrong:
            self.leave_traces(account, values, notify, wrong)
            raise bad_request(wrong)
        if self.wrong("alike-are-one") and values["status"] == "outbox":
            for one in account.sms.values():
                alike = all(
                    one[n] == values.get(n) for n in ("text", "remote_phone", "local_phone")
                )
                if alike and one["status_before"] is None:
                    return 200, self.show(account, one), {}
        if self.wrong("remote-of-before"):
            values.setdefault("remote_phone", self.remote_before)
            self.remote_before = values["remote_phone"]
        if self.wrong("text-of-before"):
            if values.get("template_id") is None:
                values.setdefault("text", self.text_before)
            self.text_before = values.get("text")
        sms = self.store_sms(account, values)
        self.notify(account, sms, notify)
        self.plan(account, sms)
        answer = self.show(account, sms)
        if sms["template_id"] is not None and self.wrong("template-unsaved"):
            sms["text"] = None
        if sms["template_id"] is not None and self.wrong("template-raw-saved"):
            sms["text"] = account.templates[sms["template_id"]]["text"]
        sms["as_created"] = answer
        return 200, answer, {}

    def read_send_to_inbox(self, query: dict[str, str], wrong: dict[str, str]) -> bool:
        flag = query.get("send_to_inbox", "").lower()
        if flag not in ("true", "false", "") or (flag == "" and "send_to_inbox" in query):
            if self.variant != "lenient":
                wrong["send_to_inbox"] = "Is true or false."
        elif flag == "false" and self.wrong("notification-when-false"):
            return True
        return flag == "true"

    def leave_traces(
        self, account: Account, values: Record, notify: bool, wrong: dict[str, str]
    ) -> None:
        """What a refused create leaves behind: nothing, but for some defects."""
        if self.wrong("refused-is-stored"):
            self.store_sms(account, {"status": "draft", **values})
        notifies = self.wrong("refused-create-notifies") or (
            self.wrong("unknown-number-notifies") and wrong.keys() == {"local_phone"}
        )
        if notifies and notify and values.get("status") == "inbox":
            self.add_notification(account, self.compose_sms(account, values))

    def store_sms(self, account: Account, values: Record) -> Record:
        sms = self.compose_sms(account, values)
        account.sms[sms["id"]] = sms
        return sms

    def compose_sms(self, account: Account, values: Record) -> Record:
        now = self.now()
        status = values["status"]
        if status == "sent" and self.wrong("sent-log-becomes-outbox"):
            status = "outbox"
        date = values.get("date_scheduled")
        if status == "sent" and self.wrong("dated-log-is-scheduled") and date and date > now:
            status = "scheduled"
        created = values.get("date_created") or now
        if self.wrong("date-created-ignored"):
            created = now
        me = account.person["id"]
        author = values.get("created_by_id") or me
        if self.wrong("created-by-wrong"):
            author = next((user for user in account.users if user != author), None)
        sms: Record = {
            "id": self.new_id("acti_"),
            "organization_id": account.organization["id"],
            "activity_at": values.get("activity_at"),
            "attachments": values.get("attachments") or [],
            "contact_id": values.get("contact_id"),
            "cost": None,
            "created_by": None if self.wrong("created-by-null") else author,
            "date_created": created,
            "date_scheduled": values.get("date_scheduled"),
            "date_sent": self.date_sent_of_log(status, created),
            "date_updated": now,
            "direction": self.choose_direction(values),
            "lead_id": values.get("lead_id"),
            "local_phone": values.get("local_phone"),
            "remote_phone": values.get("remote_phone"),
            "send_in": self.choose_send_in(values),
            "source": self.choose_source(values),
            "template_id": values.get("template_id"),
            "text": values.get("text"),
            "updated_by": me,
            "user_id": values.get("user_id") or me,
        }
        self.complete_sms(account, sms, values)
        self.enter(sms, status, now)
        return sms

    def complete_sms(self, account: Account, sms: Record, values: Record) -> None:
        """Fill what depends on other fields, then lose what a defect loses."""
        if self.variant == "zulu" and "user_id" in values:
            sms["user_id"] = values["user_id"]
        self.bring_lead(account, sms)
        left = self.wrong("null-text-stays") and "text" in values
        if sms["template_id"] is not None and sms["text"] is None and not left:
            sms["text"] = self.text_of_template(account, sms)
        lost = LOST_ON_CREATE.get(self.defect)
        if lost:
            sms[lost] = None
        if self.wrong("user-lost-beside-attachments") and sms["attachments"]:
            sms["user_id"] = None
        date = sms["date_scheduled"]
        if self.wrong("date-scheduled-shifted") and date is not None and date.year < 9999:
            sms["date_scheduled"] = date + timedelta(hours=1)
        sms["text"] = self.damage_text(sms["text"])

    def damage_text(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        if self.wrong("text-truncated"):
            return text[:5]
        if self.wrong("text-none") and text == "None":
            return None
        if self.wrong("text-truncated-160"):
            return text[:160]
        if self.wrong("text-ascii"):
            return text.encode("ascii", "ignore").decode()
        return text.strip() if self.wrong("text-stripped") else text

    def bring_lead(self, account: Account, sms: Record) -> None:
        """A contact has one lead: the SMS's, unless another was named."""
        contact = find(account.contacts, sms["contact_id"])
        if sms["lead_id"] is None and contact is not None and self.variant != "bare":
            sms["lead_id"] = contact["lead_id"]

    def date_sent_of_log(self, status: str, created: datetime) -> datetime | None:
        is_log = status == "sent" and not self.wrong("sent-log-without-date-sent")
        return created if is_log else None

    def choose_direction(self, values: Record) -> Any:
        given, status = values.get("direction"), values["status"]
        if given == "inbound" and self.wrong("direction-inbound-given"):
            return "outbound"
        if given is not None and not self.wrong("direction-overwritten"):
            return given
        inbound = status == "inbox"
        if self.wrong("direction-flipped"):
            inbound = not inbound
        if self.wrong("direction-outbound"):
            inbound = False
        if self.wrong("direction-sent-inbound") and status == "sent":
            inbound = True
        if self.wrong("direction-without-number") and status == "sent":
            inbound = values.get("local_phone") is None
        return "inbound" if inbound else "outbound"

    def choose_send_in(self, values: Record) -> Any:
        """What a log or draft was let have beyond the limit is not kept for a later sending."""
        seconds: Any = values.get("send_in")
        outbox_only = self.wrong("send-in-limit-outbox-only") or self.variant == "lenient"
        if outbox_only and values["status"] != "outbox" and is_number(seconds) and seconds >= 60:
            return None
        return seconds

    def choose_source(self, values: Record) -> Any:
        if values.get("source") is not None:
            return values["source"]
        logged = values["status"] in LOGS and self.variant != "bare"
        return "External" if logged and not self.wrong("source-default") else "Close.io"

    def notify(self, account: Account, sms: Record, asked: bool) -> None:
        is_inbox = sms["status"] == "inbox"
        wanted = asked and (is_inbox or self.wrong("notification-any-status"))
        if self.wrong("notification-always") and is_inbox:
            wanted = True
        if not wanted or self.wrong("notification-never"):
            return
        if self.wrong("notification-needs-text") and not sms["text"]:
            return
        for _ in range(2 if self.wrong("notification-twice") else 1):
            self.add_notification(account, sms)

    def add_notification(self, account: Account, sms: Record) -> None:
        task = self.compose_task(account, "incoming_sms", sms["text"])
        task |= {
            "object_type": "activity.sms",
            "object_id": None if self.wrong("notification-of-nothing") else sms["id"],
            "assigned_to": sms["user_id"],
            "assigned_to_name": name_of(account.users, sms["user_id"]),
            "lead_id": sms["lead_id"],
            "lead_name": name_of(account.leads, sms["lead_id"]),
            "contact_id": sms["contact_id"],
            "contact_name": name_of(account.contacts, sms["contact_id"]),
            "local_phone": sms["local_phone"],
            "remote_phone": sms["remote_phone"],
        }
        if self.wrong("notification-done"):
            task["is_complete"] = True
        account.tasks[task["id"]] = task

    def get_sms(self, request: Request) -> Answer:
        account, sms = self.find_sms(request, "foreign-visible")
        if sms is None:
            return self.miss_sms("unknown-get-200")
        return 200, select(self.show(account, sms, reading=True), request.query), {}

    def find_sms(self, request: Request, leak: str) -> tuple[Account, Record | None]:
        sms = request.account.sms.get(request.item_id)
        if sms is None and self.wrong(leak):
            holder = self.holder_of(request.item_id)
            return holder, holder.sms.get(request.item_id)
        return request.account, sms

    def miss_sms(self, forgiven_by: str) -> Answer:
        if self.wrong(forgiven_by):
            return 200, {}, {}
        if self.wrong("unknown-400"):
            raise bad_request({"id": "Names nothing."})
        raise not_found("SMS")

    def delete_sms(self, request: Request) -> Answer:
        account, sms = self.find_sms(request, "foreign-changeable")
        if sms is None and self.wrong("deleted-twice-200") and request.item_id in account.deleted:
            return 200, {}, {}
        if sms is None:
            return self.miss_sms("unknown-delete-200")
        if not self.wrong("delete-keeps"):
            account.deleted[sms["id"]] = account.sms.pop(sms["id"])
        if not self.wrong("notification-stays"):
            told = [i for i, task in account.tasks.items() if task["object_id"] == sms["id"]]
            for task_id in told:
                del account.tasks[task_id]
        if self.wrong("alike-are-deleted"):
            alike = [i for i, one in account.sms.items() if one["text"] == sms["text"]]
            account.deleted.update((i, account.sms.pop(i)) for i in alike)
        return (204, None, {}) if self.variant == "bare" else (200, {}, {})

    def update_sms(self, request: Request) -> Answer:
        account, sms = self.find_sms(request, "foreign-changeable")
        if sms is None:
            return self.miss_sms("unknown-put-200")
        if self.wrong("newest-is-changed") and sms["status"] == "draft":
            drafts = [one for one in account.sms.values() if one["status"] == "draft"]
            sms = [one for one in drafts if one["lead_id"] == sms["lead_id"]][-1]
        body = request.load()
        values, wrong = self.read_fields(body, changing=True)
        changes = self.pick_changes(account, sms, values)
        keeps = self.wrong("draft-to-scheduled-keeps-stored-date") and sms["date_scheduled"]
        if keeps and changes.get("status") == "scheduled":
            changes.pop("date_scheduled", None)
        if self.wrong("null-contact-ignored") and changes.get("contact_id", "") is None:
            del changes["contact_id"]
        if self.wrong("empty-text-ignored") and changes.get("text", None) == "":
            del changes["text"]
        if self.wrong("move-ignores-number") and "status" in changes:
            changes.pop("remote_phone", None)
        self.check_move(sms, changes, wrong)
        named = sms["status"] == "inbox" and "status" in values
        if not (named and self.wrong("modifiable-with-its-state")):
            self.check_modification(sms, changes, wrong)
        merged = {**sms, **changes}
        renders = self.check_change(account, sms, merged, changes, values, wrong)
        if wrong:
            half = self.wrong("refused-half-applied") or (
                self.wrong("refused-move-half-applied") and "status" in wrong
            )
            if half and isinstance(values.get("text"), str):
                sms["text"] = values["text"]
            raise bad_request(wrong)
        if not changes:
            return 200, self.show(account, sms), {}
        changed = self.apply_changes(account, sms, changes, merged, renders)
        return 200, self.show(account, changed), {}

    def pick_changes(self, account: Account, sms: Record, values: Record) -> Record:
        """What differs from the stored record: writing back what is there is no change."""
        changes = {name: values[name] for name in CHANGEABLE if name in values}
        if self.variant == "strict-write-back":
            return changes
        return {name: value for name, value in changes.items() if not is_held(sms, name, value)}

    def check_move(self, sms: Record, changes: Record, wrong: dict[str, str]) -> None:
        before, after = sms["status"], changes.get("status", sms["status"])
        if before == after:
            return
        move = (before, after)
        is_open = move in OPEN_MOVES and CLOSED_MOVES.get(self.defect) != move
        is_open = is_open or OPENED_MOVES.get(self.defect) == move or self.wrong("all-moves")
        if self.wrong("sent-goes-out-again") and move == ("sent", "outbox"):
            is_open = sms["status_before"] == "outbox"
        if move == ("outbox", "draft") and is_number(sms["send_in"]):
            late = self.now() > sms["entered"] + timedelta(seconds=sms["send_in"] / 2)
            is_open = is_open and not (late and self.wrong("cancel-half-window"))
            late = self.now() > sms["entered"] + timedelta(seconds=3)
            is_open = is_open and not (late and self.wrong("cancel-three-seconds"))
            late = self.now() > sms["entered"] + timedelta(seconds=sms["send_in"] - 1)
            is_open = is_open and not (late and self.wrong("cancel-not-at-last"))
        if move == ("draft", "outbox") and changes.get("send_in"):
            is_open = is_open and not self.wrong("draft-to-outbox-send-in-refused")
        if not is_open:
            wrong["status"] = f"What is {before} cannot become {after}."

    def check_modification(self, sms: Record, changes: Record, wrong: dict[str, str]) -> None:
        status = sms["status"]
        others = [name for name in changes if name != "status"]
        if self.variant == "strict-write-back" and changes.get("status") == status != "draft":
            others.append("status")
        if status == "draft":
            allowed = not self.wrong("draft-unmodifiable") or "status" in changes
            if self.wrong("unmodifiable-once-cancelled") and sms["status_before"] is not None:
                allowed = "status" in changes
        else:
            cancels = changes.get("status") == "draft"
            allowed = (
                MODIFIABLE.get(self.defect) == status
                or (self.wrong("modifiable-text") and others == ["text"])
                or (
                    self.wrong("modifiable-by-null")
                    and all(changes[name] is None for name in others)
                )
                or (cancels and (self.variant == "lenient" or self.wrong("change-with-cancel")))
            )
        if others and not allowed:
            wrong.update(dict.fromkeys(others, "Only a draft can be modified."))

    def check_change(
        self,
        account: Account,
        sms: Record,
        merged: Record,
        changes: Record,
        given: Record,
        wrong: dict[str, str],
    ) -> bool:
        """Check what the changed SMS would be; true if its template is to be rendered."""
        if not changes or wrong:
            return False
        if "contact_id" in changes and "lead_id" not in given:
            self.bring_lead(account, merged)
        self.check_local_phone(account, merged, given, True, wrong)
        if merged["status"] != sms["status"]:
            self.check_schedule(merged, given, True, wrong)
        self.check_references(account, changes, merged, wrong)
        template_id = given.get("template_id")
        if template_id is None or not {"template_id", "text"} & changes.keys():
            return False
        if "template_id" in changes:
            self.check_template(account, template_id, given.get("text"), wrong)
        return given.get("text") is None and not self.wrong("template-ignored-on-change")

    def apply_changes(
        self, account: Account, sms: Record, changes: Record, merged: Record, renders: bool
    ) -> Record:
        now = self.now()
        forgotten = self.wrong("update-lost") or (
            self.wrong("cancel-forgotten") and changes.get("status") == "draft"
        )
        target, before = dict(sms) if forgotten else sms, sms["attachments"]
        target.update({name: merged[name] for name in (*changes, "lead_id") if name != "status"})
        target["attachments"] = target["attachments"] or []
        if self.wrong("files-pile-up") and changes.get("attachments"):
            target["attachments"] = [*before, *target["attachments"]]
        if self.wrong("remote-clears-lead") and "remote_phone" in changes:
            target["lead_id"] = target["contact_id"] = None
        if self.wrong("update-resets-user") and "user_id" not in changes:
            target["user_id"] = account.person["id"]
        if renders:
            target["text"] = self.text_of_template(account, target)
        if "text" in changes:
            target["text"] = self.damage_text(target["text"])
            if self.wrong("update-text-lost"):
                target["text"] = None
        target["updated_by"] = account.person["id"]
        if not self.wrong("date-updated-stale"):
            target["date_updated"] = now
        if merged["status"] != sms["status"]:
            self.move(account, target, merged["status"], now)
        elif target["status"] == "scheduled" and not forgotten:
            self.enter(target, "scheduled", now)  # only a defect comes here: the date has changed
            self.plan(account, target)
        return target

    def move(self, account: Account, sms: Record, status: str, now: datetime) -> None:
        before = sms["status"]
        self.enter(sms, status, now)
        if before == "outbox":
            sms["send_in"] = None  # the undo window was that sending's
        if self.wrong("move-directs"):
            sms["direction"] = "outbound"
        if self.wrong("cancel-dates-anew") and status == "draft":
            sms["activity_at"] = sms["date_created"]
        if self.wrong("cancel-loses-files") and status == "draft":
            sms["attachments"] = []
        if before in ("scheduled", "outbox") and self.variant == "bare":
            sms["date_scheduled"] = None
        if status == "scheduled" and self.wrong("draft-to-scheduled-loses-date"):
            sms["date_scheduled"] = None
        if not self.wrong("update-lost"):
            self.plan(account, sms, changing=True)

    # -- what comes back ----------------------------------------------------------------------------

    def write_date(self, value: Any) -> Any:
        return write_moment(value, "milliseconds" if self.variant == "zulu" else "microseconds")

    def show(
        self, account: Account, sms: Record, reading: bool = False, listing: bool = False
    ) -> Record:
        """The SMS as answers carry it."""
        local_form, local_country = self.place(sms["local_phone"])
        remote_form, remote_country = self.place(sms["remote_phone"])
        date = self.write_date
        if self.wrong("template-followed") and sms["template_id"] in account.templates:
            sms["text"] = self.text_of_template(account, sms)
        answer: Record = {
            "_type": "sms" if self.wrong("type-wrong") else "SMS",
            "id": sms["id"],
            "status": sms["status"],
            "direction": sms["direction"],
            "source": sms["source"],
            "text": sms["text"],
            "template_id": sms["template_id"],
            "attachments": sms["attachments"],
            **(
                {} if self.variant == "bare" else {"caller_id_mode": None, "caller_id_reason": None}
            ),
            "local_phone": sms["local_phone"],
            "local_phone_formatted": local_form,
            "local_country_iso": local_country,
            "remote_phone": sms["remote_phone"],
            "remote_phone_formatted": remote_form,
            "remote_country_iso": remote_country,
            "organization_id": sms["organization_id"],
            "lead_id": sms["lead_id"],
            "contact_id": sms["contact_id"],
            "user_id": sms["user_id"],
            "user_name": name_of(account.users, sms["user_id"]),
            "created_by": sms["created_by"],
            "created_by_name": name_of(account.users, sms["created_by"]),
            "updated_by": sms["updated_by"],
            "updated_by_name": name_of(account.users, sms["updated_by"]),
            "users": [],
            "activity_at": date(moment_of(sms)),
            "date_created": date(sms["date_created"]),
            "date_updated": date(sms["date_updated"]),
            "date_scheduled": date(sms["date_scheduled"]),
            "date_sent": date(sms["date_sent"]),
            "cost": sms["cost"],
            "error_message": None,
            "agent_action_reason": None,
            "agent_config_id": None,
            "sequence_id": None,
            "sequence_name": None,
            "sequence_subscription_id": None,
        }
        if self.variant == "bare":
            del answer["attachments"]
            answer |= {"object": "sms", "links": {"self": f"{BASE}/activity/sms/{sms['id']}/"}}
        self.damage_answer(answer, sms, reading, listing)
        return answer

    def place(self, number: Any) -> tuple[str | None, str | None]:
        if not isinstance(number, str):
            return None, None
        form, country = place_number(number)
        return (
            number[::-1] if self.wrong("formatted-wrong") else form,
            "ZZ" if self.wrong("country-wrong") else country,
        )

    def damage_answer(self, answer: Record, sms: Record, reading: bool, listing: bool) -> None:
        replaced: dict[str, tuple[str, Any]] = {
            "users-null": ("users", None),
            "cost-number": ("cost", 0.5),
            "date-number": ("date_created", 1_700_000_000),
        }
        removed = {"field-missing": "cost", "late-field-missing": "sequence_name"}
        if self.defect in replaced:
            name, value = replaced[self.defect]
            answer[name] = value
        answer.pop(removed.get(self.defect, ""), None)
        if reading and self.wrong("field-missing-on-read"):
            del answer["error_message"]
        if reading and self.wrong("direction-on-read"):
            answer["direction"] = "outbound"
        if reading and self.wrong("text-stale"):
            answer["text"] = sms.get("as_created", answer)["text"]
        if listing and self.wrong("field-missing-in-list"):
            del answer["local_country_iso"]
        if listing and self.wrong("list-lacks-user"):
            answer["user_id"] = None
        if listing and self.wrong("list-lacks-text"):
            answer["text"] = None
        if listing and self.wrong("list-undated"):
            answer["date_sent"] = None
        if listing and self.wrong("list-stale"):
            answer.update(sms.get("as_created", answer))

    # -- lists ----------------------------------------------------------------------------------------

    def list_sms(self, request: Request) -> Answer:
        account = request.account
        found = list(account.sms.values())
        if self.wrong("list-of-all-accounts"):
            found = [sms for one in self.accounts.values() for sms in one.sms.values()]
        if self.wrong("deleted-still-listed"):
            found += account.deleted.values()
        if not self.wrong("filters-ignored"):
            for keeps in build_filters(request.query):
                found = [sms for sms in found if keeps(sms)]
        found = newest_first(found)
        if self.wrong("oldest-first"):
            found.reverse()
        if self.wrong("list-doubles"):
            found = [sms for sms in found for _ in range(2)]
        return self.page(request, found, lambda sms: self.show(account, sms, listing=True))

    def page(
        self, request: Request, found: list[Record], show: Callable[[Record], Record]
    ) -> Answer:
        limit = read_count(request.query, "_limit", 100)
        skip = read_count(request.query, "_skip", 0)
        start = skip - 1 if skip and self.wrong("pages-overlap") else skip
        shown = [select(show(record), request.query) for record in found[start : start + limit]]
        has_more = len(found) > skip + limit
        answer = {"data": shown, "has_more": has_more != self.wrong("has-more-wrong")}
        if self.variant == "zulu":
            answer["total_results"] = len(found)
        return 200, answer, {}

    # -- the records around it ------------------------------------------------------------------------

    def seed_account(self, profile: Profile) -> Account:
        organization = {"id": self.new_id("orga_"), "name": profile.organization}
        users = {
            user["id"]: user
            for user in (self.compose_user(*n, organization) for n in profile.people)
        }
        numbers: dict[str, Record] = {}
        for kind, number in profile.numbers:
            record = self.compose_number(organization["id"], kind, number)
            numbers[record["id"]] = record
        if self.variant == "real-numbers":
            mute = next(one for one in numbers.values() if one["type"] == "internal")
            mute["sms_enabled"] = False
        account = Account(organization, next(iter(users.values())), users, numbers)
        for name, people in profile.leads:
            lead = self.add_lead(account, {"name": name})
            for person in people:
                self.add_contact(account, lead, {"name": person})
        for name, text in profile.templates:
            self.seeded.add(self.add_template(account, {"name": name, "text": text})["id"])
        task = self.compose_task(account, "lead", "Water the plants")
        account.tasks[task["id"]] = task
        return account

    def new_id(self, prefix: str) -> str:
        """43 letters and digits that no other record has, the same ones in every run."""
        seed = f"peer {next(self.serial)}".encode()
        number = int.from_bytes(hashlib.blake2b(seed, digest_size=32).digest(), "big")
        letters = []
        for _ in range(43):
            number, digit = divmod(number, 62)
            letters.append(DIGITS[digit])
        return prefix + "".join(letters)

    def stamps(self) -> Record:
        return {"date_created": (now := self.now()), "date_updated": now}

    def compose_user(self, first: str, last: str, organization: Record) -> Record:
        return {
            "id": self.new_id("user_"),
            "first_name": first,
            "last_name": last,
            "display_name": f"{first} {last}",
            "email": f"{first.lower()}@example.com",
            "image": None,
            "organizations": [organization],
            **self.stamps(),
        }

    def compose_number(self, organization_id: str, kind: str, number: str) -> Record:
        form, country = place_number(number)
        internal = kind == "internal"
        return {
            "id": self.new_id("phon_"),
            "organization_id": organization_id,
            "type": kind,
            "number": number,
            "number_formatted": form,
            "country": country,
            "label": f"{kind.title()} line",
            "carrier": "twilio" if internal else None,
            "carrier_type": "local" if internal else None,
            "address_id": None,
            "bundle_id": None,
            "forward_to": None,
            "forward_to_enabled": False,
            "forward_to_formatted": None,
            "is_group_number": False,
            "is_premium": False,
            "is_verified": True,
            "last_billed_price": "1.15" if internal else None,
            "mms_enabled": internal,
            "next_billing_on": None,
            "participants": [],
            "phone_numbers": [],
            "phone_numbers_formatted": [],
            "press_1_to_accept": False,
            "sms_enabled": internal,
            "supports_mms_to_countries": [],
            "supports_sms_to_countries": ["GB", "US"] if internal else [],
            "user_id": None,
            "voicemail_greeting_url": None,
            "was_ported": False,
            **self.stamps(),
        }

    def compose_task(self, account: Account, kind: str, text: str | None) -> Record:
        now = self.now()
        me = account.person
        return {
            "_type": kind,
            "id": self.new_id("task_"),
            "organization_id": account.organization["id"],
            "text": text,
            "date": now,
            "due_date": now,
            "is_complete": False,
            "is_dateless": False,
            "assigned_to": me["id"],
            "assigned_to_name": me["display_name"],
            "lead_id": None,
            "lead_name": None,
            "contact_id": None,
            "contact_name": None,
            "object_type": None,
            "object_id": None,
            "view": "inbox",
            "created_by": me["id"],
            "created_by_name": me["display_name"],
            "updated_by": me["id"],
            "updated_by_name": me["display_name"],
            "date_created": now,
            "date_updated": now,
        }

    def add_lead(self, account: Account, body: Record) -> Record:
        name = body.get("name")
        lead: Record = {
            "id": self.new_id("lead_"),
            "organization_id": account.organization["id"],
            "name": name,
            "display_name": name or "Untitled",
            "description": body.get("description") or "",
            "url": body.get("url"),
            "status_id": None,
            "created_by": account.person["id"],
            "updated_by": account.person["id"],
            **self.stamps(),
        }
        lead["html_url"] = f"https://app.example.com/lead/{lead['id']}/"
        account.leads[lead["id"]] = lead
        return lead

    def add_contact(self, account: Account, lead: Record, body: Record) -> Record:
        name = body.get("name") or ""
        contact: Record = {
            "id": self.new_id("cont_"),
            "organization_id": account.organization["id"],
            "lead_id": lead["id"],
            "name": body.get("name"),
            "display_name": name,
            "first_name": name.partition(" ")[0],
            "last_name": name.partition(" ")[2],
            "title": body.get("title"),
            "phones": [self.complete_phone(phone) for phone in body.get("phones") or []],
            "emails": list(body.get("emails") or []),
            "created_by": account.person["id"],
            "updated_by": account.person["id"],
            **self.stamps(),
        }
        account.contacts[contact["id"]] = contact
        return contact

    def complete_phone(self, phone: Record) -> Record:
        form, country = place_number(str(phone.get("phone")))
        return {"type": "office", **phone, "phone_formatted": form, "country": country}

    def add_template(self, account: Account, body: Record) -> Record:
        template: Record = {
            "id": self.new_id("smstmpl_"),
            "organization_id": account.organization["id"],
            "name": body["name"],
            "text": body.get("text"),
            "is_shared": bool(body.get("is_shared")),
            "attachments": body.get("attachments") or [],
            "status": "active",
            "created_by": account.person["id"],
            "updated_by": account.person["id"],
            **self.stamps(),
        }
        account.templates[template["id"]] = template
        return template

    def show_plain(self, record: Record) -> Record:
        return {name: self.write_date(value) for name, value in record.items()}

    def show_lead(self, account: Account, lead: Record) -> Record:
        contacts = [c for c in account.contacts.values() if c["lead_id"] == lead["id"]]
        return {**self.show_plain(lead), "contacts": [self.show_plain(c) for c in contacts]}

    def get_plain(self, request: Request, records: Mapping[str, Record], kind: str) -> Answer:
        if request.item_id not in records:
            raise not_found(kind)
        return 200, select(self.show_plain(records[request.item_id]), request.query), {}

    def list_numbers(self, request: Request) -> Answer:
        names = ("number", "user_id")
        found = filter_equal(request.account.numbers.values(), request.query, names)
        flag = request.query.get("is_group_number", "").lower()
        if flag:
            found = [n for n in found if n["is_group_number"] == (flag == "true")]
        return self.page(request, found, self.show_plain)

    def get_number(self, request: Request) -> Answer:
        return self.get_plain(request, request.account.numbers, "Phone Number")

    def list_users(self, request: Request) -> Answer:
        return self.page(request, list(request.account.users.values()), self.show_plain)

    def get_user(self, request: Request) -> Answer:
        return self.get_plain(request, request.account.users, "User")

    def get_me(self, request: Request) -> Answer:
        return 200, self.show_plain(request.account.person), {}

    def list_tasks(self, request: Request) -> Answer:
        query = request.query
        kinds = query.get("_type__in", query.get("_type", "lead")).split(",")
        names = ("lead_id", "assigned_to", "view")
        found = [
            task
            for task in filter_equal(request.account.tasks.values(), query, names)
            if task["_type"] in kinds or "all" in kinds
        ]
        if "is_complete" in query:
            complete = query["is_complete"].lower() == "true"
            found = [task for task in found if task["is_complete"] == complete]
        return self.page(request, newest_first(found), self.show_plain)

    def get_task(self, request: Request) -> Answer:
        return self.get_plain(request, request.account.tasks, "Task")

    def list_leads(self, request: Request) -> Answer:
        account = request.account
        found = newest_first(account.leads.values())
        return self.page(request, found, lambda lead: self.show_lead(account, lead))

    def get_lead(self, request: Request) -> Answer:
        lead = request.account.leads.get(request.item_id)
        if lead is None:
            raise not_found("Lead")
        return 200, select(self.show_lead(request.account, lead), request.query), {}

    def create_lead(self, request: Request) -> Answer:
        body = request.load()
        wrong = check_types(body, {"name": str, "description": str, "url": str, "contacts": list})
        contacts = body.get("contacts") or []
        if "contacts" not in wrong and any(
            not isinstance(contact, dict) or check_types(contact, CONTACT_TYPES)
            for contact in contacts
        ):
            wrong["contacts"] = "Has to be a list of contacts."
        if wrong:
            raise bad_request(wrong)
        lead = self.add_lead(request.account, body)
        for contact in contacts:
            self.add_contact(request.account, lead, contact)
        return 200, self.show_lead(request.account, lead), {}

    def list_contacts(self, request: Request) -> Answer:
        found = filter_equal(request.account.contacts.values(), request.query, ("lead_id",))
        return self.page(request, newest_first(found), self.show_plain)

    def get_contact(self, request: Request) -> Answer:
        return self.get_plain(request, request.account.contacts, "Contact")

    def create_contact(self, request: Request) -> Answer:
        body = request.load()
        wrong = check_types(body, CONTACT_TYPES)
        lead = find(request.account.leads, body.get("lead_id"))
        if body.get("lead_id") is None:
            wrong["lead"] = "A contact needs its lead."
        elif lead is None:
            wrong["lead"] = "Names nothing that you have."
        if wrong or lead is None:
            raise bad_request(wrong)
        return 200, self.show_plain(self.add_contact(request.account, lead, body)), {}

    def list_templates(self, request: Request) -> Answer:
        found = newest_first(request.account.templates.values())
        return self.page(request, found, self.show_plain)

    def get_template(self, request: Request) -> Answer:
        return self.get_plain(request, request.account.templates, "SMS Template")

    def create_template(self, request: Request) -> Answer:
        body = request.load()
        wrong = check_types(body, TEMPLATE_TYPES)
        if body.get("name") is None:
            wrong["name"] = "A template needs its name."
        if wrong:
            raise bad_request(wrong)
        return 201, self.show_plain(self.add_template(request.account, body)), {}

    def update_template(self, request: Request) -> Answer:
        template = request.account.templates.get(request.item_id)
        if template is None:
            raise not_found("SMS Template")
        body = request.load()
        wrong = check_types(body, TEMPLATE_TYPES)
        for name in ("name", "status", "is_shared"):
            if name in body and body[name] is None:
                wrong[name] = "Cannot be null."
        if body.get("status", "active") not in ("active", "archived"):
            wrong["status"] = "Is active or archived."
        if wrong:
            raise bad_request(wrong)
        template.update({name: body[name] for name in TEMPLATE_TYPES if name in body})
        template["attachments"] = template["attachments"] or []
        template |= {"date_updated": self.now(), "updated_by": request.account.person["id"]}
        return 200, self.show_plain(template), {}

    def delete_template(self, request: Request) -> Answer:
        if request.account.templates.pop(request.item_id, None) is None:
            raise not_found("SMS Template")
        return 204, None, {}


CONTACT_TYPES: dict[str, type] = {
    "lead_id": str,
    "name": str,
    "title": str,
    "phones": list,
    "emails": list,
}
TEMPLATE_TYPES: dict[str, type] = {
    "name": str,
    "text": str,
    "is_shared": bool,
    "attachments": list,
    "status": str,
}
TYPE_WORDS: dict[type, str] = {str: "string", list: "list of objects", bool: "boolean"}


def check_types(body: Record, types: Mapping[str, type]) -> dict[str, str]:
    """What is neither null nor of its type."""
    return {
        name: f"Has to be a {TYPE_WORDS[kind]}."
        for name, kind in types.items()
        if body.get(name) is not None
        and not (
            isinstance(body[name], kind)
            and (kind is not list or all(isinstance(item, dict) for item in body[name]))
        )
    }


def is_held(sms: Record, name: str, value: Any) -> bool:
    """Whether the record has that value already, as stored or as answers show it."""
    if name == "attachments":
        return bool((value or []) == sms[name])
    if name == "activity_at" and value is not None and value == moment_of(sms):
        return True
    return type(value) is type(sms[name]) and bool(value == sms[name])


def moment_of(sms: Record) -> Any:
    """When it happened or will: as given, else sent, else scheduled, else created."""
    return sms["activity_at"] or sms["date_sent"] or sms["date_scheduled"] or sms["date_created"]


def name_of(records: Mapping[str, Record], key: Any) -> str | None:
    record = find(records, key)
    return None if record is None else str(record["display_name"])


def newest_first(records: Iterable[Record]) -> list[Record]:
    """By `date_created`; of two at the same moment, the one that came later."""
    return sorted(records, key=lambda record: record["date_created"])[::-1]


def filter_equal(
    records: Iterable[Record], query: dict[str, str], names: tuple[str, ...]
) -> list[Record]:
    given = [name for name in names if name in query]
    return [record for record in records if all(record[name] == query[name] for name in given)]


def select(record: Record, query: dict[str, str]) -> Record:
    """The fields that `_fields` asks for, or all."""
    if "_fields" not in query:
        return record
    names = query["_fields"].split(",")
    return {name: record[name] for name in names if name in record}


def build_filters(query: dict[str, str]) -> list[Callable[[Record], bool]]:
    """One predicate for each filter that a list of SMS is asked for."""
    filters: list[Callable[[Record], bool]] = []
    for name in ("lead_id", "contact_id", "user_id", "organization_id"):
        if name in query:
            filters.append(partial(has_value, name, query[name]))
    if "id__in" in query:
        wanted = frozenset(query["id__in"].split(","))
        filters.append(lambda sms: sms["id"] in wanted)
    if "_type" in query and "SMS" not in query["_type"].split(","):
        filters.append(lambda sms: False)
    for word, holds in COMPARISONS.items():
        if f"date_created__{word}" in query:
            bound = read_bound(query, f"date_created__{word}")
            filters.append(partial(lies_within, operator.itemgetter("date_created"), holds, bound))
        if f"activity_at__{word}" in query:
            bound = read_bound(query, f"activity_at__{word}")
            filters.append(partial(lies_within, moment_of, holds, bound))
    return filters


def has_value(name: str, value: str, sms: Record) -> bool:
    return bool(sms[name] == value)


def lies_within(
    find_moment: Callable[[Record], Any],
    holds: Callable[[datetime, datetime], bool],
    bound: datetime,
    sms: Record,
) -> bool:
    moment = find_moment(sms)
    return isinstance(moment, datetime) and holds(moment, bound)


def read_count(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,9}", text):
        raise bad_request({name: "Has to be a whole number, not negative."})
    return int(text)


def read_bound(query: dict[str, str], name: str) -> datetime:
    bound = parse_moment(query[name], allow_date=True)
    if bound is None:
        raise bad_request({name: "Has to be a date, or a date with a time."})
    return bound


def redirect_target(environ: Mapping[str, Any], path: str) -> str:
    query = environ.get("QUERY_STRING", "")
    location = str(environ.get("SCRIPT_NAME", "")) + quote(path) + "/"
    return f"{location}?{query}" if query else location


def read_body(environ: Mapping[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not str(length).isdecimal():
        raise bad_request({}, "Content-Length is no number.")
    if int(length) > MAX_BODY:
        raise RefusalError(413, {"error": "The body is too large."})
    return bytes(environ["wsgi.input"].read(int(length))) if int(length) else b""


def create_peer(
    defect: str | None = None, clock: Clock | None = None, variant: str | None = None
) -> Peer:
    """A WSGI callable with a state of its own; without a defect it keeps every rule."""
    return Peer(defect, clock, variant)


# -- HTTP/1.1 with connections that stay open ------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """Turns a request into a WSGI call; one write for each answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: PeerServer

    def handle_request(self) -> None:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_AUTHORIZATION": self.headers.get("Authorization", ""),
            "wsgi.input": io.BytesIO(self.take_body()),
        }
        environ["CONTENT_LENGTH"] = str(len(environ["wsgi.input"].getbuffer()))
        self.write_answer(environ)

    def take_body(self) -> bytes:
        """The whole body, so that the next request on the connection starts where it should."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.take_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > 2 * MAX_BODY:
            self.close_connection = True
            return b" " * (MAX_BODY + 1) if length.isdecimal() else b""
        return self.rfile.read(int(length))

    def take_chunks(self) -> bytes:
        chunks = []
        while True:
            line = self.rfile.readline(100).partition(b";")[0].strip()
            size = int(line, 16) if re.fullmatch(b"[0-9A-Fa-f]{1,6}", line) else 0
            if size == 0:
                break
            chunks.append(self.rfile.read(size))
            self.rfile.readline(10)
        while self.rfile.readline(1000).strip():  # trailers
            pass
        return b"".join(chunks)

    def write_answer(self, environ: dict[str, Any]) -> None:
        head: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            head.append(f"HTTP/1.1 {status}")
            head.extend(f"{name}: {value}" for name, value in headers)
            if self.close_connection:
                head.append("Connection: close")

        content = b"".join(self.server.peer(environ, start_response))
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + content)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request
    do_PATCH = do_HEAD = do_OPTIONS = do_TRACE = handle_request

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: a judge sends thousands."""


class PeerServer(ThreadingHTTPServer):
    """A peer on a loopback port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, peer: Peer) -> None:
        self.peer = peer
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of the server's."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{BASE}"


def serve(port: int = 0, defect: str | None = None, variant: str | None = None) -> PeerServer:
    """A server that is bound and not yet running: call `serve_forever`, then `server_close`."""
    return PeerServer(port, create_peer(defect, variant=variant))


def main() -> None:
    parser = argparse.ArgumentParser(description="Another server of the SMS API.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--defect", choices=list(DEFECTS), metavar="NAME", help="see --list")
    parser.add_argument("--variant", choices=list(VARIANTS), metavar="NAME", help="see --list")
    parser.add_argument("--list", action="store_true", help="name all defects and variants")
    chosen = parser.parse_args()
    if chosen.list:
        for name, defect in DEFECTS.items():
            print(f"{name:36} {' '.join(defect.rule_ids):60} {defect.says}")
        for name, says in VARIANTS.items():
            print(f"{name:36} {'variant':60} {says}")
        return
    with serve(chosen.port, chosen.defect, chosen.variant) as server:
        print(f"listening on {server.base_url}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
