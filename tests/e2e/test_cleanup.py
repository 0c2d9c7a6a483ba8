"""A run that was killed, and what `contracts cleanup` makes of what it left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

KEY, OTHER = "api_test_of_the_run", "api_test_of_another"
PATIENCE = 60  # seconds


def contracts(folder: Path, key: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "contracts", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CONTRACTS_API_KEY": key, "NO_COLOR": "1"},
    )


def ids(origin: str) -> set[str]:
    found: list[dict[str, Any]] = []
    while True:
        query = {"_limit": "100", "_skip": str(len(found))}
        url = f"{origin}/api/v1/activity/sms/"
        page = requests.get(url, query, auth=(KEY, ""), timeout=10).json()
        found += page["data"]
        if not page["has_more"]:
            return {sms["id"] for sms in found}


def test_what_was_killed_is_cleaned_up_with_its_own_key_only(origin: str, tmp_path: Path) -> None:
    before = ids(origin)
    chosen = ("--base-url", f"{origin}/api/v1/", "--include-rule", "sms.response.echo")
    run = contracts(tmp_path, KEY, "run", *chosen)
    end = time.monotonic() + PATIENCE
    while len(ids(origin)) < len(before) + 5 and time.monotonic() < end:
        time.sleep(0.05)
    run.kill()
    run.communicate()
    assert len(ids(origin)) > len(before)

    other = contracts(tmp_path, OTHER, "cleanup", "--base-url", origin)
    assert "made with another key" in other.communicate(timeout=PATIENCE)[0]
    assert other.returncode == 2
    assert len(ids(origin)) > len(before)

    own = contracts(tmp_path, KEY, "cleanup", "--base-url", origin)
    said = own.communicate(timeout=PATIENCE)[0]
    assert own.returncode == 0, said
    assert ids(origin) == before
    assert KEY not in said
