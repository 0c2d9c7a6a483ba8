"""A defect as a value: what is changed in the document or in the answers, and who may name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mock_server.spec.model import Document, Policy

Json = Any
Tokens = tuple[str, ...]


class Removed:
    """In place of a value: the member is taken out."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED = Removed()


@dataclass(frozen=True, slots=True)
class Edit:
    """A value of the raw document that is replaced, added or taken out."""

    place: Tokens
    value: Json


@dataclass(frozen=True, slots=True)
class Tampering:
    """A fault of the server that no document can say, by its name, with what it concerns."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect of the stub.

    `rule_ids` are the rules that may rightly name it, the best first; `beside` are others whose
    requests bring it out; `excluded` says why no judge can see it, where that is so.
    `wider`: it only lets through more than the right stub does.
    """

    mutant_id: str
    says: str
    rule_ids: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    tampering: Tampering | None = None
    beside: tuple[str, ...] = ()
    excluded: str = ""
    wider: bool = False

    @property
    def kind(self) -> str:
        """What kind of defect it is: the first part of its id."""
        return self.mutant_id.partition(":")[0]

    def is_documented(self, document: Document) -> bool:
        """Whether a documented rule may name it; else it is only a difference."""
        return any(
            document.rules[rule_id].certainty == "documented"
            for rule_id in self.rule_ids
            if rule_id in document.rules
        )


def unique(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """Rule ids in order, each once."""
    return tuple(dict.fromkeys(rule_id for group in groups for rule_id in group))
