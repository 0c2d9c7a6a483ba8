"""Lists: filters, pages, selection and order, held against the records that the run itself made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import came, make, need, remove, reread
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL
from contracts.cases.story import Case, Made, Steps, Story
from contracts.moments import read_moment
from contracts.settings import MARK
from contracts.strategies.bodies import calm_state, transition_after, transition_at
from contracts.strategies.values import as_given, bounds, constraints, is_allowed
from contracts.surface import Surface, response_rules
from contracts.target.client import path_of
from contracts.target.live import everything
from mock_server.spec.model import Document, Operation, Parameter
from mock_server.spec.schemas import properties_of, types_of

SAMPLE = 4  # records of its own that a check of lists makes
SHORT = 10  # records of a page that is asked for first
MOST_PAGES = 30
FEW_PAGES = 5
LARGE = 1_000  # records of a page, where the document knows no limit
COMPARISONS = {"gt", "gte", "lt", "lte"}
LONG_AGO, FAR_OFF = "2001-02-03T04:05:06Z", "2099-02-03T04:05:06Z"


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        for listing in lists_of(bench.document, surface):
            yield from list_cases(bench, surface, listing)


def lists_of(document: Document, surface: Surface) -> list[Operation]:
    """Every operation that lists records of a resource."""
    operations = document.operations.values()
    return [o for o in operations if o.does == "list" and o.resource == surface.resource.name]


def list_cases(bench: Bench, surface: Surface, listing: Operation) -> Iterator[Case]:
    words: dict[str, Parameter] = {
        p.query.does: p for p in listing.parameters if p.query is not None
    }
    for parameter in listing.parameters:
        if parameter.query is None or not bench.ledger.wants(parameter.rule_ids):
            continue
        for what, steps in parameter_steps(surface, listing, parameter, words):
            yield Case(parameter.rule_ids, f"{listing.operation_id}: {what}", steps)
    ids = filter_rules(listing)
    if surface.resource.order and bench.ledger.wants(ids):
        yield Case(ids, f"{listing.operation_id}: order", ordered(surface, listing))
    if surface.delete is not None and surface.create is not None:
        response = surface.delete.responses.get(str(surface.delete.success))
        gone_ids = response.rule_ids if response is not None else ()
        if bench.ledger.wants(gone_ids):
            yield Case(gone_ids, f"{listing.operation_id}: deleted", gone(surface, listing))


def parameter_steps(
    surface: Surface, listing: Operation, parameter: Parameter, words: Mapping[str, Parameter]
) -> Iterator[tuple[str, Any]]:
    """What is tried of a parameter, by a name."""
    name, does = parameter.name, parameter.query.does if parameter.query is not None else ""
    if does == "filter":
        yield name, filtered(surface, listing, parameter)
        yield f"{name} with other values", emptied(surface, listing, parameter)
    elif does == "fields":
        yield name, selected(surface, listing, parameter)
    elif does == "order":
        for value in constraints(parameter.schema).get("enum", []):
            yield f"{name}={value}", sorted_by(surface, listing, parameter, str(value))
    elif does == "limit":
        yield name, limited(surface, listing, parameter)
    elif does == "skip":
        yield f"{name} from where", skipped(surface, listing, parameter)
        if "limit" in words:
            yield "pages", paged(surface, listing, words["limit"], parameter)
    if parameter.default is not None and does in ("skip", "filter"):
        yield f"{name} left out", unasked(surface, listing, parameter)


def filter_rules(listing: Operation) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for parameter in listing.parameters:
        if parameter.query is not None and parameter.query.does == "filter":
            found.update(dict.fromkeys(parameter.rule_ids))
    return tuple(found)


def fetch(story: Story, surface: Surface, listing: Operation, **query: Any) -> list[Any]:
    """The records of one page."""
    exchange = story.send(listing, query={**everything(listing), **query})
    body = exchange.answer.body
    listed = body.get(surface.resource.page.records) if isinstance(body, dict) else None
    if not exchange.answer.accepted or not isinstance(listed, list):
        story.refute(f"a list of records from {listing.operation_id}", came(exchange.answer))
    return listed


def sample(story: Story, surface: Surface) -> list[Made]:
    """A few records of this run, made once; where none can be made, the first that are listed."""
    bench, name = story.bench, surface.resource.name
    if surface.create is None:
        listing = need(surface.listing, story, "list")
        shown = [one for one in fetch(story, surface, listing) if isinstance(one.get("id"), str)]
        story.drop_last()
        now = bench.clock.now()
        return [Made(name, one["id"], one, {}, (), now) for one in shown[: 2 * SAMPLE]]
    kept: list[Made] = []
    for number in range(SAMPLE):
        key = (name, "sample", number)
        made = bench.standing.get(key)
        if made is None or made.spoiled:
            part = Story(bench, story.case)
            given = varied(part, surface, number, linked(part, surface, number))
            made = make(part, name, calm_state(surface.resource), **given)
            made.key = key
            bench.standing[key] = made
        kept.append(made)
    return kept


def varied(story: Story, surface: Surface, number: int, values: dict[str, Any]) -> dict[str, Any]:
    """Records differ in what lists can be asked for, so that there is something to tell apart."""
    create, lifecycle = surface.create, surface.resource.lifecycle
    for name in told_apart(story.bench.document, surface) if create is not None else ():
        if create is None or name in values or name not in create.body_fields:
            continue
        if name in create.references or (lifecycle is not None and name == lifecycle.field):
            continue
        schema = properties_of(create.body_schema)[name]
        timed = transition_at(surface.resource, name) or transition_after(surface.resource, name)
        different = [value for value in variants(schema) if is_allowed(schema, value)]
        if different and timed is None:
            trial = {**values, name: different[number % len(different)]}
            if story.bench.composer.base(create, calm_state(surface.resource), **trial):
                values = trial
    return values


def told_apart(document: Document, surface: Surface) -> list[str]:
    """The fields by which lists are filtered or ordered."""
    found: dict[str, None] = {}
    for parameter in (p for one in lists_of(document, surface) for p in one.parameters):
        word = parameter.query
        if word is not None and word.does == "filter":
            found[word.field] = None
        elif word is not None and word.does == "order":
            listed = constraints(parameter.schema).get("enum", [])
            found |= dict.fromkeys(str(value).removeprefix("-") for value in listed)
    return list(found)


def variants(schema: Any) -> list[Any]:
    """A few values of a field that differ, where its type has an order or a closed list."""
    types, words = types_of(schema), constraints(schema)
    if "enum" in words:
        return [value for value in words["enum"] if value is not None]
    if "string" in types:
        moments = [f"2024-0{month}-05T10:20:30Z" for month in (3, 4, 5, 6)]
        dates = [moment[:10] for moment in moments]
        is_dated = {"format", "pattern"} & words.keys()
        return [*moments, *dates] if is_dated else []
    if "boolean" in types:
        return [True, False]
    if types & {"integer", "number"}:
        low = bounds(schema)[0]
        return [int(low or 0) + step for step in (1, 2, 3, 4)]
    return []


def linked(story: Story, surface: Surface, number: int) -> dict[str, Any]:
    """Half of the records refer to others, so that filters have something to leave out."""
    create, composer = surface.create, story.bench.composer
    values: dict[str, Any] = {}
    if create is None or number % 2:
        return values
    # What belongs to another record comes first, and brings that one along.
    for name in sorted(create.references, key=lambda name: not create.references[name].match):
        reference = create.references[name]
        if reference.by != "id" or name not in surface.resource.fields or name in values:
            continue
        found = story.bench.live.fitting(reference, values)
        chosen = found[number // 2 % len(found)].get("id") if found else None
        if chosen is not None:
            trial = {**values, name: as_given(properties_of(create.body_schema)[name], chosen)}
            trial |= composer.owners(create, name, chosen)
            if composer.base(create, calm_state(surface.resource), **trial):
                values = trial
    return values


def filtered(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    """A list that is asked for by what records of the sample hold has those that fit, no others."""

    def steps(story: Story) -> None:
        word = parameter.query
        assert word is not None
        mine = sample(story, surface)
        values = [m.record.get(word.field) for m in mine if m.record.get(word.field) is not None]
        values = [value for value in values if isinstance(value, str | int | float)]
        if not values:
            story.block(f"no record has a {word.field} to filter by")
        if word.op in COMPARISONS:
            for bound in bounds_around(values):
                hold_filter(story, surface, listing, parameter, mine, bound, [bound])
        elif word.op == "in":
            wanted = [values[0], values[-1]]
            asked = ",".join(map(str, wanted))
            hold_filter(story, surface, listing, parameter, mine, asked, wanted)
        else:
            hold_filter(story, surface, listing, parameter, mine, values[0], values[:1])

    return steps


def hold_filter(
    story: Story,
    surface: Surface,
    listing: Operation,
    parameter: Parameter,
    mine: list[Made],
    asked: Any,
    wanted: list[Any],
) -> None:
    word = parameter.query
    assert word is not None
    fits = {m.record_id: passes(word.op, m.record.get(word.field), wanted) for m in mine}
    expected = {record_id for record_id, fit in fits.items() if fit}
    query = {parameter.name: text_of(asked)}
    shown = ids_until(story, surface, listing, query, expected)
    for made in mine:
        value = made.record.get(word.field)
        if fits[made.record_id] and made.record_id not in shown:
            story.refute(
                f"{made.record_id} in the list: its {word.field} is {value!r}", "it is missing"
            )
        if not fits[made.record_id] and made.record_id in shown:
            story.refute(
                f"{made.record_id} not in the list: its {word.field} is {value!r}", "it is there"
            )


def text_of(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def bounds_around(values: list[Any]) -> list[Any]:
    """One of the values, in the middle; one that is less than all, and one that is more."""
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) == len(values):
        ordered = sorted(numbers)
        return [ordered[len(ordered) // 2], ordered[0] - 1, ordered[-1] + 1]
    moments = {moment: value for value in values if (moment := moment_of(value)) is not None}
    middle = [moments[sorted(moments)[len(moments) // 2]]] if moments else []
    return [*middle, LONG_AGO, FAR_OFF]


def ids_until(
    story: Story, surface: Surface, listing: Operation, query: dict[str, Any], wanted: set[str]
) -> set[str]:
    """The ids that a list shows, page after page, as long as some that are wanted were not there."""
    skip = next((p.name for p in listing.parameters if p.query and p.query.does == "skip"), None)
    page = fetch(story, surface, listing, **query)
    shown, passed = {record.get("id") for record in page}, len(page)
    for _ in range(MOST_PAGES):
        if skip is None or not page or (wanted and wanted <= shown):
            break
        page = fetch(story, surface, listing, **query, **{skip: passed})
        story.exchanges.pop()
        shown |= {record.get("id") for record in page}
        passed += len(page)
    return shown


def emptied(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    """A list that is asked for by what no record of the sample holds has none of them."""

    def steps(story: Story) -> None:
        word = parameter.query
        assert word is not None
        mine = sample(story, surface)
        other = other_value(surface, parameter, [m.record.get(word.field) for m in mine])
        if other is None or word.op in COMPARISONS:
            story.block(f"no other value of {word.field} is known")
        query = {**everything(listing), parameter.name: text_of(other)}
        answer = story.send(listing, query=query).answer
        if not answer.accepted or not isinstance(answer.body, dict):
            story.block(f"{parameter.name} {other!r} was answered {answer.status}")
        shown = {record.get("id") for record in answer.body.get(surface.resource.page.records, [])}
        for made in mine:
            if made.record_id in shown and made.record.get(word.field) != other:
                story.refute(
                    f"{made.record_id} not in the list: its {word.field} is "
                    f"{made.record.get(word.field)!r}",
                    "it is there",
                )

    return steps


def other_value(surface: Surface, parameter: Parameter, held: list[Any]) -> Any:
    """A value of the right form that no record holds."""
    word = parameter.query
    recorded = properties_of(surface.resource.schema).get(word.field if word is not None else "")
    listed = [
        *constraints(parameter.schema).get("enum", []),
        *constraints(recorded).get("enum", []),
    ]
    for value in listed:
        if value is not None and value not in held:
            return value
    texts = [value for value in held if isinstance(value, str)]
    for text in texts[:1]:
        for last in "7395zQ":
            value = f"{text[:-1]}{last}"
            if value not in held and is_allowed(parameter.schema, value):
                return value
    flipped = [not value for value in held if isinstance(value, bool)]
    return next((value for value in flipped if value not in held), None)


def unasked(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    """A parameter that is left out counts as its default, unless another one is there."""

    def steps(story: Story) -> None:
        word = parameter.query
        assert word is not None
        sample(story, surface)
        rest = {k: v for k, v in everything(listing).items() if k != parameter.name}
        default = {parameter.name: parameter.default}
        bare, named = (
            [record.get("id") for record in listed_by(story, surface, listing, query)]
            for query in (rest, {**rest, **default})
        )
        if bare != named:
            story.refute(f"the same list as with {parameter.name}={parameter.default}", "another")
        others = fetch(story, surface, listing)
        story.drop_last()
        for record in others if word.unless else ():
            value = record.get(word.field)
            if value is not None and value != parameter.default:
                query = {**rest, word.unless: value}
                shown = [one.get("id") for one in listed_by(story, surface, listing, query)]
                if record.get("id") not in shown:
                    story.refute(
                        f"{record.get('id')} in the list by {word.unless}", "it is missing"
                    )
                return

    return steps


def listed_by(
    story: Story, surface: Surface, listing: Operation, query: Mapping[str, Any]
) -> list[Any]:
    """The records of one page that is asked for by nothing else."""
    exchange = story.send(listing, query=query)
    body = exchange.answer.body
    listed = body.get(surface.resource.page.records) if isinstance(body, dict) else None
    if not exchange.answer.accepted or not isinstance(listed, list):
        story.refute(f"a list of records from {listing.operation_id}", came(exchange.answer))
    return listed


def skipped(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    """What is skipped is counted from the first record."""

    def steps(story: Story) -> None:
        sample(story, surface)
        whole = [record.get("id") for record in fetch(story, surface, listing)]
        rest = fetch(story, surface, listing, **{parameter.name: 1})
        if len(whole) < 3:
            story.block("there are too few records")
        found = [record.get("id") for record in rest][: len(whole) - 1]
        if found != whole[1:]:
            story.refute(f"the list from its second record on, {whole[1]}", f"{found[:1]}")

    return steps


def sorted_by(surface: Surface, listing: Operation, parameter: Parameter, value: str) -> Any:
    field, descending = value.removeprefix("-"), value.startswith("-")

    def steps(story: Story) -> None:
        sample(story, surface)
        shown = fetch(story, surface, listing, **{parameter.name: value})
        keys = [key for key in (rank(record.get(field)) for record in shown) if key is not None]
        if len(set(keys)) < 2:
            story.block(f"the records do not differ in {field}")
        if keys != sorted(keys, reverse=descending):
            story.refute(f"ordered by {value}", "another order")

    return steps


def rank(value: Any) -> float | None:
    """A number or a moment as something that can be compared; how texts are ordered is open."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    moment = moment_of(value)
    return moment.timestamp() if moment is not None else None


def moment_of(value: Any) -> datetime | None:
    """A moment; a date alone is its first one."""
    return read_moment(value) or read_moment(f"{value}T00:00:00Z")


def passes(op: str, found: Any, wanted: list[Any]) -> bool:
    if op in COMPARISONS:
        left, right = rank(found), rank(wanted[0])
        if left is None or right is None:
            return False
        return {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[
            op
        ]
    return any(one in wanted for one in found) if isinstance(found, list) else found in wanted


def selected(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    def steps(story: Story) -> None:
        sample(story, surface)
        names = [name for name in surface.resource.fields if name not in surface.resource.hidden]
        chosen = ["id", next(name for name in names if name != "id")]
        for record in fetch(story, surface, listing, **{parameter.name: ",".join(chosen)}):
            if set(record) != set(chosen):
                story.refute(f"only {' and '.join(chosen)}", ", ".join(sorted(record)))

    return steps


def limited(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    def steps(story: Story) -> None:
        sample(story, surface)
        found = fetch(story, surface, listing, **{parameter.name: 2})
        if len(found) != 2:
            story.refute("a page of 2 records", f"{len(found)} records")

    return steps


def paged(surface: Surface, listing: Operation, limit: Parameter, skip: Parameter) -> Any:
    """Pages cover every record once, and the last one says that it is the last."""

    def steps(story: Story) -> None:
        mine = {made.record_id for made in sample(story, surface)}
        page = surface.resource.page
        seen: list[str] = []
        for number in range(100):
            size = 3 if number == 0 else 50
            query = {**everything(listing), limit.name: size, skip.name: len(seen)}
            body = story.send(listing, query=query).answer.body
            listed = body.get(page.records) if isinstance(body, dict) else None
            if not isinstance(listed, list):
                story.refute("a page of records", repr(body)[:200])
            seen += [str(record.get("id")) for record in listed]
            more = page.more is not None and body.get(page.more)
            if not listed and more and number:
                story.refute(f"no more records behind the last: {page.more} false", f"{more!r}")
            if not listed or not more:
                ends_there(story, surface, listing, {limit.name: 2, skip.name: len(seen) - 2})
                break
        if len(seen) != len(set(seen)):
            story.refute("every record on one page only", "some came twice")
        if mine - set(seen):
            story.refute("every record on some page", f"{len(mine - set(seen))} came on none")

    return steps


def ends_there(story: Story, surface: Surface, listing: Operation, query: dict[str, int]) -> None:
    """A full page that ends with the last record has nothing behind it."""
    page = surface.resource.page
    if page.more is None or min(query.values()) < 0:
        return
    body = story.send(listing, query={**everything(listing), **query}).answer.body
    listed = body.get(page.records) if isinstance(body, dict) else None
    if isinstance(listed, list) and len(listed) == 2 and body.get(page.more):
        expected = f"{page.more} false on a page that ends with the last record"
        story.refute(expected, f"{body.get(page.more)!r}")
    story.drop_last()


def ordered(surface: Surface, listing: Operation) -> Any:
    def steps(story: Story) -> None:
        sample(story, surface)
        field = surface.resource.order
        values = [record.get(field) for record in fetch(story, surface, listing)]
        moments = [moment for moment in map(read_moment, values) if moment is not None]
        if moments != sorted(moments, reverse=surface.resource.descending):
            story.refute(f"ordered by {field}", "another order")

    return steps


def gone(surface: Surface, listing: Operation) -> Any:
    def steps(story: Story) -> Steps:
        made = make(story, surface.resource.name, calm_state(surface.resource))
        if not remove(story, made).answer.accepted:
            story.block("deleting is refused")
        for _ in range(4):
            shown = {record.get("id") for record in fetch(story, surface, listing)}
            if made.record_id not in shown:
                return
            story.drop_last()
            yield 0.5
        story.refute("a deleted record is in no list", "it is still there")

    return steps


def listed_record(story: Story, surface: Surface, made: Made) -> Mapping[str, Any] | None:
    """The record as the list shows it; None where none of its first pages has it."""
    if surface.listing is None:
        return None
    for look in (named_alone, near):
        for record in look(story, surface, surface.listing, made):
            if record.get("id") == made.record_id:
                return record
        story.drop_last()
    return None


def named_alone(
    story: Story, surface: Surface, listing: Operation, made: Made
) -> list[Mapping[str, Any]]:
    """The records on top; where a record is not among them, a page that is asked for it by its id.

    Long pages cost a target more than all the rest.
    """
    top = page_of(story, surface, listing, {}, SHORT)
    by_id = next(
        (
            one.name
            for one in listing.parameters
            if one.query is not None and one.query.does == "filter" and one.query.field == "id"
        ),
        None,
    )
    if by_id is None or any(one.get("id") == made.record_id for one in top):
        return top
    story.drop_last()
    return page_of(story, surface, listing, {by_id: made.record_id}, SHORT)


def near(story: Story, surface: Surface, listing: Operation, made: Made) -> list[Mapping[str, Any]]:
    """The records of a list up to the page that has a record, or of its first pages."""
    skip = next((p.name for p in listing.parameters if p.query and p.query.does == "skip"), None)
    seen: list[Mapping[str, Any]] = []
    if any(p.query is not None and p.query.does == "limit" for p in listing.parameters):
        # What was just made is mostly on top.
        seen = page_of(story, surface, listing, {}, SHORT)
        if any(one.get("id") == made.record_id for one in seen):
            return seen
        story.drop_last()
        seen = []
    for number in range(FEW_PAGES):
        page = page_of(story, surface, listing, {skip: len(seen)} if skip and seen else {})
        seen += page
        last = skip is None or not page or number == FEW_PAGES - 1
        if last or any(one.get("id") == made.record_id for one in page):
            break
        story.drop_last()
    return seen


def alone_of_its_text(story: Story, surface: Surface, made: Made) -> Steps:
    """No other record has the text of this one, which only this run could write."""
    given = made.given if isinstance(made.given, Mapping) else {}
    name = next((n for n, v in given.items() if n in surface.resource.fields and is_own(v)), None)
    if surface.listing is None or name is None:
        story.block("no text of a record tells it from all others")
    alike: set[str] = set()
    for _ in range(int(story.bench.settings.grace / POLL) + 1):
        shown = near(story, surface, surface.listing, made)
        alike = {str(one.get("id")) for one in shown if one.get(name) == given[name]}
        if alike:
            break
        story.drop_last()
        yield POLL
    if len(alike) > 1:
        story.refute(f"one record with {name} {given[name]!r}", f"{len(alike)} of them")


def is_own(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(f"{MARK} ")


def page_of(
    story: Story,
    surface: Surface,
    listing: Operation,
    query: Mapping[str, Any],
    size: int | None = None,
) -> list[Mapping[str, Any]]:
    """The records of one page: of a size, else a long one where the target has such."""
    asked = {**everything(listing), **query}
    limit = next((p for p in listing.parameters if p.query and p.query.does == "limit"), None)
    long = {limit.name: size or constraints(limit.schema).get("maximum", LARGE)} if limit else {}
    answer = story.send(listing, query={**asked, **long}).answer
    if limit is not None and not answer.accepted:
        story.drop_last()
        answer = story.send(listing, query=asked).answer
    found = answer.body.get(surface.resource.page.records) if isinstance(answer.body, dict) else []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def as_read(story: Story, surface: Surface, made: Made) -> Steps:
    """The list shows a record as reading it does; one that lags is waited for."""
    listing = surface.listing
    if listing is None or surface.read is None:
        return
    rules = response_rules(surface.read, str(surface.read.success)) or story.case.rule_ids
    if not story.bench.ledger.wants(rules):
        return
    wrong: list[tuple[str, Any, Any]] = []
    for attempt in range(int(story.bench.settings.grace / POLL) + 1):
        if attempt:
            story.drop_last()
            story.drop_last()
            yield POLL
        before = reread(story, made)
        shown = listed_record(story, surface, made)
        if shown is None:
            story.drop_last()
            return  # whether lists show it at all is another matter
        path = path_of(surface.read, made.record_id)
        after = story.bench.client.call(surface.read, path=path).answer.body
        wrong = [
            (name, before[name], shown[name])
            for name in surface.resource.fields
            if name in before and name in shown and name not in surface.resource.hidden
            if shown[name] != before[name]
            if isinstance(after, dict) and before[name] == after.get(name)
        ]
        if not wrong:
            story.drop_last()
            story.drop_last()
            return
    required = constraints(surface.resource.schema).get("required", surface.resource.fields)
    sure = [one for one in wrong if one[0] in required]
    name, read, listed = (sure or wrong)[0]
    wanted = f"{name} {read!r} in the list, as on reading"
    given = made.given.get(name) == read  # what the target itself found may be otherwise elsewhere
    wish = expect.fields({name: read}) if given else expect.unlike(name, listed)
    story.note(rules, wanted, f"{name} {listed!r}", bool(sure), wish)
