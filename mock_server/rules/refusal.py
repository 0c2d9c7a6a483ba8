"""Refusals with an answer of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mock_server.problems import Violation
from mock_server.rules.schema import build_condition
from mock_server.spec.model import BusinessRule, Refusal


class PreparedRefusal(NamedTuple):
    """When it holds, and what is answered then."""

    refusal: Refusal
    holds: Callable[[Any], bool]
    violation: Violation


def build_refusals(
    refusals: Iterable[Refusal], rules: Mapping[str, BusinessRule]
) -> tuple[PreparedRefusal, ...]:
    return tuple(
        PreparedRefusal(one, build_condition(one.condition), to_violation(one, rules))
        for one in refusals
    )


def to_violation(refusal: Refusal, rules: Mapping[str, BusinessRule]) -> Violation:
    says = " ".join(rules[i].says for i in refusal.rule_ids[:1] if i in rules)
    return Violation(
        refusal.rule_ids, "/body", None, says or "Refused.", None, "another request", {}
    )
