"""Judges the peer in this process, in a time that passes only when the judge waits."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from mock_server.spec import Document, default_document_path, load_document
from tests.peers.bends import Bend, Bent
from tests.peers.sms_peer import create_peer

# What a peer promises to keep; of the records around it has only what these rules need.
PEERS_OWN = Selection(include_rules=("auth.*", "errors.*", "sms.*"))
KEYS = {"CONTRACTS_API_KEY": "peer_key_one", "CONTRACTS_OTHER_API_KEY": "peer_key_two"}


EXAMPLES = 4  # generated requests for each rule and direction; a run of its own has more
ALL = "ALL_MUTANTS" in os.environ


def some(names: Iterable[str], every: int = 16) -> list[str]:
    """One in so many, so that a run of the tests stays short; all where `ALL_MUTANTS` is set."""
    return list(names)[:: 1 if ALL else every]


class FakeTime:
    """A clock that the judge and the peer share; every look at it takes half a millisecond."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.25

    def now(self) -> float:
        self.seconds += 0.0005
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@cache
def document() -> Document:
    return load_document(default_document_path())


def judge_peer(
    defect: str | None = None,
    variant: str | None = None,
    bend: Bend | None = None,
    **choices: Any,
) -> Result:
    time = FakeTime()
    peer = create_peer(defect, time.moment, variant)
    token = "peer_token_one" if variant == "own-bearer" else "peer_key_one"
    return judge(
        document(),
        Settings(
            default_document_path(),
            **{
                "schemathesis": False,
                "selection": PEERS_OWN,
                "examples": EXAMPLES,
                **choices,
            },
        ),
        {**KEYS, "CONTRACTS_BEARER_TOKEN": token},
        Timepiece(time.now, time.sleep),
        app=peer if bend is None else Bent(peer, bend),
    )
