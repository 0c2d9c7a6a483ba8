"""Authentication: without valid credentials every operation answers 401; each scheme suffices."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import came, make, marks_of, note_refused, reread, standing
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Made, Story
from contracts.checks.listing import SHORT, page_of
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface
from contracts.target.client import path_of, sibling
from contracts.target.connect import STUB_PREFIX, plain_reads
from contracts.target.wire import ABSENT, BEARER, KEY, NONE, Exchange, authorization, basic, bearer
from mock_server.spec.model import Expression, Operation, SecurityScheme
from mock_server.spec.schemas import types_of

UNKNOWN = "unknown_key_0000000000000000"
ALWAYS = ("no credentials", "an unknown key", "an unknown token")


def cases(bench: Bench) -> Iterator[Case]:
    opens: bool | None = None  # asked for once, when it is first needed
    for operation in bench.document.operations.values():
        schemes = [bench.document.security_schemes.get(name) for name in operation.security]
        known = [scheme for scheme in schemes if scheme is not None]
        ids = tuple(dict.fromkeys(i for scheme in known for i in scheme.rule_ids))
        if not ids or not bench.ledger.wants(ids):
            continue
        kinds = {scheme.kind for scheme in known}
        if opens is None:
            opens = opens_accounts(bench)
        for what, value, certain in bad_credentials(bench, kinds, opens):
            if is_thorough(bench, operation) or what in ALWAYS:
                steps = refused(bench, operation, value)
                yield Case(ids, f"{operation.operation_id} with {what}", steps, certain)
        if is_thorough(bench, operation):
            for name in switches_of(operation):
                steps = refused(bench, operation, NONE, {name: "true"})
                yield Case(ids, f"{operation.operation_id} with no credentials and {name}", steps)
            if any(parameter.location == "path" for parameter in operation.parameters):
                name = f"{operation.operation_id} with no credentials and an unknown id"
                yield Case(ids, name, unknown_too(bench, operation))
            yield from accepted_cases(bench, operation, known, ids)


def is_thorough(bench: Bench, operation: Operation) -> bool:
    """Resources with a lifecycle get every variant, the others the plainest ones."""
    return bool(bench.document.resources[operation.resource].lifecycle)


def bad_credentials(
    bench: Bench, kinds: Collection[str], opens: bool
) -> list[tuple[str, str, bool]]:
    """Credentials that are refused; with `opens` a key that is nearly right opens an account."""
    key = bench.client.keys.key
    found = [
        ("no credentials", NONE, True),
        ("another scheme", f"Token {key}", True),
        ("the bare key", key, True),
        ("an empty header", "", True),
    ]
    kind, mark, _ = key.partition("_")
    if "basic" in kinds and mark:
        found.append(("a key of the same kind", basic(f"{kind}_{UNKNOWN}"), True))
    if "basic" in kinds and key.swapcase() != key:
        found.append(("the key in another case", basic(key.swapcase()), True))
    if "basic" in kinds and not opens:
        found.append(("a letter more than the key", basic(f"{key}x"), True))
        found.append(("a letter less than the key", basic(key[:-1]), True))
        found.append(("blanks around the key", basic(f" {key} "), True))
    if "basic" in kinds:
        found += [
            ("an unknown key", basic(UNKNOWN), True),
            ("an empty key", basic(""), True),
            ("Basic without anything", "Basic", True),
            ("Basic that is no base64", "Basic %%%", True),
            ("Basic without a colon", "Basic " + b64encode(UNKNOWN.encode()).decode(), True),
            # Many a library reads this as a name without a password.
            ("the key without a colon", "Basic " + b64encode(key.encode()).decode(), False),
            ("the key as password", basic("", key), False),
            ("a password beside the key", basic(key, "password"), False),
        ]
    if "bearer" in kinds:
        found += [
            ("an unknown token", bearer(UNKNOWN), True),
            ("Bearer without a token", "Bearer", True),
        ]
    return found


def opens_accounts(bench: Bench) -> bool:
    """Whether the target is the stub, which opens an account for any key with its prefix.

    It may be one without a control API; by its headers it is known all the same.
    """
    client = bench.client
    if client.guard.is_stub or not client.keys.key.startswith(STUB_PREFIX):
        return client.guard.is_stub
    return any(
        "mock-broken-rules" in client.call(one, credentials=NONE).answer.headers
        for one in plain_reads(bench.document)
    )


def switches_of(operation: Operation) -> list[str]:
    """The parameters of a query that are true or false."""
    return [
        one.name
        for one in operation.parameters
        if one.location == "query" and "boolean" in types_of(one.schema)
    ]


def refused(
    bench: Bench,
    operation: Operation,
    credentials: str,
    query: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    def steps(story: Story) -> None:
        path, made = target_of(story, operation)
        body = body_of(story, operation)
        exchange = story.send(operation, path=path, query=query, body=body, credentials=credentials)
        answer = exchange.answer
        if answer.accepted and made is not None:
            made.spoiled = True
        if answer.status != 401:
            probe_missing(story, operation, path)
            story.refute("401", came(answer), expect.status(401))
        if operation.does == "create":
            check_unmade(story, operation, exchange)
        if made is not None and operation.does in ("update", "delete"):
            before = made.record
            after = reread(story, made, if_gone={})
            if not after:
                made.spoiled = True
                story.refute("401, and nothing is deleted", "the record is gone")
            if before.get("id") != after.get("id") or before != after:
                made.spoiled = True
                story.refute("401, and nothing is changed", "the record has changed")

    return steps


def check_unmade(story: Story, operation: Operation, exchange: Exchange) -> None:
    """Nothing is made for who may not make it: no record on top of the list has the text of it."""
    surface = story.bench.surface(operation.resource)
    marks = set(marks_of(exchange.request.body))
    if surface.listing is None or not marks:
        return
    for record in page_of(story, surface, surface.listing, {}, SHORT):
        if marks & set(marks_of(record)):
            story.refute("401, and nothing is made", f"the record {record.get('id')}")
    note_refused(story, operation, exchange)


def unknown_too(bench: Bench, operation: Operation) -> Any:
    """Who names no caller is not told either what there is."""

    def steps(story: Story) -> None:
        _, made = target_of(story, operation)
        if made is None:
            story.block("nothing tells of what form ids are")
        path, body = path_of(operation, sibling(made.record_id)), body_of(story, operation)
        answer = story.send(operation, path=path, body=body, credentials=NONE).answer
        if answer.status != 401:
            with_key = story.bench.client.call(operation, path=path, body=body).answer
            if operation.does == "read" and with_key.status != 404:
                story.block(f"an unknown id is answered {with_key.status}")
            story.refute("401", came(answer), expect.status(401))

    return steps


def probe_missing(story: Story, operation: Operation, path: dict[str, str]) -> None:
    """An operation that the target does not have is answered alike with the key."""
    if operation.does not in ("list", "read"):
        return
    answer = story.bench.client.call(operation, path=path).answer
    story.bench.absence.learn(operation, answer.status)
    if answer.status == 404:  # what an answer has just named is not found with the key either
        story.bench.absence.suspect(operation)
    if story.bench.absence.has(operation):
        story.block(f"the target does not have {operation.operation_id}")


def target_of(story: Story, operation: Operation) -> tuple[dict[str, str], Made | None]:
    """Path values that name a record which is there, so that only the credentials are wrong."""
    names = [p.name for p in operation.parameters if p.location == "path"]
    if not names:
        return {}, None
    surface: Surface = story.bench.surface(operation.resource)
    if surface.create is not None and surface.read is not None:
        made = standing(story, operation.resource, calm_state(surface.resource))
        return path_of(operation, made.record_id), made
    records = story.bench.live.records(operation.resource)
    found = records[0].get("id") if records else brought_along(story, operation.resource)
    if found is None:
        story.block(f"the target has no {operation.resource}")
    return path_of(operation, str(found)), None


def brought_along(story: Story, resource: str) -> Any:
    """The id of a record that comes into being with an item of a list, and is named there."""
    for name in story.bench.document.resources:
        create = story.bench.surface(name).create
        for effect in create.effects if create is not None else ():
            listed = effect.each.tokens[0] if isinstance(effect.each, Expression) else ""
            if create is None or effect.creates != resource or not effect.into or not listed:
                continue
            value = story.bench.composer.value(create, listed, {})
            state = calm_state(story.bench.document.resources[name])
            made = make(story, name, state, **{listed: value})
            items = made.record.get(listed)
            if isinstance(items, list) and items and isinstance(items[0], dict):
                return items[0].get(effect.into)
    return None


def body_of(story: Story, operation: Operation) -> Any:
    if operation.body_schema is None:
        return ABSENT
    if operation.does == "update":
        return {}
    body = story.bench.composer.base(
        operation, calm_state(story.bench.document.resources[operation.resource])
    )
    return {} if body is None else body


def accepted_cases(
    bench: Bench, operation: Operation, schemes: list[SecurityScheme], ids: tuple[str, ...]
) -> Iterator[Case]:
    for scheme in schemes:
        if scheme.kind == "bearer":
            yield Case(ids, f"{operation.operation_id} with a Bearer token", by_bearer(operation))
        else:
            yield Case(ids, f"{operation.operation_id} with Basic", by_basic(operation))


def shown_to(story: Story, operation: Operation, credentials: str) -> Exchange:
    """The request with credentials; one that deletes goes to a record of its own."""
    if operation.does == "delete":
        made = make(
            story,
            operation.resource,
            calm_state(story.bench.document.resources[operation.resource]),
        )
        made.spoiled, path = True, path_of(operation, made.record_id)
    else:
        path = target_of(story, operation)[0]
    body = body_of(story, operation)
    return story.send(operation, path=path, body=body, credentials=credentials)


def by_basic(operation: Operation) -> Any:
    def steps(story: Story) -> None:
        exchange = shown_to(story, operation, str(authorization(KEY, story.bench.client.keys)))
        if exchange.answer.status in (401, 403):
            story.refute("the key as Basic user name suffices", came(exchange.answer))

    return steps


def takes_key_as_token(story: Story, operation: Operation) -> bool:
    """Whether the key is a Bearer token too, as another operation shows."""
    listing = story.bench.surface(operation.resource).listing
    if listing is None or listing == operation or story.bench.absence.has(listing):
        return False
    return story.bench.client.call(listing, credentials=BEARER).answer.accepted


def by_bearer(operation: Operation) -> Any:
    def steps(story: Story) -> None:
        exchange = shown_to(story, operation, BEARER)
        if exchange.answer.status in (401, 403):
            keys = story.bench.client.keys
            made_up = keys.bearer is None and story.bench.client.scheme == "basic"
            if made_up and not takes_key_as_token(story, operation):
                story.block(
                    "the Bearer half is not exercised: "
                    "the key is none, and CONTRACTS_BEARER_TOKEN is not set"
                )
            story.refute("a Bearer token suffices", came(exchange.answer))

    return steps
