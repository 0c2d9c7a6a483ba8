"""A document without words from the command line: served, told, and judged over a socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import requests

from tests.e2e.test_start_and_stop import wait_for

TOOLS = Path(__file__).parents[1] / "documents" / "tools.yaml"


def test_a_served_document_without_words_says_so_and_is_judged_clean(tmp_path: Path) -> None:
    file = tmp_path / "port"
    environment = {**os.environ, "NO_COLOR": "1", "CONTRACTS_API_KEY": "api_test_judge"}
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "mock_server", "serve", str(TOOLS)]
    server = subprocess.Popen(
        [*command, "-p", "0", "--port-file", str(file), "--log-level", "critical"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    try:
        wait_for(file)
        assert server.stdout is not None
        greeting = [server.stdout.readline() for _ in range(9)]
        assert "the document states no rules" in greeting[2]
        assert "Tool: /tools, /tools/{toolId}" in greeting[3]
        assert "answered by examples: GET /opening" in greeting[6]
        base = f"http://127.0.0.1:{int(file.read_text())}/library/v1"
        made = requests.post(
            f"{base}/tools",
            json={"name": "Saw", "kind": "hand"},
            headers={"X-Card": "api_test_one"},
            timeout=10,
        )
        assert (
            requests.get(
                f"{base}/tools/{made.json()['id']}", headers={"X-Card": "api_test_one"}, timeout=10
            ).json()
            == made.json()
        )
        run = [sys.executable, "-m", "contracts", "run", "--document", str(TOOLS)]
        judged = subprocess.run(
            [*run, "--base-url", base, "--report", "json", "--include-path", "/tools*"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=240,
            check=False,
        )
        assert judged.returncode == 0, judged.stdout + judged.stderr
        assert "no rules stated" in judged.stdout
        assert "nothing found" in judged.stdout
        held = requests.get(
            f"http://127.0.0.1:{int(file.read_text())}/__mock/state",
            headers={"Authorization": "Bearer api_test_judge"},
            timeout=10,
        )
        assert held.json()["collections"]["tools"] == 2  # the examples: what was made is deleted
    finally:
        server.kill()
        server.communicate()
