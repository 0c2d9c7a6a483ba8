"""A client's own suite against stubs that are wrong in one rule: what it sees, where it is blind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import os
import requests

URL, KEY = os.environ["MOCK_SERVER_URL"], os.environ["MOCK_SERVER_KEY"]


def call(method, path, **more):
    return requests.request(method, URL + path, auth=(KEY, ""), timeout=10, **more)


def create(**body):
    return call("POST", "activity/sms/", json={"local_phone": "+16505550100", **body})


def test_a_log_is_inbound():
    assert create(status="inbox").json()["direction"] == "inbound"


def test_a_scheduled_one_needs_its_date():
    assert create(status="scheduled").status_code == 400


def test_a_draft_can_be_scheduled():
    path = "activity/sms/" + create(status="draft").json()["id"] + "/"
    answer = call("PUT", path, json={"status": "scheduled", "date_scheduled": "2040-01-01T00:00:00Z"})
    assert answer.json()["status"] == "scheduled"
"""
PLUGIN_SUITE = """
def test_a_scheduled_one_needs_its_date(mock_server, mock_clock):
    mock_clock.advance(60)
    body = {"status": "scheduled", "local_phone": "+16505550100"}
    assert mock_server.client.post("activity/sms/", json=body).status_code == 400
"""
SEEN = ("sms.draft.schedule", "sms.scheduled.needs-date")
BLIND = ("sms.send-in.limit", "sms.draft.send")


def blindspots(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "contracts", "blindspots", "--no-color", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def pytest_command(folder: Path, text: str = SUITE) -> list[str]:
    (folder / "test_client.py").write_text(text, encoding="utf-8")
    return [
        "--",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        ".",
    ]


def rules(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--rule", name)]


@pytest.mark.whole_run
def test_a_suite_sees_what_it_asserts_and_is_blind_elsewhere(tmp_path: Path) -> None:
    report = tmp_path / "blind.json"
    chosen = rules((*SEEN, *BLIND))
    done = blindspots(tmp_path, *chosen, "--report", str(report), *pytest_command(tmp_path))
    assert done.returncode == 1, done.stderr
    told = json.loads(report.read_text("utf-8"))
    verdicts = {row["id"]: row["verdict"] for row in told["rules"]}
    assert verdicts == dict.fromkeys(SEEN, "seen") | dict.fromkeys(BLIND, "blind")
    assert told["blind"] == [rule for rule in verdicts if rule in BLIND]
    met = {row["id"]: row["met"] for row in told["rules"]}
    assert met["sms.scheduled.needs-date"] == "both"
    assert met["sms.draft.send"] == "never"
    assert "SMSActivity: draft to outbox" in told["never_met"]["transitions"]
    assert "SMSActivity: draft to scheduled" not in told["never_met"]["transitions"]
    assert "deleteSMS" in told["never_met"]["operations"]
    assert "sms.send-in.limit" in told["never_met"]["refusals"]
    assert "2 blind spots" in done.stdout


@pytest.mark.whole_run
def test_a_suite_on_the_plugins_fixtures_counts_with_every_account_of_its_tests(
    tmp_path: Path,
) -> None:
    report = tmp_path / "blind.json"
    wished = [*rules((SEEN[1], *BLIND[:1])), "--report", str(report)]
    done = blindspots(tmp_path, *wished, *pytest_command(tmp_path, PLUGIN_SUITE))
    assert done.returncode == 1, done.stdout + done.stderr
    told = json.loads(report.read_text("utf-8"))
    assert told["blind"] == [BLIND[0]]
    met = {row["id"]: row["met"] for row in told["rules"]}
    assert met[SEEN[1]] == "broken"  # by a tenant that was dropped when its test was over
    assert "createSMS" not in told["never_met"]["operations"]


@pytest.mark.whole_run
def test_a_suite_without_blind_spots_exits_with_zero(tmp_path: Path) -> None:
    done = blindspots(tmp_path, *rules(SEEN[:1]), *pytest_command(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_never_met_needs_no_run(tmp_path: Path) -> None:
    done = blindspots(tmp_path, "--quick", *rules(BLIND[:2]), *pytest_command(tmp_path))
    assert done.returncode == 1
    assert "1 runs" in done.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def test_red(): assert False", "the suite is red (exit code 1) against the right stub"),
        ("def test_idle(): pass", "the suite asked the stub nothing"),
    ],
)
def test_what_cannot_be_tried_exits_with_two(tmp_path: Path, text: str, expected: str) -> None:
    done = blindspots(tmp_path, *pytest_command(tmp_path, text))
    assert done.returncode == 2
    assert expected in done.stderr


def test_a_command_that_is_none_is_named(tmp_path: Path) -> None:
    done = blindspots(tmp_path, "--", "no-such-command-here")
    assert done.returncode == 2
    assert 'found "no-such-command-here", which cannot be run' in done.stderr


def test_a_suite_that_hangs_on_a_changed_rule_has_seen_it(tmp_path: Path) -> None:
    waits = """
import os, time, requests
URL, KEY = os.environ["OTHER_NAME"], os.environ["MOCK_SERVER_KEY"]
answer = requests.get(URL + "activity/sms/", auth=(KEY, ""), timeout=5)
while requests.get(URL + "activity/sms/", timeout=5).status_code != 401:
    time.sleep(0.1)
"""
    (tmp_path / "suite.py").write_text(waits, encoding="utf-8")
    more = ["--env", "OTHER_NAME={url}", "--timeout", "4", "--rule", "auth.required"]
    done = blindspots(tmp_path, *more, "--", sys.executable, "suite.py")
    assert done.returncode == 0, done.stdout + done.stderr
