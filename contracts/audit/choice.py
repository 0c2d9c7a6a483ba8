"""Which defects an audit plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from contracts.audit.mutant import Mutant
from contracts.chance import Chance
from contracts.settings import Selection


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mutants are planted: by the rules that may name them, by id, or so many by chance."""

    rules: Selection = field(default_factory=Selection)
    ids: tuple[str, ...] = ()
    sample: int | None = None


def choose(mutants: Mapping[str, Mutant], choice: Choice, seed: int) -> list[Mutant]:
    """The mutants that are wanted, those that nobody can see among them; a sample has none."""
    found = [
        mutant
        for mutant in mutants.values()
        if any(map(choice.rules.has_rule, mutant.rule_ids)) or not choice.rules.include_rules
        if not choice.ids or any(fnmatchcase(mutant.mutant_id, one) for one in choice.ids)
    ]
    if choice.sample is None:
        return found
    plantable = [mutant for mutant in found if not mutant.excluded]
    return Chance(seed).sample(plantable, min(choice.sample, len(plantable)))
