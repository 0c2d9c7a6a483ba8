"""What cases do again and again: make a record, change it, read it, and judge the answer."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from contracts.cases import expect
from contracts.cases.story import Made, Story
from contracts.moments import is_same_moment
from contracts.oracle.schema import oracle_of
from contracts.settings import MARK
from contracts.strategies.bodies import FAR, calm_state, transition_after, transition_at
from contracts.strategies.values import ODD, PLAIN, as_given, constraints
from contracts.surface import Surface, refusal_status, response_rules
from contracts.target.client import path_of
from contracts.target.wire import ABSENT, GONE, KEY, OUTAGE, Answer, Exchange
from mock_server.spec.model import Lifecycle, Operation, Transition
from mock_server.spec.schemas import properties_of, types_of

if TYPE_CHECKING:
    from contracts.cases.bench import Bench

LOOKS = 2  # cases after which a record is read that break the same rules by the same fields


def need(operation: Operation | None, story: Story, what: str) -> Operation:
    if operation is None:
        story.block(f"the document has no operation to {what} it")
    return operation


def valid_body(
    story: Story, operation: Operation, state: str | None = None, **given: Any
) -> dict[str, Any]:
    """A plain valid body; blocks the case where the target has not got what that needs."""
    body = story.bench.composer.base(operation, state, **given)
    if body is None:
        story.block(
            f"no valid body for {operation.operation_id} can be built from what the target has"
        )
    return body


def body_of_another(
    story: Story, create: Operation, state: str | None, **given: Any
) -> dict[str, Any]:
    """A plain body for the other account, which refers to what that one has."""
    body = valid_body(story, create, state, **given)
    for name, reference in create.references.items():
        if body.get(name) is not None:
            record = story.bench.live.foreign(reference)
            if record is None:
                story.block(f"the other account has no {reference.to} of its own")
            body[name] = record[reference.by]
    return body


def make(story: Story, resource: str, state: str | None = None, **given: Any) -> Made:
    """A new record from a plain valid body; blocks the case where the target refuses that."""
    create = need(story.bench.surface(resource).create, story, "create")
    exchange = story.send(create, body=valid_body(story, create, state, **given))
    spent = not exchange.answer.accepted and exchange.answer.status not in OUTAGE
    if spent and story.bench.give_back(create):
        story.drop_last()
        exchange = story.send(create, body=valid_body(story, create, state, **given))
    return made_from(story, create, exchange)


def make_full(
    story: Story, resource: str, state: str | None, files: bool = False, **given: Any
) -> Made:
    """A new record with a value in every field that has a place, none as it would be by itself.

    Lists are given where `files` is set; what they name may have to be fetched. Switches stay out,
    since they may lead elsewhere. Where the target refuses that, a plainer one.
    """
    surface = story.bench.surface(resource)
    create = need(surface.create, story, "create")
    composer = story.bench.composer
    others, unlisted = other_records(story, create)
    unlike = unlike_defaults(story, create, state)
    for chosen in ({**others, **unlike, **given}, {**others, **given}, given):
        body = composer.fullest(create, state, **chosen)
        if body is None:
            continue
        left = bool if files else bool | list | dict
        plain = {
            n: v
            for n, v in body.items()
            if n in given or not (isinstance(v, left) or n in unlisted)
        }
        plain |= unlike_moments(surface, [n for n in plain if n not in given])
        named = {n: f"{v} {ODD}" if is_own_text(create, n, v) else v for n, v in plain.items()}
        if composer.breaches(create, named):
            continue
        exchange = story.send(create, body=named)
        if exchange.answer.accepted:
            return made_from(story, create, exchange)
        story.drop_last()
    if files:
        story.block("a record with lists is refused")
    return make(story, resource, state, **given)


def unlike_moments(surface: Surface, names: list[str]) -> dict[str, str]:
    """Moments for those fields that hold one, each another, so that none is taken for the other."""
    dated = [
        name
        for name in names
        if name in surface.resource.date_times and transition_at(surface.resource, name) is None
    ]
    return dict(zip(dated, PLAIN, strict=False))


def other_records(story: Story, create: Operation) -> tuple[dict[str, Any], set[str]]:
    """Records to refer to, none of them who calls; and the fields whose records no list shows.

    What no list shows could not be found again in a replay.
    """
    me = (story.bench.principal() or {}).get("id")
    unlisted = {
        name
        for name, reference in create.references.items()
        if story.bench.surface(reference.to).listing is None
    }
    others: dict[str, Any] = {}
    # What belongs to another record comes first, and brings that one along.
    for name in sorted(create.references, key=lambda name: not create.references[name].match):
        reference = create.references[name]
        if reference.by != "id" or name in others or name in unlisted:
            continue
        found = [r for r in story.bench.live.fitting(reference, others) if r.get("id") != me]
        if found:
            others |= story.bench.composer.owners(create, name, found[0]["id"])
            others[name] = as_given(properties_of(create.body_schema)[name], found[0]["id"])
    return {n: v for n, v in others.items() if not is_instead(story.bench, create, n, v)}, unlisted


def is_instead(bench: Bench, create: Operation, name: str, value: Any) -> bool:
    """Whether a field takes the place of another one that a plain body has."""
    composer, calm = bench.composer, calm_state(bench.document.resources[create.resource])
    plain = composer.base(create, calm) or {}
    return bool(plain) and bool(composer.breaches(create, {**plain, name: value}))


def instead_of_plain(bench: Bench, resource: str) -> dict[str, Any]:
    """Fields that take the place of one that a plain body has, each with a value of the target's."""
    create = bench.surface(resource).create
    found: dict[str, Any] = {}
    for name, reference in create.references.items() if create is not None else ():
        assert create is not None
        value = bench.composer.value(create, name, {}) if not reference.match else None
        if value is not None and is_instead(bench, create, name, value):
            found[name] = value
    return found


def fillings(bench: Bench, name: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Ways to fill a record: with what fits a plain one, with lists too, with what stands instead."""
    create = bench.surface(name).create
    if create is None:
        return
    yield "", {}, False
    if any("array" in types_of(schema) for schema in properties_of(create.body_schema).values()):
        yield " and lists", {}, True
    for field, value in instead_of_plain(bench, name).items():
        yield f" and {field}", {field: value}, False


def unlike_defaults(story: Story, create: Operation, state: str | None) -> dict[str, Any]:
    """For each field with a default and a closed list a value that is not the default here."""
    body = story.bench.composer.base(create, state) or {}
    found: dict[str, Any] = {}
    for name in dict.fromkeys(default.field for default in create.defaults):
        usual = [
            one.value
            for one in create.defaults
            if one.field == name
            and (one.condition is None or oracle_of(one.condition).is_valid(body))
        ]
        schema = properties_of(create.body_schema).get(name, {})
        others = [v for v in constraints(schema).get("enum", []) if v not in (None, *usual)]
        if usual and others:
            found[name] = others[0]
    return found


def is_own_text(create: Operation, name: str, value: Any) -> bool:
    return name not in create.references and isinstance(value, str) and value.startswith(f"{MARK} ")


def made_from(story: Story, create: Operation, exchange: Exchange) -> Made:
    """The record that an answer tells of; blocks where it tells of none."""
    answer = exchange.answer
    if not answer.accepted:
        story.block(f"{create.operation_id} answered {answer.status} to a valid body")
    if not isinstance(answer.body, dict) or not isinstance(answer.body.get("id"), str):
        story.block(f"{create.operation_id} answered without the record and its id")
    story.bench.live.notice(create.resource, answer.body)
    return Made(
        create.resource,
        answer.body["id"],
        answer.body,
        exchange.request.body,
        tuple(story.exchanges),
        exchange.came,
    )


def reach(story: Story, resource: str, state: str, holding_back: bool = True, **given: Any) -> Made:
    """A record in a state: made in it, or led there by the transitions that may be asked for.

    Where time would end the state, values that hold it back are given too, unless not wanted.
    """
    lifecycle = story.bench.document.resources[resource].lifecycle
    assert lifecycle is not None
    if state in lifecycle.initial:
        held = holding(story, resource, state) if holding_back else {}
        return make(story, resource, state, **{**held, **given})
    before = next((t for t in lifecycle.transitions if t.to == state and is_asked(t)), None)
    if before is None:
        story.block(f'no request leads to the state "{state}"')
    made = reach(story, resource, before.source, **given)
    lead(story, made, before)
    return made


def lead(story: Story, made: Made, move: Transition) -> None:
    """Asks for a transition, with what it demands; blocks the case where the target refuses it."""
    lifecycle = story.bench.document.resources[made.resource].lifecycle
    assert lifecycle is not None
    changes = {lifecycle.field: move.to, **demanded(story, made, move.to)}
    answer = change(story, made, changes).answer
    if not answer.accepted:
        story.block(f'the change from "{move.source}" to "{move.to}" was answered {answer.status}')


def demanded(story: Story, made: Made, state: str) -> dict[str, Any]:
    """What a state requires, the record lacks, and a change may give."""
    found = story.bench.document.resources[made.resource]
    update = story.bench.surface(made.resource).update
    if found.lifecycle is None or update is None:
        return {}
    values: dict[str, Any] = {}
    for requirement in found.lifecycle.requires:
        names = constraints(requirement.schema).get("required", [])
        for name in names if state in requirement.states else ():
            if made.record.get(name) is None and name in update.body_fields:
                own = {**made.record, **values}
                values[name] = story.bench.composer.value(update, name, own, state)
    return {name: value for name, value in values.items() if value is not None}


def holding(story: Story, resource: str, state: str) -> dict[str, Any]:
    """Values that keep a record in a state that time would end."""
    found = story.bench.document.resources[resource]
    create = story.bench.surface(resource).create
    if found.lifecycle is None or create is None:
        return {}
    values = {}
    for name in create.body_fields:
        timed = transition_after(found, name) or transition_at(found, name)
        if timed is not None and timed.source == state:
            values[name] = story.bench.composer.value(create, name, {}, state)
    return values


def is_asked(transition: Transition) -> bool:
    return not transition.timed and transition.event is None


def is_reachable(lifecycle: Lifecycle, state: str) -> bool:
    """Whether requests alone lead to a state."""
    return state in lifecycle.initial or any(
        t.to == state and is_asked(t) and is_reachable(lifecycle, t.source)
        for t in lifecycle.transitions
        if t.source != state
    )


def standing(story: Story, resource: str, state: str | None, kind: str = "") -> Made:
    """A record in a state that cases share as long as nothing has changed it."""
    key = (resource, state, kind)
    bench = story.bench
    made = bench.standing.get(key)
    # A record that time will move is only shared for a while.
    if made is None or made.spoiled or bench.clock.now() - made.made_at > 20:
        part = Story(bench, story.case)
        if state is None:
            made = make(part, resource)
        elif kind == "full":
            made = reach(part, resource, state, **full_values(part, resource, state))
        elif kind == "filled":
            made = make_full(part, resource, state, **full_values(part, resource, state))
        else:
            made = reach(part, resource, state)
        reread(part, made)
        made.exchanges = tuple(part.exchanges)
        made.key = key
        bench.standing[key] = made
    story.adopt(made)
    return made


def full_values(story: Story, resource: str, state: str) -> dict[str, Any]:
    """Values for every field that a timed transition reads, so that no other state lacks them."""
    found = story.bench.document.resources[resource]
    create = story.bench.surface(resource).create
    values: dict[str, Any] = {}
    for name in create.body_fields if create is not None else ():
        if transition_at(found, name) is not None:
            values[name] = story.bench.composer.far_moment(FAR)
    return values | holding(story, resource, state)


def reread(story: Story, made: Made, if_gone: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The record as the target shows it now, or `if_gone` where one that shows others has it no more."""
    read = need(story.bench.surface(made.resource).read, story, "read")
    answer = story.send(read, path=path_of(read, made.record_id)).answer
    known = read.operation_id in story.bench.absence.there
    if answer.status in GONE and known and if_gone is not None:
        return if_gone
    if answer.status != 200 or not isinstance(answer.body, dict):
        story.block(f"{read.operation_id} answered {answer.status} for a record just made")
    made.record = answer.body
    return answer.body


def change(story: Story, made: Made, changes: Any, credentials: str = KEY) -> Exchange:
    """A change of a record; an accepted one is remembered."""
    update = need(story.bench.surface(made.resource).update, story, "change")
    path = path_of(update, made.record_id)
    exchange = story.send(update, path=path, body=changes, credentials=credentials)
    check_there(story, update, made, exchange.answer)
    if exchange.answer.accepted:
        made.spoiled = True
        if isinstance(exchange.answer.body, dict) and exchange.answer.body.get("id"):
            made.record = exchange.answer.body
    return exchange


def remove(story: Story, made: Made) -> Exchange:
    delete = need(story.bench.surface(made.resource).delete, story, "delete")
    made.spoiled = True
    exchange = story.send(delete, path=path_of(delete, made.record_id))
    check_there(story, delete, made, exchange.answer)
    story.bench.live.forget(made.resource, made.record_id)
    return exchange


def check_there(story: Story, operation: Operation, made: Made, answer: Answer) -> None:
    """Blocks the case where a record that can be read is not found by an operation that never worked."""
    read = story.bench.surface(made.resource).read
    if answer.status != 404 or read is None:
        return
    if story.bench.client.call(read, path=path_of(read, made.record_id)).answer.accepted:
        story.bench.absence.suspect(operation)
        if story.bench.absence.has(operation):
            story.block(f"the target does not have {operation.operation_id}")


# Judging an answer


def came(answer: Answer) -> str:
    """An answer in a few words."""
    text = answer.content.decode("utf-8", "replace").strip()
    return f"{answer.status} {text[:300]}{'…' if len(text) > 300 else ''}".strip()


def expect_accepted(story: Story, exchange: Exchange, why: str) -> Answer:
    """Refutes the case where a valid request is refused."""
    answer = exchange.answer
    block_outage(story, answer)
    if answer.status in (401, 403):
        story.block(f"the key is refused by {exchange.request.operation_id} ({answer.status})")
    if not answer.accepted:
        story.refute(f"accepted: {why}", came(answer), expect.ACCEPTED)
    return answer


def expect_refused(
    story: Story, operation: Operation, exchange: Exchange, why: str, made: Made | None = None
) -> None:
    """Refutes the case where a request is not refused; how it is refused is judged beside it."""
    answer, story.refused = exchange.answer, True
    block_outage(story, answer)
    if answer.accepted and operation.does == "create" and made is None:
        made_from_accepted(story, operation, answer)
    if made is not None and answer.accepted:
        made.spoiled = True
    if answer.status < 400 or answer.status >= 500:
        note_status(story, operation, answer, why)
        expected = f"refused with {refusal_status(operation)}: {why}"
        story.refute(expected, came(answer), expect.REFUSED)
    if operation.does == "create":
        note_refused(story, operation, exchange)
    note_status(story, operation, answer, why)
    note_shape(story, operation, answer)
    if made is not None:
        note_unchanged(story, operation, made)


def block_outage(story: Story, answer: Answer) -> None:
    """What stands before a target says nothing of a rule while the target is away."""
    if answer.status in OUTAGE:
        story.block(f"the target was away for a moment ({answer.status})")


def note_refused(story: Story, operation: Operation, exchange: Exchange) -> None:
    """Remembers what a refused request would have stored."""
    kept = story.bench.refused.setdefault(operation.resource, {})
    for mark in marks_of(exchange.request.body):
        kept[mark] = exchange


def marks_of(body: Any) -> Iterator[str]:
    """The texts of a body that only this run could have written."""
    if isinstance(body, Mapping):
        yield from (v for v in body.values() if isinstance(v, str) and v.startswith(f"{MARK} "))


def made_from_accepted(story: Story, operation: Operation, answer: Answer) -> None:
    """A wrongly accepted record is one all the same, for lists and references."""
    if isinstance(answer.body, dict):
        story.bench.live.notice(operation.resource, answer.body)


def note_status(story: Story, operation: Operation, answer: Answer, why: str) -> None:
    status = refusal_status(operation)
    rules = response_rules(operation, status)
    if answer.status < 400:
        return
    story.bench.ledger.count(rules)
    if str(answer.status) != status:
        expected = f"a refused request is answered {status} ({why})"
        story.note(rules, expected, came(answer), is_certain(story), expect.status(status))


def is_certain(story: Story) -> bool:
    """Whether a document says itself that this request is refused, and not only a reading of it."""
    rules = story.bench.document.rules
    named = [rules[i] for i in story.case.rule_ids if i in rules]
    return story.case.certain and any(rule.certainty == "documented" for rule in named)


def note_shape(story: Story, operation: Operation, answer: Answer) -> None:
    """The body of a refusal, held against its documented schema; what it must hold is inferred."""
    response = operation.responses.get(str(answer.status))
    if response is None or any(refusal.status == answer.status for refusal in operation.refusals):
        return
    layout = story.bench.document.errors.get(str(answer.status))
    broken = ""
    if response.schema is not None:
        broken = next((one.message for one in oracle_of(response.schema).breaches(answer.body)), "")
    elif layout is not None and not is_laid_out(layout.body, answer.body):
        broken = f"it is not laid out as {layout.body}"
    if broken:
        expected = f"an error body of the documented form: {broken}"
        story.note(response.rule_ids, expected, came(answer), certain=False)


def is_laid_out(layout: Any, body: Any) -> bool:
    """Whether an error body has the members of a layout; what stands for words may be anything."""
    if isinstance(layout, Mapping):
        return isinstance(body, Mapping) and all(
            name in body and is_laid_out(inner, body[name]) for name, inner in layout.items()
        )
    return bool(layout == body) or (isinstance(layout, str) and "$" in layout)


def note_unchanged(story: Story, operation: Operation, made: Made) -> None:
    """A refused change leaves the record as it was; looked at twice for what is much alike."""
    before = made.record
    read = story.bench.surface(made.resource).read
    if read is None or not is_looked_at(story, operation):
        return
    after = story.send(read, path=path_of(read, made.record_id)).answer
    rules = response_rules(operation, refusal_status(operation))
    sure = is_documented(story.bench, made.resource)
    if not after.accepted or not isinstance(after.body, dict):
        story.note(rules, "a refused change leaves the record as it was", came(after), sure)
        return
    changed = differing(story.bench.surface(made.resource), before, after.body)
    if changed:
        made.spoiled = True
        shown = {name: after.body.get(name) for name in changed}
        listed = ", ".join(f"{name} still {before.get(name)!r}" for name in changed)
        kept = expect.fields({name: before.get(name) for name in changed})
        story.note(rules, f"a refused change changes nothing: {listed}", f"{shown}", sure, kept)
    made.record = after.body


def is_looked_at(story: Story, operation: Operation) -> bool:
    """Whether this case is among the first that break the same rules by the same fields."""
    body = story.exchanges[-1].request.body
    fields = frozenset(body) if isinstance(body, Mapping) else None
    names = story.bench.looked.setdefault((operation.operation_id, fields, story.case.rule_ids), [])
    if len(names) < LOOKS:
        names.append(story.case.name)
    return story.case.name in names


def note_kept(
    story: Story,
    made: Made,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changed: Container[str],
    moment: str | None = None,
) -> None:
    """What clients give stays as it is while the state moves, but for what the move itself says.

    `moment` is the field that said when.
    """
    surface = story.bench.surface(made.resource)
    create, read = surface.create, surface.read
    if create is None or read is None:
        return
    worked_out = {
        one.field
        for one in surface.resource.derived
        if (one.on == "change" and made.given.get(one.field) is None)
        or (isinstance(one.on, tuple) and any(name in changed for name in one.on))
    }
    for name in create.body_fields:
        kept = before.get(name)
        if kept is None or name in changed or name in worked_out or name not in after:
            continue
        if kept != after[name] and not is_same_moment(kept, after[name], 1.0):
            rules = response_rules(read, str(read.success))
            # What says when another state ends may go with that.
            sure = name == moment or not is_time_of_another(surface, name, after)
            expected = f"{name} still {kept!r} after the move"
            wanted = expect.fields({name: kept})
            story.note(rules, expected, f"{after[name]!r}", sure, wanted)


def is_time_of_another(surface: Surface, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a field says when time ends a state, and not the one that a record is in."""
    lifecycle = surface.resource.lifecycle
    if lifecycle is None:
        return False
    states = {t.source for t in lifecycle.transitions if t.timed and name in (t.at, t.after)}
    return bool(states) and record.get(lifecycle.field) not in states


def is_documented(bench: Bench, resource: str) -> bool:
    """Whether a document's own page speaks of a resource, so that refusals of it are promised too."""
    return any(
        place.resource == resource and rule.certainty == "documented"
        for rule in bench.document.rules.values()
        for place in rule.places
        if place.kind not in ("response", "security")
    )


def differing(surface: Surface, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The documented fields in which two readings differ."""
    lifecycle = surface.resource.lifecycle
    if lifecycle is not None and any(
        t.timed and t.source == before.get(lifecycle.field) and t.to == after.get(lifecycle.field)
        for t in lifecycle.transitions
    ):
        return []  # time has moved it meanwhile
    return [name for name in surface.resource.fields if before.get(name) != after.get(name)]


def calm(story: Story, resource: str) -> str | None:
    return calm_state(story.bench.document.resources[resource])


__all__ = [
    "ABSENT",
    "calm",
    "came",
    "change",
    "expect_accepted",
    "expect_refused",
    "made_from",
    "make",
    "need",
    "reach",
    "remove",
    "reread",
    "standing",
]
