"""Whether a state machine fits its record: what its transitions wait for, set and close."""

from __future__ import annotations

from mock_server.spec.agreement import Names, check_constant, check_names, check_value
from mock_server.spec.compilation import Compilation
from mock_server.spec.model import Constant, Lifecycle, Resource, Transition
from mock_server.spec.pointers import escape
from mock_server.spec.schemas import properties_of, types_of


def check_lifecycle(
    compilation: Compilation, resource: Resource, lifecycle: Lifecycle, names: Names
) -> None:
    for requirement in lifecycle.requires:
        check_names(compilation, requirement.schema, resource.fields, "field")
    for transition in lifecycle.transitions:
        check_transition(compilation, resource, transition, names)
    check_loops(compilation, lifecycle)
    allowed = {(t.source, t.to) for t in lifecycle.transitions if not t.timed and not t.event}
    for closed in lifecycle.closed:
        pairs = {
            (source, target)
            for source in closed.sources or lifecycle.states
            for target in closed.targets or lifecycle.states
            if source != target
        }
        if pairs and pairs <= allowed:
            found = "closed changes that are all transitions"
            compilation.report(closed.pointer, found, "at least one that no transition allows")


def check_transition(
    compilation: Compilation, resource: Resource, transition: Transition, names: Names
) -> None:
    properties = properties_of(resource.schema)
    pointer = transition.pointer
    if transition.at is not None and transition.at not in resource.date_times:
        found = f'"{transition.at}", which is no moment'
        compilation.report(f"{pointer}/at", found, "a field with format: date-time")
    seconds = types_of(properties.get(transition.after or ""))
    if transition.after is not None and not seconds & {"integer", "number"}:
        found = f'"{transition.after}", which is no number of seconds'
        compilation.report(f"{pointer}/after", found, "a field of type integer or number")
    there = {"record", "follow", "now", "id"}
    if transition.event:
        there, where = there | {"event"}, "where nobody calls"
    elif transition.timed:
        where = "where only time passes"
    else:
        there |= {"body", "query", "path", "principal", "method", "url", "request"}
        where = "where there is no event"
    known: Names = {source: names.get(source, ()) for source in there}
    for field, value in transition.sets.items():
        place = f"{pointer}/sets/{escape(field)}"
        check_value(compilation, value, place, known, where)
        if isinstance(value, Constant):
            check_constant(compilation, resource.schema, properties.get(field), value.value, place)


def check_loops(compilation: Compilation, lifecycle: Lifecycle) -> None:
    """Time alone never comes back to a state: it would go round for ever at one moment."""
    timed = {t.source: t for t in lifecycle.transitions if t.timed}
    for start in timed:
        state, passed = start, []
        while state in timed and state not in passed:
            passed.append(state)
            state = timed[state].to
        if state == start and start == min(passed):
            found = f"a loop in which only time passes: {', '.join([*passed, state])}"
            compilation.report(
                timed[start].pointer, found, "a state that only a request or an event ends"
            )
