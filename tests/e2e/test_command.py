"""The command as people start it: a process of its own on loopback."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

LOCKERS = Path(__file__).parents[1] / "documents" / "lockers.yaml"


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The server with the lines that it greets with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_server", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        assert process.stdout is not None
        yield process, [process.stdout.readline().rstrip() for _ in range(5)]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mock_server", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1", **environment},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_greets_serves_and_stops(number: signal.Signals) -> None:
    with started() as (process, lines):
        base = re.search(r"http://\S+", lines[0])
        assert base is not None
        assert "api_test_key" in lines[1]
        assert re.search(r"\d+ operations", lines[2])
        answer = requests.get(f"{base[0]}me/", auth=("api_test_key", ""), timeout=10)
        assert answer.json()["first_name"] == "Ada"
        origin = base[0].split("/api/")[0]
        health = requests.get(f"{origin}/__mock/health", timeout=10).json()
        assert health["status"] == "ok"
        assert f"{health['operations']} operations" in lines[2]
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert "GET /api/v1/me/ 200" in errors


def test_a_host_may_be_a_name() -> None:
    with started("--host", "localhost") as (process, lines):
        base = re.search(r"http://\S+", lines[0])
        assert base is not None
        assert base[0].startswith("http://127.0.0.1:")
        assert requests.get(f"{base[0]}me/", auth=("api_test_key", ""), timeout=10).ok
        assert not any("Mock-Control-Token" in line for line in lines)
        process.terminate()
        assert process.wait(20) == 0


def test_the_line_to_paste_works() -> None:
    with started() as (_, lines):
        command = shlex.split(lines[3].split("try", 1)[1])
        answer = subprocess.run([*command, "-s"], capture_output=True, text=True, timeout=20)
        assert json.loads(answer.stdout)["status"] == "draft"


def test_the_line_to_paste_works_for_another_document() -> None:
    with started(str(LOCKERS)) as (_, lines):
        command = shlex.split(lines[3].split("try", 1)[1])
        answer = subprocess.run([*command, "-s"], capture_output=True, text=True, timeout=20)
        assert json.loads(answer.stdout)["stage"] == "announced"


def test_ids_repeat_with_a_random_seed() -> None:
    found = []
    for _ in range(2):
        with started("--random-seed", "7") as (_, lines):
            base = lines[0].split(" on ")[1]
            body = {"status": "draft", "text": "Hello"}
            answer = requests.post(
                f"{base}activity/sms/", json=body, auth=("api_test_key", ""), timeout=10
            )
            found.append(answer.json()["id"])
    assert found[0] == found[1]


def test_json_logs_explain_refusals() -> None:
    with started("--log-format", "json") as (process, lines):
        base = lines[0].split(" on ")[1]
        requests.post(f"{base}activity/sms/", json={}, auth=("api_test_key", ""), timeout=10)
        process.terminate()
        _, errors = process.communicate(timeout=10)
        row = json.loads(errors.splitlines()[0])
        assert row["status"] == 400
        assert row["violations"][0]["rules"][0]["id"] == "sms.status.required"
        assert "api_test_key" not in errors


def test_a_taken_port_is_said_to_be_taken() -> None:
    with started() as (_, lines):
        port = re.search(r":(\d+)/", lines[0])
        assert port is not None
        second = run("--port", port[1])
        assert second.returncode == 2
        assert f"port {port[1]}" in second.stderr
        assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rule", "sms.status.vaules=off"), 'did you mean "sms.status.values"?'),
        (("--rule", "sms.status.values=of"), "expected one of enforce, warn, off"),
        (("--rule", "sms.status.values"), "expected ID=POLICY"),
        (("--rule", "sms.response.shape=off"), "nothing to let through"),
        (("--seed", "nothing.yaml"), "no such file"),
        (("nothing.yaml",), "no such file"),
        (("--port", "70000"), "expected a port"),
        (("--log-level", "loud"), "loud"),
        (("explain", "sms.status.valuse"), 'did you mean "sms.status.values"?'),
        (("seed", "--leads", "1", "-o", "no/such/folder/x"), "no/such/folder/x: no such file"),
        (("--nonsense",), "nonsense"),
        (("--host", "no such host"), 'the host "no such host" is not found'),
        (("--host", "256.1.1.1.invalid"), "expected an address such as 127.0.0.1"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_words(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_all_settings_that_cannot_be_are_said_at_once() -> None:
    wrong = ("-p", "abc", "--rule", "nope=off", "--rule", "a.b=warn", "--random-seed", "x")
    done = run(*wrong, "--host", "nowhere.invalid")
    assert done.returncode == 2
    for words in (
        "port: found",
        '"nope=off"',
        '"a.b=warn"',
        "random_seed: found",
        "nowhere.invalid",
    ):
        assert words in done.stderr
    assert "5 settings cannot be used" in done.stderr


def test_a_table_without_colours_has_no_escapes_at_all() -> None:
    assert "\x1b[" in run("rules", FORCE_COLOR="1", NO_COLOR="", TERM="xterm").stdout
    assert "\x1b" not in run("rules", FORCE_COLOR="1", NO_COLOR="1", TERM="xterm").stdout
    plain = run("rules", "--no-color", FORCE_COLOR="1", NO_COLOR="", TERM="xterm").stdout
    assert "\x1b" not in plain


def test_settings_come_from_the_environment_and_the_project(tmp_path: Path) -> None:
    done = run("--port", "0", MOCK_SERVER_RULES="sms.status.values=off,nothing.such=warn")
    assert "names no rule" in done.stderr
    (tmp_path / "pyproject.toml").write_text("[tool.mock_server]\nprot = 5\n")
    done = subprocess.run(
        [sys.executable, "-m", "mock_server"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert 'did you mean "port"?' in done.stderr


def test_check_rules_and_explain() -> None:
    assert "all as they should be" in run("check").stdout
    assert "all as they should be" in run("check", str(LOCKERS)).stdout
    rows = json.loads(run("rules", "--json").stdout)
    assert {"id", "says", "source", "certainty", "policy"} <= rows[0].keys()
    table = run("rules", "--no-color").stdout
    lines = [line.split("  ")[0] for line in table.splitlines()[1:]]
    assert lines == [row["id"] for row in rows]  # one for each, whatever the width
    assert "\x1b" not in table
    shown = run("explain", "sms.undo-window").stdout
    assert "send_in" in shown
    assert "after 29 s: GET" in shown
    told = json.loads(run("explain", "sms.undo-window", "--json").stdout)
    assert told in rows


def test_check_says_which_example_went_wrong(tmp_path: Path) -> None:
    text = LOCKERS.read_text().replace("weight: 20}}]", "weight: 21}}]")
    (tmp_path / "lockers.seed.yaml").write_text((LOCKERS.parent / "lockers.seed.yaml").read_text())
    path = tmp_path / "lockers.yaml"
    path.write_text(text)
    done = run("check", str(path))
    assert done.returncode == 2
    assert "#/x-rules/parcel.weight/accepts/0" in done.stderr


def test_help_needs_no_manual() -> None:
    shown = run("--help").stdout
    assert all(command in shown for command in ("serve", "check", "rules", "explain"))
    assert "ID=POLICY" in run("serve", "--help").stdout
