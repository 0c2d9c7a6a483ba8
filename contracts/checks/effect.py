"""Effects: a record of another resource comes into being when it should, once, and not otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import came, expect_accepted, made_from
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Steps, Story
from contracts.checks.defaults import lightened
from contracts.moments import read_moment
from contracts.oracle.schema import oracle_of
from contracts.oracle.values import Facts, Unknown, evaluate, is_same
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import constraints, is_allowed, typical
from contracts.surface import Surface
from contracts.target.client import path_of
from contracts.target.live import everything
from mock_server.spec.model import Constant, Effect, Expression, Operation, Parameter
from mock_server.spec.schemas import keyword_of, properties_of, types_of

LEFT_OUT = object()
ALL = "with all it may hold"
STRANGER = "_"  # a parameter that no document has; what passes caches by is called so
SKEW, DAY = 120.0, 2 * 86_400.0  # seconds by which clocks, and whole days, may differ


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        if surface.create is None:
            continue
        for effect in surface.create.effects:
            if bench.ledger.wants(effect.rule_ids):
                yield from effect_cases(bench, surface, surface.create, effect)


def effect_cases(
    bench: Bench, surface: Surface, create: Operation, effect: Effect
) -> Iterator[Case]:
    """Every combination of the states and of the values of the query parameters it speaks of."""
    for state, query in combinations(surface, create, effect):
        body = bench.composer.base(create, state)
        if body is None:
            continue
        due = is_due(effect, query, body)
        words = ", ".join(f"{k}={v}" for k, v in query.items()) or "no parameter"
        where = f'"{state}" with {words}' if state else words
        what = "makes" if due else "makes no"
        steps = happening(surface, create, effect, state, query, due)
        yield Case(effect.rule_ids, f"{where} {what} {effect.creates}", steps)
        for label, more in spoken_of(bench, create, effect, body, query):
            other = is_due(effect, query, {**body, **more})
            what = "makes" if other else "makes no"
            steps = happening(surface, create, effect, state, query, other, more)
            yield Case(effect.rule_ids, f"{where}, {label}, {what} {effect.creates}", steps)
        if due:
            steps = happening(surface, create, effect, state, query, due, least=True)
            what = f"{where}, with nothing that can be spared, makes {effect.creates}"
            yield Case(effect.rule_ids, what, steps)
        if due and query:
            others = {**query, STRANGER: "1"}
            steps = happening(surface, create, effect, state, others, due, doubtful=True)
            what = f"{where} and one that nobody knows makes {effect.creates}"
            yield Case(effect.rule_ids, what, steps)
        for label, more in beside(bench, create, body, state) if due else ():
            steps = happening(surface, create, effect, state, query, due, more)
            word = f"{where}, {label}, makes {effect.creates}"
            yield Case(effect.rule_ids, word, steps)
            if label == ALL:
                word = f"{where}, {label}, twice, makes {effect.creates} each time"
                yield Case(effect.rule_ids, word, twice(steps))


def spoken_of(
    bench: Bench,
    create: Operation,
    effect: Effect,
    body: Mapping[str, Any],
    query: Mapping[str, str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fields whose presence decides whether the effect is due, given to a body that lacks them."""
    due = is_due(effect, query, body)
    for name in properties_of(create.body_schema):
        value = bench.composer.value(create, name, body) if body.get(name) is None else None
        trial = {**body, name: value}
        if value is None or is_due(effect, query, trial) == due:
            continue
        if not bench.composer.breaches(create, trial):
            yield f"{name} given", {name: value}


def beside(
    bench: Bench, create: Operation, body: Mapping[str, Any], state: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What else a request may hold, of which the effect does not speak: all of it, each choice."""
    lifecycle = bench.document.resources[create.resource].lifecycle
    field = lifecycle.field if lifecycle is not None else ""
    for name, schema in properties_of(create.body_schema).items():
        for value in () if name == field else keyword_of(schema, "enum") or ():
            trial = {**body, name: value}
            differs = value is not None and body.get(name) != value
            if differs and not bench.composer.breaches(create, trial):
                yield f"{name} {value}", {name: value}
    full = bench.composer.fullest(create, state) or {}
    listed = {list_field(one) for one in create.effects}  # these make records of their own
    more = {n: v for n, v in full.items() if body.get(n) is None and n not in listed}
    more |= others_than_who_calls(bench, create, more)
    yield ALL, more


def others_than_who_calls(
    bench: Bench, create: Operation, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Other records in place of who calls, who would be named where nobody is."""
    me = (bench.principal() or {}).get("id")
    found: dict[str, Any] = {}
    for name in given:
        reference = create.references.get(name)
        if reference is not None and given[name] == me:
            keys = [one.get(reference.by) for one in bench.live.fitting(reference, given)]
            others = [key for key in keys if key not in (None, me)]
            found |= {name: others[0]} if others else {}
    return found


def due_query(
    bench: Bench, surface: Surface, create: Operation, effect: Effect
) -> tuple[str | None, dict[str, str]] | None:
    """A state and query values with which the effect is due."""
    for state, query in combinations(surface, create, effect):
        body = bench.composer.base(create, state)
        if body is not None and is_due(effect, query, body):
            return state, query
    return None


def is_due(effect: Effect, query: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    facts = {"query": typed(query), "body": body, "record": {**body}}
    return effect.condition is None or oracle_of(effect.condition).is_valid(facts)


def combinations(
    surface: Surface, create: Operation, effect: Effect
) -> Iterator[tuple[str | None, dict[str, str]]]:
    lifecycle = surface.resource.lifecycle
    states: list[str | None] = list(lifecycle.initial) if lifecycle is not None else []
    spoken = properties_of(properties_of(effect.condition).get("query", {}))
    parameters = [p for p in create.parameters if p.location == "query" and p.name in spoken]
    choices = [[LEFT_OUT, *values_of(parameter)] for parameter in parameters]
    for state in states or [calm_state(surface.resource)]:
        for values in product(*choices):
            query = {
                parameter.name: str(value)
                for parameter, value in zip(parameters, values, strict=True)
                if value is not LEFT_OUT
            }
            yield state, query


def values_of(parameter: Parameter) -> list[str]:
    if "boolean" in types_of(parameter.schema):
        return ["true", "false"]
    listed = keyword_of(parameter.schema, "enum")
    return [str(value) for value in listed] if isinstance(listed, list) else []


def typed(query: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: value == "true" if value in ("true", "false") else value
        for name, value in query.items()
    }


def happening(
    surface: Surface,
    create: Operation,
    effect: Effect,
    state: str | None,
    query: dict[str, str],
    due: bool,
    more: Mapping[str, Any] = MappingProxyType({}),
    least: bool = False,
    doubtful: bool = False,
) -> Any:
    """A request, and what it leaves.

    One that is given `more`, or the `least`, or is `doubtful`, may be refused.
    """

    def steps(story: Story) -> Steps:
        observer = story.bench.surface(effect.creates)
        if observer.listing is None and due and effect.into is not None:
            shown_inside(story, create, effect, observer, state, query)
            return
        if observer.listing is None:
            story.block(f"the document has no list of {effect.creates} records to look into")
        shown = query_for(observer.listing, effect)
        before = ids_of(look(story, observer, observer.listing, shown))
        story.drop_last()
        given = {**listed_values(create, effect), **more}
        body = story.bench.composer.base(create, state, **given)
        if least and body is not None:
            body = lightened(story.bench, create, body, keep=given)
        if body is None or (due and not is_due(effect, query, body)):
            story.block("no valid body can be built")
        wanted = count_of(effect, body) if due else 0
        exchange = story.send(create, query=query, body=body)
        if not exchange.answer.accepted and (more or least or doubtful or not due):
            story.block(f"{create.operation_id} answered {exchange.answer.status}")
        expect_accepted(story, exchange, "a valid request")
        record = made_from(story, create, exchange).record
        found = []
        for attempt in range(int(story.bench.settings.grace / 0.25) + 1):
            found = [
                one
                for one in look(story, observer, observer.listing, shown)
                if one.get("id") not in before and belongs(one, effect, record)
            ]
            if len(found) >= wanted or attempt * 0.25 >= story.bench.settings.grace:
                break
            story.drop_last()
            yield 0.25
        if len(found) != wanted:
            number = {0: "no", 1: "one"}.get(wanted, str(wanted))
            expected = f"{number} {effect.creates} for it in {observer.listing.operation_id}"
            page = observer.resource.page.records
            names = links_of(effect)
            one = expect.linked(names, record.get("id"))
            wish = expect.holding(page, wanted, one) if names else None
            story.refute(expected, f"{len(found)} of them", wish)
        if found:
            note_values(story, surface, effect, record, body, found[0])

    return steps


def twice(once: Callable[[Story], Steps]) -> Callable[[Story], Steps]:
    """Once more for what names the same records: one is no reason to make no other."""

    def steps(story: Story) -> Steps:
        yield from once(story)
        yield from once(story)

    return steps


def shown_inside(
    story: Story,
    create: Operation,
    effect: Effect,
    observer: Surface,
    state: str | None,
    query: dict[str, str],
) -> None:
    """What no list shows: its id stands in the record, and it can be read by that."""
    body = story.bench.composer.base(create, state, **listed_values(create, effect))
    if body is None or observer.read is None:
        story.block("no valid body can be built")
    exchange = story.send(create, query=query, body=body)
    expect_accepted(story, exchange, "a valid request")
    record = made_from(story, create, exchange).record
    inside = id_inside(effect, record)
    if inside is None:
        story.refute(f"{effect.into} of a {effect.creates} in the record", f"{record}"[:200])
    answer = story.send(observer.read, path=path_of(observer.read, inside)).answer
    if not answer.accepted:
        story.refute(f"the {effect.creates} {inside} can be read", came(answer))
    if observer.read.content is None:
        return
    facts = Facts(record, body, item=item_of(effect, body))
    held = {name: evaluate(value, facts) for name, value in effect.values.items()}
    kind = evaluate(observer.read.content.type, Facts(held))
    found = answer.headers.get("content-type", "").partition(";")[0]
    if isinstance(kind, str) and kind.lower() != found.lower():
        story.refute(f"a file of the type {kind}", f"one of the type {found}")


def id_inside(effect: Effect, record: Mapping[str, Any]) -> str | None:
    """The id of what an effect made for the first item of a list, as the item shows it."""
    listed = record.get(list_field(effect) or "")
    first = listed[0] if isinstance(listed, list) and listed else None
    found = first.get(effect.into) if isinstance(first, Mapping) and effect.into else None
    return found if isinstance(found, str) else None


def list_field(effect: Effect) -> str | None:
    """The body field whose items each have the effect."""
    each = effect.each
    if isinstance(each, Expression) and each.source == "body" and each.tokens:
        return each.tokens[0]
    return None


def item_of(effect: Effect, body: Mapping[str, Any]) -> Any:
    """The only item of the list whose items each have the effect; None where there are others."""
    listed = body.get(list_field(effect) or "")
    return listed[0] if isinstance(listed, list) and len(listed) == 1 else None


def listed_values(create: Operation, effect: Effect) -> dict[str, Any]:
    """One item for an effect that each item of a list has."""
    name = list_field(effect)
    if name is None:
        return {}
    items = constraints(properties_of(create.body_schema).get(name, {})).get("items", {})
    full = {member: typical(schema) for member, schema in properties_of(items).items()}
    return {name: [full if full and is_allowed(items, full) else typical(items)]}


def count_of(effect: Effect, body: Mapping[str, Any]) -> int:
    """How many records an effect that is due makes."""
    name = list_field(effect)
    listed = body.get(name) if name is not None else None
    if name is None:
        return 1
    return len(listed) if isinstance(listed, list) else 0


def query_for(listing: Operation, effect: Effect) -> dict[str, Any]:
    """Query values that show what the effect makes: filters on its constant values."""
    shown = everything(listing)
    for parameter in listing.parameters:
        word = parameter.query
        if word is None or word.does != "filter" or word.op not in ("eq", "in"):
            continue
        value = effect.values.get(word.field)
        if isinstance(value, Constant) and value.value is not None:
            shown[parameter.name] = value.value
    return shown


def look(
    story: Story, observer: Surface, listing: Operation, query: dict[str, Any]
) -> list[dict[str, Any]]:
    answer = story.send(listing, query=query).answer
    listed = (
        answer.body.get(observer.resource.page.records) if isinstance(answer.body, dict) else None
    )
    if not answer.accepted or not isinstance(listed, list):
        story.block(f"{listing.operation_id} answered {answer.status}: nothing to look into")
    return [one for one in listed if isinstance(one, dict)]


def ids_of(records: list[dict[str, Any]]) -> set[Any]:
    return {record.get("id") for record in records}


def belongs(found: Mapping[str, Any], effect: Effect, record: Mapping[str, Any]) -> bool:
    """Whether a record of the other resource is about this one: it holds its id where it should."""
    if effect.into is not None and effect.each is None:
        return bool(found.get("id") == record.get(effect.into))
    return all(found.get(name) == record.get("id") for name in links_of(effect))


def links_of(effect: Effect) -> list[str]:
    """The fields in which the other record holds the id of this one."""
    if effect.into is not None and effect.each is None:
        return []
    return [
        name
        for name, value in effect.values.items()
        if isinstance(value, Expression) and value.source == "record" and value.tokens == ("id",)
    ]


def note_values(
    story: Story,
    surface: Surface,
    effect: Effect,
    record: Mapping[str, Any],
    body: Mapping[str, Any],
    found: Mapping[str, Any],
) -> None:
    """Its other values; that they are these is a reading of what such a record holds."""
    for name, value in effect.values.items():
        if name not in found:
            continue
        if isinstance(value, Expression) and value.source == "now":
            note_now(story, effect, name, found[name])
            continue
        facts = Facts(record, body, principal=story.bench.principal(), item=item_of(effect, body))
        expected = evaluate(value, facts)
        if isinstance(expected, Unknown):
            continue
        if not is_same(found[name], expected):
            story.note(
                effect.rule_ids, f"{name} {expected!r}", f"{name} {found[name]!r}", certain=False
            )


def note_now(story: Story, effect: Effect, name: str, found: Any) -> None:
    """The moment of the request, as far as clocks agree; a date alone is its first moment."""
    moment = read_moment(found) or read_moment(f"{found}T00:00:00Z")
    skew = SKEW if read_moment(found) is not None else DAY
    if moment is None or abs(moment.timestamp() - story.bench.clock.now()) > skew:
        story.note(effect.rule_ids, f"{name} is about now", f"{name} {found!r}", certain=False)
