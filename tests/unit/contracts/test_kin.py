"""Records that go with others: what is shown, gone and told otherwise is caught, the right stub is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.audit.catalogue import build_mutants
from contracts.audit.plant import plant
from contracts.judge import judge
from contracts.settings import Selection, Settings, Timepiece
from mock_server.spec import Document, load_document
from tests.mutants.peer_run import FakeTime

LOCKERS = Path(__file__).parents[2] / "documents" / "lockers.yaml"
DEFECTS = {
    "embedded-gone:Locker/parcels": "locker.contents",
    "cascade-gone:Notice/parcel": "notice.goes",
    "log-without-to:Parcel": "entries.kept",
}


@pytest.fixture(scope="module")
def lockers() -> Document:
    return load_document(LOCKERS)


def findings(document: Document, app: object) -> dict[str, list[str]]:
    time = FakeTime()
    rules = Selection(include_rules=tuple(DEFECTS.values()))
    settings = Settings(LOCKERS, schemathesis=False, selection=rules)
    result = judge(document, settings, {}, Timepiece(time.now, time.sleep), app=app)  # type: ignore[arg-type]
    entries = result.ledger.entries
    return {i: [one.case for one in entries[i].findings] for i in DEFECTS.values()}


@pytest.mark.parametrize("defect", list(DEFECTS))
def test_a_defect_of_kin_is_caught(lockers: Document, defect: str) -> None:
    found = findings(lockers, plant(lockers, build_mutants(lockers)[defect], 0))
    assert [rule for rule, cases in found.items() if cases] == [DEFECTS[defect]]


def test_the_right_stub_keeps_them(lockers: Document) -> None:
    found = findings(lockers, None)
    assert not any(found.values())


@pytest.mark.parametrize("rule", ["locker.contents", "notice.goes"])
def test_a_rule_of_kin_that_is_off_is_missed_in_the_stub(lockers: Document, rule: str) -> None:
    """What is embedded is empty, and what would go stays."""
    mutant = build_mutants(lockers)[f"rule-off:{rule}"]
    assert not mutant.excluded
    found = findings(lockers, plant(lockers, mutant, 0))
    assert [name for name, cases in found.items() if cases] == [rule]
