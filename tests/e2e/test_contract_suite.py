"""The judge as a pytest suite, in a pytest of its own: over the stub, and over an application."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = """
import sys
import pytest
from contracts.suite import test_rule
from tests.peers.sms_peer import create_peer


@pytest.fixture(scope="session")
def contract_app():
    return create_peer("sent-modifiable")


@pytest.fixture(scope="session")
def contract_key():
    return "peer_key_one"
"""
STRICT = "[pytest]\nstrict = true\nfilterwarnings = error\n"


def run(folder: Path, *arguments: str) -> str:
    """What pytest prints in a project of its own, in which every warning is an error."""
    (folder / "pytest.ini").write_text(STRICT)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rA", "-p", "contracts.pytest_plugin"),
            *("-p", "no:cacheprovider", "-p", "no:randomly", *arguments),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "CONTRACTS_API_KEY": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.stdout + done.stderr


def test_a_broken_rule_fails_with_its_finding_whatever_worker_has_it(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(OWN)
    said = run(tmp_path, "-n", "2", "-k", "drafts-only or sms.delete or webhook.signed")
    assert "FAILED test_own.py::test_rule[sms.drafts-only]" in said
    assert "PASSED test_own.py::test_rule[sms.delete]" in said
    assert re.search(r"SKIPPED .*the target does not have", said)
    assert "Only drafts can be modified." in said
    assert re.search(r"\d    .*curl -sS -X PUT", said)
    assert "peer_key_one" not in said
    assert "1 failed, 1 passed, 1 skipped" in said


def test_the_stub_is_judged_where_nothing_else_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, "-n", "0", "--pyargs", "contracts.suite", "-k", "sms.delete")
    assert re.search(r"1 passed, \d+ deselected", said), said


def test_another_document_has_other_tests(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        *("-n", "0", "--pyargs", "contracts.suite", "--collect-only", "-q"),
        *("--contract-document", str(ROOT / "tests" / "documents" / "lockers.yaml")),
    )
    assert "test_rule[lockers." in said or "test_rule[locker" in said, said
    assert "test_rule[sms." not in said


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        *("-n", "0", "--pyargs", "contracts.suite", "-k", "sms.delete"),
        *("--contract-app", "no_such_shop:app"),
    )
    assert 'contracts: --app: found no module "no_such_shop"' in said
    assert "1 error" in said


def test_other_tests_hear_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_nothing():\n    assert 'contracts.judge' not in sys.modules\n"
    )
    assert "1 passed" in run(tmp_path, "-n", "0")
