"""Which defects an audit plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from contracts.audit.mutant import Mutant
from contracts.chance import Chance
from contracts.errors import CouldNotRunError
from contracts.settings import Selection
from mock_server.spec.pointers import nearest


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mutants are planted: by the rules that may name them, by id, or so many by chance."""

    rules: Selection = field(default_factory=Selection)
    ids: tuple[str, ...] = ()
    sample: int | None = None


def choose(mutants: Mapping[str, Mutant], choice: Choice, seed: int) -> list[Mutant]:
    """The mutants that are wanted, those that nobody can see among them; a sample has none.

    Raises CouldNotRunError where a pattern names none, or none is left.
    """
    for pattern in choice.ids:
        if not any(fnmatchcase(mutant_id, pattern) for mutant_id in mutants):
            raise CouldNotRunError(unknown(pattern, mutants))
    found = [
        mutant
        for mutant in mutants.values()
        if any(map(choice.rules.has_rule, mutant.rule_ids)) or not choice.rules.include_rules
        if not choice.ids or any(fnmatchcase(mutant.mutant_id, one) for one in choice.ids)
    ]
    if not found:
        raise CouldNotRunError("no defect is left to plant: expected rules and defects that meet")
    if choice.sample is None:
        return found
    plantable = [mutant for mutant in found if not mutant.excluded]
    return Chance(seed).sample(plantable, min(choice.sample, len(plantable)))


def unknown(pattern: str, mutants: Mapping[str, Mutant]) -> str:
    families = sorted({mutant_id.partition("-")[0].partition(":")[0] for mutant_id in mutants})
    hint = nearest(pattern, mutants) if "*" not in pattern else ""
    return (
        f'--defect: found "{pattern}", which names nothing; expected a defect of the document, '
        f"or a pattern for some, such as {', '.join(f'{family}*' for family in families)}"
        + (f"; {hint}" if hint else "")
    )
