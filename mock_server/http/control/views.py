"""Records as conversations, as the document's views have them; no field of any API is known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from mock_server.clock import format_instant
from mock_server.http.control.call import Call, Raw
from mock_server.http.control.errors import missing
from mock_server.http.control.records import row_of
from mock_server.http.control.sending import as_received, build_request, text_of
from mock_server.http.wire import Lane
from mock_server.ids import IdFactory
from mock_server.pipeline.exchange import OperationPlan
from mock_server.pipeline.order import catch_up, run
from mock_server.rules.lifecycle import state_of
from mock_server.rules.record import Prototype
from mock_server.rules.values import Context, build_value
from mock_server.spec.model import Beside, View
from mock_server.spec.pointers import nearest, one_of
from mock_server.state.store import Record

READ = 20_000  # of a resource's latest records are put into threads
UNNAMED = "…"
APART = "="  # the thread of records that none of the thread's fields tells where to put
Fields = Mapping[str, Any]


class Reader:
    """A view of one tenant, prepared for reading."""

    def __init__(self, call: Call) -> None:
        document, name = call.lane.document, call.values["resource"]
        found = document.views.get(name)
        if found is None:
            known = list(document.views)
            listed = one_of(known) if known else "this document has no views"
            raise missing("view", name, nearest(name, known) or listed)
        self.call = call
        self.view: View = found
        self.prototype: Prototype = call.lane.plan.prototypes[name]
        resource = document.resources[name]
        labels = [build_value(value, resource, document.resources) for value in self.view.label]
        self.labels: list[Callable[[Context], Any]] = labels

    def fields(self, record: Record) -> Fields:
        return {**record.data, **record.hidden}

    def key(self, fields: Fields) -> str:
        """The thread that a record belongs to: the first of the fields that has a value, named."""
        for name in self.view.thread:
            if fields.get(name) is not None:
                return f"{name}={fields[name]}"
        return APART

    def time(self, fields: Fields) -> str | None:
        found = (fields.get(name) for name in self.view.time)
        return next((str(value) for value in found if value is not None), None)

    def label(self, fields: Fields, now: str) -> str:
        context = Context(self.call.tenant.store, IdFactory("only tried"), now, fields)
        found = (label(context) for label in self.labels)
        return next((str(value) for value in found if value not in (None, "")), UNNAMED)

    def carried(self, fields: Fields) -> dict[str, Any]:
        return {name: fields.get(name) for name in self.view.carries}

    def latest(self) -> list[Fields]:
        """The fields of the latest records, the oldest first."""
        found = self.call.tenant.store.select(self.prototype.collection, [], 0, READ)
        rows = [self.fields(record) for record in found.records]
        return sorted(rows, key=lambda fields: self.time(fields) or "")

    def records_of(self, key: str) -> list[Record]:
        """Every record of a thread, the oldest first."""
        found = self.call.tenant.store.select(self.prototype.collection, [], 0, READ)
        records = [one for one in found.records if self.key(self.fields(one)) == key]
        return sorted(records, key=lambda record: self.time(self.fields(record)) or "")

    def empty(self) -> list[Fields]:
        """Records as they would be in threads that have none yet: one for each that may be named."""
        store = self.call.tenant.store
        rows: list[Fields] = []
        for name in self.view.thread:
            reference = self.prototype.resource.references.get(name)
            if reference is not None:
                target = self.call.lane.plan.prototypes[reference.to]
                named = store.iter_records(target.collection)
                rows += [{name: record.data.get(reference.by)} for record in named]
        return rows

    def thread(self, key: str, rows: list[Fields], now: str) -> dict[str, Any]:
        last: Fields = rows[-1] if rows else {} if key == APART else dict([key.split("=", 1)])
        carried = self.carried(last)
        for row in reversed(rows):
            carried = {n: row.get(n) if v is None else v for n, v in carried.items()}
        text = last.get(self.view.text)
        return {
            "key": key,
            "label": self.label(last, now),
            "count": len(rows),
            "time": self.time(last),
            "text": None if text is None else str(text),
            "carried": carried,
        }

    def holds(self, wanted: str, shown: Mapping[str, Any], rows: list[Fields]) -> bool:
        """Whether a thread has a text: in what it is called, takes over, or says in a record."""
        taken = (str(value) for value in shown["carried"].values() if value is not None)
        said = (str(row.get(self.view.text) or "") for row in rows)
        texts = (shown["label"], shown["key"], *taken, *said)
        return any(wanted in text.casefold() for text in texts)

    def message(self, record: Record) -> dict[str, Any]:
        fields, view, machine = self.fields(record), self.view, self.prototype.machine
        state = None if machine is None else state_of(fields, machine.field)
        text = fields.get(view.text)
        return {
            **row_of(self.call.lane.plan, self.prototype, record),
            "text": None if text is None else str(text),
            "shows": [row for one in view.shows if (row := self.beside(one, fields))],
            "own": view.side is not None and fields.get(view.side) in view.own,
            "time": self.time(fields),
            "state": state,
            "moves": [] if machine is None else sorted(machine.allowed.get(state or "", ())),
            "events": []
            if machine is None
            else sorted(event for event, source in machine.events if source == state),
        }

    def beside(self, shown: Beside, fields: Fields) -> dict[str, Any] | None:
        """What a field says beside the text, and where pictures of it are; nothing without a value."""
        value = fields.get(shown.field)
        listed = value if isinstance(value, list) else [value]
        pictures: list[dict[str, str]] = []
        if shown.item is not None:
            items = [one for one in listed if isinstance(one, dict)]
            listed = [one.get(shown.item) for one in items]
            for one in items if shown.picture is not None else []:
                place = text_of(one.get(shown.picture))
                if content_at(self.call.lane, place):
                    pictures.append({"at": place, "of": text_of(one.get(shown.item))})
        said = [text_of(one) for one in listed if one not in (None, "")]
        return {"field": shown.field, "values": said, "pictures": pictures} if said else None


def content_at(lane: Lane, place: str) -> tuple[OperationPlan, dict[str, str]] | None:
    """The operation whose content has an address, and the values of its path; only paths count."""
    found = lane.router.find(as_received(unquote(urlsplit(place).path)))
    operation = found[0].get("GET") if found is not None else None
    if found is None or operation is None or operation.content is None:
        return None
    return operation, found[1]


def picture(call: Call) -> Any:
    """What the tenant reads at an address, where that is a picture; no request of the journal."""
    lane, place = call.lane, call.values["at"]
    found = content_at(lane, place)
    if found is not None:
        request = build_request(lane, call.tenant, {"path": urlsplit(place).path})
        answer = run(lane.plan, lane.tenants, found[0], request, found[1])[0]
        kind = dict(answer.headers).get("Content-Type", "")
        if answer.status < 400 and kind.startswith("image/"):
            # Some pictures can hold scripts: who opens one by itself runs none.
            return Raw(
                answer.body, 200, {"Content-Type": kind, "Content-Security-Policy": "sandbox"}
            )
    raise missing("picture", place, "the views of a document say where pictures are")


def threads(call: Call) -> Any:
    """A page of the threads, of those with a text where one is wanted."""
    reader, skip = Reader(call), call.values["skip"]
    wanted = (call.values["text"] or "").casefold()
    with call.tenant.store.transaction():
        now = catch_up(call.lane.plan, call.tenant)
        rows: dict[str, list[Fields]] = {}
        for fields in reader.latest():
            rows.setdefault(reader.key(fields), []).append(fields)
        for fields in reader.empty():
            rows.setdefault(reader.key(fields), [])
        moment = format_instant(now)
        found = [
            shown
            for key, listed in rows.items()
            for shown in (reader.thread(key, listed, moment),)
            if not wanted or reader.holds(wanted, shown, listed)
        ]
    found.sort(key=lambda row: (row["time"] or "", row["label"]), reverse=True)
    return found[skip : skip + call.values["limit"]]


def thread(call: Call) -> Any:
    reader, key = Reader(call), call.values["thread"]
    name, sign = key.partition("=")[:2]
    if not sign or (name not in reader.view.thread and key != APART):
        raise missing("thread", key, f"GET /__mock/views/{reader.view.resource} lists them")
    with call.tenant.store.transaction():
        now = catch_up(call.lane.plan, call.tenant)
        records = reader.records_of(key)
        rows = [reader.fields(one) for one in records]
        shown = reader.thread(key, rows, format_instant(now))
        end = max(len(records) - call.values["skip"], 0)
        page = records[max(end - call.values["limit"], 0) : end]
        messages = [reader.message(one) for one in page]
    return {**shown, "records": messages}


CALLS = {"threads": threads, "thread": thread, "picture": picture}
