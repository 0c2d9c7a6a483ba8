"""Targets that have only a part of the API: what is missing is said once, and fails nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from contracts.target.safety import OWN
from mock_server.spec import default_document_path
from tests.mutants.peer_run import EXAMPLES, KEYS, FakeTime, document
from tests.peers.sms_peer import create_peer

pytestmark = pytest.mark.whole_run

Refuse = Callable[[str, str], bool]


def judge_part(is_missing: Refuse, status: str = "404 Not Found", **choices: Any) -> Result:
    time = FakeTime()
    peer = create_peer(None, time.moment)

    def part(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if is_missing(environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/api/v1")):
            start_response(status, [("Content-Type", "text/html")])
            return [b"<h1>nothing here</h1>"]
        return peer(environ, start_response)

    settings = Settings(
        default_document_path(), **{"schemathesis": False, "examples": EXAMPLES, **choices}
    )
    environment = {**KEYS, "CONTRACTS_BEARER_TOKEN": "peer_key_one"}
    return judge(document(), settings, environment, Timepiece(time.now, time.sleep), app=part)


def is_around(method: str, path: str) -> bool:
    return not path.startswith(("/activity/sms/", "/phone_number/"))


@pytest.mark.parametrize("status", ["404 Not Found", "501 Nothing"])
def test_what_is_around_the_messages_may_be_missing(status: str) -> None:
    result = judge_part(is_around, status)
    entries = result.ledger.entries
    assert [i for i, e in entries.items() if e.fails] == []
    assert any(name.startswith("createLead ") for name in result.missing)
    assert entries["sms.drafts-only"].verdict == "kept"
    assert "the target does not have" in entries["contact.lead"].reason
    # What cannot be read may be somebody's, so that it is not changed.
    assert [note for note in result.notes if not note.endswith(OWN)] == []


def test_an_operation_that_is_missing_is_one_finding() -> None:
    def is_missing(method: str, path: str) -> bool:
        return method == "PUT" and path.startswith("/activity/sms/")

    result = judge_part(is_missing, "405 Method Not Allowed")
    entries = result.ledger.entries
    assert [i for i, e in entries.items() if e.fails] == []
    assert "updateSMS (PUT /activity/sms/{id}/)" in result.missing
    assert entries["sms.drafts-only"].verdict == "not-exercised"
    assert "updateSMS" in entries["sms.drafts-only"].reason
    assert entries["sms.status.values"].verdict == "kept"


def test_operations_that_are_not_selected_are_not_asked() -> None:
    asked: list[tuple[str, str]] = []

    def is_missing(method: str, path: str) -> bool:
        asked.append((method, path))
        return False

    selection = Selection(include_paths=("/activity/sms/*",))
    result = judge_part(is_missing, selection=selection)
    assert {path.split("/")[1] for method, path in asked if method in ("POST", "PUT")} == {
        "activity"
    }
    assert result.ledger.entries["sms.drafts-only"].verdict == "kept"
    assert "not selected" in result.ledger.entries["contact.lead"].reason
