"""The few changes of a rule that a client's tests ought to notice, the plainest first."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.audit.mutant import Mutant

# Off first; then what a client relies on (it happens, it is there), then what it must not try.
FAMILIES = (
    "rule-off",
    "transition-removed",
    "timed",
    "effect",
    "default",
    "refusal",
    "transition-added",
    "editable",
    "requires",
    "reference",
    "derived",
    "embedded",
    "cascade",
    "schema",
    "status",
    "credentials",
    "scheme",
    "write",
    "echo",
    "field",
    "query",
    "order",
    "list",
    "sets",
)


def rank(mutant: Mutant) -> int:
    return next(
        (place for place, name in enumerate(FAMILIES) if mutant.kind.startswith(name)),
        len(FAMILIES),
    )


def is_telling(mutant: Mutant) -> bool:
    """Whether seeing it means to see the rule; what breaks every request, any suite would see."""
    if mutant.kind.startswith("schema"):
        return mutant.wider
    found = mutant.tampering.arguments.get("found", 400) if mutant.tampering is not None else 400
    return bool(found >= 400)


def changes_of(mutants: Mapping[str, Mutant], rule_id: str, most: int) -> list[Mutant]:
    """At most so many defects that are the rule's own, each of another family."""
    own = [
        mutant
        for mutant in mutants.values()
        if not mutant.excluded and rule_id in mutant.rule_ids and is_telling(mutant)
    ]
    own = [mutant for mutant in own if mutant.rule_ids[0] == rule_id] or own
    found: dict[int, Mutant] = {}
    for mutant in own:
        found.setdefault(rank(mutant), mutant)
    return [found[place] for place in sorted(found)][:most]
