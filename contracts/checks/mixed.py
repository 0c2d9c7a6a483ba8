"""Features beside each other: whatever holds of one field holds beside every other, two by two.

Rows of values are chosen so that each value meets each other one (`strategies.pairs`). A row that
breaks nothing is accepted, and everything that the document says of the record is held against what
comes back, then and once time or a cancel has moved it. A row with one wrong value is refused,
whatever stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import (
    came,
    change,
    expect_accepted,
    expect_refused,
    is_asked,
    is_documented,
    made_from,
    note_kept,
    reread,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL, usual_delay
from contracts.cases.story import BlockedError, Case, Made, Steps, Story
from contracts.chance import Chance
from contracts.checks import choices, defaults, derived, echo, notfound, shape
from contracts.checks.derived import source_of
from contracts.checks.effect import belongs, count_of, is_due, links_of, look, query_for
from contracts.checks.lifecycle import moved, new_value, only, plain_fields
from contracts.checks.mixture import ORIGIN, SOON, Mixture
from contracts.checks.schema import is_judged
from contracts.checks.timed import becomes
from contracts.moments import is_same_moment, read_moment
from contracts.strategies.edges import iter_constraints
from contracts.strategies.pairs import Row, rows_of
from contracts.surface import Surface, echo_rules, response_rules
from contracts.target.client import path_of
from contracts.target.wire import OTHER, Exchange
from mock_server.spec.model import Derived, Effect, Lifecycle, Operation, Transition
from mock_server.spec.schemas import properties_of, rule_ids

Attempt = Callable[[Story], Steps | None]


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create, update = surface.create, surface.update
        if create is None or create.body_schema is None:
            continue
        ids = all_rules(bench, surface, create)
        wanted = bench.ledger.wants(ids)
        if wanted or is_judged(bench, surface, create):
            mixed = choices.of_create(bench, surface, create)
            for row in iter_rows(mixed):
                yield case_of(mixed, row, ids, made_with(mixed, row))
        if update is None or update.body_schema is None:
            continue
        if wanted or is_judged(bench, surface, update):
            mixed = choices.of_update(bench, surface, create, update)
            for row in iter_rows(mixed):
                yield case_of(mixed, row, ids, changed_with(mixed, row))


def iter_rows(mixed: Mixture) -> Iterator[Row]:
    sizes = {name: len(choices) for name, choices in mixed.places.items()}
    return rows_of(sizes, mixed.all_wrong(), mixed.settle, mixed.bench.random)


def all_rules(bench: Bench, surface: Surface, create: Operation) -> tuple[str, ...]:
    """What a row that breaks nothing is held to."""
    resource = surface.resource
    lifecycle = resource.lifecycle
    found = [
        *echo_rules(surface),
        *shape.shape_rules(bench, surface),
        *(i for one in create.defaults for i in one.rule_ids),
        *(i for one in resource.derived for i in one.rule_ids),
        *(i for one in create.effects for i in one.rule_ids),
        *(lifecycle.editable_rules if lifecycle is not None else ()),
        *(i for one in (lifecycle.transitions if lifecycle else ()) for i in one.rule_ids),
    ]
    return tuple(dict.fromkeys(found))


def case_of(mixed: Mixture, row: Row, ids: tuple[str, ...], attempt: Attempt) -> Case:
    bad = mixed.wrong(row)
    name = f"{mixed.operation.operation_id} with {mixed.words(row)}"
    if bad is None:
        return Case(ids, name, attempt, counts=False)
    return Case(bad[1].rule_ids, name, attempt)


# Making a record


def made_with(mixed: Mixture, row: Row) -> Attempt:
    create, surface = mixed.operation, mixed.surface

    def steps(story: Story) -> Steps:
        bad, body = mixed.wrong(row), mixed.body(row)
        exchange = send(story, mixed, row, body)
        if bad is not None:
            expect_refused(story, create, exchange, bad[1].word)
            return
        if not exchange.answer.accepted:
            tell_unwelcome(story, mixed, row, exchange)
            return
        made = made_from(story, create, exchange)
        hold_answer(story, surface, create, exchange)
        hold_record(story, mixed, body, made, made.record, "in the answer")
        hold_record(story, mixed, body, made, reread(story, made), "on reading")
        for effect in create.effects:
            yield from hold_effect(story, create, mixed.query(row), body, made, effect)
        yield from afterwards(story, surface, made, body)
        hold_foreign(story, surface, made)

    return steps


def send(story: Story, mixed: Mixture, row: Row, body: Any, made: Made | None = None) -> Exchange:
    for choice in mixed.chosen(row).values():
        story.exchanges.extend(choice.setup)
    if made is not None:
        return change(story, made, body, mixed.credentials(row))
    return story.send(
        mixed.operation, query=mixed.query(row), body=body, credentials=mixed.credentials(row)
    )


def hold_answer(story: Story, surface: Surface, operation: Operation, exchange: Exchange) -> None:
    shapes = shape.shape_rules(story.bench, surface)
    shape.hold(story, surface, operation, exchange, shapes)
    story.bench.ledger.count(shapes)


def hold_record(
    story: Story, mixed: Mixture, body: Any, made: Made, record: Mapping[str, Any], when: str
) -> None:
    """What a new record must hold: what was given, what is filled in, what is worked out."""
    surface, create = mixed.surface, mixed.operation
    hold_given(story, surface, create, body, record, when)
    for name in dict.fromkeys(one.field for one in create.defaults):
        due = defaults.applying(create, name, body) if name not in body else None
        if due is None or name not in record or name in surface.resource.hidden:
            continue
        only(story, due.rule_ids)
        if record[name] != due.value:
            wanted = expect.fields({name: due.value})
            story.refute(f"{name} {due.value!r} {when}", f"{name} {record[name]!r}", wanted)
        story.bench.ledger.count(due.rule_ids)
    for one in surface.resource.derived:
        if one.field not in record or one.field in body:
            continue
        if any(name in body for name in source_of(one)):
            only(story, one.rule_ids)
            hold_rendered(story, surface, one, body, record, when)
            story.bench.ledger.count(one.rule_ids)
        elif can_be_held(story.bench, surface, one, body):
            only(story, one.rule_ids)
            derived.compare(story, surface, one, made, body, record, when)
            story.bench.ledger.count(one.rule_ids)


def hold_rendered(
    story: Story,
    surface: Surface,
    one: Derived,
    body: Mapping[str, Any],
    record: Mapping[str, Any],
    when: str,
) -> None:
    """A text is the template with its placeholders filled; what stands for no value may be anything."""
    wanted = derived.rendered_form(story, surface, one, body)
    found = record[one.field]
    if wanted is None or (isinstance(found, str) and re.fullmatch(wanted, found, re.DOTALL)):
        return
    form = {"type": "string"} if found is None else {"not": {"const": found}}
    wish = expect.body({"properties": {one.field: form}})
    story.refute(f"{one.field} of the form {wanted!r} {when}", f"{one.field} {found!r}", wish)


def hold_given(
    story: Story,
    surface: Surface,
    operation: Operation,
    body: Mapping[str, Any],
    record: Mapping[str, Any],
    when: str,
) -> None:
    only(story, echo_rules(surface))
    names = [name for name in echo.echoed_fields(surface, operation) if name in body]
    echo.compare(story, record, body, names, when, surface)
    story.bench.ledger.count(story.case.rule_ids)


def can_be_held(bench: Bench, surface: Surface, one: Derived, body: Mapping[str, Any]) -> bool:
    """Whether a value is worked out from what the request gives, and nothing else decides it."""
    lifecycle = surface.resource.lifecycle
    if not bench.ledger.can_fail(one.rule_ids) or isinstance(one.on, tuple):
        return False
    if lifecycle is not None and any(one.field in move.sets for move in lifecycle.transitions):
        return False
    reads = [*derived.iter_reads(one)]
    state = derived.state_field(surface)
    return bool(reads) and all(body.get(name) is not None for name in reads if name != state)


def hold_effect(
    story: Story,
    create: Operation,
    query: Mapping[str, str],
    body: Mapping[str, Any],
    made: Made,
    effect: Effect,
) -> Steps:
    """Another record comes with it where one is due, once, and none where it is not."""
    observer, names = story.bench.surface(effect.creates), links_of(effect)
    if observer.listing is None or not names or effect.each is not None:
        return
    only(story, effect.rule_ids)
    # Others may make the same kind of record, named alike.
    alike = [e for e in create.effects if e.creates == effect.creates and links_of(e) == names]
    wanted = sum(count_of(one, body) for one in alike if is_due(one, query, body))
    shown, found = query_for(observer.listing, effect), 0
    for _ in range(int(story.bench.settings.grace / POLL) + 1):
        listed = look(story, observer, observer.listing, shown)
        found = sum(belongs(one, effect, made.record) for one in listed)
        if found >= wanted:
            break
        story.drop_last()
        yield POLL
    story.bench.ledger.count(effect.rule_ids)
    if found != wanted:
        number = {0: "no", 1: "one"}.get(wanted, str(wanted))
        expected = f"{number} {effect.creates} for it in {observer.listing.operation_id}"
        one = expect.linked(names, made.record_id)
        wish = expect.holding(observer.resource.page.records, wanted, one)
        story.refute(expected, f"{found} of them", wish)
    story.drop_last()


# Changing one


def changed_with(mixed: Mixture, row: Row) -> Attempt:
    update, surface = mixed.operation, mixed.surface

    def steps(story: Story) -> Steps:
        bad, changes = mixed.wrong(row), mixed.body(row)
        made = origin_of(story, mixed, row)
        before = dict(made.record)
        if bad is None:
            changes = unlike_stored(story, surface, update, made, changes)
        exchange = send(story, mixed, row, changes, made)
        if bad is not None:
            expect_refused(story, update, exchange, bad[1].word, made)
            return
        if not exchange.answer.accepted:
            tell_unwelcome(story, mixed, row, exchange)
            return
        made.given = {**made.given, **changes}
        hold_answer(story, surface, update, exchange)
        move = mixed.move(row)
        counted = {*changes, *(n for c in changes for n in echo.worked_out(surface, c))}
        counted |= move.sets.keys() if move is not None else set()
        for record, when in ((made.record, "in the answer"), (reread(story, made), "on reading")):
            hold_given(story, surface, update, changes, record, when)
            note_kept(story, made, before, record, counted)
        yield from afterwards(story, surface, made, changes)
        hold_foreign(story, surface, made)

    return steps


def unlike_stored(
    story: Story, surface: Surface, update: Operation, made: Made, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The changes with another value where a record has the same already: it would not be missed."""
    found = dict(changes)
    lifecycle = surface.resource.lifecycle
    bound = {ours for one in update.references.values() for ours in one.match.values()}
    for name, value in changes.items():
        reference = update.references.get(name)
        fixed = name in bound or (reference is not None and reference.match)
        if value is None or fixed or (lifecycle is not None and name == lifecycle.field):
            continue
        if value == made.record.get(name) or is_same_moment(value, made.record.get(name)):
            with suppress(BlockedError):
                found[name] = new_value(story, surface, update, name, made.record)
    return found


def origin_of(story: Story, mixed: Mixture, row: Row) -> Made:
    """The record to change; refusals share theirs, which they leave as it is."""
    number = row[ORIGIN]
    made = mixed.shared.get(number)
    if mixed.wrong(row) is not None and made is not None and not made.spoiled:
        story.adopt(made)
        return made
    made = mixed.origin(row).make(story)
    reread(story, made)
    made.exchanges = tuple(story.exchanges)
    if mixed.wrong(row) is not None:
        mixed.shared[number] = made
        story.used.append(made)
    return made


# What becomes of it


def afterwards(story: Story, surface: Surface, made: Made, given: Mapping[str, Any]) -> Steps:
    """The record moves when it should; else nobody changes it, and it can be taken back."""
    lifecycle, update = surface.resource.lifecycle, surface.update
    if lifecycle is None or update is None:
        return
    state = made.record.get(lifecycle.field)
    timed = next((t for t in lifecycle.transitions if t.timed and t.source == state), None)
    now = story.bench.clock.now()
    wait = wait_of(surface, timed, given, made, now) if timed is not None else None
    if timed is not None and wait is not None:
        if wait > 1.0 and state not in lifecycle.editable:
            # Which takes nothing away from what is to come.
            hold_closed(story, surface, lifecycle, update, made)
        only(story, timed.rule_ids[:1])
        yield wait
        yield from becomes(story, lifecycle, made, timed, wait)
        story.bench.ledger.count(timed.rule_ids[:1])
        return
    if state in lifecycle.editable or state not in lifecycle.states:
        return
    hold_closed(story, surface, lifecycle, update, made)
    back = next((t for t in lifecycle.transitions if t.source == state and is_asked(t)), None)
    if back is not None:
        only(story, back.rule_ids)
        moved(story, lifecycle, made, {}, back)
        story.bench.ledger.count(back.rule_ids)
    if back is not None and back.to in lifecycle.editable:
        hold_open(story, surface, lifecycle, update, made)


def wait_of(
    surface: Surface, timed: Transition, given: Mapping[str, Any], made: Made, now: float
) -> float | None:
    """In how many seconds time moves a record; None where that is too long, or nobody knows.

    A delay that was given earlier may have stayed with the record, or not.
    """
    wait: float | None = None
    if timed.at is not None:
        moment = read_moment(made.record.get(timed.at))
        wait = None if moment is None else max(0.0, moment.timestamp() - now)
    elif timed.after is not None and (timed.after in given or timed.after not in made.given):
        asked = given.get(timed.after)
        wait = float(usual_delay(surface, timed.after) if asked is None else asked)
    return wait if wait is not None and wait <= 2 * SOON else None


def one_edit(story: Story, surface: Surface, update: Operation, made: Made) -> dict[str, Any]:
    """A field of the record with another value; each row has another one, and the same each time."""
    names = [n for n in plain_fields(surface, update) if n in made.record]
    Chance(story.case.name).shuffle(names)
    for name in names:
        with suppress(BlockedError):
            value = new_value(story, surface, update, name, made.record)
            if not is_same_moment(value, made.record[name]):
                return {name: value}
    return {}


def hold_closed(
    story: Story, surface: Surface, lifecycle: Lifecycle, update: Operation, made: Made
) -> None:
    """It may not be changed, nor once it was written back as it is, whether that is accepted or not."""
    edit = one_edit(story, surface, update, made)
    if not edit or not lifecycle.editable_rules:
        return
    only(story, lifecycle.editable_rules)
    change(story, made, {name: made.record[name] for name in edit})
    why = f'a "{made.record.get(lifecycle.field)}" record may not be changed'
    expect_refused(story, update, change(story, made, edit), why, made)
    story.bench.ledger.count(lifecycle.editable_rules, refused=True)


def hold_open(
    story: Story, surface: Surface, lifecycle: Lifecycle, update: Operation, made: Made
) -> None:
    edit = one_edit(story, surface, update, made)
    if not edit or not lifecycle.editable_rules:
        return
    only(story, lifecycle.editable_rules)
    why = f'a "{made.record.get(lifecycle.field)}" record may be changed'
    expect_accepted(story, change(story, made, edit), why)
    hold_given(story, surface, update, edit, reread(story, made), "on reading")


def hold_foreign(story: Story, surface: Surface, made: Made) -> None:
    """Whatever has become of a record, to another account it is none; each row asks otherwise."""
    operations = notfound.addressed(story.bench.document, surface)
    if story.bench.client.keys.other is None or not operations:
        return
    operation = Chance(story.case.name).choice(operations)
    ids = response_rules(operation, "404")
    if not story.bench.ledger.wants(ids):
        return
    only(story, ids)
    sure = is_documented(story.bench, surface.resource.name)
    story.case = replace(story.case, certain=sure)
    body = notfound.body_of(story, surface, operation)
    path = path_of(operation, made.record_id)
    exchange = story.send(operation, path=path, body=body, credentials=OTHER)
    if exchange.answer.status == 401:
        story.block("CONTRACTS_OTHER_API_KEY is refused")
    notfound.expect_missing(story, operation, exchange, "the record is another account's")
    story.bench.ledger.count(ids, refused=True)


# What a target does not take


def tell_unwelcome(story: Story, mixed: Mixture, row: Row, exchange: Exchange) -> None:
    """A row that breaks nothing is refused: it is shortened to what is refused together.

    That is told once; later rows do without it, so that what stands beside it is tried all the same.
    """
    if not 400 <= exchange.answer.status < 500 or exchange.answer.status in (401, 403, 429):
        story.block(f"{mixed.operation.operation_id} answered {exchange.answer.status}")
    together = mixed.refused_together(row)
    least = shortened(story, mixed, row) if together is None else dict.fromkeys(row, 0) | together
    if together is not None and attempt(story, mixed, least).answer.accepted:
        story.block(f"{mixed.words(least)} are refused now and then")
    needed = {name: number for name, number in least.items() if number}
    if together is None and needed:
        mixed.unwelcome.append(needed)
    answer = story.exchanges[-1].answer
    lifecycle = mixed.surface.resource.lifecycle
    features = [n for n in needed if lifecycle is None or n != lifecycle.field]
    ids = rules_of(mixed, least, features)
    if not ids:
        story.block(f"{mixed.operation.operation_id} answered {answer.status}")
    certain = all(mixed.is_free(least, name) for name in features)
    expected = f"accepted: nothing speaks against {mixed.words(least)}"
    story.note(ids, expected, came(answer), certain, expect.ACCEPTED)


def shortened(story: Story, mixed: Mixture, row: Row) -> Row:
    """A row that is refused without what its refusal does not need; its requests become the story's."""
    least, shown = dict(row), list(story.exchanges)
    for name in row:
        trial = {**least, name: 0}
        if trial == least or mixed.settle(trial, frozenset(trial)) is None or not mixed.body(trial):
            continue
        if not attempt(story, mixed, trial).answer.accepted:
            least, shown = trial, list(story.exchanges)
    story.exchanges[:] = shown
    return least


def attempt(story: Story, mixed: Mixture, row: Row) -> Exchange:
    """The request of a row by itself."""
    story.exchanges.clear()
    made = mixed.origin(row).make(story) if mixed.stored else None
    exchange = send(story, mixed, row, mixed.body(row), made)
    if exchange.answer.accepted and made is None:
        made_from(story, mixed.operation, exchange)
    return exchange


def rules_of(mixed: Mixture, row: Row, features: list[str]) -> tuple[str, ...]:
    """The rules that speak of what these fields are for, of the move, else those of their types."""
    properties = properties_of(mixed.operation.body_schema)
    move = mixed.move(row)
    found = [*(move.rule_ids if move is not None else ())]
    for one in mixed.surface.resource.derived:
        if not set(source_of(one)).isdisjoint(features):
            found += one.rule_ids
    if found:
        return tuple(dict.fromkeys(found))
    for name in features:
        if name in properties:
            above = rule_ids(mixed.operation.body_schema)
            found += [i for c in iter_constraints(properties[name], above) for i in c.rule_ids]
    lifecycle = mixed.surface.resource.lifecycle
    if not found and mixed.operation.does == "update" and lifecycle is not None:
        found += lifecycle.editable_rules
    return tuple(dict.fromkeys(found))
