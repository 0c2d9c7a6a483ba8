"""The README keeps its word: its commands run as printed, its tables are the code's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mock_server.spec import Document

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ORIGIN = "http://127.0.0.1:4010"
COPIED = (".ci", "mock_server", "contracts", "fixtures", "openapi.yaml", "pyproject.toml")
COPIED += ("README.md", "LICENSE")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and what stands in it."""

    language: str
    text: str


BLOCKS = [
    Block(*found.groups())
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]


def block(containing: str, language: str = "bash") -> str:
    (found,) = [b.text for b in BLOCKS if b.language == language and containing in b.text]
    return found


def after(text: str) -> str:
    """The output that is printed behind a block."""
    texts = [one.text for one in BLOCKS]
    return texts[texts.index(text) + 1]


@dataclass(frozen=True)
class Started:
    """The stub as the first command started it."""

    origin: str
    greeting: list[str]
    folder: Path

    def here(self, text: str) -> str:
        """A block with the port that is free here."""
        return text.replace(ORIGIN, self.origin)


def stop(process: subprocess.Popen[str]) -> None:
    """Ends the shell and what it started: they are a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A copy of the checkout, the first command run in it as printed, on a free port."""
    folder = tmp_path_factory.mktemp("clone")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    environment = {**os.environ, "NO_COLOR": "1", "MOCK_SERVER_PORT": "0"}
    environment.pop("PYTHONPATH", None)  # what runs is what was installed
    process = subprocess.Popen(
        ["bash", "-c", block("venv/bin/mock-server").strip()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        greeting = [process.stdout.readline().rstrip() for _ in range(5)]
        if not greeting[0]:
            errors = process.stderr.read()
            if "CI" not in os.environ and "No matching distribution" in errors:
                pytest.skip("no registry of packages can be reached")
            pytest.fail(f"the first command did not start the stub:\n{errors}")
        found = re.search(r"http://[^/\s]+", greeting[0])
        assert found is not None
        yield Started(found[0], greeting, folder)
    finally:
        stop(process)


def unnumbered(text: str) -> str:
    """Without the number of the explanation: it counts the requests of all tests."""
    return re.sub(r"(?<=/__mock/requests/)\d+", "N", text)


def bash(text: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, cwd=folder, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_command_greets_as_printed(started: Started) -> None:
    printed = after(block("venv/bin/mock-server")).splitlines()
    assert started.greeting == started.here("\n".join(printed)).splitlines()


def test_what_is_installed_is_no_checkout(started: Started) -> None:
    """`pip install .` brings document and seed, and both commands."""
    python = started.folder / ".venv" / "bin" / "python"
    code = "from mock_server.spec import default_document_path as d; print(d())"
    # Isolated (-I): neither PYTHONPATH nor the folder can lend it a checkout.
    shown = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    path = Path(shown.stdout.strip())
    assert path.parts[-4:] == ("site-packages", "mock_server", "data", "openapi.yaml")
    assert (path.parent / "fixtures" / "account.yaml").is_file()
    assert {"mock-server", "contracts"} <= {one.name for one in python.parent.iterdir()}


def test_the_refusal_is_answered_as_printed(started: Started) -> None:
    command = block("curl -i")
    got = unnumbered(bash(started.here(command), started.folder).replace("\r", "")).splitlines()
    printed = unnumbered(after(command)).splitlines()
    assert [line for line in printed if line not in got] == []


def test_an_sms_is_sent_while_nobody_waits(started: Started) -> None:
    commands = started.here(block('"advance": 31')).replace("api_test_key", "api_test_undo")
    outcome = bash(commands, started.folder)
    created = re.search(r'"date_created":"([^"]+)"', outcome)
    last = re.findall(r'"data":\[(\{[^]]*\})\]', outcome)[-1]
    assert created is not None
    assert '"status":"sent"' in last
    assert re.search(r'"date_sent":"[^"]+"', last)


def test_the_vendors_client_works_as_printed(started: Started) -> None:
    code = started.here(block("closeio_api", "python"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_test_command_is_what_ci_runs() -> None:
    command = block("-m pytest").strip()
    assert f"<!-- test command -->\n```bash\n{command}\n```" in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "<!-- test command -->" in script
    assert "pip install" not in script  # it takes the command from here, and has none of its own
    assert "run: bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_the_counts_of_rules_are_the_documents(document: Document) -> None:
    found = re.search(r"\((\d+) of them, (\d+) documented", README)
    assert found is not None
    documented = [rule for rule in document.rules.values() if rule.certainty == "documented"]
    assert (int(found[1]), int(found[2])) == (len(document.rules), len(documented))
