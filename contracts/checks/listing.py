"""Lists: filters, pages, selection and order, held against the records that the run itself made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.acts import came, make, remove
from contracts.bench import Bench
from contracts.live import everything
from contracts.moments import read_moment
from contracts.story import Case, Made, Steps, Story
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface
from mock_server.spec.model import Operation, Parameter

SAMPLE = 4  # records of its own that a check of lists makes
MOST_PAGES = 30
COMPARISONS = {"gt", "gte", "lt", "lte"}


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        listing = surface.listing
        if listing is None or surface.create is None:
            continue
        words = {p.query.does: p for p in listing.parameters if p.query is not None}
        for parameter in listing.parameters:
            word = parameter.query
            if word is None or not bench.ledger.wants(parameter.rule_ids):
                continue
            if word.does == "filter":
                steps = filtered(surface, listing, parameter)
                yield Case(parameter.rule_ids, f"{listing.operation_id}: {parameter.name}", steps)
            elif word.does == "fields":
                steps = selected(surface, listing, parameter)
                yield Case(parameter.rule_ids, f"{listing.operation_id}: {parameter.name}", steps)
            elif word.does == "skip" and "limit" in words:
                steps = paged(surface, listing, words["limit"], parameter)
                yield Case(parameter.rule_ids, f"{listing.operation_id}: pages", steps)
            elif word.does == "limit":
                steps = limited(surface, listing, parameter)
                yield Case(parameter.rule_ids, f"{listing.operation_id}: {parameter.name}", steps)
        ids = filter_rules(listing)
        if surface.resource.order and bench.ledger.wants(ids):
            yield Case(ids, f"{listing.operation_id}: order", ordered(surface, listing))
        if surface.delete is not None:
            response = surface.delete.responses.get(str(surface.delete.success))
            gone_ids = response.rule_ids if response is not None else ()
            if bench.ledger.wants(gone_ids):
                yield Case(gone_ids, f"{listing.operation_id}: deleted", gone(surface, listing))


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


def fetch_all(
    story: Story, surface: Surface, listing: Operation, query: dict[str, Any]
) -> list[Any]:
    """The records of all pages, or of the first ones where they are very many."""
    skip = next((p.name for p in listing.parameters if p.query and p.query.does == "skip"), None)
    found = fetch(story, surface, listing, **query)
    page = found
    for _ in range(MOST_PAGES):
        if skip is None or not page:
            break
        page = fetch(story, surface, listing, **query, **{skip: len(found)})
        story.exchanges.pop()
        found = found + page
    return found


def sample(story: Story, surface: Surface) -> list[Made]:
    """A few records of this run; made once."""
    bench, name = story.bench, surface.resource.name
    kept: list[Made] = []
    for number in range(SAMPLE):
        key = (name, "sample", number)
        made = bench.standing.get(key)
        if made is None or made.spoiled:
            part = Story(bench, story.case)
            made = make(part, name, calm_state(surface.resource), **linked(part, surface, number))
            made.key = key
            bench.standing[key] = made
        kept.append(made)
    return kept


def linked(story: Story, surface: Surface, number: int) -> dict[str, Any]:
    """Half of the records refer to others, so that filters have something to leave out."""
    create = surface.create
    values: dict[str, Any] = {}
    if create is None or number % 2:
        return values
    for name, reference in create.references.items():
        if reference.by != "id" or name not in surface.resource.fields:
            continue
        found = story.bench.live.fitting(reference, values)
        chosen = found[number // 2 % len(found)] if found else None
        if chosen is not None and not reference.match:
            trial = {**values, name: chosen.get(reference.by)}
            if story.bench.composer.base(create, calm_state(surface.resource), **trial):
                values = trial
    return values


def filtered(surface: Surface, listing: Operation, parameter: Parameter) -> Any:
    def steps(story: Story) -> None:
        word = parameter.query
        assert word is not None
        mine = sample(story, surface)
        values = [m.record.get(word.field) for m in mine if m.record.get(word.field) is not None]
        values = [value for value in values if isinstance(value, str | int | bool)]
        if not values:
            story.block(f"no record has a {word.field} to filter by")
        value = values[0]
        asked = f"{value},{values[-1]}" if word.op == "in" else value
        wanted = values[:1] + values[-1:] if word.op == "in" else [value]
        shown = {r.get("id") for r in fetch_all(story, surface, listing, {parameter.name: asked})}
        for made in mine:
            expected = passes(word.op, made.record.get(word.field), wanted)
            if expected and made.record_id not in shown:
                story.refute(
                    f"{made.record_id} in the list: its {word.field} fits", "it is missing"
                )
            if not expected and made.record_id in shown:
                story.refute(f"{made.record_id} not in the list", "it is there")

    return steps


def passes(op: str, found: Any, wanted: list[Any]) -> bool:
    if op in COMPARISONS:
        left, right = read_moment(found), read_moment(wanted[0])
        if left is None or right is None:
            return False
        return {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[
            op
        ]
    return found in wanted


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
    """Pages cover every record once."""

    def steps(story: Story) -> None:
        mine = {made.record_id for made in sample(story, surface)}
        page = surface.resource.page
        seen: list[str] = []
        for number in range(100):
            query = {
                **everything(listing),
                limit.name: 3 if number == 0 else 50,
                skip.name: len(seen),
            }
            body = story.send(listing, query=query).answer.body
            listed = body.get(page.records) if isinstance(body, dict) else None
            if not isinstance(listed, list):
                story.refute("a page of records", repr(body)[:200])
            seen += [str(record.get("id")) for record in listed]
            more = page.more is not None and body.get(page.more)
            if not listed or not more:
                break
        if len(seen) != len(set(seen)):
            story.refute("every record on one page only", "some came twice")
        if mine - set(seen):
            story.refute("every record on some page", f"{len(mine - set(seen))} came on none")

    return steps


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
    """The record as the list shows it; None where the list does not have it on its first page."""
    if surface.listing is None:
        return None
    body = story.send(surface.listing, query=everything(surface.listing)).answer.body
    listed = body.get(surface.resource.page.records) if isinstance(body, dict) else None
    for record in listed if isinstance(listed, list) else []:
        if isinstance(record, dict) and record.get("id") == made.record_id:
            return record
    story.drop_last()
    return None
