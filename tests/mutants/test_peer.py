"""The judge against another implementation: right ones are called right, each defect is caught."""

from __future__ import annotations

import pytest

from contracts.settings import Selection
from tests.mutants.peer_run import judge_peer, some
from tests.peers.sms_peer import DEFECTS, VARIANTS

pytestmark = pytest.mark.whole_run

# What an implementation need not have: the rules that no peer can show.
UNSEEN = {"sms.local-phone.always", "sms.sending-fails"}


@pytest.mark.parametrize("variant", [None, *some(VARIANTS, 2)])
def test_a_right_implementation_is_called_right(variant: str | None) -> None:
    result = judge_peer(variant=variant)
    entries = result.ledger.entries
    assert [i for i, entry in entries.items() if entry.fails] == []
    assert [i for i, entry in entries.items() if entry.flaky] == []
    chosen = {i: entry for i, entry in entries.items() if entry.selected}
    assert {i for i, entry in chosen.items() if entry.verdict == "not-exercised"} == UNSEEN
    assert not result.failed
    assert result.notes == ()


def test_the_peer_keeps_the_inferred_readings_too() -> None:
    broken = [i for i, entry in judge_peer().ledger.entries.items() if entry.findings]
    assert broken == []


@pytest.mark.parametrize("defect", some(DEFECTS))
def test_a_defect_is_caught_by_its_rule(defect: str) -> None:
    expected = DEFECTS[defect]
    selection = Selection(include_rules=expected.rule_ids)
    result = judge_peer(defect, selection=selection)
    found = {i for i, entry in result.ledger.entries.items() if entry.findings or entry.differences}
    assert found & set(expected.rule_ids)
    assert result.failed == expected.documented
    shown = next(
        entry.counterexample
        for i, entry in result.ledger.entries.items()
        if i in found & set(expected.rule_ids)
    )
    assert shown is not None
    assert 1 <= len(shown.exchanges) <= 8
