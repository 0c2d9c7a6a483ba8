"""Query parameters: what they may not hold is refused, what they may hold is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from contracts.cases.acts import expect_accepted, expect_refused, valid_body
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.oracle.schema import compile_pattern
from contracts.strategies.bodies import calm_state
from contracts.strategies.edges import lengthened, shortened
from contracts.strategies.values import constraints, typical
from contracts.surface import refusal_status, response_rules
from contracts.target.client import path_of
from contracts.target.wire import ABSENT, Exchange
from mock_server.spec.model import Operation, Parameter
from mock_server.spec.schemas import types_of


@dataclass(frozen=True, slots=True)
class Text:
    """A text for a parameter. `certain`: no reading of texts is needed to say what comes of it."""

    text: str
    accepted: bool
    certain: bool


def cases(bench: Bench) -> Iterator[Case]:
    for operation in bench.document.operations.values():
        for parameter in operation.parameters:
            if parameter.location != "query":
                continue
            ids, texts = parameter.rule_ids, iter_texts(parameter)
            if not ids:
                # No rule speaks of the parameter; that what is wrong is refused one may say.
                ids = response_rules(operation, refusal_status(operation))
                texts = islice((one for one in texts if not one.accepted), 1)
            if bench.ledger.wants(ids):
                for one in texts:
                    yield to_case(operation, parameter, ids, one)


def to_case(operation: Operation, parameter: Parameter, ids: tuple[str, ...], one: Text) -> Case:
    name = f"{operation.operation_id}: {parameter.name}={one.text}"
    steps = taken if one.accepted else refused
    return Case(
        ids, name, steps(operation, parameter, one.text), one.certain and bool(parameter.rule_ids)
    )


def iter_texts(parameter: Parameter) -> Iterator[Text]:
    """A few texts at the edges of each keyword, each once."""
    words, types = constraints(parameter.schema), types_of(parameter.schema)
    seen: set[str] = set()
    for one in (
        *type_texts(types),
        *enum_texts(words),
        *limit_texts(words),
        *pattern_texts(parameter, words),
    ):
        if one.text not in seen:
            seen.add(one.text)
            yield one


def type_texts(types: frozenset[str]) -> Iterator[Text]:
    if types and not types & {"string", "array", "object"}:
        yield Text("maybe", False, False)
    if "boolean" in types:
        yield from (Text(text, True, True) for text in ("true", "false"))
    elif "integer" in types and not types & {"number", "string"}:
        yield Text("1.5", False, False)
        yield Text("2", True, True)
    elif "number" in types and "string" not in types:
        yield Text("1.5", True, True)


def enum_texts(words: dict[str, Any]) -> Iterator[Text]:
    listed = [value for value in words.get("enum", []) if isinstance(value, str)]
    for value in listed:
        yield Text(value, True, True)
    for value in ("nonsense", *(value.upper() for value in listed[:1])):
        if listed and value not in listed:
            yield Text(value, False, True)


def limit_texts(words: dict[str, Any]) -> Iterator[Text]:
    """The limits themselves, and what is just beyond them; a page of none may have no sense."""
    low, high = words.get("minimum"), words.get("maximum")
    if isinstance(low, int):
        yield Text(str(low - 1), False, True)
        yield Text(str(low), True, low > 0)
    if isinstance(high, int):
        yield Text(str(high + 1), False, True)
        yield Text(str(high), True, True)


def pattern_texts(parameter: Parameter, words: dict[str, Any]) -> Iterator[Text]:
    if "pattern" not in words:
        return
    good = typical(parameter.schema)
    matches = compile_pattern(words["pattern"]).search
    yield Text(good, True, True)
    zeros = (f"{good[:at]}0{good[at + 1 :]}" for at, one in enumerate(good) if one in "123456789")
    longest, shortest = lengthened(good, matches), shortened(good, matches)
    for text in (longest, shortest):
        if text != good:
            yield Text(text, True, False)
    for text in ("word", f"x{good}", f"{good}x", *zeros, f"{longest}1", shortest[:-1]):
        if text and not matches(text):
            yield Text(text, False, True)


def taken(operation: Operation, parameter: Parameter, text: str) -> Any:
    def steps(story: Story) -> None:
        exchange = ask(story, operation, parameter, text)
        expect_accepted(story, exchange, f"{parameter.name} may be {text!r}")

    return steps


def refused(operation: Operation, parameter: Parameter, text: str) -> Any:
    def steps(story: Story) -> None:
        exchange = ask(story, operation, parameter, text)
        expect_refused(story, operation, exchange, f"{parameter.name} is no {text!r}")

    return steps


def ask(story: Story, operation: Operation, parameter: Parameter, text: str) -> Exchange:
    """A request in which nothing but the one parameter could be wrong."""
    body: Any = ABSENT
    if operation.body_schema is not None:
        resource = story.bench.document.resources[operation.resource]
        body = valid_body(story, operation, calm_state(resource))
    path: dict[str, str] = {}
    if any(p.location == "path" for p in operation.parameters):
        records = story.bench.live.records(operation.resource)
        if not records:
            story.block("the target has no record to ask for")
        path = path_of(operation, str(records[0].get("id")))
    return story.send(operation, path=path, query={parameter.name: text}, body=body)
