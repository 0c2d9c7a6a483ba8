"""Rules over time: what time does, not before its moment, and not to what was cancelled or is final.

A transition after a delay that names two rules is refuted in two ways: the first when it does not
happen, the last when it happens too soon or leaves no time to cancel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta, timezone
from math import inf
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import (
    body_of_another,
    came,
    change,
    demanded,
    expect_accepted,
    expect_refused,
    fillings,
    is_asked,
    is_reachable,
    make,
    make_full,
    need,
    note_kept,
    reach,
    remove,
    reread,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL, happen, is_of_event, usual_delay
from contracts.cases.story import Case, Made, Steps, Story
from contracts.checks.lifecycle import (
    closed_rules,
    only,
    other_changes,
    read_rules,
    states_of_requests,
)
from contracts.checks.listing import alone_of_its_text, as_read
from contracts.checks.shape import hold, shape_rules
from contracts.moments import format_moment, read_moment, with_offset
from contracts.strategies.bodies import FAR, ample_delay, longest_delay
from contracts.strategies.values import is_allowed
from contracts.surface import Surface
from contracts.target.client import path_of
from contracts.target.wire import OTHER
from mock_server.spec.model import Constant, Expression, Lifecycle, Transition, Value
from mock_server.spec.schemas import properties_of

SOON = 5.0  # seconds in which what comes soon has come
LEAST = 2  # seconds; one that begins on a whole second may be over in no time
AT_ONCE = 0.5  # seconds in which what should not wait has happened
SHORT = 3.0  # seconds, where they are really waited for
LATE = 6.0  # seconds of a long delay after which it is cancelled
DELAY = 8.0  # long enough that twice of it can be told from it
SKEW = 120.0  # seconds by which a clock may differ from this machine's
EAST = timezone(timedelta(hours=5, minutes=30))
LAG = 5.0  # seconds beyond the grace after which what time does is late, and not only slow
LAST = 0.6  # seconds before the end in which something can still be cancelled
HARDLY = 0.15  # seconds before the end in which nothing can be told any more
EARLY = 0.7  # an answer within so many seconds of the due time says nothing of "too soon"


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        lifecycle = surface.resource.lifecycle
        if lifecycle is None or surface.create is None:
            continue
        for timed in lifecycle.transitions:
            if timed.event is not None:
                yield from event_cases(surface, lifecycle, timed)
            elif timed.after is not None:
                yield from delay_cases(bench, surface, lifecycle, timed)
            elif timed.at is not None:
                yield from moment_cases(bench, surface, lifecycle, timed)
        for state in lifecycle.final:
            yield from final_cases(bench, surface, lifecycle, state)
        for state in lifecycle.initial:
            yield from resting_cases(bench, surface, lifecycle, state)


def event_cases(surface: Surface, lifecycle: Lifecycle, transition: Transition) -> Iterator[Case]:
    """What the provider's side does, where the target's control API can make it do so."""

    def steps(story: Story) -> None:
        made = reach(story, surface.resource.name, transition.source)
        facts = happen(story, made, transition)
        record = reread(story, made)
        if record.get(lifecycle.field) != transition.to:
            found = f"{record.get(lifecycle.field)!r}"
            story.refute(f'"{transition.to}" when it {transition.event}', found)
        for name, value in transition.sets.items():
            wanted = facts.get(value.tokens[0]) if is_of_event(value) else None
            if wanted is not None and record.get(name) != wanted:
                story.refute(f"{name} {wanted!r}", f"{name} {record.get(name)!r}")

    yield Case(transition.rule_ids, f'"{transition.source}" when it {transition.event}', steps)


def is_moment(value: Value) -> bool:
    return isinstance(value, Expression) and value.source == "now"


def is_fine(value: Any) -> bool:
    """Whether a moment is told finer than to the second."""
    found = read_moment(value)
    return found is not None and found.microsecond != 0


def happens(timed: Transition) -> tuple[str, ...]:
    return timed.rule_ids[:1]


def not_before(timed: Transition) -> tuple[str, ...]:
    return timed.rule_ids[-1:]


def cancels(lifecycle: Lifecycle, timed: Transition) -> list[Transition]:
    return [t for t in lifecycle.transitions if t.source == timed.source and is_asked(t)]


def entries(lifecycle: Lifecycle, state: str) -> list[Transition]:
    return [t for t in lifecycle.transitions if t.to == state and is_asked(t)]


def short_delay(bench: Bench, surface: Surface, timed: Transition) -> float:
    """The delay of a case: long where time is moved, short where it is waited for."""
    if not bench.clock.virtual:
        return min(DELAY, max(SHORT, bench.settings.max_wait // 2))
    assert surface.create is not None
    schema = properties_of(surface.create.body_schema).get(timed.after or "", {})
    return max(SHORT, longest_delay(schema) // 2)


# After a delay


def delay_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, timed: Transition
) -> Iterator[Case]:
    name, field = surface.resource.name, timed.after or ""
    delay = short_delay(bench, surface, timed)
    settable = surface.create is not None and field in surface.create.body_fields
    assert surface.create is not None
    longest = float(ample_delay(properties_of(surface.create.body_schema).get(field, {})))
    patient = longest * 0.9 if bench.clock.virtual else min(LATE, bench.settings.max_wait / 2)

    def at_once(story: Story) -> Steps:
        made = reach(story, name, timed.source, holding_back=False)
        yield from as_usual(story, surface, lifecycle, made, timed)

    yield Case(happens(timed), f'"{timed.source}" without {field} becomes "{timed.to}"', at_once)
    yield once_case(bench, surface, lifecycle, timed)
    if not settable:
        return

    def delayed(story: Story) -> Steps:
        made_rules(story, timed, happening=False)
        made = make(story, name, timed.source, **{field: int(delay)})
        still(story, lifecycle, made, timed, delay)
        yield delay * 0.5
        if reads_before(story, made, delay):
            still(story, lifecycle, made, timed, delay)
        yield delay * 0.5
        made_rules(story, timed, happening=True)
        yield from becomes(story, lifecycle, made, timed, delay)

    def in_time(story: Story) -> Steps:
        made = make(story, name, timed.source, **{field: int(delay)})
        yield delay * 0.6
        if story.bench.clock.now() - made.made_at > delay - EARLY:
            story.block("its time was over before it could be cancelled")
        yield from cancelled(story, lifecycle, made, timed, delay * 0.4)

    def at_last(story: Story) -> Steps:
        made = make(story, name, timed.source, **{field: int(delay)})
        if not any(is_fine(made.record.get(one)) for one in surface.resource.date_times):
            story.block("the target seems to keep whole seconds")
        end = story.exchanges[-1].sent + int(delay)
        yield end - LAST - story.bench.clock.now()
        take_back(story, lifecycle, made, timed, delay, end - HARDLY)

    def anew(back: Transition, entry: Transition) -> Any:
        """Cancelled, and asked for anew without a delay: the first one means nothing any more."""

        def steps(story: Story) -> Steps:
            made = make(story, name, timed.source, **{field: int(delay)})
            changes = {lifecycle.field: back.to, **demanded(story, made, back.to)}
            if not change(story, made, changes).answer.accepted:
                story.block(f'the change to "{back.to}" is refused')
            enter(story, lifecycle, made, entry, {})
            yield from becomes(story, lifecycle, made, timed, 0.0)

        return steps

    def in_time_of_a_long_one(story: Story) -> Steps:
        made = make(story, name, timed.source, **{field: int(longest)})
        yield patient
        if story.bench.clock.now() - made.made_at > longest - EARLY:
            story.block("its time was over before it could be cancelled")
        take_back(story, lifecycle, made, timed, longest)

    def too_late(story: Story) -> Steps:
        made = make(story, name, timed.source)
        yield from becomes(story, lifecycle, made, timed, 0.0, blocking=True)
        late(story, surface, lifecycle, timed, made)

    def too_late_for(target: str) -> Any:
        def steps(story: Story) -> Steps:
            made = make(story, name, timed.source, **moments_for(story, surface, lifecycle, target))
            yield from becomes(story, lifecycle, made, timed, 0.0, blocking=True)
            late(story, surface, lifecycle, timed, made, target)

        return steps

    def full(given: Mapping[str, Any], files: bool) -> Any:
        def steps(story: Story) -> Steps:
            only(story, happens(timed))
            made = make_full(story, name, timed.source, files, **given, **{field: int(delay)})
            yield delay
            yield from becomes(story, lifecycle, made, timed, delay, doubtful=files)

        return steps

    def at_least(story: Story) -> Steps:
        """A short delay is one, too: nothing happens at once."""
        made = make(story, name, timed.source, **{field: LEAST})
        yield AT_ONCE
        if reads_before(story, made, 2 * AT_ONCE + EARLY):
            still(story, lifecycle, made, timed, LEAST)

    def no_delay(story: Story) -> Steps:
        made = make(story, name, timed.source, **{field: 0})
        yield from becomes(story, lifecycle, made, timed, 0.0)

    def deleted(story: Story) -> Steps:
        made = make(story, name, timed.source, **{field: int(delay)})
        yield from gone(story, surface, made, delay)

    window = not_before(timed)
    if is_allowed(properties_of(surface.create.body_schema).get(field, {}), 0):
        what = f'"{timed.source}" with {field} 0 becomes "{timed.to}"'
        yield Case(happens(timed), what, no_delay)
    if not bench.clock.virtual and longest > delay:
        what = f'"{timed.source}" with {field} {int(longest)} can be made'
        yield Case(window, what, begun(surface, timed, longest))
    for word, given, files in fillings(bench, name):
        what = f'"{timed.source}" with everything{word} and {field} {int(delay)}'
        both = tuple(dict.fromkeys((*happens(timed), *read_rules(surface))))
        yield Case(both, f'{what} becomes "{timed.to}"', full(given, files))
    if (
        is_allowed(properties_of(surface.create.body_schema).get(field, {}), LEAST)
        and not bench.clock.virtual
    ):
        yield Case(
            window, f'"{timed.source}" with {field} {LEAST} does not leave at once', at_least
        )
    yield Case(
        timed.rule_ids,
        f'"{timed.source}" with {field} {int(delay)} stays, then becomes "{timed.to}"',
        delayed,
    )
    for back in cancels(lifecycle, timed):
        ids = tuple(dict.fromkeys((*back.rule_ids, *window)))
        yield Case(ids, f'"{timed.source}" with {field} {int(delay)}, cancelled in time', in_time)
        yield Case(ids, f'"{timed.source}" with {field} {int(delay)}, cancelled at last', at_last)
        for entry in entries(lifecycle, timed.source):
            if entry.source == back.to and field in back.sets and not usual_delay(surface, field):
                what = f'"{timed.source}" cancelled, and again without {field}'
                yield Case(back.rule_ids, what, anew(back, entry), False)
        if longest > max(delay, patient + 1):
            what = f'"{timed.source}" with {field} {int(longest)}, cancelled after {patient:.0f} seconds'
            yield Case(ids, what, in_time_of_a_long_one)
        late_ids = closed_rules(lifecycle, timed.to, back.to)
        if surface.update is not None and back.to in states_of_requests(surface.update, lifecycle):
            yield Case(late_ids, f'"{timed.to}" after "{timed.source}", to "{back.to}"', too_late)
    for target in shut(surface, lifecycle, timed):
        ids = closed_rules(lifecycle, timed.to, target)
        yield Case(ids, f'"{timed.to}" after "{timed.source}", to "{target}"', too_late_for(target))
    yield from entry_cases(bench, surface, lifecycle, timed, delay)
    if surface.delete is not None:
        yield Case(delete_rules(surface), f'"{timed.source}", deleted before its time', deleted)


def once_case(bench: Bench, surface: Surface, lifecycle: Lifecycle, timed: Transition) -> Case:
    """What time does to a record makes no second one, and leaves the form of its answers."""

    def steps(story: Story) -> Steps:
        only(story, happens(timed))
        given = {} if timed.at is None else {timed.at: format_moment(story.bench.clock.now() + 1)}
        made = make(story, surface.resource.name, timed.source, **given)
        yield 1.0
        yield from becomes(story, lifecycle, made, timed, 1.0)
        yield from alone_of_its_text(story, surface, made)

    ids = tuple(dict.fromkeys((*happens(timed), *shape_rules(bench, surface))))
    return Case(ids, f'"{timed.source}" becomes "{timed.to}" once', steps)


def cases_of_others(bench: Bench) -> Iterator[Case]:
    """Where time does what it should for the own account: for the other one, too."""
    for surface in bench.judged() if bench.client.keys.other is not None else ():
        lifecycle = surface.resource.lifecycle
        for timed in lifecycle.transitions if lifecycle is not None else ():
            ids = happens(timed)
            if lifecycle is None or not timed.timed or bench.ledger.has_heard(ids, certain=True):
                continue
            what = f'another account\'s "{timed.source}" becomes "{timed.to}"'
            yield Case(ids, what, of_another(surface, lifecycle, timed))


def of_another(surface: Surface, lifecycle: Lifecycle, timed: Transition) -> Any:
    """Time passes for everybody: a record that the other account makes, with what that one has."""

    def steps(story: Story) -> Steps:
        clock = story.bench.clock
        create = need(surface.create, story, "create")
        read = need(surface.read, story, "read")
        given: dict[str, Any] = {}
        if timed.at is not None:
            given[timed.at] = format_moment(clock.now() + SHORT)
        elif usual_delay(surface, timed.after or ""):
            given[timed.after or ""] = int(SHORT)
        if given and (clock.virtual or not given.keys() <= set(create.body_fields)):
            story.block("the other account's time is its own")
        body = body_of_another(story, create, timed.source, **given)
        answer = story.send(create, body=body, credentials=OTHER).answer
        if not answer.accepted or not isinstance(answer.body, dict):
            story.block(f"{create.operation_id} answered {answer.status} to the other account")
        path = path_of(read, str(answer.body.get("id")))
        yield SHORT if given else 0.0
        for _ in range(int(patience_of(story) / POLL) + 1):
            shown = story.send(read, path=path, credentials=OTHER).answer.body
            state = shown.get(lifecycle.field) if isinstance(shown, dict) else None
            if state == timed.to:
                return
            story.drop_last()
            yield POLL
        wanted = expect.fields({lifecycle.field: timed.to})
        story.refute(f'"{timed.to}" for the other account, too', f"{state!r}", wanted)

    return steps


def begun(surface: Surface, timed: Transition, delay: float) -> Any:
    """Makes the record that `last_cases` look at when the run ends."""

    def steps(story: Story) -> None:
        made = make(story, surface.resource.name, timed.source, **{timed.after or "": int(delay)})
        story.bench.standing[surface.resource.name, timed.after, "patient"] = made

    return steps


def last_cases(bench: Bench) -> Iterator[Case]:
    """The longest delay is not over yet, however long the run was: no wait is needed for that."""
    for surface in bench.judged():
        lifecycle = surface.resource.lifecycle
        for timed in lifecycle.transitions if lifecycle is not None else ():
            made = bench.standing.get((surface.resource.name, timed.after, "patient"))
            if made is not None and lifecycle is not None:
                what = f'"{timed.source}" with the longest {timed.after}, at the end of the run'
                yield Case(not_before(timed), what, unmoved(surface, lifecycle, timed, made))


def unmoved(surface: Surface, lifecycle: Lifecycle, timed: Transition, made: Made) -> Any:
    def steps(story: Story) -> None:
        assert surface.create is not None
        schema = properties_of(surface.create.body_schema).get(timed.after or "", {})
        delay = float(ample_delay(schema))
        story.adopt(made)
        story.pause = max(0.0, story.bench.clock.now() - made.made_at)
        if not reads_before(story, made, delay):
            story.block("it was over before the run was")
        still(story, lifecycle, made, timed, delay)

    return steps


def as_usual(
    story: Story, surface: Surface, lifecycle: Lifecycle, made: Made, timed: Transition
) -> Steps:
    """What comes where nobody says how long it takes: at once, or after the usual delay."""
    usual = usual_delay(surface, timed.after or "")
    if usual > story.bench.settings.max_wait and not story.bench.clock.virtual:
        story.block(f"it would take {usual:.0f} seconds: needs a longer --max-wait")
    if usual:
        yield usual / 2
        reread(story, made)
        still(story, lifecycle, made, timed, usual)
        yield usual / 2 + EARLY
    yield from becomes(story, lifecycle, made, timed, usual)


def delete_rules(surface: Surface) -> tuple[str, ...]:
    assert surface.delete is not None
    response = surface.delete.responses.get(str(surface.delete.success))
    return response.rule_ids if response is not None else ()


def entry_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, timed: Transition, delay: float
) -> Iterator[Case]:
    """The same, when the state is entered by a change."""
    name, field = surface.resource.name, timed.after or ""
    given = surface.create.body_fields if surface.create is not None else ()
    fields = [t.at for t in lifecycle.transitions if t.at is not None and t.at in given]
    schemas = properties_of(surface.create.body_schema) if surface.create is not None else {}
    longest = ample_delay(schemas.get(field, {}))
    for entry in entries(lifecycle, timed.source):
        if not is_reachable(lifecycle, entry.source) or surface.update is None:
            continue

        def at_once(story: Story, entry: Transition = entry) -> Steps:
            made = enter(story, lifecycle, reach(story, name, entry.source), entry, {})
            yield from as_usual(story, surface, lifecycle, made, timed)

        def delayed(story: Story, entry: Transition = entry) -> Steps:
            made_rules(story, timed, happening=False)
            made = reach(story, name, entry.source)
            yield delay * 0.5  # so that a delay counted from the creation would end too soon
            enter(story, lifecycle, made, entry, {field: int(delay)})
            still(story, lifecycle, made, timed, delay)
            yield delay * 0.6
            if reads_before(story, made, delay):
                still(story, lifecycle, made, timed, delay)
            yield delay * 0.4
            made_rules(story, timed, happening=True)
            yield from becomes(story, lifecycle, made, timed, delay)

        def beside_a_moment(story: Story, entry: Transition = entry) -> Steps:
            moments = dict.fromkeys(fields, story.bench.composer.far_moment())
            made = make(story, name, entry.source, **moments)
            enter(story, lifecycle, made, entry, {})
            yield from as_usual(story, surface, lifecycle, made, timed)

        def again(story: Story, entry: Transition = entry) -> Steps:
            made = make(story, name, timed.source, **{field: int(delay) * 2})
            take_back(story, lifecycle, made, timed, delay * 2)
            enter(story, lifecycle, made, entry, {field: int(delay)})
            yield delay
            yield from becomes(story, lifecycle, made, timed, delay)

        def longer(story: Story, entry: Transition = entry) -> Steps:
            """The end of a delay that was taken back is none for the one that is asked for then."""
            made = make(story, name, timed.source, **{field: int(SHORT)})
            take_back(story, lifecycle, made, timed, SHORT)
            enter(story, lifecycle, made, entry, {field: longest})
            yield SHORT + AT_ONCE
            if reads_before(story, made, longest):
                still(story, lifecycle, made, timed, longest)

        def in_time(story: Story, entry: Transition = entry) -> Steps:
            made = reach(story, name, entry.source)
            enter(story, lifecycle, made, entry, {field: int(delay)})
            yield from cancelled(story, lifecycle, made, timed, delay)

        path = f'"{entry.source}" to "{entry.to}"'
        yield Case(happens(timed), f'{path} without {field} becomes "{timed.to}"', at_once)
        if fields and entry.source in lifecycle.initial:
            what = f'{path} without {field}, beside {" and ".join(fields)}, becomes "{timed.to}"'
            yield Case(happens(timed), what, beside_a_moment)
        if surface.update is not None and field in surface.update.body_fields:
            yield Case(timed.rule_ids, f"{path} with {field} {int(delay)}", delayed)
            for back in cancels(lifecycle, timed):
                ids = tuple(dict.fromkeys((*back.rule_ids, *not_before(timed))))
                yield Case(ids, f"{path} with {field} {int(delay)}, cancelled in time", in_time)
                if back.to == entry.source:
                    what = f'"{entry.to}" to "{back.to}" and back becomes "{timed.to}"'
                    yield Case(happens(timed), what, again)
                    what = f'"{entry.to}" to "{back.to}" and back with a longer {field}'
                    yield Case(not_before(timed), what, longer)


def enter(
    story: Story, lifecycle: Lifecycle, made: Made, entry: Transition, given: dict[str, Any]
) -> Made:
    """Leads a record into a state by a change."""
    changes = {lifecycle.field: entry.to, **demanded(story, made, entry.to), **given}
    exchange = change(story, made, changes)
    if not exchange.answer.accepted:
        story.block(
            f'the change from "{entry.source}" to "{entry.to}" was answered {exchange.answer.status}'
        )
    made.made_at = exchange.came
    return made


# At a moment


def moment_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, timed: Transition
) -> Iterator[Case]:
    name, field = surface.resource.name, timed.at or ""
    ids = timed.rule_ids
    wait = SHORT + 1 if not bench.clock.virtual else 3600.0
    if surface.create is None or field not in surface.create.body_fields:
        return

    def due(story: Story) -> str:
        # On a whole second, since a target may keep no finer ones.
        return format_moment(story.bench.clock.now() + wait + 0.999)

    def remaining(story: Story, moment: str) -> float:
        found = read_moment(moment)
        assert found is not None
        return found.timestamp() - story.bench.clock.now()

    def created(story: Story) -> Steps:
        moment = due(story)
        made = make(story, name, timed.source, **{field: moment})
        still(story, lifecycle, made, timed, wait)
        yield remaining(story, moment) * 0.5
        if remaining(story, moment) > EARLY:
            reread(story, made)
            still(story, lifecycle, made, timed, wait)
        yield remaining(story, moment)
        yield from becomes(story, lifecycle, made, timed, wait)

    def elsewhere(story: Story) -> Steps:
        """The same moment as a clock in the east shows it."""
        moment = with_offset(due(story), EAST)
        made = make(story, name, timed.source, **{field: moment})
        yield remaining(story, moment)
        yield from becomes(story, lifecycle, made, timed, wait)

    def disturbed(story: Story) -> Steps:
        """A change that is refused takes nothing away from what was planned."""
        update = need(surface.update, story, "change")
        moment = due(story)
        made = make(story, name, timed.source, **{field: moment})
        if change(story, made, other_changes(story, surface, update, made)).answer.accepted:
            story.block(f'a "{timed.source}" record can be changed')
        yield remaining(story, moment)
        yield from becomes(story, lifecycle, made, timed, wait)

    def full(given: Mapping[str, Any], files: bool) -> Any:
        def steps(story: Story) -> Steps:
            only(story, ids)
            moment = due(story)
            made = make_full(story, name, timed.source, files, **given, **{field: moment})
            yield remaining(story, moment)
            yield from becomes(story, lifecycle, made, timed, wait, doubtful=files)

        return steps

    def entered(entry: Transition) -> Any:
        def steps(story: Story) -> Steps:
            moment = due(story)
            made = reach(story, name, entry.source)
            enter(story, lifecycle, made, entry, {field: moment})
            still(story, lifecycle, made, timed, wait)
            yield remaining(story, moment)
            yield from becomes(story, lifecycle, made, timed, wait)

        return steps

    def stored(entry: Transition) -> Any:
        def steps(story: Story) -> Steps:
            moment = due(story)
            made = make(story, name, entry.source, **{field: moment})
            if not change(story, made, {lifecycle.field: entry.to}).answer.accepted:
                story.block(f'the change to "{entry.to}" is refused')
            yield remaining(story, moment)
            yield from becomes(story, lifecycle, made, timed, wait)

        return steps

    def cancelled_first(story: Story) -> Steps:
        moment = due(story)
        made = make(story, name, timed.source, **{field: moment})
        yield from cancelled(story, lifecycle, made, timed, remaining(story, moment))

    def put_off(back: Transition, entry: Transition) -> Any:
        """Cancelled and scheduled anew: the first moment means nothing any more."""

        def steps(story: Story) -> Steps:
            moment = due(story)
            made = make(story, name, timed.source, **{field: moment})
            cancel = {lifecycle.field: back.to, **demanded(story, made, back.to)}
            if not change(story, made, cancel).answer.accepted:
                story.block(f'the change to "{back.to}" is refused')
            far = story.bench.composer.far_moment()
            enter(story, lifecycle, made, entry, {field: far})
            yield remaining(story, moment) + story.bench.settings.grace / 2
            reread(story, made)
            still(story, lifecycle, made, timed, FAR)

        return steps

    def brought_forward(entry: Transition) -> Any:
        """Cancelled and scheduled anew: it happens then, not at the first moment."""

        def steps(story: Story) -> Steps:
            far = story.bench.composer.far_moment()
            made = make(story, name, timed.source, **{field: far})
            take_back(story, lifecycle, made, timed, FAR)
            moment = due(story)
            enter(story, lifecycle, made, entry, {field: moment})
            yield remaining(story, moment)
            yield from becomes(story, lifecycle, made, timed, wait)

        return steps

    def too_late(story: Story) -> Steps:
        moment = due(story)
        made = make(story, name, timed.source, **{field: moment})
        yield remaining(story, moment)
        yield from becomes(story, lifecycle, made, timed, wait, blocking=True)
        late(story, surface, lifecycle, timed, made)

    def past(story: Story) -> Steps:
        moment = format_moment(story.bench.clock.now() - 3600)
        made = make(story, name, timed.source, **{field: moment})
        yield from becomes(story, lifecycle, made, timed, 0.0)

    def deleted(story: Story) -> Steps:
        moment = due(story)
        made = make(story, name, timed.source, **{field: moment})
        yield from gone(story, surface, made, remaining(story, moment))

    def beside(story: Story) -> Steps:
        """Other moments of the record have come or are far off, and move nothing."""
        moment, far = due(story), story.bench.composer.far_moment()
        fields = surface.create.body_fields if surface.create is not None else ()
        others = [name for name in fields if name in surface.resource.date_times and name != field]
        if not others:
            story.block("there are no other moments")
        made = make(story, name, timed.source, **{field: moment, **dict.fromkeys(others, far)})
        yield remaining(story, moment)
        yield from becomes(story, lifecycle, made, timed, wait)

    yield Case(ids, f'"{timed.source}" becomes "{timed.to}" at {field}', created)
    what = f'"{timed.source}" becomes "{timed.to}" at {field}, which has an offset'
    yield Case(ids, what, elsewhere)
    if surface.update is not None and timed.source not in lifecycle.editable:
        what = f'"{timed.source}" becomes "{timed.to}" at {field}, after a refused change'
        yield Case(ids, what, disturbed)
    for word, given, files in fillings(bench, name):
        what = f'"{timed.source}" with everything{word} becomes "{timed.to}" at {field}'
        yield Case(tuple(dict.fromkeys((*ids, *read_rules(surface)))), what, full(given, files))
    what = f'"{timed.source}" becomes "{timed.to}" at {field}, whatever other moments say'
    yield Case(ids, what, beside)
    yield once_case(bench, surface, lifecycle, timed)
    for entry in entries(lifecycle, timed.source):
        if entry.source in lifecycle.initial and surface.update is not None:
            path = f'"{entry.source}" to "{entry.to}"'
            yield Case(ids, f"{path} with {field}, then its time", entered(entry))
            yield Case(ids, f"{path} with {field} stored, then its time", stored(entry))
    for back in cancels(lifecycle, timed):
        yield Case(
            tuple(dict.fromkeys((*back.rule_ids, *ids))),
            f'"{timed.source}" cancelled before {field}',
            cancelled_first,
        )
        for entry in entries(lifecycle, timed.source):
            if entry.source == back.to and surface.update is not None:
                what = f'"{timed.source}" to "{back.to}" and back with a later {field}'
                yield Case(ids, what, put_off(back, entry))
                what = f'"{timed.source}" to "{back.to}" and back with an earlier {field}'
                yield Case(ids, what, brought_forward(entry))
        late_ids = closed_rules(lifecycle, timed.to, back.to)
        if surface.update is not None and back.to in states_of_requests(surface.update, lifecycle):
            yield Case(late_ids, f'"{timed.to}" at {field}, to "{back.to}"', too_late)
    yield Case(ids, f'"{timed.source}" with a {field} already past', past, False)
    if surface.delete is not None:
        yield Case(delete_rules(surface), f'"{timed.source}", deleted before {field}', deleted)


# What is asked of a record while time goes by


def made_rules(story: Story, timed: Transition, happening: bool) -> None:
    """From here on a failure speaks of the transition itself, not of the time before it."""
    blame(story, happens(timed) if happening else not_before(timed))


def reads_before(story: Story, made: Made, delay: float) -> bool:
    """Whether a reading surely comes before the delay is over."""
    if story.bench.clock.now() - made.made_at > delay - EARLY:
        return False
    reread(story, made)
    return story.bench.clock.now() - made.made_at < delay - EARLY


def still(story: Story, lifecycle: Lifecycle, made: Made, timed: Transition, delay: float) -> None:
    """The last reading shows the state that the delay keeps."""
    found = made.record.get(lifecycle.field)
    if found != timed.source:
        expected = f'still "{timed.source}" before {delay:.0f} seconds have passed'
        story.refute(expected, f"{found!r}", expect.fields({lifecycle.field: timed.source}))
    for name in timed.sets:
        value = timed.sets[name]
        if is_moment(value) and made.record.get(name) is not None:
            shown = f"{name} {made.record.get(name)!r}"
            story.refute(f"{name} null until then", shown, expect.fields({name: None}))


def becomes(
    story: Story,
    lifecycle: Lifecycle,
    made: Made,
    timed: Transition,
    after: float,
    blocking: bool = False,
    doubtful: bool = False,
) -> Steps:
    """Polled for a while: the record is in the new state, with what the transition sets.

    Where it is `doubtful` whether it succeeds, the record may also come to another end.
    """
    patience = story.bench.settings.grace if story.bench.clock.virtual else patience_of(story)
    waited, before, overdue = 0.0, made.record, 0.0
    while True:
        record = reread(story, made, if_gone={})
        if record.get(lifecycle.field) == timed.to:
            break
        overdue = story.bench.clock.now() - due_time(record, made, timed, after)
        if doubtful and record.get(lifecycle.field) != timed.source:
            story.block(f'it became "{record.get(lifecycle.field)}"')
        if waited >= patience:
            expected = f'"{timed.to}" after {after:.0f} seconds'
            if blocking:
                story.block(f'the record did not become "{timed.to}"')
            story.refute(
                f"{expected}, waited for {waited:.0f} more",
                f"{record.get(lifecycle.field)!r}" if record else came(story.exchanges[-1].answer),
                expect.fields({lifecycle.field: timed.to}),
            )
        story.drop_last()
        yield POLL if waited < 2 else 1.0
        waited += POLL if waited < 2 else 1.0
    made.spoiled = True
    if not blocking:
        if not story.bench.clock.virtual and overdue > story.bench.settings.grace + LAG:
            expected = f'"{timed.to}" at its time, or a little later (--grace)'
            story.refute(expected, f'"{timed.source}" {overdue:.0f} seconds after it')
        note_kept(story, made, before, record, {lifecycle.field, *timed.sets}, timed.at)
        check_sets(story, record, made, timed, after)
        surface = story.bench.surface(made.resource)
        note_callers(story, surface, before, record)
        if surface.read is not None:
            shapes = shape_rules(story.bench, surface)
            hold(story, surface, surface.read, story.exchanges[-1], shapes)
        yield from as_read(story, surface, made)


def note_callers(
    story: Story, surface: Surface, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Nobody calls when time moves a record: what says who changed it last stays."""
    for one in surface.resource.derived:
        of_caller = any(isinstance(v, Expression) and v.source == "principal" for v in one.values)
        lost = before.get(one.field) is not None and after.get(one.field, 0) is None
        if of_caller and lost:
            wanted = expect.fields({one.field: before[one.field]})
            expected = f"{one.field} {before[one.field]!r} as before"
            story.note(one.rule_ids, expected, "null", False, wanted)


def due_time(record: Mapping[str, Any], made: Made, timed: Transition, after: float) -> float:
    """When time should move a record, in seconds of the epoch."""
    moment = read_moment(record.get(timed.at)) if timed.at is not None else None
    return moment.timestamp() if moment is not None else made.made_at + after


def check_sets(
    story: Story, record: Mapping[str, Any], made: Made, timed: Transition, after: float
) -> None:
    """What the transition sets is there, and a delay is not much longer than asked.

    It is certain where the rule's sentence names the field.
    """
    rules = story.bench.document.rules
    for name, value in timed.sets.items():
        if name not in record:
            continue
        named = any(name in rules[i].says for i in story.case.rule_ids if i in rules)
        if isinstance(value, Constant) and record[name] != value.value:
            story.note(story.case.rule_ids, f"{name} {value.value!r}", f"{record[name]!r}", named)
        if not is_moment(value):
            continue
        moment = read_moment(record.get(name))
        if moment is None and isinstance(record.get(name), str):
            continue  # in which form it is written is another matter
        if moment is None or moment.timestamp() < made.made_at - SKEW:
            expected = f"{name} is the moment at which it happened"
            story.note(story.case.rule_ids, expected, f"{record.get(name)!r}", named)
        elif timed.after is not None:
            passed = moment.timestamp() - made.made_at
            if passed > after + max(story.bench.settings.grace + 1, after * 0.75):
                expected = f"{name} is {after:.0f} seconds after it was asked for"
                story.refute(expected, f"{passed:.0f} seconds after it")


def patience_of(story: Story) -> float:
    """Seconds that something may be late; what fails no run is not waited for as long."""
    if not story.bench.ledger.can_fail(story.case.rule_ids):
        return story.bench.settings.grace
    return max(story.bench.settings.grace, story.bench.settings.max_wait - SHORT)


def cancelled(
    story: Story, lifecycle: Lifecycle, made: Made, timed: Transition, delay: float
) -> Steps:
    """Taken back in time, and not done when the time comes."""
    back = take_back(story, lifecycle, made, timed, delay)
    yield max(delay, 0) + story.bench.settings.grace / 2
    record = reread(story, made)
    if record.get(lifecycle.field) != back.to:
        blame(story, back.rule_ids)
        story.refute(
            f'still "{back.to}" when its time is over: it was cancelled',
            f"{record.get(lifecycle.field)!r}",
            expect.fields({lifecycle.field: back.to}),
        )


def take_back(
    story: Story,
    lifecycle: Lifecycle,
    made: Made,
    timed: Transition,
    delay: float,
    until: float = inf,
) -> Transition:
    """Cancels it; blocks where a refusal comes `until` when or later, which says nothing."""
    back = cancels(lifecycle, timed)[0]
    if made.record.get(lifecycle.field) != timed.source:
        story.block(f'the record did not stay "{timed.source}"')
    changes = {lifecycle.field: back.to, **demanded(story, made, back.to)}
    exchange = change(story, made, changes)
    if not exchange.answer.accepted:
        if exchange.came > until:
            story.block("its time was nearly over before it could be cancelled")
        # Where time has moved it already, it is the time that is wrong, and not the way back.
        gone = reread(story, made).get(lifecycle.field) == timed.to
        story.drop_last()
        blame(story, not_before(timed) if gone else back.rule_ids)
    expect_accepted(story, exchange, f"cancelled before {delay:.0f} seconds have passed")
    return back


def blame(story: Story, ids: tuple[str, ...]) -> None:
    """From here on a failure of a case with several rules speaks of these alone."""
    named = tuple(one for one in ids if one in story.case.rule_ids)
    story.case = replace(story.case, rule_ids=named or story.case.rule_ids)


def late(
    story: Story,
    surface: Surface,
    lifecycle: Lifecycle,
    timed: Transition,
    made: Made,
    target: str | None = None,
) -> None:
    """What time has done is not undone, nor done again."""
    assert surface.update is not None
    wanted = target or cancels(lifecycle, timed)[0].to
    exchange = change(story, made, {lifecycle.field: wanted})
    why = f'"{timed.to}" cannot be taken back' if target is None else f'it is "{timed.to}"'
    expect_refused(story, surface.update, exchange, why, made)


def shut(surface: Surface, lifecycle: Lifecycle, timed: Transition) -> list[str]:
    """The other states to which nothing leads from where time has led, but for the ways back."""
    if surface.update is None:
        return []
    back = {one.to for one in cancels(lifecycle, timed)}
    return [
        state
        for state in lifecycle.states
        if state in states_of_requests(surface.update, lifecycle) - back - {timed.to}
        and not any(t.source == timed.to and t.to == state for t in lifecycle.transitions)
    ]


def moments_for(story: Story, surface: Surface, lifecycle: Lifecycle, state: str) -> dict[str, Any]:
    """Moments that a state wants, so that nothing but the move itself is wrong."""
    given = surface.create.body_fields if surface.create is not None else ()
    names = [t.at for t in lifecycle.transitions if t.at in given and t.source == state]
    return {name: story.bench.composer.far_moment() for name in names if name is not None}


def gone(story: Story, surface: Surface, made: Made, delay: float) -> Steps:
    answer = remove(story, made).answer
    if not answer.accepted:
        story.block(f"deleting was answered {answer.status}")
    yield max(delay, 0) + 1
    read = surface.read
    if read is None:
        story.block("there is no operation to read it")
    later = story.send(read, path=path_of(read, made.record_id)).answer
    if later.accepted:
        story.refute("a deleted record stays deleted when its time comes", f"{later.status}")


# Final states


def final_cases(bench: Bench, surface: Surface, lifecycle: Lifecycle, state: str) -> Iterator[Case]:
    ids = final_rules(bench, surface)
    if not is_reachable(lifecycle, state) or not ids:
        return
    name = surface.resource.name
    longest = SOON if not bench.clock.virtual else 7200.0
    watched = [
        field
        for timed in lifecycle.transitions
        if timed.timed
        for field, value in timed.sets.items()
        if state != timed.to and is_moment(value)
    ]

    def watch(story: Story, made: Made) -> Steps:
        check(story, made.record, "at once")
        before = reread(story, made)
        check(story, before, "on reading")
        yield longest
        after = reread(story, made)
        check(story, after, "later")
        for field in surface.resource.fields:
            if before.get(field) != after.get(field):
                story.refute(
                    f'nothing happens to a "{state}" record: {field} {before.get(field)!r}',
                    f"{after.get(field)!r}",
                )

    def check(story: Story, record: Any, when: str) -> None:
        if record.get(lifecycle.field) != state:
            story.refute(f'"{state}" {when}: it is only a log', f"{record.get(lifecycle.field)!r}")
        for field in watched:
            if record.get(field) is not None:
                story.refute(f"{field} null {when}: nothing happened", f"{record.get(field)!r}")

    def steps(story: Story) -> Steps:
        return watch(story, reach(story, name, state))

    def with_time(timed: Transition) -> Any:
        """Given what would move a record of another state, it stays as it is all the same."""

        def steps(story: Story) -> Steps:
            return watch(story, make(story, name, state, **soon(story, timed)))

        return steps

    yield Case(ids, f'"{state}" stays as it is', steps)
    given = surface.create.body_fields if surface.create is not None else ()
    for timed in lifecycle.transitions:
        field = timed.at or timed.after
        if state in lifecycle.initial and timed.timed and field in given:
            yield Case(ids, f'"{state}" with {field} stays as it is', with_time(timed))


def soon(story: Story, timed: Transition) -> dict[str, Any]:
    """What would make time move a record that waits."""
    moment = format_moment(story.bench.clock.now() + LEAST + 0.999)
    return {timed.at or timed.after or "": moment if timed.at else LEAST}


def resting_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, state: str
) -> Iterator[Case]:
    """A state that requests alone end: given what would move one of another state, it stays."""
    if state in lifecycle.final or any(t.timed for t in lifecycle.transitions if t.source == state):
        return
    pause = SOON if not bench.clock.virtual else 7200.0

    def resting(timed: Transition) -> Any:
        def steps(story: Story) -> Steps:
            made = make(story, surface.resource.name, state, **soon(story, timed))
            yield pause
            found = reread(story, made).get(lifecycle.field)
            if found != state:
                expected = f'still "{state}", which nobody has asked to end'
                story.refute(expected, f"{found!r}", expect.fields({lifecycle.field: state}))

        return steps

    given = surface.create.body_fields if surface.create is not None else ()
    for timed in lifecycle.transitions:
        field = timed.at or timed.after
        if timed.timed and field in given:
            ids = closed_rules(lifecycle, state, timed.to)
            if ids:
                yield Case(ids, f'"{state}" with {field} stays as it is', resting(timed))


def final_rules(bench: Bench, surface: Surface) -> tuple[str, ...]:
    return tuple(
        rule.rule_id
        for rule in bench.document.rules.values()
        for place in rule.places
        if place.kind == "final" and place.resource == surface.resource.name
    )
