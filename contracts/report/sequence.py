"""The requests of a finding as data that can be sent again: what each takes from earlier answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from contracts.moments import format_moment, parse_moment
from contracts.report.curl import curl_of, request_data
from contracts.report.redaction import DEEPEST, Redactor
from contracts.settings import Keys
from contracts.target.live import Live
from contracts.target.wire import (
    ABSENT,
    BEARER,
    KEY,
    NONE,
    OTHER,
    Answer,
    Exchange,
    Request,
    Transfer,
    authorization,
    parse_json,
)
from contracts.target.witness import Witness
from mock_server.spec.model import Document, Operation
from mock_server.spec.pointers import to_pointer

Json = dict[str, Any]
LONGEST_ANSWER = 20_000  # characters that a report holds of one answer
FAR = 400 * 86_400  # seconds; a moment further from a request is no matter of its own time
TELLING_HEADERS = ("content-type", "location", "allow", "retry-after", "www-authenticate")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sequence is read with."""

    document: Document
    witness: Witness
    live: Live
    keys: Keys
    scheme: str
    base: str
    redactor: Redactor


def to_steps(exchanges: Iterable[Exchange], around: Surroundings) -> list[Json]:
    """The requests with their answers, and before them those that made what they refer to."""
    whole = with_births(list(exchanges), around)
    steps = []
    for index, exchange in enumerate(whole):
        step = request_data(exchange, around.redactor)
        values = list(dict.fromkeys(iter_values(exchange.request)))
        taken = {value: found for value in values if (found := origin(value, whole[:index]))}
        step["takes"] = [{"value": value, "from": found} for value, found in taken.items()]
        step["moments"] = list(iter_moments(exchange, taken))
        step["live"] = list(iter_live(exchange, taken, around))
        step["curl"] = curl_of(step, around.base, around.scheme)
        step["sent"] = format_moment(exchange.sent)
        step["answer"] = answer_data(exchange.answer, around.redactor)
        steps.append(around.redactor.value(step))
    return steps


def answer_data(answer: Answer, redactor: Redactor) -> Json:
    """Status, telling headers and body; a body that is no JSON or too long is text."""
    data: Json = {
        "status": answer.status,
        "headers": {
            name: redactor.text(value)
            for name, value in answer.headers.items()
            if name in TELLING_HEADERS
        },
    }
    text = answer.content.decode("utf-8", "replace")
    if answer.body is not None and len(text) <= LONGEST_ANSWER:
        data["body"] = redactor.value(answer.body)
    elif text:
        data["text"] = redactor.text(text)[:LONGEST_ANSWER]
        if len(text) > LONGEST_ANSWER:
            data["cut"] = len(text) - LONGEST_ANSWER
    return data


# What was made before


def with_births(exchanges: list[Exchange], around: Surroundings) -> list[Exchange]:
    """The sequence, after the requests that made the records which it refers to."""
    made = {exchange.answer.body.get("id") for exchange in exchanges if is_record(exchange)}
    before: dict[str, Exchange] = {}

    def need(exchange: Exchange) -> None:
        for value in iter_values(exchange.request):
            birth = around.witness.births.get(value)
            if birth is not None and value not in made and value not in before:
                made.add(value)
                one = to_exchange(birth, around)
                need(one)
                before[value] = one

    for exchange in exchanges:
        need(exchange)
    return [*before.values(), *exchanges]


def is_record(exchange: Exchange) -> bool:
    return exchange.request.method == "POST" and isinstance(exchange.answer.body, dict)


def to_exchange(transfer: Transfer, around: Surroundings) -> Exchange:
    found = around.witness.operation_of(transfer.method, transfer.path)
    path, _, query = transfer.path.partition("?")
    body = ABSENT if transfer.content is None else parse_json(transfer.content)
    request = Request(
        found[0].operation_id if found else "",
        transfer.method,
        path,
        tuple(parse_qsl(query, keep_blank_values=True)),
        body,
        credentials_of(transfer.headers.get("Authorization"), around),
    )
    return Exchange(request, transfer.answer, transfer.sent, transfer.came)


def credentials_of(header: str | None, around: Surroundings) -> str:
    """The name of credentials by what was sent."""
    if header is None:
        return NONE
    for name in (KEY, OTHER, BEARER):
        if authorization(name, around.keys, around.scheme) == header:
            return name
    return header


# Where values come from


def iter_values(request: Request) -> Iterator[str]:
    """The texts of a request: parts of the path, query values, and those in the body."""
    for part in request.path.split("/"):
        if part:
            yield unquote(part)
    for _, value in request.query:
        yield value
    for _, leaf in iter_leaves(request.body):
        yield leaf


def iter_leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts within a JSON value, each with its place."""
    if isinstance(value, str):
        yield place, value
    elif len(place) > DEEPEST:
        return
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from iter_leaves(inner, (*place, str(name)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from iter_leaves(inner, (*place, str(index)))


def origin(value: str, earlier: list[Exchange], before: int = 0) -> str | None:
    """The first answer that told a value, where no request had said it before."""
    if not is_telling(value):
        return None
    for index, exchange in enumerate(earlier):
        if value in iter_values(exchange.request):
            return None
        for place, leaf in iter_leaves(exchange.answer.body):
            if leaf == value:
                return f"$steps.{before + index}.response.body{to_pointer(place)}"
    return None


def is_telling(value: str) -> bool:
    """Whether a text could be an id or a moment, and no word of the API."""
    return len(value) >= 6 and re.search(r"\d", value) is not None


def iter_moments(exchange: Exchange, taken: Mapping[str, Any]) -> Iterator[Json]:
    """Moments near the time of the request, in seconds after it."""
    for value in dict.fromkeys(iter_values(exchange.request)):
        moment = parse_moment(value)
        if moment is not None and value not in taken:
            after = moment.timestamp() - exchange.sent
            if abs(after) < FAR:
                yield {"value": value, "after": round(after, 6)}


def iter_live(exchange: Exchange, taken: Mapping[str, Any], around: Surroundings) -> Iterator[Json]:
    """Values that name records which the target had itself."""
    operation = around.document.operations.get(exchange.request.operation_id)
    body = exchange.request.body
    if operation is None:
        return
    for field, reference in operation.references.items():
        value = body.get(field) if isinstance(body, Mapping) else None
        if not isinstance(value, str) or value in taken:
            continue
        if is_live(around.live, reference.to, reference.by, value):
            yield {
                "value": value,
                "resource": reference.to,
                "by": reference.by,
                "field": field,
                "fits": not any(
                    record.get(reference.by) == value for record in around.live.excluded(reference)
                ),
            }
    yield from live_path(exchange, operation, taken, around)


def live_path(
    exchange: Exchange, operation: Operation, taken: Mapping[str, Any], around: Surroundings
) -> Iterator[Json]:
    for part in exchange.request.path.split("/"):
        value = unquote(part)
        known = is_live(around.live, operation.resource, "id", value)
        if is_telling(value) and value not in taken and known:
            yield {"value": value, "resource": operation.resource, "by": "id"}


def is_live(live: Live, resource: str, by: str, value: str) -> bool:
    """Whether the target's own records hold a value; nothing is asked for that."""
    kept = live.kept.get((resource, KEY), [])
    return any(record.get(by) == value for record in kept)
