"""Replay: a report's sequences, sent again to the same target, a right one, and another one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.cases.bench import Bench
from contracts.errors import CouldNotRunError
from contracts.replay.run import credentials_of, exit_code, read_report, replay, written_as
from contracts.report.json import to_json
from contracts.settings import Keys, Settings, Timepiece
from contracts.target.connect import connect
from mock_server.http.app import create_app
from mock_server.spec import default_document_path, load_document
from tests.peers.sms_peer import create_peer
from tests.unit.contracts.report.runs import KEY, MovedTime, judge_peer

WEEK = 7 * 86_400


def sent_again(report: Any, defect: str | None, *, stub: bool = False, **more: Any) -> list[Any]:
    """The sequences of a report, a week later, against a fresh target."""
    time = MovedTime(WEEK)
    document = load_document(default_document_path())
    app: Any = create_peer(defect, clock=lambda: datetime.fromtimestamp(time.seconds, UTC))
    if stub:
        app = create_app(document, time_source=lambda: int(time.now() * 1_000_000))
    environment = {} if stub else {"CONTRACTS_API_KEY": KEY}
    choices = Settings(default_document_path())
    timepiece = Timepiece(time.now, time.sleep)
    client = connect(document, choices, environment, timepiece, app)
    return replay(Bench(document, client, choices), report, **more)


def report_of(defect: str, *rules: str) -> Any:
    """A report as its file has it."""
    return json.loads(to_json(judge_peer(defect, rules).report))


def outcomes(done: list[Any]) -> Counter[str]:
    return Counter(one.outcome for one in done)


DEFECTS = (
    ("sent-modifiable", "sms.drafts-only"),
    ("empty-key-accepted", "auth.required"),
    ("external-number", "sms.local-phone.internal"),
    ("scheduled-no-date", "sms.scheduled.needs-date"),
    ("cancelled-is-sent", "sms.cancel.*"),
    ("direction-flipped", "sms.direction.default"),
    ("notification-twice", "sms.notification"),
    ("scheduled-stays", "sms.scheduled.sends"),
    ("text-truncated", "sms.response.echo"),
    ("list-lacks-text", "sms.response.echo"),
    ("bare-key-accepted", "auth.required"),
)


@pytest.mark.parametrize(("defect", "rule"), DEFECTS)
def test_what_is_still_there_is_said_to_be(defect, rule):
    done = sent_again(report_of(defect, rule), defect)
    assert outcomes(done)["still"] == len(done) > 0
    assert exit_code(done) == 1


@pytest.mark.parametrize(("defect", "rule"), DEFECTS)
@pytest.mark.parametrize("stub", [False, True])
@pytest.mark.whole_run
def test_what_is_mended_is_gone(defect, rule, stub):
    done = sent_again(report_of(defect, rule), None, stub=stub)
    assert outcomes(done)["gone"] == len(done) > 0, [one.said for one in done]
    assert exit_code(done) == 0


def test_another_fault_at_the_same_place_differs():
    report = report_of("unknown-template", "sms.template.exists")
    done = sent_again(report, "unknown-template-500", patterns=("sms.template.exists",))
    assert outcomes(done)["differs"] == len(done) > 0
    assert exit_code(done) == 1


def test_one_rule_is_sent_again_alone():
    report = report_of("sent-modifiable", "sms.*")
    rules = {
        rule
        for one in sent_again(report, None, patterns=("sms.drafts-*",))
        for rule in one.rule_ids
    }
    assert rules == {"sms.drafts-only"}


def test_a_clean_report_has_nothing_to_send():
    report = report_of("sent-modifiable", "sms.delete")
    assert sent_again(report, None) == []
    assert exit_code([]) == 0


def test_ids_of_then_are_not_sent_again():
    report = report_of("sent-modifiable", "sms.drafts-only")
    old = {
        taken["value"]
        for rule in report["rules"]
        for finding in rule["findings"]
        for step in finding["steps"]
        for taken in step["takes"]
    }
    assert old
    done = sent_again(report, "sent-modifiable")
    assert not [value for one in done for value in old if value in one.said]


def iter_steps(report: Any) -> Iterator[Any]:
    for rule in report["rules"]:
        for finding in [*rule["findings"], *rule["differences"]]:
            yield from finding["steps"]


def test_a_report_names_credentials_and_never_holds_them():
    report = report_of("bare-key-accepted", "auth.required")
    assert KEY not in json.dumps(report)
    named = {step["credentials"] for step in iter_steps(report)}
    assert "$CONTRACTS_API_KEY" in named


def test_named_credentials_become_what_was_sent():
    keys = Keys("one", "two", "three")
    assert credentials_of("Token $CONTRACTS_API_KEY", keys) == "Token one"
    assert credentials_of("Basic base64(:$CONTRACTS_API_KEY)", keys) == "Basic Om9uZQ=="
    assert credentials_of("key", keys) == "key"


def test_a_moment_keeps_its_form():
    moment = datetime(2026, 3, 1, 9, 8, 7, 654_321, UTC)
    assert written_as("2020-01-01T00:00:00Z", moment) == "2026-03-01T09:08:07Z"
    assert written_as("2020-01-01t00:00:00.123+00:00", moment) == "2026-03-01t09:08:07.654+00:00"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rules": [1]}', "[" * 100_000, None])
def test_what_is_no_report_is_said_in_words(tmp_path: Path, text: str | None):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CouldNotRunError, match=r"report\.json"):
        read_report(path)
