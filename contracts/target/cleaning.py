"""Takes away what a run has made: at its end, or later from what is written on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.errors import CouldNotRunError, EndedError, WithheldError
from contracts.surface import Surface, build_surfaces
from contracts.target.client import Client, path_of
from contracts.target.creations import Entry, iter_texts
from contracts.target.live import everything, read_all
from contracts.target.shown import key_of
from contracts.target.wire import GONE, KEY

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
    listed: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
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
    listed: dict[tuple[str, str], list[Mapping[str, Any]]],
) -> str:
    """Deletes what one creation made; returns why it could not."""
    reasons = []
    for name in entry.side_effects:
        held = [entry.record_id] if entry.record_id is not None else []
        for record in find(client, surfaces[name], [*held, *entry.marks], entry, listed):
            reasons.append(delete(client, surfaces[name], str(record["id"]), entry.credentials))
    if entry.record_id is not None:
        reasons.append(delete(client, surface, entry.record_id, entry.credentials))
    else:
        for record in find(client, surface, list(entry.marks), entry, listed):
            key = key_of(surface.resource, record)
            reasons.append(delete(client, surface, str(key), entry.credentials))
        if not entry.marks:
            reasons.append(f"{entry.operation_id} was not answered at {entry.at}: look for it")
    return next((reason for reason in reasons if reason), "")


def find(
    client: Client,
    surface: Surface,
    texts: list[str],
    entry: Entry,
    listed: dict[tuple[str, str], list[Mapping[str, Any]]],
) -> list[Mapping[str, Any]]:
    """The records of a list that hold one of the texts."""
    if surface.listing is None or not texts:
        return []
    key = (surface.resource.name, entry.credentials)
    if key not in listed:
        query = everything(surface.listing)
        listed[key] = read_all(client, surface.listing, query, entry.credentials)
    return [
        record
        for record in listed[key]
        if key_of(surface.resource, record) != entry.record_id
        and set(texts) & set(iter_texts(record))
    ]


def delete(client: Client, surface: Surface, record_id: str, credentials: str = KEY) -> str:
    """Deletes one record; returns why it could not."""
    operation = surface.delete
    if operation is None:
        return f"{NO_OPERATION} that deletes a {surface.resource.title}"
    client.guard.adopt(surface.resource.name, record_id)
    path = path_of(operation, record_id)
    answer = client.call(operation, path=path, credentials=credentials).answer
    return "" if answer.accepted or answer.status in GONE else f"answered {answer.status}"
