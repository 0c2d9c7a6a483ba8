"""Every defect that can be planted for a document: one for each place that decides something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contracts.audit import answers, bodies, lifecycles, links, lists, records
from contracts.audit.equivalent import off_reason, reason_not_to_plant
from contracts.audit.mutant import Mutant
from mock_server.spec.model import Document

SOURCES = (
    bodies.mutants,
    links.mutants,
    lifecycles.mutants,
    records.mutants,
    lists.mutants,
    answers.mutants,
)


def build_mutants(document: Document) -> dict[str, Mutant]:
    """All mutants by id, in the order of the document; those nobody can see say why."""
    found: dict[str, Mutant] = {}
    for mutant in (*off_mutants(document), *(one for build in SOURCES for one in build(document))):
        if mutant.mutant_id not in found:
            why = reason_not_to_plant(document, mutant)
            found[mutant.mutant_id] = replace(mutant, excluded=why) if why else mutant
    return found


def off_mutants(document: Document) -> Iterator[Mutant]:
    """Each rule off. One that only says how answers look cannot be; its places have mutants."""
    for rule in document.rules.values():
        if any(place.kind not in ("record", "response") for place in rule.places):
            yield Mutant(
                f"rule-off:{rule.rule_id}",
                f"off: {rule.says}",
                (rule.rule_id,),
                policies={rule.rule_id: "off"},
                excluded=off_reason(document, rule),
            )
