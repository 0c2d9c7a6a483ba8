"""State machines: states, transitions, and what contradicts itself in them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.model import Closed, Lifecycle, Place, Requirement, Transition
from mock_server.spec.pointers import follow, parse_pointer
from mock_server.spec.schemas import ReferenceFault, iter_subschemas, keyword_of


def compile_lifecycle(
    compilation: Compilation,
    resource: str,
    word: dict[str, Any],
    properties: dict[str, Any],
    pointer: str,
) -> Lifecycle | None:
    """The state machine of a resource, or None where its word is unusable."""
    field = word.get("field", "")
    if not compilation.known(field, properties, f"{pointer}/field", "field"):
        return None
    transitions = tuple(
        compile_transition(
            compilation, resource, entry, properties, f"{pointer}/transitions/{position}"
        )
        for position, entry in enumerate(word.get("transitions", []))
        if isinstance(entry, dict) and "from" in entry and "to" in entry
    )
    initial = tuple(word.get("initial", ()))
    states = tuple(dict.fromkeys([*initial, *(s for t in transitions for s in (t.source, t.to))]))
    allowed = keyword_of(properties[field], "enum")
    check_states(compilation, states, allowed, word, pointer)
    check_reachable(compilation, initial, transitions, states, pointer)
    editable = word.get("editable", {"in": list(states)})
    final = word.get("final", {"states": []})
    check_contradictions(compilation, transitions, tuple(final.get("states", ())))
    lifecycle = Lifecycle(
        field,
        initial,
        states,
        tuple(editable.get("in", ())),
        tuple(ids_of(editable)),
        transitions,
        tuple(
            compile_closed(compilation, resource, entry, f"{pointer}/closed/{position}", field)
            for position, entry in enumerate(word.get("closed", [{}]))
        ),
        tuple(final.get("states", ())),
        tuple(
            compile_requirement(compilation, resource, entry, f"{pointer}/requires/{position}")
            for position, entry in enumerate(word.get("requires", []))
            if isinstance(entry, dict) and "schema" in entry
        ),
        pointer,
    )
    if "editable" in word:
        place = Place("editable", f"{pointer}/editable", resource, (), None, lifecycle)
        compilation.state(editable, f"{pointer}/editable", place)
    if "final" in word:
        place = Place("final", f"{pointer}/final", resource, (), field, lifecycle)
        compilation.state(final, f"{pointer}/final", place)
    return lifecycle


def check_machines(compilation: Compilation, standing: list[tuple[str, str]]) -> None:
    """Compiles the state machines of a faulty document that have no fault of their own."""
    faulty = [fault.pointer for fault in compilation.faults]
    for pointer, word in standing:
        parent = follow(compilation.raw, parse_pointer(pointer)[:-1])
        properties = parent.get("properties")
        if word != "x-lifecycle" or "allOf" in parent or not isinstance(properties, dict):
            continue
        if not any(f"{place}/".startswith(f"{pointer}/") for place in faulty):
            with suppress(ReferenceFault):  # told already
                compile_lifecycle(compilation, "", parent[word], properties, pointer)


def ids_of(node: dict[str, Any]) -> list[str]:
    value = node.get("x-rule", [])
    return [value] if isinstance(value, str) else list(value)


def compile_transition(
    compilation: Compilation,
    resource: str,
    entry: dict[str, Any],
    properties: dict[str, Any],
    pointer: str,
) -> Transition:
    sets = entry.get("sets", {})
    for name in sets:
        compilation.known(name, properties, f"{pointer}/sets/{name}", "field")
    for word in ("at", "after"):
        if word in entry:
            compilation.known(entry[word], properties, f"{pointer}/{word}", "field")
    causes = [word for word in ("at", "after", "event") if word in entry]
    if len(causes) > 1:
        compilation.report(
            pointer, " and ".join(causes) + " together", "at most one of at, after, event"
        )
    transition = Transition(
        entry["from"],
        entry["to"],
        entry.get("at"),
        entry.get("after"),
        entry.get("event"),
        {
            name: compile_value(
                value, f"{pointer}/sets/{name}", compilation.functions, compilation.report
            )
            for name, value in sets.items()
        },
        bool(entry.get("external", False)),
        tuple(ids_of(entry)),
        pointer,
        entry.get("action", ""),
        entry.get("label", ""),
    )
    kind = "timed" if transition.timed else "event" if transition.event else "transition"
    compilation.state(entry, pointer, Place(kind, pointer, resource, (), None, transition))
    return transition


def compile_closed(
    compilation: Compilation, resource: str, entry: dict[str, Any], pointer: str, field: str
) -> Closed:
    closed = Closed(
        tuple(entry["from"]) if "from" in entry else None,
        tuple(entry["to"]) if "to" in entry else None,
        tuple(ids_of(entry)),
        pointer,
    )
    compilation.state(entry, pointer, Place("closed", pointer, resource, (), field, closed))
    return closed


def compile_requirement(
    compilation: Compilation, resource: str, entry: dict[str, Any], pointer: str
) -> Requirement:
    resolver = compilation.resolver
    requirement = Requirement(tuple(entry["in"]), resolver.schema(entry["schema"]), pointer)
    for _, subschema in iter_subschemas(requirement.schema):
        origin = resolver.pointer(subschema)
        compilation.state(
            subschema, origin, Place("requires", pointer, resource, (), None, requirement)
        )
    return requirement


def check_states(
    compilation: Compilation,
    states: tuple[str, ...],
    allowed: Any,
    word: dict[str, Any],
    pointer: str,
) -> None:
    if isinstance(allowed, list):
        for position, entry in enumerate(word.get("transitions", [])):
            for end in ("from", "to"):
                if isinstance(entry, dict) and end in entry:
                    compilation.known(
                        entry[end], allowed, f"{pointer}/transitions/{position}/{end}", "state"
                    )
        for position, state in enumerate(word.get("initial", [])):
            compilation.known(state, allowed, f"{pointer}/initial/{position}", "state")
    named = [("editable/in", word.get("editable", {}).get("in", []))]
    named.append(("final/states", word.get("final", {}).get("states", [])))
    named += [
        (f"requires/{i}/in", entry.get("in", []))
        for i, entry in enumerate(word.get("requires", []))
        if isinstance(entry, dict)
    ]
    for i, entry in enumerate(word.get("closed", [])):
        if isinstance(entry, dict):
            named += [
                (f"closed/{i}/from", entry.get("from", [])),
                (f"closed/{i}/to", entry.get("to", [])),
            ]
    for place, listed in named:
        for position, state in enumerate(listed):
            compilation.known(state, states, f"{pointer}/{place}/{position}", "state")


def check_reachable(
    compilation: Compilation,
    initial: tuple[str, ...],
    transitions: tuple[Transition, ...],
    states: tuple[str, ...],
    pointer: str,
) -> None:
    reached = set(initial)
    while more := {t.to for t in transitions if t.source in reached} - reached:
        reached |= more
    for state in states:
        if state not in reached:
            culprit = next(t for t in transitions if state in (t.source, t.to))
            compilation.report(
                culprit.pointer,
                f'the state "{state}", which nothing reaches',
                "an initial state, or a transition to it from one that can be reached",
            )


def check_contradictions(
    compilation: Compilation, transitions: tuple[Transition, ...], final: tuple[str, ...]
) -> None:
    """A pair of states has one transition on request, a state one by time and one for each event."""
    seen: dict[tuple[str, str, str], str] = {}
    for transition in transitions:
        source, to, pointer = transition.source, transition.to, transition.pointer
        if source == to:
            found = f'a transition from "{source}" to itself'
            compilation.report(pointer, found, "two different states")
        if source in final:
            found = f'a transition out of the final state "{source}"'
            compilation.report(pointer, found, "final states that no transition leaves")
        if transition.timed:
            key, found = (source, "", "time"), f'a second timed transition out of "{source}"'
        elif transition.event:
            key = (source, "event", transition.event)
            found = f'a second outcome of the event "{transition.event}" in "{source}"'
        else:
            key, found = (source, "to", to), f'a second transition from "{source}" to "{to}"'
        if seen.setdefault(key, pointer) != pointer:
            compilation.report(pointer, found, f"one, as at {seen[key]}")
