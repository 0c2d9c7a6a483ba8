"""What the target itself holds: the records that requests refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.oracle.schema import oracle_of
from contracts.surface import Surface
from contracts.target.client import Client, path_of
from contracts.target.shown import records_in
from contracts.target.wire import KEY, OTHER
from mock_server.spec.model import Operation, Reference

Record = Mapping[str, Any]
MAXIMUM_PAGES = 5
ATTEMPTS = 3  # at a record that no other has by chance


class Live:
    """Records by resource, read once and kept; those that are made later are added."""

    def __init__(self, client: Client, surfaces: Mapping[str, Surface]) -> None:
        self.client = client
        self.surfaces = surfaces
        self.kept: dict[tuple[str, str], list[Record]] = {}
        # (resource, field) -> values by which answers named its records
        self.seen: dict[tuple[str, str], dict[Any, None]] = {}
        self.make: Callable[[str, str], Record | None] = lambda resource, credentials: None

    def records(self, resource: str, credentials: str = KEY) -> list[Record]:
        """All records that the list operation shows, made ones included."""
        place = (resource, credentials)
        if place not in self.kept:
            self.kept[place] = []
            listing = self.surfaces[resource].listing
            if listing is not None:
                self.kept[place] = read_all(self.client, listing, everything(listing), credentials)
            if credentials == KEY:
                for record in self.kept[place]:
                    self.notice(resource, record)
        return self.kept[place]

    def add(self, resource: str, record: Record, credentials: str = KEY) -> None:
        self.records(resource, credentials).append(record)

    def forget(self, resource: str, record_id: str) -> None:
        kept = self.kept.get((resource, KEY), [])
        kept[:] = [one for one in kept if one.get("id") != record_id]

    def notice(self, resource: str, record: Any) -> None:
        """Keeps what an answer names, for resources without a list."""
        if not isinstance(record, Mapping):
            return
        for field, reference in references_of(self.surfaces[resource]).items():
            named = record.get(field)
            for value in named if isinstance(named, list) else [named]:
                if isinstance(value, str):
                    self.seen.setdefault((reference.to, reference.by), {})[value] = None

    def find(self, reference: Reference, value: Any) -> Record | None:
        """The record that a value names, asked for by id where the list does not have it."""
        if isinstance(value, list):
            return self.find(reference, value[0]) if value else None
        for record in self.records(reference.to):
            if record.get(reference.by) == value:
                return record
        read = self.surfaces[reference.to].read
        if read is None or reference.by != "id" or not isinstance(value, str):
            return None
        answer = self.client.call(read, path=path_of(read, value)).answer
        if not answer.accepted or not isinstance(answer.body, dict):
            return None
        self.records(reference.to).append(answer.body)
        return answer.body

    def renew(self, reference: Reference, value: Any) -> Record | None:
        """The record that a value names, as it is now: the run itself may have changed it."""
        surface = self.surfaces[reference.to]
        known = reference.by == "id" and isinstance(value, str)
        if known and surface.update is not None and surface.read is not None:
            self.forget(reference.to, value)
            answer = self.client.call(surface.read, path=path_of(surface.read, value)).answer
            if answer.accepted and isinstance(answer.body, dict):
                self.records(reference.to).append(answer.body)
        return self.find(reference, value)

    def fitting(self, reference: Reference, own: Record) -> list[Record]:
        """Records that a reference may name beside the other values of a body."""
        return [record for record in self.wanted(reference) if matches(reference, record, own)]

    def wanted(self, reference: Reference) -> list[Record]:
        """Records that satisfy `where`; one is made where there is none and that is possible.

        Those of which the document leaves it open whether they serve, only where there are no others.
        """
        holds = oracle_of(reference.where) if reference.where is not None else None
        found = [
            record
            for record in self.records(reference.to)
            if record.get(reference.by) is not None and (holds is None or holds.is_valid(record))
        ]
        if reference.open is not None:
            doubtful = oracle_of(reference.open)
            found = [one for one in found if not doubtful.is_valid(one)] or found
        if found:
            return found
        if self.surfaces[reference.to].listing is not None:
            made = self.make(reference.to, KEY)
            if made is not None and (holds is None or holds.is_valid(made)):
                return [made]
            if self.records(reference.to):  # there are some, and none of them serves
                return []
        return self.named(reference)

    def named(self, reference: Reference) -> list[Record]:
        """What other records of the target name, where it shows none of those themselves."""
        for surface in self.surfaces.values():
            for one in references_of(surface).values():
                if (one.to, one.by) == (reference.to, reference.by):
                    self.records(surface.resource.name)
        known = self.seen.get((reference.to, reference.by), {})
        return [{reference.by: value} for value in known]

    def excluded(self, reference: Reference) -> list[Record]:
        """Records that exist and that `where` excludes."""
        if reference.where is None:
            return []
        holds = oracle_of(reference.where)
        return [
            record
            for record in self.records(reference.to)
            if record.get(reference.by) is not None and not holds.is_valid(record)
        ]

    def values(self, reference: Reference) -> set[Any]:
        """Everything that names a record just now: the run may have made more than it has kept."""
        listing = self.surfaces[reference.to].listing
        found = self.records(reference.to)
        if listing is not None:  # what is read now may be changed again, and is not kept
            found = found + read_all(self.client, listing, everything(listing))
        return {record.get(reference.by) for record in found}

    def foreign(self, reference: Reference) -> Record | None:
        """A record that only the other account has."""
        own = self.values(reference)
        holds = oracle_of(reference.where) if reference.where is not None else None
        for record in self.records(reference.to, OTHER):
            value = record.get(reference.by)
            if value is not None and value not in own and (holds is None or holds.is_valid(record)):
                return record
        made = (self.make(reference.to, OTHER) for _ in range(ATTEMPTS))
        return next((one for one in made if one is None or one.get(reference.by) not in own), None)


def references_of(surface: Surface) -> Mapping[str, Reference]:
    """The references of a record, also those that only its creation states."""
    asked = surface.create.references if surface.create is not None else {}
    fields = surface.resource.fields
    own = {name: one for name, one in asked.items() if name in fields}
    return {**surface.resource.references, **own}


def matches(reference: Reference, record: Record, own: Record) -> bool:
    return all(
        own.get(ours) is None or record.get(theirs) == own[ours]
        for theirs, ours in reference.match.items()
    )


def everything(listing: Operation) -> dict[str, Any]:
    """Query values with which a list leaves nothing out."""
    return {
        parameter.name: parameter.query.any
        for parameter in listing.parameters
        if parameter.query is not None
        and parameter.query.does == "filter"
        and parameter.query.any is not None
    }


def listed_ids(client: Client, listing: Operation) -> set[Any]:
    """The ids that a list has just now, page after page."""
    return {record.get("id") for record in read_all(client, listing, everything(listing))}


def read_all(
    client: Client, listing: Operation, query: Mapping[str, Any], credentials: str = KEY
) -> list[Record]:
    """The records of a list, page after page."""
    found: list[Record] = []
    page = client.document.resources[listing.resource].page
    skip = next((p.name for p in listing.parameters if p.query and p.query.does == "skip"), None)
    for _ in range(MAXIMUM_PAGES):
        asked = dict(query)
        if skip is not None and found:
            asked[skip] = len(found)
        body = client.call(listing, query=asked, credentials=credentials).answer.body
        listed = records_in(client.document, listing, body)
        if not listed:
            break
        found += [record for record in listed if isinstance(record, dict)]
        if skip is None or page.more is None or body.get(page.more) is not True:
            break
    return found
