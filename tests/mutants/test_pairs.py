"""The judge against faults that need two features of a request at once."""

from __future__ import annotations

import pytest

from contracts.settings import Selection
from tests.mutants.peer_run import judge_peer, some
from tests.peers.pairs import PAIRS

pytestmark = pytest.mark.whole_run


@pytest.mark.parametrize("name", some(PAIRS, 41))
def test_a_fault_of_two_features_is_caught(name: str) -> None:
    bend = PAIRS[name]
    result = judge_peer(bend=bend, selection=Selection(include_rules=bend.rule_ids))
    assert result.failed
    assert {i for i, e in result.ledger.entries.items() if e.findings} == {*bend.rule_ids}
