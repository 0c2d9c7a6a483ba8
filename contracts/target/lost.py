"""A creation whose answer was lost: whether it has made a record all the same, and which."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contracts.errors import LostError
from contracts.surface import build_surface
from contracts.target.companions import beside_of, moment_of
from contracts.target.creations import Entry
from contracts.target.live import everything, read_all
from contracts.target.shown import key_of
from contracts.target.wire import parse_json
from mock_server.spec.model import Operation
from mock_server.spec.schemas import keyword_of, properties_of

if TYPE_CHECKING:
    from contracts.target.client import Client


def look_for(
    client: Client,
    entry: Entry,
    operation: Operation,
    target: str,
    content: bytes | None,
    since: datetime | None,
) -> None:
    """Settles an entry by what the target has now.

    The record is the one that nobody has seen before, that holds what was sent, and that was not
    made before `since`, the moment of the run's latest record by the target's own clock. Without
    such a moment nothing tells it from others, and the entry stays open.
    """
    surface = build_surface(client.document, operation.resource)
    if surface.listing is None or since is None:
        return
    known = client.guard.own | client.guard.foreign
    try:
        rows = read_all(client, surface.listing, everything(surface.listing), entry.credentials)
    except LostError:
        return
    given = parse_json(content or b"")
    fresh = [
        row
        for row in rows
        if (surface.resource.name, str(key_of(surface.resource, row))) not in known
        and (moment_of(surface.resource, row) or since) >= since
    ]
    found = [row for row in fresh if is_of(operation, row, given)]
    if not fresh and not entry.marks:
        client.creations.close(entry, "nothing was found of it")
    elif len(found) == 1:
        (record,) = found
        key = str(key_of(surface.resource, record))
        client.guard.adopt(surface.resource.name, key)
        beside = beside_of(surface.resource, operation, target, content, record)
        client.creations.name(entry, key, beside)


def is_of(operation: Operation, record: Mapping[str, Any], given: Any) -> bool:
    """Whether a record has the plain texts that were sent; moments may be written in other ways."""
    schemas = properties_of(operation.body_schema)
    return all(
        record[name] == value
        for name, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str) and name in record
        if not keyword_of(schemas.get(name), "format")
    )
