"""Takes away what a run has made: at its end, or later from what is written on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from contracts.errors import CouldNotRunError, EndedError, LostError, WithheldError
from contracts.moments import parse_moment
from contracts.surface import Surface, build_surfaces
from contracts.target.client import Client, path_of
from contracts.target.companions import (
    CLOSE,
    made_beside,
    moment_of,
    naming_fields,
    own_fields,
    written_moment,
)
from contracts.target.creations import Entry, iter_texts
from contracts.target.live import everything, read_all
from contracts.target.shown import key_of
from contracts.target.wire import GONE, KEY, OUTAGE, Answer
from mock_server.spec.model import Operation

Listed = dict[tuple[str, str], list[Mapping[str, Any]]]  # by resource and credentials
PAUSES = (0.0, 0.2, 1.0)  # before a request is made, and made again
NO_OPERATION = "the document has no operation"


@dataclass(frozen=True, slots=True)
class Left:
    """A record that stayed; `reason` says why, and `for_good` that trying again is of no use."""

    title: str
    record_id: str
    reason: str
    for_good: bool = False


def clean(client: Client) -> list[Left]:
    """Deletes everything created, newest first; what stays is named."""
    entries = client.creations.open_entries()
    client.pace.reserve(len(entries))
    surfaces = build_surfaces(client.document)
    left = [*iter_left(client, surfaces, entries)]
    client.creations.finish()
    return left


def iter_left(
    client: Client, surfaces: Mapping[str, Surface], entries: list[Entry]
) -> Iterator[Left]:
    """What could not be deleted. After a lost connection nothing more is tried."""
    lost = ""
    listed: Listed = {}
    for entry in entries:
        operation = client.document.operations.get(entry.operation_id)
        if operation is None:
            yield Left(
                entry.operation_id, entry.record_id or "?", "the document has no such operation"
            )
            continue
        surface = surfaces[operation.resource]
        try:
            reason = lost or delete_entry(client, surfaces, surface, entry, listed)
        except (EndedError, CouldNotRunError, WithheldError) as error:
            reason = str(error)
            lost = reason if isinstance(error, EndedError) else lost
        for_good = reason.startswith(NO_OPERATION)
        if reason:
            yield Left(surface.resource.title, entry.record_id or "?", reason, for_good)
        if not reason or for_good:
            client.creations.close(entry, reason)


def delete_entry(
    client: Client,
    surfaces: Mapping[str, Surface],
    surface: Surface,
    entry: Entry,
    listed: Listed,
) -> str:
    """Deletes what one creation made; returns why it could not."""
    reasons = []
    operation = client.document.operations[entry.operation_id]
    for name in entry.side_effects if entry.record_id is not None else ():
        fields = naming_fields(operation, name)
        for record in read_list(client, surfaces[name], entry, listed):
            if any(record.get(field) == entry.record_id for field in fields):
                reasons.append(delete(client, surfaces[name], str(record["id"]), entry.credentials))
    for name, record_id in entry.made:
        reasons.append(delete_made(client, surfaces[name], record_id, entry))
    if entry.record_id is not None:
        reasons.append(delete(client, surface, entry.record_id, entry.credentials))
    else:
        reasons += delete_marked(client, surfaces, surface, entry, listed)
    return next((reason for reason in reasons if reason), "")


def delete_marked(
    client: Client,
    surfaces: Mapping[str, Surface],
    surface: Surface,
    entry: Entry,
    listed: Listed,
) -> Iterator[str]:
    """Deletes what a creation without an answer may have made, by the texts that it sent."""
    operation = client.document.operations[entry.operation_id]
    if not entry.marks:
        yield f"{entry.operation_id} was not answered at {entry.at}: look for it"
    for record in read_list(client, surface, entry, listed):
        own = own_fields(surface.resource, record)
        if not set(entry.marks) & set(iter_texts(own)):
            continue
        told = replace(entry, moment=written_moment(surface.resource, record))
        for name, record_id in made_beside([*operation.effects], record):
            yield delete_made(client, surfaces[name], record_id, told)
        key = key_of(surface.resource, record)
        yield delete(client, surface, str(key), entry.credentials)


def delete_made(client: Client, surface: Surface, record_id: str, entry: Entry) -> str:
    """Deletes what came with a record, unless it was there before; returns why it could not."""
    if surface.delete is None or surface.read is None:
        return ""  # it goes with its record, or stays with all of its kind
    answer = ask(client, surface.read, record_id, entry.credentials)
    if answer.status in GONE:
        return ""
    made, maker = moment_of(surface.resource, answer.body), parse_moment(entry.moment)
    if made is None or maker is None:
        return f"whether {record_id} came with {entry.record_id or '?'} cannot be told: look for it"
    if made < maker - timedelta(seconds=CLOSE):
        return ""
    return delete(client, surface, record_id, entry.credentials)


def read_list(
    client: Client, surface: Surface, entry: Entry, listed: Listed
) -> list[Mapping[str, Any]]:
    """Every record of a resource but the entry's own, read once for each key."""
    if surface.listing is None:
        return []
    key = (surface.resource.name, entry.credentials)
    if key not in listed:
        query = everything(surface.listing)
        listed[key] = read_all(client, surface.listing, query, entry.credentials)
    return [one for one in listed[key] if key_of(surface.resource, one) != entry.record_id]


def delete(client: Client, surface: Surface, record_id: str, credentials: str = KEY) -> str:
    """Deletes one record; returns why it could not."""
    operation = surface.delete
    if operation is None:
        return f"{NO_OPERATION} that deletes a {surface.resource.title}"
    client.guard.adopt(surface.resource.name, record_id)
    try:
        status = ask(client, operation, record_id, credentials).status
    except LostError as error:
        return str(error)
    return "" if status < 300 or status in GONE else f"answered {status}"


def ask(client: Client, operation: Operation, record_id: str, credentials: str) -> Answer:
    """Reads or deletes a record, again where that did not come through.

    Raises LostError. Who deletes once more is told that it is gone, if it is.
    """
    path = path_of(operation, record_id)
    for pause in PAUSES:
        client.pace.sleep(pause)
        try:
            answer = client.call(operation, path=path, credentials=credentials).answer
        except LostError:
            continue
        if answer.status not in OUTAGE:
            return answer
    return client.call(operation, path=path, credentials=credentials).answer
