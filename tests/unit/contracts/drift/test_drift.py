"""Drift: the stub and itself do not differ; a defect of the endpoint is listed, once."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from rich.console import Console

from contracts.cli import real_time
from contracts.drift.binding import Binding
from contracts.drift.report import print_drift, to_json
from contracts.drift.run import Drift, Drifted, drift
from contracts.settings import Selection, Settings
from mock_server.http.app import create_app
from mock_server.spec import Document, default_document_path, load_document
from tests.mutants.peer_run import some
from tests.peers.sms_peer import create_peer

SMS = Selection(include_operations=("*SMS",))
KEYS = {"CONTRACTS_API_KEY": "peer_key_one"}


@cache
def shipped() -> Document:
    return load_document(default_document_path())


def search(app: Any, sequences: int, selection: Selection = SMS) -> Drift:
    choices = Settings(default_document_path(), selection=selection)
    return drift(shipped(), choices, sequences, KEYS, real_time(), app=app)


def against_peer(defect: str | None = None, variant: str | None = None) -> Drift:
    return search(create_peer(defect, variant=variant), 2500)


@cache
def against_right_peer() -> frozenset[object]:
    return frozenset(key_of(one) for one in against_peer().found)


def key_of(drifted: Drifted) -> object:
    one = drifted.difference
    values = () if one.kind == "value" else (one.left, one.right)
    return one.operation_id, one.kind, one.place, values, drifted.rule_ids


def test_the_stub_does_not_drift_from_itself() -> None:
    app = create_app(shipped(), random_seed=99, key_prefix="peer_key")
    found = search(app, 900, Selection())
    assert [(one.difference, one.rule_ids) for one in found.found] == []
    assert found.sequences > 500


def test_a_rule_that_is_off_is_found_among_the_first_sequences() -> None:
    policies = {"sms.template.instead": "off"}
    app = create_app(shipped(), policies=policies, random_seed=99, key_prefix="peer_key")
    found = search(app, 600)
    assert ["sms.template.instead" in one.rule_ids for one in found.found] == [True]


def test_what_could_not_be_played_is_told_with_its_reason() -> None:
    app = create_app(shipped(), random_seed=99, key_prefix="peer_key")
    found = search(app, 700)
    assert found.found == ()
    told = to_json(shipped(), found)["skipped"]
    assert told["the account has no record that lead_id of updateSMS may not name"] > 0
    assert sum(told.values()) + found.sequences == 700
    console = Console(width=200)
    with console.capture() as capture:
        print_drift(shipped(), found, console)
    assert f"{sum(told.values())} sequences could not be played:" in capture.get()


DRIFTING = [
    ("list-without-auth", "auth.required", "listSMS"),
    ("status-optional", "sms.status.required", "createSMS"),
    ("send-in-60", "sms.send-in.limit", "createSMS"),
    ("scheduled-no-date", "sms.scheduled.needs-date", "createSMS"),
    ("sent-modifiable", "sms.drafts-only", "updateSMS"),
    ("direction-outbound", "sms.direction.default", "createSMS"),
    ("formatted-wrong", "sms.phones.formatted", "createSMS"),
    ("date-number", "sms.response.shape", "createSMS"),
]


@pytest.mark.parametrize(
    ("defect", "rule_id", "operation_id"),
    some(DRIFTING, 2),
)
@pytest.mark.whole_run
def test_a_defect_is_listed_with_its_rule(defect: str, rule_id: str, operation_id: str) -> None:
    # One that lacks fields in every answer is followed beyond that.
    found = against_peer(defect, "bare" if defect == "sent-modifiable" else None).found
    new = [one for one in found if key_of(one) not in against_right_peer()]
    named = [one for one in new if rule_id in one.rule_ids]
    assert named, [key_of(one) for one in new]
    there = [one for one in named if one.difference.operation_id == operation_id]
    assert there, [key_of(one) for one in named]


@pytest.mark.parametrize("defect", ["status-optional", "scheduled-no-date"])
@pytest.mark.whole_run
def test_a_defect_is_listed_once_with_its_smallest_sequence(defect: str) -> None:
    found = against_peer(defect).found
    new = [one for one in found if key_of(one) not in against_right_peer()]
    assert len(new) == 1
    assert len(new[0].right) == 1
    assert len(new[0].right[0].request.body) <= 3


@pytest.mark.whole_run
def test_a_variant_differs_in_what_it_reads_otherwise_and_nowhere_else() -> None:
    found = against_peer(variant="strict-null").found
    new = {
        rule for one in found if key_of(one) not in against_right_peer() for rule in one.rule_ids
    }
    assert {"sms.direction.values", "sms.source.values"} & new


def test_what_an_endpoint_does_not_have_is_said_once() -> None:
    found = search(create_peer(), 300, Selection(include_operations=("*Webhook*", "*Events")))
    lacking = [one.difference for one in found.found if one.difference.kind == "operation"]
    assert {one.operation_id for one in lacking} >= {"createWebhook", "listWebhooks", "listEvents"}
    assert len({one.operation_id for one in lacking}) == len(lacking)


@pytest.mark.whole_run
def test_the_report_names_certainty_and_rules_and_no_secret() -> None:
    told = to_json(shipped(), against_peer("send-in-60"))
    assert {row["certainty"] for row in told["differences"]} <= {
        "documented",
        "inferred",
        "no rule",
    }
    assert "peer_key_one" not in str(told)


def test_ids_are_one_thing_where_they_are_first_seen_at_one_place() -> None:
    binding = Binding((0.0, 0.0), (1.0, 1.0))
    assert binding.bind("left_1", "right_1")
    assert binding.is_same("left_1", "right_1")
    assert binding.is_same("https://x.example/left_1/", "https://x.example/right_1/")
    assert not binding.bind("left_1", "right_2")
    assert not binding.bind("left_2", "right_1")


def test_times_are_the_same_about_now_or_where_they_were_given() -> None:
    binding = Binding((0.0, 3_600.0), (1.0, 3_601.0))
    assert binding.is_same("1970-01-01T00:00:00Z", "1970-01-01T01:00:01+00:00")
    assert not binding.is_same("1970-01-01T00:00:00Z", "1970-01-01T02:00:00Z")
    binding.give("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z")
    assert binding.is_same("2030-01-01T00:00:00Z", "2031-01-01T00:00:00.000Z")
    assert not binding.is_same("2030-01-01T00:00:00Z", "2032-01-01T00:00:00Z")
