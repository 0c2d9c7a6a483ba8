"""What was refused has left nothing behind: no record of its own, and none of another resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import came, is_documented, marks_of, valid_body
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL
from contracts.cases.story import Case, Steps, Story
from contracts.checks.effect import due_query, look, query_for
from contracts.checks.reference import unused
from contracts.oracle.schema import oracle_of
from contracts.settings import MARK
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import constraints
from contracts.surface import Surface, refusal_status, response_rules
from contracts.target.client import Client
from contracts.target.live import everything, listed_ids
from mock_server.spec.model import Effect, Operation, Reference, Refusal
from mock_server.spec.schemas import properties_of

PAGES = 40


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create = surface.create
        if create is None or create.body_schema is None:
            continue
        ids = response_rules(create, refusal_status(create))
        if not bench.ledger.wants(ids):
            continue
        if surface.listing is not None and surface.resource.name in bench.refused:
            steps = nothing_stored(surface, create, surface.listing)
            sure = is_documented(bench, surface.resource.name)
            name = f"{create.operation_id}: what was refused is not stored"
            yield Case(ids, name, steps, sure)
        plain = bench.composer.base(create, calm_state(surface.resource)) or {}
        if surface.listing is not None and not any(True for _ in marks_of(plain)):
            name = f"{create.operation_id}: what is refused adds nothing to the list"
            yield Case(ids, name, nothing_added(surface, create, surface.listing), False)
        sure = is_documented(bench, surface.resource.name)
        for effect in create.effects:
            both = tuple(dict.fromkeys((*ids, *effect.rule_ids)))
            name = f"{create.operation_id}: what is refused makes no {effect.creates}"
            yield Case(both, name, nothing_made(surface, create, effect, None), sure)
            for field, reference in create.references.items():
                steps = nothing_made(surface, create, effect, reference)
                yield Case(both, f"{name}, {field} names nothing", steps, sure)


# Records of its own


def nothing_stored(surface: Surface, create: Operation, listing: Operation) -> Any:
    """The lists hold no record with the mark of a refused request.

    One that does is asked for once more with a mark that no other run can have: two runs with one
    seed, over one account at a time, have the others in common.
    """

    def steps(story: Story) -> Steps:
        client, refused = story.bench.client, story.bench.refused[surface.resource.name]
        found = next(
            (
                mark
                for record in iter_records(client, surface, listing)
                for mark in marks_of(record)
                if mark in refused
            ),
            None,
        )
        if found is None:
            return
        asked = refused[found].request
        mark = f"{MARK} {token_hex(4)}"
        own = {name: mark if value == found else value for name, value in asked.body.items()}
        if story.send(create, query=dict(asked.query), body=own).answer.accepted:
            story.block("it is accepted the next time")
        for attempt in range(int(story.bench.settings.grace / POLL) + 1):
            if attempt:
                yield POLL
            listed = iter_records(client, surface, listing)
            if any(mark in marks_of(record) for record in listed):
                story.send(listing, query=everything(listing))
                none = expect.holding(surface.resource.page.records, 0, expect.saying(mark))
                came = f"a record with {mark!r}"
                story.refute("a refused request stores nothing", came, none)

    return steps


def nothing_added(surface: Surface, create: Operation, listing: Operation) -> Any:
    """Where nothing marks what the run has asked for: the list is as it was before a refusal."""

    def steps(story: Story) -> None:
        client = story.bench.client
        body = valid_body(story, create, calm_state(surface.resource))
        before = listed_ids(client, listing)
        wrong = {**body, wrong_field(story, create, body): {"a": "b"}}
        if story.send(create, body=wrong).answer.accepted:
            story.block("it is accepted")
        story.send(listing, query=everything(listing))
        added = listed_ids(client, listing) - before
        if added:
            story.refute("a refused request stores nothing", f"{len(added)} more in the list")

    return steps


def iter_records(client: Client, surface: Surface, listing: Operation) -> Iterator[Any]:
    """The newest records, page by page, for as long as they carry the mark of a run."""
    page = surface.resource.page
    skip = next((p.name for p in listing.parameters if p.query and p.query.does == "skip"), None)
    passed = 0
    for _ in range(PAGES):
        query: dict[str, Any] = dict(everything(listing))
        if skip is not None:
            query[skip] = passed
        body = client.call(listing, query=query).answer.body
        listed = body.get(page.records) if isinstance(body, dict) else None
        if not isinstance(listed, list) or not listed:
            return
        yield from listed
        passed += len(listed)
        if skip is None or not any(True for record in listed for _ in marks_of(record)):
            return


# Records of another resource


def nothing_made(
    surface: Surface, create: Operation, effect: Effect, reference: Reference | None
) -> Any:
    """A request that would have the effect, but for one field.

    It is of a wrong type, or a reference that names nothing.
    """

    def steps(story: Story) -> None:
        observer = story.bench.surface(effect.creates)
        chosen = due_query(story.bench, surface, create, effect)
        if observer.listing is None or chosen is None:
            story.block(f"nothing shows whether a {effect.creates} was made")
        state, query = chosen
        body = valid_body(story, create, state)
        if reference is not None:
            wrong: dict[str, Any] = {reference.field: unused(story, create, reference)}
        else:
            wrong = {wrong_field(story, create, body): {"a": "b"}}
        shown = query_for(observer.listing, effect)
        exchange = story.send(create, query=query, body={**body, **wrong})
        if exchange.answer.accepted:
            story.block("it is accepted")
        marks = set(marks_of(body))
        for record in look(story, observer, observer.listing, shown):
            if marks & set(marks_of(record)):
                story.refute(f"no {effect.creates} for what was refused", f"{record.get('id')}")

    return steps


def wrong_field(story: Story, create: Operation, body: Mapping[str, Any]) -> str:
    """A field that no object fits and that the body does without."""
    for name in create.body_fields:
        if name in body or name in create.references:
            continue
        broken = story.bench.composer.breaches(create, {**body, name: {"a": "b"}})
        if broken and all(breach.field == name for breach in broken):
            return name
    story.block("no body that is refused can be built")


# Refusals of their own kind


def own_cases(bench: Bench) -> Iterator[Case]:
    """Requests that meet such a refusal get its answer; those that do not are taken."""
    for surface in bench.judged():
        create = surface.create
        for refusal in create.refusals if create is not None else ():
            if create is not None and bench.ledger.wants(refusal.rule_ids):
                name = create.operation_id
                met = meets(create, refusal)
                yield Case(refusal.rule_ids, f"{name} refuses with {refusal.status}", met)
                plain = meets_none(create, refusal)
                yield Case(refusal.rule_ids, f"{name} refuses nothing else so", plain)


def meets(create: Operation, refusal: Refusal) -> Any:
    def steps(story: Story) -> None:
        body = story.bench.composer.base(create, calm_of(story, create))
        wanted = wished(refusal)
        if body is None or not wanted:
            story.block("no request that meets it can be built")
        sent = {**body, **wanted}
        facts = {"query": {}, "body": sent, "record": sent}
        if not oracle_of(refusal.condition).is_valid(facts):
            story.block("no request that meets it can be built")
        answer = story.send(create, body=sent).answer
        if answer.status != refusal.status:
            wish = expect.status(refusal.status)
            story.refute(f"refused with {refusal.status}", came(answer), wish)
        if answer.body != refusal.body:
            story.refute(f"the body {refusal.body}", came(answer))

    return steps


def meets_none(create: Operation, refusal: Refusal) -> Any:
    def steps(story: Story) -> None:
        body = valid_body(story, create, calm_of(story, create))
        answer = story.send(create, body=body).answer
        if answer.status == refusal.status:
            why = "nothing of the request is what is refused so"
            story.refute(f"accepted: {why}", came(answer), expect.ACCEPTED)

    return steps


def calm_of(story: Story, create: Operation) -> str | None:
    return calm_state(story.bench.document.resources[create.resource])


def wished(refusal: Refusal) -> dict[str, Any]:
    """Values that a condition names for fields of the body."""
    found: dict[str, Any] = {}
    for name, schema in properties_of(properties_of(refusal.condition).get("body", {})).items():
        words = constraints(schema)
        listed = [words["const"]] if "const" in words else words.get("enum", [])
        if listed:
            found[name] = listed[0]
    return found
