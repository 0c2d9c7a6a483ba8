"""Items: what is worked out for each item of a list, on creation, on reading and after a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import change, made_from, reread, valid_body
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.oracle.schema import oracle_of
from contracts.oracle.values import Facts, Unknown, evaluate
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import constraints, is_allowed, typical
from contracts.surface import Surface
from mock_server.spec.model import Call, Derived, Expression, Operation, Value
from mock_server.spec.schemas import keyword_of, properties_of

ODD = "extension 7"  # what cannot be read, where a text may be anything


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create = surface.create
        if create is None:
            continue
        for derived in surface.resource.derived:
            name = derived.inside
            if name is None or name not in create.body_fields:
                continue
            if not bench.ledger.wants(derived.rule_ids):
                continue
            several = some_items(properties_of(create.body_schema)[name], derived)
            if several:
                steps = on_create(surface, create, derived, several)
                yield Case(derived.rule_ids, f"{derived.field} of every item of {name}", steps)
            update = surface.update
            if len(several) > 1 and update is not None and name in update.body_fields:
                steps = on_change(surface, create, derived, several)
                word = f"{derived.field} after {name} has changed"
                yield Case(derived.rule_ids, word, steps, False)


def some_items(schema: Any, derived: Derived) -> list[Mapping[str, Any]]:
    """Items that are unlike in what the value is worked out from."""
    inner = constraints(schema).get("items", {})
    first = typical(inner)
    if not isinstance(first, dict):
        return []
    found: list[Mapping[str, Any]] = [first]
    for name in dict.fromkeys(iter_inputs(derived.values)):
        own = properties_of(inner).get(name)
        for value in (*(keyword_of(own, "examples") or ()), ODD):
            other = {**first, name: value}
            if other not in found and is_allowed(inner, other):
                found.append(other)
    return found


def iter_inputs(values: tuple[Value, ...]) -> Iterator[str]:
    for value in values:
        parts = (*value.of, *value.named.values()) if isinstance(value, Call) else (value,)
        for part in parts:
            if isinstance(part, Expression) and part.source == "item" and part.tokens:
                yield part.tokens[0]


def on_create(
    surface: Surface, create: Operation, derived: Derived, several: list[Mapping[str, Any]]
) -> Any:
    def steps(story: Story) -> None:
        given = {str(derived.inside): several}
        body = valid_body(story, create, calm_state(surface.resource), **given)
        made = made_from(story, create, story.send(create, body=body))
        compare(story, surface, derived, several, made.record, "in the answer")
        compare(story, surface, derived, several, reread(story, made), "on reading")

    return steps


def on_change(
    surface: Surface, create: Operation, derived: Derived, several: list[Mapping[str, Any]]
) -> Any:
    """What was shown is sent back with other inputs, as clients do that edit what they have read."""

    def steps(story: Story) -> None:
        name = str(derived.inside)
        body = valid_body(story, create, calm_state(surface.resource), **{name: several[:1]})
        made = made_from(story, create, story.send(create, body=body))
        shown = (made.record.get(name) or [{}])[0]
        others = [{**(shown if isinstance(shown, dict) else {}), **item} for item in several[1:]]
        exchange = change(story, made, {name: others})
        if not exchange.answer.accepted:
            story.block(f"the change of {name} was answered {exchange.answer.status}")
        compare(story, surface, derived, others, made.record, "after the change")
        compare(story, surface, derived, others, reread(story, made), "on reading")

    return steps


def compare(
    story: Story,
    surface: Surface,
    derived: Derived,
    given: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any],
    when: str,
) -> None:
    """Refutes the case where an item's value is not the one that the document says, or has not its form."""
    name, shown = str(derived.inside), record.get(derived.inside or "")
    if not isinstance(shown, list) or len(shown) != len(given):
        story.block(f"{name} is not shown as it was given")
    inner = constraints(properties_of(surface.resource.schema)[name]).get("items", {})
    form = properties_of(inner).get(derived.field, {})
    for position, (asked, item) in enumerate(zip(given, shown, strict=True)):
        held = item if isinstance(item, dict) else {}
        condition = derived.condition
        if condition is not None and not oracle_of(condition).is_valid({**asked, **held}):
            continue
        found, expected = held.get(derived.field), first_value(derived, asked)
        place = f"{name}/{position}/{derived.field}"
        if isinstance(expected, Unknown):
            if not oracle_of(form).is_valid(found):
                wanted = expect.item(name, position, derived.field, form)
                story.refute(f"{place} of its form {when}", f"{found!r}", wanted)
        elif found != expected:
            wanted = expect.item(name, position, derived.field, {"const": expected})
            story.refute(f"{place} {expected!r} {when}", f"{found!r}", wanted)


def first_value(derived: Derived, item: Mapping[str, Any]) -> Any:
    for value in derived.values:
        found = evaluate(value, Facts({}, item=item))
        if found is not None:
            return found
    return None
