"""Defects of state machines: moves that are open or shut, times that are wrong, locks that are off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from contracts.audit.equivalent import (
    EMPTIED,
    is_emptied,
    requires_reason,
    same_moment_reason,
    target_reason,
)
from contracts.audit.mutant import REMOVED, Edit, Mutant, Tokens, unique
from mock_server.spec.model import Document, Expression, Lifecycle, Resource, Transition
from mock_server.spec.pointers import follow, parse_pointer
from mock_server.spec.schemas import iter_subschemas, keyword_of, properties_of, types_of
from mock_server.spec.schemas import rule_ids as rules_of_node


def mutants(document: Document) -> Iterator[Mutant]:
    for resource in document.resources.values():
        if resource.lifecycle is not None:
            yield from machine_mutants(document, resource, resource.lifecycle)


def machine_mutants(
    document: Document, resource: Resource, lifecycle: Lifecycle
) -> Iterator[Mutant]:
    place = parse_pointer(lifecycle.pointer)
    yield from added(document, resource, lifecycle, place)
    for position, transition in enumerate(lifecycle.transitions):
        at = (*place, "transitions", str(position))
        if transition.timed:
            yield from timed_mutants(document, resource, transition, at)
        elif transition.event is None:
            yield from removed(resource, transition, at)
        yield from sets_mutants(resource, transition, at)
    yield from final_mutants(document, resource, lifecycle, place)
    yield from editable_mutants(resource, lifecycle, place)
    yield from requirement_mutants(document, resource, lifecycle, place)


def named(resource: Resource, transition: Transition) -> str:
    return f"{resource.name}/{transition.source}-{transition.to}"


def closed_rules(lifecycle: Lifecycle, source: str, target: str) -> tuple[str, ...]:
    return unique(
        *(
            entry.rule_ids
            for entry in lifecycle.closed
            if (entry.sources is None or source in entry.sources)
            and (entry.targets is None or target in entry.targets)
        )
    )


# Moves


def added(
    document: Document, resource: Resource, lifecycle: Lifecycle, place: Tokens
) -> Iterator[Mutant]:
    """Every pair of states that no request may lead through."""
    asked = {(t.source, t.to) for t in lifecycle.transitions if not t.timed and t.event is None}
    written = follow(document.raw, place)
    update = next(
        (
            o
            for o in document.operations.values()
            if o.does == "update" and o.resource == resource.name
        ),
        None,
    )
    for source in lifecycle.states:
        for target in lifecycle.states:
            if source == target or (source, target) in asked:
                continue
            edits = [Edit((*place, "transitions", "-"), {"from": source, "to": target})]
            final = [state for state in lifecycle.final if state != source]
            if source in lifecycle.final:
                edits.insert(0, final_edit(written, place, final))
            yield Mutant(
                f"transition-added:{resource.name}/{source}-{target}",
                f"{resource.title}: {source} can become {target} on request",
                closed_rules(lifecycle, source, target),
                tuple(edits),
                excluded=target_reason(update, lifecycle.field, target)
                or (EMPTIED if is_emptied(lifecycle, source, target) else ""),
            )


def final_edit(written: Any, place: Tokens, final: list[str]) -> Edit:
    return Edit((*place, "final"), {**written["final"], "states": final} if final else REMOVED)


def removed(resource: Resource, transition: Transition, at: Tokens) -> Iterator[Mutant]:
    yield Mutant(
        f"transition-removed:{named(resource, transition)}",
        f"{resource.title}: {transition.source} cannot become {transition.to}",
        transition.rule_ids,
        (Edit(at, REMOVED),),
    )


# What time does


def timed_mutants(
    document: Document, resource: Resource, transition: Transition, at: Tokens
) -> Iterator[Mutant]:
    name = named(resource, transition)
    says = f"{resource.title}: {transition.source}"
    written = {k: v for k, v in follow(document.raw, at).items() if k not in ("at", "after")}

    def mutant(label: str, how: str, value: Any) -> Mutant:
        ids = transition.rule_ids[:: -1 if label == "at-once" else 1]
        return Mutant(f"timed-{label}:{name}", f"{says} {how}", ids, (Edit(at, value),))

    yield mutant("gone", f"never becomes {transition.to}", REMOVED)
    created = moment_of_creation(resource)
    if created is not None:
        at_once = {**written, "at": created}
        yield mutant("at-once", f"is {transition.to} at once", at_once)
    for field in other_fields(resource, transition):
        word = "at" if transition.at is not None else "after"
        one = mutant(f"by-{field}", f"becomes {transition.to} by {field}", {**written, word: field})
        yield replace(one, excluded=same_moment_reason(resource, transition, field))


def moment_of_creation(resource: Resource) -> str | None:
    """A date-time field that is never later than now."""
    for derived in resource.derived:
        source = derived.values[0]
        if isinstance(source, Expression) and source.source == "now" and derived.on != "create":
            return derived.field
    return None


def other_fields(resource: Resource, transition: Transition) -> list[str]:
    """Fields of the same kind that the time could be read from by mistake."""
    properties = properties_of(resource.schema)
    if transition.at is not None:
        return [name for name in sorted(resource.date_times) if name != transition.at]
    return [
        name
        for name in properties
        if name != transition.after and types_of(properties[name]) & {"integer", "number"}
    ]


def sets_mutants(resource: Resource, transition: Transition, at: Tokens) -> Iterator[Mutant]:
    """What a move sets, not set."""
    for field in transition.sets:
        yield Mutant(
            f"sets-gone:{named(resource, transition)}/{field}",
            f"{resource.title}: {transition.source} becomes {transition.to} and leaves {field} as it is",
            transition.rule_ids,
            (Edit((*at, "sets", field), REMOVED),),
        )
        value = transition.sets[field]
        if isinstance(value, Expression) and value.source == "now":
            yield Mutant(
                f"sets-wrong:{named(resource, transition)}/{field}",
                f"{resource.title}: {transition.source} becomes {transition.to} with another {field}",
                transition.rule_ids,
                (Edit((*at, "sets", field), "2001-02-03T04:05:06.000000+00:00"),),
            )


def final_mutants(
    document: Document, resource: Resource, lifecycle: Lifecycle, place: Tokens
) -> Iterator[Mutant]:
    """Time ends a state that nothing should end."""
    written, now = follow(document.raw, place), moment_of_creation(resource)
    rules = tuple(
        rule.rule_id
        for rule in document.rules.values()
        if any(p.kind == "final" and p.resource == resource.name for p in rule.places)
    )
    timed = [transition for transition in lifecycle.transitions if transition.timed]
    for state in lifecycle.final if now is not None else ():
        target = next((t.to for t in timed if t.to != state), None) or lifecycle.initial[0]
        if target == state:
            continue
        move = {"from": state, "to": target, "at": now}
        final = [other for other in lifecycle.final if other != state]
        yield Mutant(
            f"timed-added:{resource.name}/{state}-{target}",
            f"{resource.title}: {state} becomes {target} by itself",
            rules,
            (final_edit(written, place, final), Edit((*place, "transitions", "-"), move)),
        )


# Locks and requirements


def editable_mutants(resource: Resource, lifecycle: Lifecycle, place: Tokens) -> Iterator[Mutant]:
    if not lifecycle.editable_rules:
        return
    at = (*place, "editable", "in")
    for state in lifecycle.states:
        if state not in lifecycle.editable:
            yield Mutant(
                f"editable-added:{resource.name}/{state}",
                f"{resource.title}: {state} can be modified",
                lifecycle.editable_rules,
                (Edit((*at, "-"), state),),
            )
    for state in lifecycle.editable:
        others = [other for other in lifecycle.states if other not in lifecycle.editable]
        rest = [other for other in lifecycle.editable if other != state] or others[-1:]
        yield Mutant(
            f"editable-removed:{resource.name}/{state}",
            f"{resource.title}: {state} cannot be modified",
            lifecycle.editable_rules,
            (Edit(at, rest),),
        )


def requirement_mutants(
    document: Document, resource: Resource, lifecycle: Lifecycle, place: Tokens
) -> Iterator[Mutant]:
    for position, requirement in enumerate(lifecycle.requires):
        at = (*place, "requires", str(position))
        ids = unique(*(rules_of_node(sub) for _, sub in iter_subschemas(requirement.schema)))
        names = ", ".join(keyword_of(requirement.schema, "required") or ["what it asks for"])
        for state in requirement.states:
            rest = [other for other in requirement.states if other != state]
            edit = Edit((*at, "in"), rest) if rest else Edit(at, REMOVED)
            yield Mutant(
                f"requires-gone:{resource.name}/{position}/{state}",
                f"{resource.title}: {state} without {names} is taken",
                ids,
                (edit,),
            )
        for state in lifecycle.states:
            if state not in requirement.states:
                yield Mutant(
                    f"requires-added:{resource.name}/{position}/{state}",
                    f"{resource.title}: {state} needs {names} too",
                    ids,
                    (Edit((*at, "in", "-"), state),),
                    excluded=requires_reason(document, lifecycle, requirement, state),
                )
