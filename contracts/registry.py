"""Which check answers for which kind of place; a new kind of rule is one row more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from contracts.cases.bench import Bench
from contracts.cases.story import Case
from contracts.checks import (
    auth,
    defaults,
    derived,
    echo,
    effect,
    examples,
    heard,
    items,
    kin,
    lifecycle,
    listing,
    mixed,
    notfound,
    parameters,
    reference,
    refusal,
    schema,
    shape,
    timed,
    whole,
)
from contracts.stateful import explore, races


@dataclass(frozen=True, slots=True)
class Check:
    """`kinds` are the kinds of places whose rules its cases could refute."""

    name: str
    kinds: frozenset[str]
    cases: Callable[[Bench], Iterable[Case]]


# What waits comes first, so that the others run meanwhile; then what needs records of which a
# target may have only so many, before others use them up.
CHECKS: tuple[Check, ...] = (
    Check("timed", frozenset({"timed", "event", "final", "closed", "transition"}), timed.cases),
    Check("auth", frozenset({"security"}), auth.cases),
    Check("reference", frozenset({"reference"}), reference.cases),
    Check("schema", frozenset({"schema"}), schema.cases),
    Check(
        "lifecycle", frozenset({"transition", "closed", "editable", "requires"}), lifecycle.cases
    ),
    Check("defaults", frozenset({"default"}), defaults.cases),
    Check("derived", frozenset({"derived"}), derived.cases),
    Check("items", frozenset({"derived"}), items.cases),
    Check("effect", frozenset({"effect"}), effect.cases),
    Check("refusals", frozenset({"refusal"}), refusal.own_cases),
    Check("kin", frozenset({"embedded", "cascade", "log"}), kin.cases),
    Check("heard", frozenset({"subscription"}), heard.cases),
    Check("echo", frozenset({"response"}), echo.cases),
    Check("whole", frozenset({"response", "requires", "schema"}), whole.cases),
    Check(
        "mixed", frozenset({"response", "schema", "reference", "default", "effect"}), mixed.cases
    ),
    Check("shape", frozenset({"record", "response"}), shape.cases),
    Check("notfound", frozenset({"response"}), notfound.cases),
    Check("listing", frozenset({"parameter", "response"}), listing.cases),
    Check("parameters", frozenset({"parameter", "response"}), parameters.cases),
    Check("examples", frozenset(), examples.cases),
)

# These come when nothing waits any more: they move time themselves, or look back on all the others.
LAST_CHECKS: tuple[Check, ...] = (
    Check("others", frozenset({"timed"}), timed.cases_of_others),
    Check("named", frozenset({"action"}), kin.last_cases),
    Check("explore", frozenset({"transition", "closed", "editable"}), explore.cases),
    Check("races", frozenset({"transition", "closed", "editable"}), races.cases),
    Check("refusal", frozenset({"response", "effect"}), refusal.cases),
    Check("patience", frozenset({"timed"}), timed.last_cases),
)
