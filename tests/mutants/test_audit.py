"""The audit keeps every defect caught: of both documents a fixed sample, all with `ALL_MUTANTS`.

Each part of them is a test of its own, so that workers can share them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.audit.catalogue import build_mutants
from contracts.audit.mutant import Mutant
from contracts.audit.run import Worker, check_right
from contracts.audit.trial import UNCAUGHT
from contracts.cli import real_time
from contracts.settings import Settings
from mock_server.spec import default_document_path, load_document
from tests.mutants.peer_run import ALL, some

pytestmark = pytest.mark.whole_run

LOCKERS = Path(__file__).parents[1] / "documents" / "lockers.yaml"
PARTS = 2
EVERY = 1 if ALL else 400  # one in so many defects of a kind, and the first of each kind


def sample(path: Path, every: int) -> list[str]:
    """Defects that can be planted: of each kind the first, and then one in so many."""
    kinds: dict[str, list[Mutant]] = {}
    for mutant in build_mutants(load_document(path)).values():
        if not mutant.excluded:
            kinds.setdefault(mutant.kind, []).append(mutant)
    return [one.mutant_id for listed in kinds.values() for one in listed[::every]]


def uncaught(path: Path, ids: list[str]) -> list[str]:
    settings, timepiece = Settings(path, schemathesis=False), real_time()
    document = load_document(path)
    known = check_right(document, settings, timepiece)
    worker = Worker(document, settings, known, timepiece)
    outcomes = map(worker.attempt, ids)
    return [f"{one.verdict} {one.mutant_id}" for one in outcomes if one.verdict in UNCAUGHT]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_defects_of_the_second_document_are_caught(part: int) -> None:
    assert uncaught(LOCKERS, sample(LOCKERS, 1)[part::PARTS]) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_sample_of_the_defects_of_the_first_document_is_caught(part: int) -> None:
    path = default_document_path()
    assert uncaught(path, some(sample(path, EVERY), 2)[part::PARTS]) == []
