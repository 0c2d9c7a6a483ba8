"""The judge against single faults that stand in front of a right server."""

from __future__ import annotations

import pytest

from contracts.settings import Selection
from tests.mutants.peer_run import judge_peer, some
from tests.peers.bends import BENDS

pytestmark = pytest.mark.whole_run


@pytest.mark.parametrize("name", some(BENDS))
def test_a_bend_is_caught_by_its_rule(name: str) -> None:
    bend = BENDS[name]
    result = judge_peer(bend=bend, selection=Selection(include_rules=bend.rule_ids))
    entries = result.ledger.entries
    found = {i for i, entry in entries.items() if entry.findings or entry.differences}
    assert found & set(bend.rule_ids)
    assert result.failed == bend.documented
