"""Echo: what was given is what is stored, and what every later answer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta, timezone
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from contracts.cases import expect
from contracts.cases.acts import (
    came,
    change,
    expect_accepted,
    fillings,
    full_values,
    holding,
    instead_of_plain,
    is_time_of_another,
    made_from,
    make,
    make_full,
    marks_of,
    reread,
    standing,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL
from contracts.cases.story import Case, Made, Steps, Story
from contracts.checks.defaults import lightened
from contracts.checks.effect import due_query
from contracts.checks.lifecycle import clearable, new_value, plain_fields
from contracts.checks.listing import alone_of_its_text, as_read, listed_record, near
from contracts.moments import is_same_moment, with_offset
from contracts.strategies.bodies import calm_state, transition_at
from contracts.strategies.values import ODD, WORDS, constraints, is_allowed, typical
from contracts.surface import Surface, echo_rules
from contracts.target.client import path_of
from contracts.target.live import everything, listed_ids
from contracts.target.safety import sending_states
from mock_server.spec.model import Operation
from mock_server.spec.schemas import properties_of, types_of


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create = surface.create
        ids = echo_rules(surface)
        if create is None or not bench.ledger.wants(ids):
            continue
        steps = readable(surface, create)
        yield Case(ids, f"{create.operation_id}: what was made is answered, and can be read", steps)
        for name in echoed_fields(surface, create):
            yield Case(
                ids, f"{create.operation_id}: {name} comes back", alone(surface, create, name)
            )
        for place, name in enumerate(text_fields(surface, create)):
            for text in TEXTS if place == 0 else (EVERYTHING,):
                steps = alone(surface, create, name, text, listed=False)
                yield Case(ids, f"{create.operation_id}: {name} {brief(text)} comes back", steps)
        for name in moment_fields(surface, create):
            for offset in OFFSETS:
                steps = alone(surface, create, name, offset=offset)
                word = f"{create.operation_id}: {name} with the offset {offset} comes back"
                yield Case(ids, word, steps)
            for moment in MOMENTS if transition_at(surface.resource, name) is None else ():
                steps = alone(surface, create, name, moment, listed=False)
                yield Case(ids, f"{create.operation_id}: {name} {moment} comes back", steps)
        for name in unpromised(surface, create):
            several = some_of(properties_of(create.body_schema)[name])
            steps = alone(surface, create, name, several)
            yield Case(ids, f"{create.operation_id}: {name} comes back", steps, False)
        yield Case(ids, "what a request leaves out is not that of another", unlike(surface, create))
        calm = calm_state(surface.resource)
        for state in states_of(surface):
            word = f' as "{state}"' if state else ""
            yield Case(ids, f"the same request twice{word}", repeated(surface, create, state))
            if has_pages(surface) and not leaves_at_once(surface, state):
                word = f'"{state}" records' if state else "records"
                yield Case(ids, f"lists show {word}", shown_in_lists(surface, state))
            steps = many(bench, surface, create, state)
            word = f" as {state}" if state else ""
            yield Case(ids, f"{create.operation_id}{word}: generated fields come back", steps)
        for effect in create.effects:
            chosen = due_query(bench, surface, create, effect)
            if chosen is not None and chosen[1]:
                words = ", ".join(f"{name}={value}" for name, value in chosen[1].items())
                name = f"{create.operation_id} with {words}: everything comes back"
                yield Case(ids, name, beside_an_effect(surface, create, *chosen))
        if surface.listing is not None:
            name = f"{create.operation_id}: one record for one request"
            if any(True for _ in marks_of(bench.composer.base(create, calm) or {})):
                yield Case(ids, name, made_once(surface, create))
            else:
                yield Case(ids, name, added_once(surface, surface.listing), False)
        if surface.update is not None:
            for name in echoed_fields(surface, surface.update):
                steps = changed(surface, surface.update, name)
                yield Case(ids, f"{surface.update.operation_id}: {name} comes back", steps)
            for place, name in enumerate(text_fields(surface, surface.update)):
                for text in TEXTS if place == 0 else (EVERYTHING,):
                    steps = changed(surface, surface.update, name, value=text)
                    word = f"{surface.update.operation_id}: {name} {brief(text)} comes back"
                    yield Case(ids, word, steps)
            for name in moment_fields(surface, surface.update):
                steps = changed(surface, surface.update, name, offset=OFFSETS[-1])
                word = f"{surface.update.operation_id}: {name} with an offset comes back"
                yield Case(ids, word, steps)
            plain = plain_fields(surface, surface.update)
            for place, name in enumerate(plain):
                for word, given, files in fillings(bench, surface.resource.name):
                    if place >= WITH_ALL_FILLINGS and (given or files):
                        continue
                    steps = kept(surface, surface.update, name, given, files)
                    what = f"a change of {name} leaves the other fields{word}"
                    yield Case(ids, what, steps)
            for name in (
                *echoed_fields(surface, surface.update),
                *unpromised(surface, surface.update),
            ):
                steps = changed_twice(surface, surface.update, name)
                yield Case(ids, f"{surface.update.operation_id}: {name} changes twice", steps)
            for name in clearable(surface, surface.update):
                if is_simple(surface, surface.update, name):
                    steps = cleared(surface, surface.update, name)
                    yield Case(ids, f"{surface.update.operation_id}: {name} is emptied", steps)
            if surface.listing is not None:
                yield Case(ids, "lists show what was changed", listed(surface, surface.update))


LONG = tuple("Contract check, and on and on. " * times for times in (6, 60, 200))
WITH_ALL_FILLINGS = 2  # fields that are changed beside everything that a record may hold
MANY = 1_000  # records, of which not all pages are asked for
AROUND = "  blanks at both ends  "
NUMERALS = "01650555"
UNSEEN = "Zero\u200bwidth and \ufeffmark"
TEXTS = (*WORDS, *LONG, ODD, AROUND, UNSEEN, NUMERALS, NUMERALS[1:], "null", "None", "")
EVERYTHING = f"{AROUND}{ODD} & <b>{UNSEEN}</b> {LONG[0]} {AROUND}"  # what the others try one by one
FORMED = frozenset({"pattern", "enum", "format", "const", "anyOf", "oneOf"})
MOMENTS = ("1969-05-05T05:05:05Z", "1970-01-01T00:00:00Z", "2038-05-05T05:05:05Z")
OFFSETS = tuple(timezone(timedelta(hours=h, minutes=m)) for h, m in ((2, 30), (-3, -30)))


def echoed_fields(surface: Surface, operation: Operation) -> list[str]:
    """Body fields that answers hold under the same name; the state has its own checks."""
    lifecycle = surface.resource.lifecycle
    state = lifecycle.field if lifecycle is not None else None
    required = constraints(surface.resource.schema).get("required", surface.resource.fields)
    return [
        name
        for name in operation.body_fields
        if name in surface.resource.fields
        and name in required
        and name not in surface.resource.hidden
        and name != state
    ]


def unpromised(surface: Surface, operation: Operation) -> list[str]:
    """Lists of a body that answers may show, and need not."""
    properties = properties_of(operation.body_schema)
    known = echoed_fields(surface, operation)
    return [
        name
        for name in operation.body_fields
        if name in surface.resource.fields
        and name not in (*known, *surface.resource.hidden)
        and "array" in types_of(properties[name])
    ]


def some_of(schema: Any) -> list[Any]:
    """A list of two that differ in a text of theirs, where they have one."""
    found = typical(schema)
    first = found[0] if isinstance(found, list) and found else None
    items = constraints(schema).get("items", {})
    for name, value in first.items() if isinstance(first, dict) else ():
        other: dict[str, Any] = {**(first or {}), name: f"another-{value}"}
        if isinstance(value, str) and is_allowed(items, other):
            return [first, other]
    return [first] if first is not None else []


def text_fields(surface: Surface, create: Operation) -> list[str]:
    properties = properties_of(create.body_schema)
    return [
        name
        for name in echoed_fields(surface, create)
        if "string" in types_of(properties[name])
        and name not in create.references
        and not constraints(properties[name]).keys() & FORMED
    ]


def brief(text: str) -> str:
    return repr(text if len(text) < 60 else f"{text[:20]}… ({len(text)} characters)")


def moment_fields(surface: Surface, create: Operation) -> list[str]:
    properties = properties_of(create.body_schema)
    return [
        name
        for name in echoed_fields(surface, create)
        if constraints(properties[name]).get("format") == "date-time"
    ]


def states_of(surface: Surface) -> list[str | None]:
    lifecycle = surface.resource.lifecycle
    if lifecycle is None:
        return [None]
    return [*lifecycle.initial]


def has_pages(surface: Surface) -> bool:
    """Whether a list can be read to its end."""
    parameters = surface.listing.parameters if surface.listing is not None else ()
    return any(one.query is not None and one.query.does == "skip" for one in parameters)


def leaves_at_once(surface: Surface, state: str | None) -> bool:
    """Whether time ends a state as soon as it is there, unless a delay is given."""
    lifecycle = surface.resource.lifecycle
    return lifecycle is not None and any(
        t.timed and t.source == state and t.after is not None for t in lifecycle.transitions
    )


def alone(
    surface: Surface,
    create: Operation,
    name: str,
    value: Any = None,
    offset: timezone | None = None,
    listed: bool = True,
) -> Any:
    def steps(story: Story) -> None:
        state = calm_state(surface.resource)
        composer = story.bench.composer
        body = composer.base(create, state)
        chosen = value
        if chosen is None and body is not None:
            others = {key: inner for key, inner in body.items() if key != name}
            chosen = composer.value(create, name, others, state)
        chosen = with_offset(chosen, offset) if offset else chosen
        if chosen is None:
            story.block(f"the target has nothing for {name}")
        body = valid_body(
            story,
            create,
            state,
            **{name: chosen},
            **story.bench.composer.owners(create, name, chosen),
        )
        check_created(story, surface, create, body, [name], listed)

    return steps


def check_created(
    story: Story,
    surface: Surface,
    create: Operation,
    body: Mapping[str, Any],
    names: list[str],
    listed: bool = True,
    query: Mapping[str, str] | None = None,
) -> Made:
    exchange = story.send(create, query=query, body=body)
    if not exchange.answer.accepted:
        blame(story, create, exchange.answer.status, names, came(exchange.answer))
    made = made_from(story, create, exchange)
    compare(story, made.record, body, names, "in the answer", surface)
    known = {**body, "id": made.record_id}
    compare(story, reread(story, made), known, [*names, "id"], "on reading", surface)
    if listed:
        shown = listed_record(story, surface, made)
        if shown is not None:
            here = [name for name in names if name in shown]
            compare(story, shown, body, here, "in the list", surface)
    return made


def beside_an_effect(
    surface: Surface, create: Operation, state: str | None, query: Mapping[str, str]
) -> Any:
    """What a request holds is stored as ever where it makes another record as well."""

    def steps(story: Story) -> None:
        composer = story.bench.composer
        body = composer.fullest(create, state)
        if body is None:
            story.block("no valid body can be built")
        plain = {name: value for name, value in body.items() if not isinstance(value, list | dict)}
        if composer.breaches(create, plain):
            story.block("no valid body can be built")
        names = [name for name in echoed_fields(surface, create) if name in plain]
        check_created(story, surface, create, plain, names, listed=False, query=query)

    return steps


def blame(story: Story, create: Operation, status: int, names: list[str], shown: str) -> None:
    """A valid body is refused: the fields that are left after shrinking are to blame."""
    story.block(f"{create.operation_id} answered {status} to a valid body with {', '.join(names)}")


def compare(
    story: Story,
    record: Mapping[str, Any],
    given: Mapping[str, Any],
    names: list[str],
    when: str,
    surface: Surface | None = None,
) -> None:
    for name in names:
        if given.get(name) is None:
            continue
        found = record.get(name)
        if not is_held(found, given[name]) and not is_same_moment(found, given[name]):
            wanted = expect.fields({name: given[name]})
            if (
                is_same_moment(found, given[name], 1.0)
                or means_nothing(surface, name, record)
                or (given[name] == "" and found is None)
            ):
                # Whether an empty text is one, which parts of a second are kept, and when a state ends that it is not in, is open.
                expected = f"{name} {given[name]!r} {when}"
                story.note(story.case.rule_ids, expected, f"{name} {found!r}", False, wanted)
                continue
            story.refute(f"{name} {given[name]!r} {when}", f"{name} {found!r}", wanted)


def is_held(found: Any, given: Any) -> bool:
    """Whether a value is what was given; moments may be written otherwise, members of a list may hold more."""
    if isinstance(given, list) and isinstance(found, list):
        return len(given) == len(found) and all(map(is_held, found, given))
    if isinstance(given, Mapping) and isinstance(found, Mapping):
        return all(is_held(found.get(name), value) for name, value in given.items())
    return bool(found == given) or is_same_moment(found, given)


def means_nothing(surface: Surface | None, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a field says when another state ends, and the record is not on its way there."""
    lifecycle = surface.resource.lifecycle if surface is not None else None
    if surface is None or lifecycle is None:
        return False
    stays = record.get(lifecycle.field) not in lifecycle.editable
    return stays and is_time_of_another(surface, name, record)


def many(bench: Bench, surface: Surface, create: Operation, state: str | None) -> Any:
    names = echoed_fields(surface, create)
    sending = state in sending_states(surface.resource)

    @st.composite
    def bodies(draw: st.DrawFn) -> dict[str, Any]:
        base = bench.composer.base(create, state)
        assume(base is not None)
        assert base is not None
        optional = bench.composer.optional(create, base, sending)
        usable = sorted(set(optional) & set(names))
        chosen = draw(st.lists(st.sampled_from(usable), unique=True, max_size=6)) if usable else []
        body = dict(base)
        for name in chosen:
            body[name] = draw(optional[name])
        assume(not bench.composer.breaches(create, body))
        assume(belong_together(bench, create, body))
        return body

    def attempt(story: Story, body: dict[str, Any]) -> None:
        check_created(story, surface, create, body, [n for n in names if n in body], listed=False)

    def steps(story: Story) -> None:
        bench.explore(story, bodies(), attempt)

    return steps


def belong_together(bench: Bench, create: Operation, body: Mapping[str, Any]) -> bool:
    for name, reference in create.references.items():
        if body.get(name) is None or not reference.match:
            continue
        record = bench.live.find(reference, body[name]) or {}
        for theirs, ours in reference.match.items():
            if body.get(ours) not in (None, record.get(theirs)):
                return False
    return True


def changed(
    surface: Surface,
    update: Operation,
    name: str,
    offset: timezone | None = None,
    value: Any = None,
) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        given = value
        if given is None:
            given = new_value(story, surface, update, name, made.record)
        given = with_offset(given, offset) if offset else given
        exchange = change(story, made, {name: given})
        if not exchange.answer.accepted:
            story.block(f"the change of {name} was answered {exchange.answer.status}")
        compare(story, made.record, {name: given}, [name], "in the answer to the change")
        compare(story, reread(story, made), {name: given}, [name], "on reading")

    return steps


def changed_twice(surface: Surface, update: Operation, name: str) -> Any:
    """The second change counts as the first did; a field that need not be shown, where it is."""

    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        promised = name in echoed_fields(surface, update)
        several = [] if promised else some_of(properties_of(update.body_schema)[name])
        for number, time in enumerate(("first", "second")):
            if promised:
                given = new_value(story, surface, update, name, made.record)
            elif number < len(several):
                given = [several[number]]
            else:
                story.block(f"no other value of {name} is known")
            exchange = change(story, made, {name: given})
            if not exchange.answer.accepted and (number == 0 or not promised):
                story.block(f"the change of {name} was answered {exchange.answer.status}")
            expect_accepted(story, exchange, f"{name} is changed for the {time} time")
            shown = reread(story, made)
            if not promised and number == 0 and not is_held(shown.get(name), given):
                story.block(f"{name} is not shown")
            compare(story, shown, {name: given}, [name], f"after the {time} change")

    return steps


def is_simple(surface: Surface, update: Operation, name: str) -> bool:
    """Whether a field holds what is given and nothing else: no other value takes its place."""
    bound = {ours for one in update.references.values() for ours in one.match.values()}
    promised = name in echoed_fields(surface, update) and name not in bound
    return promised and not any(
        one.field == name and not isinstance(one.on, tuple) for one in surface.resource.derived
    )


def cleared(surface: Surface, update: Operation, name: str) -> Any:
    """A value that is taken away is gone."""

    def steps(story: Story) -> None:
        resource, state = surface.resource.name, calm_state(surface.resource)
        own = instead_of_plain(story.bench, resource)
        made = make_full(story, resource, state, **({name: own[name]} if name in own else {}))
        if made.record.get(name) in (None, []):
            story.block(f"{name} holds nothing")
        exchange = change(story, made, {name: None})
        if not exchange.answer.accepted:
            story.block(f"the change of {name} was answered {exchange.answer.status}")
        for record, when in ((made.record, "in the answer"), (reread(story, made), "on reading")):
            if record.get(name) not in (None, []):
                wanted = expect.fields({name: None})
                story.refute(f"{name} null {when}", f"{name} {record.get(name)!r}", wanted)

    return steps


def unlike(surface: Surface, create: Operation) -> Any:
    """A record that is made with as little as possible has nothing of the one that was made before."""

    def steps(story: Story) -> None:
        resource, state = surface.resource.name, calm_state(surface.resource)
        full = full_values(story, resource, state) if state is not None else {}
        before = make_full(story, resource, state, **full)
        plain = valid_body(story, create, state)
        needed = lightened(story.bench, create, plain)
        exchange = story.send(create, body=needed)
        if not exchange.answer.accepted:
            story.drop_last()
            exchange = story.send(create, body=plain)
            needed = plain
        made = made_from(story, create, exchange)
        filled = {
            one.field
            for one in surface.resource.derived
            if not isinstance(one.on, tuple) or not needed.keys().isdisjoint(one.on)
        }
        filled |= {one.field for one in create.defaults}
        filled |= {name for name, one in create.references.items() if one.by != "id"}
        for name in echoed_fields(surface, create):
            value = before.given.get(name)
            if name in needed or name in filled or value is None:
                continue
            if made.record.get(name) != value:
                continue
            story.refute(f"{name} as if nothing was given", f"{value!r}, as in the request before")

    return steps


def repeated(surface: Surface, create: Operation, state: str | None) -> Any:
    """Who asks for the same twice gets two records."""

    def steps(story: Story) -> None:
        held = holding(story, surface.resource.name, state) if state is not None else {}
        body = valid_body(story, create, state, **held)
        first = made_from(story, create, story.send(create, body=body))
        exchange = story.send(create, body=body)
        if not exchange.answer.accepted:
            story.block(f"the second was answered {exchange.answer.status}")
        second = made_from(story, create, exchange)
        if first.record_id == second.record_id:
            story.refute("a record of its own for each request", f"{second.record_id} twice")

    return steps


def listed(surface: Surface, update: Operation) -> Any:
    def steps(story: Story) -> Steps:
        made = make(story, surface.resource.name, calm_state(surface.resource))
        fields = text_fields(surface, update)
        if not fields:
            story.block("there is no text to change")
        value = new_value(story, surface, update, fields[0], made.record)
        exchange = change(story, made, {fields[0]: value})
        expect_accepted(story, exchange, f"{fields[0]} is changed")
        for _ in range(int(story.bench.settings.grace / POLL)):
            shown = listed_record(story, surface, made)
            if shown is not None:
                if shown.get(fields[0]) == value:
                    return
                story.exchanges.pop()
            yield POLL
        shown = listed_record(story, surface, made)
        if shown is None or fields[0] not in shown:
            story.block("the list does not show it")
        compare(story, shown, {fields[0]: value}, fields[:1], "in the list after the change")

    return steps


def shown_in_lists(surface: Surface, state: str | None) -> Any:
    """A record of each state is in lists; one that lags is waited for."""

    def steps(story: Story) -> Steps:
        listing = surface.listing
        assert listing is not None
        made = standing(story, surface.resource.name, state)
        shown: list[Any] = []
        for _ in range(int(story.bench.settings.grace / POLL) + 1):
            shown = near(story, surface, listing, made)
            if any(record.get("id") == made.record_id for record in shown):
                return
            story.drop_last()
            yield POLL
        if len(shown) >= MANY:
            story.block("there are too many records to look through")
        story.refute(f"{made.record_id} in a list", f"none of {len(shown)} records is it")

    return steps


def kept(
    surface: Surface, update: Operation, changing: str, given: Mapping[str, Any], files: bool
) -> Any:
    """A change of one field leaves all the others that the client gave and was shown."""

    def steps(story: Story) -> Steps | None:
        resource, state = surface.resource.name, calm_state(surface.resource)
        full = full_values(story, resource, state) if state is not None else {}
        made = make_full(story, resource, state, files, **{**full, **given})
        first = {
            name: value
            for name, value in made.given.items()
            if value is not None and is_held(made.record.get(name), value)
        }
        later = {} if given or files else fill_later(story, surface, update, changing, made)
        shown = {**first, **later}
        value = new_value(story, surface, update, changing, made.record)
        exchange = change(story, made, {changing: value})
        expect_accepted(story, exchange, f"{changing} is changed")
        moved = {n for name in (changing, *later) for n in worked_out(surface, name)} | {changing}
        others = [name for name in shown if name not in moved]
        compare(story, reread(story, made), shown, others, "after a change of another field")
        return as_read(story, surface, made)

    return steps


def fill_later(
    story: Story, surface: Surface, update: Operation, changing: str, made: Made
) -> dict[str, Any]:
    """Values for the fields that only a change can give, as far as the target takes them."""
    given: dict[str, Any] = {}
    for name in echoed_fields(surface, update):
        if name != changing and name not in made.given:
            value = story.bench.composer.value(update, name, made.record)
            if value is None or not change(story, made, {name: value}).answer.accepted:
                continue
            if is_held(made.record.get(name), value):
                given[name] = value
    return given


def worked_out(surface: Surface, changing: str) -> list[str]:
    """The fields that a change of one has worked out anew, given ones too."""
    return [
        one.field
        for one in surface.resource.derived
        if isinstance(one.on, tuple) and changing in one.on
    ]


def added_once(surface: Surface, listing: Operation) -> Any:
    """Where no text tells a record from all others: the list has one more."""

    def steps(story: Story) -> None:
        client = story.bench.client
        before = listed_ids(client, listing)
        made = make(story, surface.resource.name, calm_state(surface.resource))
        story.send(listing, query=everything(listing))
        added = listed_ids(client, listing) - before
        if made.record_id not in added:
            story.block("the list does not show it yet")
        if len(added) > 1:
            story.refute("one more record in the list", f"{len(added)} more")

    return steps


def readable(surface: Surface, create: Operation) -> Any:
    """An accepted creation answers with its record, and reading that does not fail."""

    def steps(story: Story) -> None:
        exchange = story.send(create, body=valid_body(story, create, calm_state(surface.resource)))
        answer = exchange.answer
        told = isinstance(answer.body, dict) and isinstance(answer.body.get("id"), str)
        if answer.accepted and not told:
            story.refute("the record that was made, with its id", came(answer))
        made = made_from(story, create, exchange)
        if surface.read is None:
            return
        answer = story.send(surface.read, path=path_of(surface.read, made.record_id)).answer
        if answer.status >= 500:
            story.refute("the record that was made", came(answer), expect.status(200))

    return steps


def made_once(surface: Surface, create: Operation) -> Any:
    """One request makes one record."""

    def steps(story: Story) -> Steps:
        return alone_of_its_text(
            story, surface, make(story, surface.resource.name, calm_state(surface.resource))
        )

    return steps
