"""The defects: one for every place that decides something, each a stub that can be served."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import pytest

from contracts.audit import equivalent
from contracts.audit.catalogue import build_mutants
from contracts.audit.mutant import Mutant
from contracts.audit.plant import compile_edited, plant
from contracts.chance import Chance
from contracts.cli import real_time
from contracts.drift.run import drift
from contracts.settings import Settings
from contracts.target.system import StubTransport
from contracts.target.wire import basic
from mock_server.errors import MockServerError
from mock_server.spec import Document, default_document_path, load_document

KINDS = [
    "rule-off",
    "default-gone",
    "transition-added",
    "transition-removed",
    "timed-gone",
    "timed-at-once",
    "timed-added",
    "sets-gone",
    "editable-added",
    "editable-removed",
    "requires-gone",
    "requires-added",
    "derived-gone",
    "derived-wrong",
    "derived-stale",
    "effect-gone",
    "effect-twice",
    "effect-negated",
    "reference-unchecked",
    "reference-any-kind",
    "reference-unmatched",
    "schema-enum",
    "schema-type",
    "schema-required",
    "schema-pattern",
    "schema-exclusiveMaximum",
    "schema-not",
    "status",
    "error-body",
    "field-missing",
    "field-typed",
    "field-null",
    "echo-lost",
    "credentials-no",
    "credentials-unknown",
    "scheme-refused",
    "write-lost",
    "write-late",
    "write-kept",
    "write-foreign-read",
    "success-error",
    "refused-stored",
    "refused-applied",
    "query-ignored",
    "query-compared",
    "query-one-more",
    "order-reversed",
    "list-more-opposite",
]

# Of these no request can tell a stub from the right one; of the others only no rule speaks.
SAME = (
    equivalent.STAYS,
    equivalent.SAME_VALUES,
    equivalent.BY_REFERENCE,
    equivalent.KEYS_FIT,
    equivalent.BY_STATE,
    equivalent.BY_MOVES,
    equivalent.TEXT,
    equivalent.SAME_CALLER,
    equivalent.NEVER_NULL,
    equivalent.NO_RECORD,
    equivalent.CANNOT_FAIL,
    equivalent.UNNAMED,
)
SAMPLED = 1


@cache
def shipped() -> Document:
    return load_document(default_document_path())


@cache
def mutants() -> dict[str, Mutant]:
    return build_mutants(shipped())


def test_every_kind_of_defect_has_mutants() -> None:
    found = Counter(mutant.kind for mutant in mutants().values())
    assert [kind for kind in KINDS if not found[kind]] == []


def test_every_mutant_may_be_named_by_a_rule_or_says_why_none_can() -> None:
    rules = shipped().rules
    for mutant in mutants().values():
        assert mutant.excluded or mutant.rule_ids, mutant.mutant_id
        assert set(mutant.rule_ids) <= set(rules), mutant.mutant_id


def test_every_rule_that_is_enforced_has_a_defect_it_may_name() -> None:
    named = {i for m in mutants().values() if not m.excluded for i in m.rule_ids}
    # What a subscription has delivered comes to an address of its own; who only asks sees nothing.
    told = {
        i
        for i, rule in shipped().rules.items()
        if rule.policy == "enforce" and any(p.kind != "subscription" for p in rule.places)
    }
    # Without a limit on requests, nobody meets the one on limits.
    assert told - named == {"limits.refused"}


def test_another_documents_defects_are_found_as_well(lockers: Document) -> None:
    found = build_mutants(lockers)
    planted = [mutant for mutant in found.values() if not mutant.excluded]
    assert len(planted) > 100
    assert {"rule-off:parcel.weight", "transition-removed:Parcel/announced-stored"} <= set(found)
    for mutant in Chance(1).sample(planted, 40):
        if mutant.kind != "log-gone":  # without its log, the rest of the document has no sense
            plant(lockers, mutant)


def test_a_planted_defect_leaves_the_document_as_it_was() -> None:
    before = json.dumps(shipped().raw)
    for mutant in Chance(2).sample([m for m in mutants().values() if m.edits], 20):
        try:
            compile_edited(shipped(), mutant.edits)
        except MockServerError:
            continue
    assert json.dumps(shipped().raw) == before


def test_what_is_moved_for_one_operation_stays_for_the_others() -> None:
    mutant = mutants()["schema-exclusiveMaximum:createSMS/send_in/allOf/1:up"]
    stub = StubTransport(plant(shipped(), mutant))
    headers = {"Authorization": basic("api_test_x"), "Content-Type": "application/json"}
    path = f"{shipped().base_path}/activity/sms/"
    made = stub.send("POST", path, headers, b'{"status": "draft", "send_in": 60}')
    assert made.status == 200
    changed = stub.send("PUT", f"{path}{made.body['id']}/", headers, b'{"send_in": 60.0}')
    refused = stub.send("PUT", f"{path}{made.body['id']}/", headers, b'{"send_in": 61}')
    assert (changed.status, refused.status) == (200, 400)


def excluded_ones() -> list[Mutant]:
    """A few of each reason; which ones is a matter of chance, repeated by its seed."""
    chance = Chance(4)
    found = []
    for reason in SAME:
        listed = [mutant for mutant in mutants().values() if mutant.excluded == reason]
        found += chance.sample(listed, min(SAMPLED, len(listed)))
    return found


@pytest.mark.parametrize("mutant", excluded_ones(), ids=lambda mutant: mutant.mutant_id)
@pytest.mark.whole_run
def test_a_defect_that_nobody_can_see_makes_no_difference(mutant: Mutant) -> None:
    found = drift(
        shipped(),
        Settings(default_document_path()),
        400,
        {"CONTRACTS_API_KEY": "api_test_itself"},
        real_time(),
        app=plant(shipped(), mutant, 7),
    )
    assert [(one.difference, one.rule_ids) for one in found.found] == []
    assert found.sequences > 250
