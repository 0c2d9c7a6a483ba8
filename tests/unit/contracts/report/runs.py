"""Runs against the peer, right or with one defect; short ones, by a clock that is only moved."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from mock_server.spec import default_document_path, load_document
from tests.peers.sms_peer import create_peer

KEY = "peer_key_one"
START = datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp()


class MovedTime:
    """A clock that sleeping moves."""

    def __init__(self, later: float = 0) -> None:
        self.seconds = START + later

    def now(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@cache
def judge_peer(defect: str | None, rules: tuple[str, ...], schemathesis: bool = False) -> Result:
    """A run over a few rules."""
    time = MovedTime()
    app = create_peer(defect, clock=lambda: datetime.fromtimestamp(time.seconds, UTC))
    document = load_document(default_document_path())
    choices = Settings(
        default_document_path(),
        examples=4,
        fuzz_examples=2,
        selection=Selection(include_rules=rules),
        schemathesis=schemathesis,
    )
    environment = {"CONTRACTS_API_KEY": KEY, "CONTRACTS_OTHER_API_KEY": "peer_key_two"}
    timepiece = Timepiece(time.now, time.sleep)
    return judge(document, choices, environment, timepiece, app=app)
