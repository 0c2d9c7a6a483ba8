"""Derived values: worked out by the judge itself, and held against answers, readings and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from contracts.cases import expect
from contracts.cases.acts import (
    change,
    holding,
    is_own_text,
    made_from,
    make,
    need,
    reread,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.story import BlockedError, Case, Made, Steps, Story
from contracts.checks.lifecycle import new_value, plain_fields
from contracts.checks.listing import listed_record
from contracts.moments import is_same_moment, read_moment
from contracts.oracle.schema import oracle_of
from contracts.oracle.values import PLACEHOLDER, Facts, Unknown, dig, evaluate
from contracts.strategies.bodies import calm_state, transition_after
from contracts.surface import Surface
from contracts.target.client import path_of
from mock_server.spec.model import Call, Derived, Expression, Operation, Value
from mock_server.spec.schemas import keyword_of, properties_of, types_of

SIGNS = ' R&D <b>"x"</b>'  # behind a name: whoever escapes values changes them
PAUSE = 1.5  # seconds between two changes, more than the coarsest moments
NOW_TOLERANCE = 120.0  # seconds by which a clock may differ from this machine's


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        if surface.create is None:
            continue
        for derived in surface.resource.derived:
            if derived.field in surface.resource.hidden or not bench.ledger.wants(derived.rule_ids):
                continue
            yield from field_cases(bench, surface, surface.create, derived)


def is_brought_along(surface: Surface, derived: Derived) -> bool:
    """Whether it is a reference that another reference brings with it, which documents seldom say."""
    return derived.field in surface.resource.references and any(
        isinstance(value, Expression) and value.source == "follow" for value in derived.values
    )


def field_cases(
    bench: Bench, surface: Surface, create: Operation, derived: Derived
) -> Iterator[Case]:
    certain = not is_brought_along(surface, derived)
    for state in states_of(surface, waiting=isinstance(derived.on, tuple)):
        for given in inputs_of(bench, surface, create, derived, state):
            if renders(derived) and not given:
                continue  # where nothing is to be rendered, nothing can be said of it
            steps = on_create(surface, create, derived, state, given)
            named = ", ".join(given) or "nothing"
            where = f' as "{state}"' if state else ""
            yield Case(derived.rule_ids, f"{derived.field} from {named}{where}", steps, certain)
            if given and may_be_null(create, derived) and state == calm_state(surface.resource):
                steps = on_create(surface, create, derived, state, given, is_null=True)
                word = f"{derived.field}, given as null, from {named}"
                # That null is as absent is a reading, but where there is no text a template's is.
                yield Case(derived.rule_ids, word, steps, renders(derived))
    if renders(derived):
        steps = worked(surface, create, derived)
        yield Case(derived.rule_ids, f"{derived.field} is not its source as it stands", steps)
        steps = rewritten(surface, create, derived)
        yield Case(derived.rule_ids, f"{derived.field} after its source has changed", steps)
    if derived.on == "create" and surface.update is not None:
        several = inputs_of(bench, surface, create, derived, calm_state(surface.resource))
        for names in several:
            steps = stays(surface, create, surface.update, derived, names)
            word = "" if names is several[0] else ", worked out from nothing,"
            yield Case(derived.rule_ids, f"{derived.field}{word} stays as it was", steps, certain)
    for value in derived.values:
        if surface.update is not None and is_followed(value, surface, derived):
            steps = stays_behind(surface, create, surface.update, derived, value)
            word = f"{derived.field} stays when what it came from has moved on"
            yield Case(derived.rule_ids, word, steps, False)
    if derived.on != "create" and surface.update is not None:
        for name in changing_fields(surface, surface.update, derived):
            steps = on_change(surface, create, surface.update, derived, name)
            yield Case(derived.rule_ids, f"{derived.field} after {name} has changed", steps, False)
        if any(is_now(value) for value in derived.values):
            steps = moves_on(surface, surface.update, derived)
            yield Case(derived.rule_ids, f"{derived.field} moves with every change", steps, False)


def may_be_null(create: Operation, derived: Derived) -> bool:
    schema = properties_of(create.body_schema).get(derived.field)
    return derived.field in create.body_fields and "null" in types_of(schema)


def states_of(surface: Surface, waiting: bool) -> list[str | None]:
    """The states that a record is made in; those that a delay ends only where that is wanted."""
    lifecycle = surface.resource.lifecycle
    if lifecycle is None:
        return [None]
    if waiting:
        return [*lifecycle.initial]
    timed = {t.source for t in lifecycle.transitions if t.timed and t.after is not None}
    return [state for state in lifecycle.initial if state not in timed]


def inputs_of(
    bench: Bench,
    surface: Surface,
    create: Operation,
    derived: Derived,
    state: str | None,
) -> list[list[str]]:
    """Which body fields to give: those that it reads, all together and, where optional, none."""
    names = [
        name
        for name in dict.fromkeys(iter_reads(derived))
        if name in create.body_fields and name != state_field(surface)
    ]
    calm = calm_state(surface.resource)
    if state != calm:
        return [names]
    return [names, []] if names and not isinstance(derived.on, tuple) else [names]


def state_field(surface: Surface) -> str | None:
    lifecycle = surface.resource.lifecycle
    return lifecycle.field if lifecycle is not None else None


def iter_reads(derived: Derived) -> Iterator[str]:
    """Fields of the record or the body that a value is worked out from."""
    for value in derived.values:
        for expression in expressions(value):
            if expression.source == "follow":
                yield expression.name
            elif expression.source in ("record", "body") and expression.tokens:
                yield expression.tokens[0]
    if isinstance(derived.on, tuple):
        yield from derived.on


def expressions(value: Value) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Call):
        for part in (*value.of, *value.named.values()):
            if isinstance(part, Expression):
                yield part


def compose(
    story: Story,
    surface: Surface,
    create: Operation,
    derived: Derived,
    state: str | None,
    names: list[str],
) -> dict[str, Any]:
    """A body that gives what is asked for, and leaves out what is derived and what it reads else."""
    composer = story.bench.composer
    given: dict[str, Any] = {}
    # What belongs to another record comes first, and brings that one along.
    for name in sorted(names, key=lambda name: not is_bound(create, name)):
        if name == derived.field or name in given:
            continue
        if name in create.references:
            found = reference_values(story, create, derived, name, given)
            if renders(derived) and state == calm_state(surface.resource):
                found = one_more(story, create, name, found)
            given |= found
        else:
            given[name] = unlike_default(create, name, composer.value(create, name, given, state))
    given = {name: value for name, value in given.items() if value is not None}
    if renders(derived):
        given |= template_values(story, create, derived, given)
    if state is not None:
        given = holding(story, surface.resource.name, state) | given
    body = valid_body(story, create, state, **given)
    unasked = {derived.field, *(name for name in iter_reads(derived) if name not in given)}
    lighter = {name: value for name, value in body.items() if name not in unasked}
    if state_field(surface) in body:
        lighter[str(state_field(surface))] = body[str(state_field(surface))]
    if not composer.enforced(create, lighter):
        return lighter
    without = {name: value for name, value in body.items() if name != derived.field}
    # A body may have a field of its own by the name of the value, and need it.
    return body if composer.enforced(create, without) else without


def unlike_default(create: Operation, name: str, value: Any) -> Any:
    """A value that nobody would get who gives none, where there is a choice."""
    usual = [default.value for default in create.defaults if default.field == name]
    if value not in usual:
        return value
    if isinstance(value, bool):
        return not value
    listed = keyword_of(properties_of(create.body_schema).get(name), "enum") or []
    return next((one for one in listed if one is not None and one not in usual), value)


def reference_values(
    story: Story,
    create: Operation,
    derived: Derived,
    name: str,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """A record to refer to, with all that it must belong to; nothing where the target has none."""
    reference = create.references[name]
    found = story.bench.live.fitting(reference, given)
    if not found:
        return {}
    me = (story.bench.principal() or {}).get("id")  # rather somebody else than who calls
    found = sorted(found, key=lambda record: record.get("id") == me)
    values = {name: found[0].get(reference.by)}
    for theirs, ours in reference.match.items():
        belongs = ours in create.body_fields and ours != derived.field
        if belongs and found[0].get(theirs) is not None:
            values[ours] = found[0][theirs]
    return values


def is_bound(create: Operation, name: str) -> bool:
    reference = create.references.get(name)
    return reference is not None and bool(reference.match)


def one_more(story: Story, create: Operation, name: str, found: dict[str, Any]) -> dict[str, Any]:
    """A second record of an owner of its own, whose texts have signs that markup would change."""
    reference = create.references[name]
    if not any(found.get(ours) for ours in reference.match.values()):
        return found
    try:
        for ours in reference.match.values():
            owner = create.references.get(ours)
            if owner is not None and found.get(ours) and can_make(story, owner.to):
                record = make(story, owner.to, None, **signed_texts(story, owner.to)).record
                found = {**found, ours: record.get(owner.by)}
        owners = {their: found[ours] for their, ours in reference.match.items() if found.get(ours)}
        make(story, reference.to, None, **owners)  # whoever takes the owner's first one is seen
        made = make(story, reference.to, None, **owners)
    except BlockedError:
        return found
    same = all(made.record.get(theirs) == value for theirs, value in owners.items())
    value = made.record.get(reference.by)
    return {**found, name: value} if same and value is not None else found


def can_make(story: Story, resource: str) -> bool:
    return story.bench.surface(resource).create is not None


def signed_texts(story: Story, resource: str) -> dict[str, str]:
    """The texts of a plain body that nothing else decides, with signs of markup behind them."""
    create = story.bench.surface(resource).create
    assert create is not None
    body = valid_body(story, create, None)
    return {n: f"{v}{SIGNS}" for n, v in body.items() if is_own_text(create, n, v)}


def renders(derived: Derived) -> bool:
    return any(isinstance(v, Call) and v.function == "template.render" for v in derived.values)


def source_of(one: Derived) -> list[str]:
    """The field that names what a value is rendered from."""
    return [
        part.name
        for value in one.values
        if isinstance(value, Call) and value.function == "template.render"
        for part in value.of
        if isinstance(part, Expression)
    ]


def template_values(
    story: Story, create: Operation, derived: Derived, given: Mapping[str, Any]
) -> dict[str, Any]:
    """A template whose placeholders all have a value in the records that go with it."""
    call = next(v for v in derived.values if isinstance(v, Call))
    source = next(part for part in call.of if isinstance(part, Expression))
    reference = create.references.get(source.name)
    if reference is None:
        story.block(f"{source.name} cannot be given")
    records: dict[str, Any] = {}
    for word, part in call.named.items():
        if isinstance(part, Expression) and part.source == "follow" and part.name in given:
            records[word] = story.bench.live.renew(create.references[part.name], given[part.name])
    field = source.tokens[-1]
    theirs = [record.get(field) for record in story.bench.live.wanted(reference)]
    written = {
        word: text_field(story, create.references[part.name].to, records[word])
        for word, part in call.named.items()
        if isinstance(part, Expression) and records.get(word) is not None
    }
    text = template_text(story, records, theirs, written)
    maker = story.bench.surface(reference.to).create
    if text is not None and maker is not None:
        made = make(story, reference.to, None, **{field: text})
        return {source.name: made.record.get(reference.by)}
    fitting = [
        record
        for record in story.bench.live.wanted(reference)
        if isinstance(record.get(field), str) and resolves(record[field], records)
    ]
    if not fitting:
        story.block(f"the target has no {reference.to} that could be rendered")
    best = max(fitting, key=lambda record: len(PLACEHOLDER.findall(record[field])))
    return {source.name: best.get(reference.by)}


def rewritten(surface: Surface, create: Operation, derived: Derived) -> Any:
    """A template that has changed since it was rendered; only one that this case has made."""
    call = next(v for v in derived.values if isinstance(v, Call))
    source = next(part for part in call.of if isinstance(part, Expression))

    def steps(story: Story) -> None:
        state, live = calm_state(surface.resource), story.bench.live
        names = inputs_of(story.bench, surface, create, derived, state)[0]
        body = compose(story, surface, create, derived, state, names)
        reference = create.references[source.name]
        update, value = story.bench.surface(reference.to).update, body.get(source.name)
        made_here = [
            one.answer.body for one in story.exchanges if isinstance(one.answer.body, dict)
        ]
        if update is None or value not in [one.get(reference.by) for one in made_here]:
            story.block(f"no {reference.to} of its own can be changed")
        earlier = made_from(story, create, story.send(create, body=body))
        before = earlier.record.get(derived.field)
        record = live.renew(reference, value) or {}
        text = f"Changed. {record.get(source.tokens[-1])}"
        path = path_of(update, str(record.get("id")))
        if not story.send(update, path=path, body={source.tokens[-1]: text}).answer.accepted:
            story.block(f"the change of the {reference.to} is refused")
        live.renew(reference, value)
        later = reread(story, earlier).get(derived.field)
        if later != before:
            wanted = expect.fields({derived.field: before})
            expected = f"{derived.field} {before!r}, as it was worked out"
            story.refute(expected, f"{later!r}, once its source has changed", wanted)
        made = made_from(story, create, story.send(create, body=body))
        compare(story, surface, derived, made, body, made.record, "once its source has changed")

    return steps


def worked(surface: Surface, create: Operation, derived: Derived) -> Any:
    """A text with placeholders that somebody wrote for the target is not passed on as it stands."""
    call = next(v for v in derived.values if isinstance(v, Call))
    source = next(part for part in call.of if isinstance(part, Expression))

    def steps(story: Story) -> None:
        reference = create.references.get(source.name)
        field, live = source.tokens[-1], story.bench.live
        if reference is None:
            story.block(f"{source.name} cannot be given")
        written = [
            (record, str(record.get(field)))
            for record in live.wanted(reference)
            if (reference.to, record.get("id")) not in story.bench.client.guard.own
            if PLACEHOLDER.search(str(record.get(field))) and "{%" not in str(record.get(field))
        ]
        if not written:
            story.block(f"the target has no {source.name} with placeholders of its own")
        record, text = written[0]
        state = calm_state(surface.resource)
        body = story.bench.composer.base(create, state, **{source.name: record.get(reference.by)})
        if body is None or body.get(derived.field) is not None:
            story.block(f"no valid body for {create.operation_id} can be built")
        made = made_from(story, create, story.send(create, body=body))
        if made.record.get(derived.field) == text:
            story.refute(f"{derived.field} with the placeholders filled", f"{text!r}")

    return steps


def text_field(story: Story, resource: str, record: Mapping[str, Any]) -> str | None:
    """The first text of a record that a client has written."""
    create = story.bench.surface(resource).create
    names = record if create is not None else ()
    return next((n for n in names if create and is_own_text(create, n, record[n])), None)


def template_text(
    story: Story,
    records: Mapping[str, Any],
    theirs: list[Any],
    written: Mapping[str, str | None],
) -> str | None:
    """A text with every placeholder of the document's and of `theirs` that has a value.

    A record that none of them tells from others is named by the text that is `written` in it.
    """
    hints = (*(v for values in story.bench.composer.hints.values() for v in values), *theirs)
    known = dict.fromkeys(
        name for text in hints if isinstance(text, str) for name in PLACEHOLDER.findall(text)
    )
    usable = [name for name in known if isinstance(dig(records, tuple(name.split("."))), str)]
    for word, own in written.items():
        values = [dig(records, tuple(n.split("."))) for n in usable if n.startswith(f"{word}.")]
        if own is not None and not any(str(records[word][own]) in value for value in values):
            usable.append(f"{word}.{own}")
    if not usable:
        return None
    shown = ", ".join(f"{{{{ {name} }}}}" for name in usable)
    return f" Contract  check:\n{shown}!" + " And so on, and so forth." * 8


def resolves(text: str, records: Mapping[str, Any]) -> bool:
    names = PLACEHOLDER.findall(text)
    return "{%" not in text and all(
        isinstance(dig(records, tuple(name.split("."))), str) for name in names
    )


def on_create(
    surface: Surface,
    create: Operation,
    derived: Derived,
    state: str | None,
    names: list[str],
    is_null: bool = False,
) -> Any:
    """The value of a new record, where nothing is given in its place, or null is.

    Whether null may be given beside what it comes from is left to the target.
    """

    def steps(story: Story) -> None:
        body = compose(story, surface, create, derived, state, names)
        if is_null:
            body = {**body, derived.field: None}
        exchange = story.send(create, body=body)
        made = made_from(story, create, exchange)
        compare(story, surface, derived, made, body, made.record, "in the answer")
        compare(story, surface, derived, made, body, reread(story, made), "on reading")
        if state == calm_state(surface.resource):
            shown = listed_record(story, surface, made)
            if shown is not None and derived.field in shown:
                compare(story, surface, derived, made, body, shown, "in the list")

    return steps


def compare(
    story: Story,
    surface: Surface,
    derived: Derived,
    made: Made,
    body: Mapping[str, Any],
    record: Mapping[str, Any],
    when: str,
    changed: bool = False,
) -> None:
    """Refutes the case where a record's value is not the one that the document says."""
    if body.get(derived.field) is not None:
        return
    if derived.condition is not None and not oracle_of(derived.condition).is_valid(dict(record)):
        if (
            not changed
            and record.get(derived.field) is not None
            and is_set_by_nothing(surface, derived)
        ):
            wanted = expect.fields({derived.field: None})
            story.refute(f"{derived.field} null {when}", f"{record.get(derived.field)!r}", wanted)
        return
    expected = first_value(story, surface, derived, body, record)
    found = record.get(derived.field)
    if isinstance(expected, Moment):
        moment = read_moment(found)
        if moment is None or abs(moment.timestamp() - made.made_at) > NOW_TOLERANCE:
            story.refute(f"{derived.field} is about now {when}", f"{found!r}")
    elif not isinstance(expected, Unknown) and not is_same(expected, found):
        wanted = expect.fields({derived.field: expected})
        story.refute(f"{derived.field} {expected!r} {when}", f"{derived.field} {found!r}", wanted)


def rendered_form(
    story: Story,
    surface: Surface,
    derived: Derived,
    body: Mapping[str, Any],
) -> str | None:
    """A pattern of what a rendered text must be; None where its source is not to be seen.

    A placeholder that has no value in what the request names is left to the target.
    """
    call = next(v for v in derived.values if isinstance(v, Call))
    facts = facts_of(story, surface, body, body)
    text = evaluate(call.of[0], facts)
    if not isinstance(text, str):
        return None
    records = {word: evaluate(part, facts) for word, part in call.named.items()}
    parts: list[str] = []
    end = 0
    for found in PLACEHOLDER.finditer(text):
        value = dig(records, tuple(found[1].split(".")))
        parts += [
            re.escape(text[end : found.start()]),
            ".*" if value is None else re.escape(str(value)),
        ]
        end = found.end()
    return "".join((*parts, re.escape(text[end:])))


def is_set_by_nothing(surface: Surface, derived: Derived) -> bool:
    """Whether nothing else could have filled the field."""
    lifecycle = surface.resource.lifecycle
    return lifecycle is None or not any(derived.field in t.sets for t in lifecycle.transitions)


class Moment:
    """The moment of the request."""


def first_value(
    story: Story,
    surface: Surface,
    derived: Derived,
    body: Mapping[str, Any],
    record: Mapping[str, Any],
) -> Any:
    for value in derived.values:
        if isinstance(value, Expression) and value.source == "now":
            return Moment()
        found = evaluate(value, facts_of(story, surface, body, record))
        if found is not None:
            return found
    return None


def facts_of(
    story: Story, surface: Surface, body: Mapping[str, Any], record: Mapping[str, Any]
) -> Facts:
    def follow(field: str, value: Any) -> Mapping[str, Any] | None:
        reference = surface.resource.references.get(field) or (
            surface.create.references.get(field) if surface.create is not None else None
        )
        return story.bench.live.find(reference, value) if reference is not None else None

    hidden = {
        name: next((one.values[0] for one in surface.resource.derived if one.field == name), None)
        for name in surface.resource.hidden
    }
    # What was given counts, whether a target shows it or not.
    record = {**record, **{n: v for n, v in body.items() if n in record and record[n] is None}}
    if surface.create is not None:
        body = story.bench.composer.foresee(surface.create, body)
    return Facts(record, body, {}, {}, story.bench.principal(), follow, hidden)


def is_same(expected: Any, found: Any) -> bool:
    return expected == found or is_same_moment(expected, found)


# After a change


def changing_fields(surface: Surface, update: Operation, derived: Derived) -> list[str]:
    reads = derived.on if isinstance(derived.on, tuple) else iter_reads(derived)
    names = [
        name
        for name in dict.fromkeys(reads)
        if name in update.body_fields
        and name != state_field(surface)
        and transition_after(surface.resource, name) is None
    ]
    return names[:2]


def on_change(
    surface: Surface, create: Operation, update: Operation, derived: Derived, name: str
) -> Any:
    def steps(story: Story) -> None:
        body = compose(story, surface, create, derived, calm_state(surface.resource), [])
        made = made_from(story, create, story.send(create, body=body))
        need(surface.update, story, "change")
        try:
            value = new_value(story, surface, update, name, made.record)
        except BlockedError:
            story.block(f"no other value of {name} is known")
        exchange = change(story, made, {name: value})
        if not exchange.answer.accepted:
            story.block(f"the change of {name} was answered {exchange.answer.status}")
        given = {**body, name: value}
        compare(story, surface, derived, made, given, made.record, "after the change", True)
        compare(story, surface, derived, made, given, reread(story, made), "on reading", True)

    return steps


def stays(
    surface: Surface, create: Operation, update: Operation, derived: Derived, names: list[str]
) -> Any:
    """What is worked out once is the same after a change of something else."""

    def steps(story: Story) -> Steps:
        body = compose(story, surface, create, derived, calm_state(surface.resource), names)
        made = made_from(story, create, story.send(create, body=body))
        before = reread(story, made).get(derived.field)
        fields = [name for name in plain_fields(surface, update) if name not in names]
        if derived.field not in made.record or not fields:
            story.block("nothing else can be changed")
        if any(is_now(value) for value in derived.values):
            yield PAUSE
        hold_on(story, surface, update, derived, made, fields[0], before)

    return steps


def is_followed(value: Value, surface: Surface, derived: Derived) -> TypeGuard[Expression]:
    """Whether a value comes from a record that a field names, once that field is given."""
    return (
        isinstance(value, Expression)
        and value.source == "follow"
        and isinstance(derived.on, tuple)
        and value.name in derived.on
        and value.name in surface.resource.references
    )


def stays_behind(
    surface: Surface, create: Operation, update: Operation, derived: Derived, value: Expression
) -> Any:
    """What was taken from another record is not taken again when that one has changed."""
    reference = surface.resource.references[value.name]

    def steps(story: Story) -> None:
        other, field = story.bench.surface(reference.to), value.tokens[0]
        if other.update is None or field not in other.update.body_fields:
            story.block(f"{field} of a {reference.to} does not change")
        source = make(story, reference.to, calm_state(other.resource))
        given = {value.name: source.record.get(reference.by)}
        body = valid_body(story, create, calm_state(surface.resource), **given)
        body.pop(derived.field, None)
        made = made_from(story, create, story.send(create, body=body))
        before = made.record.get(derived.field)
        fields = [one for one in plain_fields(surface, update) if one != derived.field]
        if before is None or not fields:
            story.block(f"{derived.field} does not come from it, or nothing else can be changed")
        moved = new_value(story, other, other.update, field, source.record)
        if not change(story, source, {field: moved}).answer.accepted:
            story.block(f"the change of {field} is refused")
        hold_on(story, surface, update, derived, made, fields[0], before)

    return steps


def hold_on(
    story: Story,
    surface: Surface,
    update: Operation,
    derived: Derived,
    made: Made,
    name: str,
    before: Any,
) -> None:
    """Changes another field, after which a derived value is as it was before."""
    value = new_value(story, surface, update, name, made.record)
    if not change(story, made, {name: value}).answer.accepted:
        story.block(f"the change of {name} is refused")
    after = reread(story, made).get(derived.field)
    if not is_same(before, after):
        wanted = expect.fields({derived.field: before})
        story.refute(f"{derived.field} still {before!r}", f"{after!r}", wanted)


def is_now(value: Value) -> bool:
    return isinstance(value, Expression) and value.source == "now"


def moves_on(surface: Surface, update: Operation, derived: Derived) -> Any:
    """A moment of the last change is a later one after the next change."""

    def steps(story: Story) -> Steps:
        made = make(story, surface.resource.name, calm_state(surface.resource))
        before = read_moment(reread(story, made).get(derived.field))
        fields = plain_fields(surface, update)
        if before is None or not fields:
            story.block("nothing can be changed, or there is no moment before")
        yield PAUSE
        value = new_value(story, surface, update, fields[0], made.record)
        if not change(story, made, {fields[0]: value}).answer.accepted:
            story.block(f"the change of {fields[0]} is refused")
        for record in (made.record, reread(story, made)):
            after = read_moment(record.get(derived.field))
            if after is None or after <= before:
                expected = f"{derived.field} later than {before.isoformat()}"
                story.refute(expected, f"{record.get(derived.field)!r}")

    return steps
