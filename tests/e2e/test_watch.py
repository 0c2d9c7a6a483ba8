"""`--watch` on a served document: broken and mended while clients go on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import requests

LOCKERS = Path(__file__).parents[1] / "documents"


def test_no_request_is_lost_while_a_document_is_broken_and_mended(tmp_path: Path) -> None:
    for name in ("lockers.yaml", "lockers.seed.yaml"):
        (tmp_path / name).write_text((LOCKERS / name).read_text())
    document = tmp_path / "lockers.yaml"
    text = document.read_text()
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_server", str(document), "-p", "0", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "MOCK_SERVER_LOG_LEVEL": "info"},
    )
    statuses: list[int] = []
    done = threading.Event()
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://[^/\s]+", process.stdout.readline())
        assert found is not None
        origin = found[0]

        def go_on() -> None:
            with requests.Session() as session:
                while not done.wait(0.002):
                    statuses.append(session.get(f"{origin}/__mock/health", timeout=10).status_code)

        client = threading.Thread(target=go_on)
        client.start()
        document.write_text(text.replace("x-resource:", "x-resorce:", 1))
        read_until(process, "the version before keeps serving")
        beside = tmp_path / "beside"
        beside.write_text(text.replace("title:", "title: Other", 1))
        beside.replace(document)
        read_until(process, "loaded again")
        title = requests.get(f"{origin}/__mock/health", timeout=10).json()["title"]
    finally:
        done.set()
        client.join(10)
        process.terminate()
        process.communicate(timeout=20)
    assert title.startswith("Other")
    assert set(statuses) == {200}


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"the log never says: {words}")
