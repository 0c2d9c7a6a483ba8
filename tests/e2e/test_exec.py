"""`mock-server exec`: a command of any language beside a server, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import requests

EXEC = [sys.executable, "-m", "mock_server", "exec"]
LOCKERS = Path(__file__).parents[1] / "documents" / "lockers.yaml"
ASK = """
import json, os, urllib.request, base64
url, key = os.environ["MOCK_SERVER_URL"], os.environ["MOCK_SERVER_KEY"]
request = urllib.request.Request(url + "me/")
request.add_header("Authorization", "Basic " + base64.b64encode(f"{key}:".encode()).decode())
print(json.load(urllib.request.urlopen(request, timeout=10))["first_name"])
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXEC, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_the_command_finds_the_server_in_its_environment() -> None:
    done = run("--", sys.executable, "-c", ASK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Ada\n", "")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 128 + 9)],
)
def test_the_exit_code_is_passed_on(code: str, expected: int) -> None:
    assert run("--", sys.executable, "-c", code).returncode == expected


def test_options_of_the_command_are_its_own() -> None:
    done = run(sys.executable, "-c", "import sys; print(sys.argv[1:])", "--port", "-h")
    assert done.stdout == "['--port', '-h']\n"


def test_more_variables_are_filled_in() -> None:
    code = "import os; print(os.environ['API'], os.environ['MOCK_SERVER_URL'])"
    done = run("-e", "API={origin}/x?{key}", "--port", "0", "--", sys.executable, "-c", code)
    api, url = done.stdout.split()
    assert api == url.removesuffix("/api/v1/") + "/x?api_test_key"


def test_a_host_may_be_a_name() -> None:
    code = "import os; print(os.environ['MOCK_SERVER_URL'])"
    done = run("--", sys.executable, "-c", code, MOCK_SERVER_HOST="localhost")
    assert done.returncode == 0
    assert done.stdout.startswith("http://127.0.0.1:")


def test_another_document_and_its_settings(tmp_path: Path) -> None:
    code = "import os; print(os.environ['MOCK_SERVER_URL'])"
    done = run("--document", str(LOCKERS), "--log-level", "info", "--", sys.executable, "-c", code)
    assert done.stdout.startswith("http://127.0.0.1:")
    assert run("--document", "nothing.yaml", "--", "true").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "Missing argument"),
        (("--", "nmp-of-nobody", "test"), 127, 'no command "nmp-of-nobody"'),
        (("--", str(LOCKERS)), 126, "cannot be run"),
        (("-e", "A", "--", "true"), 2, "expected NAME=VALUE"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_said_in_words(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_inside_the_command_is_not_disturbed() -> None:
    done = run("--", sys.executable, "-m", "mock_server", "check", str(LOCKERS))
    assert "all as they should be" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_signals_reach_the_command_and_the_server_outlives_it(number: signal.Signals) -> None:
    code = textwrap.dedent(f"""
        import os, signal, sys, urllib.request
        def told(number, frame):
            url = os.environ["MOCK_SERVER_ORIGIN"] + "/__mock/health"
            print(urllib.request.urlopen(url, timeout=10).status, flush=True)
            sys.exit(5)
        signal.signal({int(number)}, told)
        print(os.environ["MOCK_SERVER_ORIGIN"], flush=True)
        while True:
            signal.pause()
    """)
    process = subprocess.Popen(
        [*EXEC, "--", sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        origin = process.stdout.readline().strip()
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (out, errors, process.returncode) == ("200\n", "", 5)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{origin}/__mock/health", timeout=5)


def test_two_at_once_never_share_a_port() -> None:
    code = "import json, os; print(json.dumps(os.environ['MOCK_SERVER_ORIGIN'])); input()"
    running = [
        subprocess.Popen(
            [*EXEC, "--", sys.executable, "-c", code.replace("print(", "print(", 1)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    found = [process.communicate("\n", timeout=30)[0] for process in running]
    assert len({json.loads(text) for text in found}) == 3
