"""Schemathesis finds nothing: its own command, every phase and every check, against the served stub."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mock_server.spec import default_document_path

CONFIG = Path(__file__).with_name("schemathesis.toml")


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    stub = subprocess.Popen(
        [sys.executable, "-m", "mock_server", "--port", "0", "--log-level", "critical"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stub.stdout is not None
        found = re.search(r"http://[^/\s]+", stub.stdout.readline())
        assert found is not None
        command = [str(Path(sys.executable).with_name("st")), "--config-file", str(CONFIG), "run"]
        command += [str(default_document_path()), "--url", f"{found[0]}/api/v1"]
        command += [
            "-a",
            "api_test_schemathesis:",
            "--phases",
            "examples,coverage,fuzzing,stateful",
        ]
        command += ["-n", "5", "--generation-deterministic", "--continue-on-failure", "--no-color"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    finally:
        stub.terminate()
        stub.communicate(timeout=20)
