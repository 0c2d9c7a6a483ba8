"""A document and seeds that change while they are served."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mock_server.http import doorway, watch
from mock_server.http.compose import build_lane
from mock_server.http.doorway import SwingDoor
from mock_server.http.log import RequestLog
from mock_server.http.watch import Watcher
from mock_server.spec import load_document
from mock_server.testing.wsgi import Reply, call

DOCUMENT = """
openapi: 3.1.0
info: {title: Things, version: "1"}
x-seed: [seed.yaml]
paths:
  /things/:
    get: {operationId: list, responses: {"200": {description: x, content: {application/json: {schema: {properties: {data: {items: {$ref: "#/components/schemas/Thing"}}}}}}}}}
    post:
      operationId: create
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}, size: {}, shade: {}}}}}}
      responses: {"201": {description: x, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
  /things/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: read, responses: {"200": {description: x, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}}
    put:
      operationId: change
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}, size: {}, shade: {}}}}}}
      responses: {"200": {description: x, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
    delete: {operationId: delete, responses: {"200": {description: x, content: {application/json: {schema: {type: object}}}}}}
components:
  schemas:
    Thing:
      x-resource: {collection: things}
      type: object
      properties:
        id: {type: string, x-derived: {value: $id, when: create}}
        name: {type: [string, "null"]}
        size: {type: [integer, string, "null"]}
        shade: {type: [string, "null"]}
"""
SEED = "things:\n- {id: a, name: Ada}\n- {id: b, name: Ben}\n- {name: Nameless}\n"


class Site:
    """A document on disk, watched; `save` has it looked at."""

    def __init__(self, folder: Path, overlays: Sequence[Path] = ()) -> None:
        self.overlays = overlays
        self.document, self.seed = folder / "things.yaml", folder / "seed.yaml"
        self.document.write_text(DOCUMENT)
        self.seed.write_text(SEED)
        self.said = StringIO()
        log = RequestLog("info", stream=self.said)

        def build() -> tuple[Any, list[Path]]:
            document = load_document(self.document, self.overlays)
            return build_lane(document, {"log": log}), [*document.files, *document.seeds]

        lane, files = build()
        self.door = SwingDoor(lane)
        self.watcher = Watcher(self.door, files, build)

    def save(self, document: str = "", seed: str = "") -> str:
        """Writes as editors do, another file in the old one's stead; returns what the log says."""
        for file, text in ((self.document, document), (self.seed, seed)):
            if text:
                beside = file.with_suffix(".new")
                beside.write_text(text)
                beside.replace(file)
        self.said.truncate(self.said.seek(0))
        self.watcher.look()
        return self.said.getvalue()

    def ask(self, method: str, path: str, body: bytes = b"") -> Reply:
        headers = [("Content-Type", "application/json")] if body else []
        return call(self.door, method, f"http://x{path}", headers, body)

    def names(self) -> set[str]:
        tenant = self.door.lane.tenants.find("api_test_key")  # whose everything is without a key
        assert tenant is not None
        return {str(record.data["name"]) for record in tenant.store.iter_records("things")}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(watch, "TICK", 0)
    # What other tests have left frozen is not looked through at each reload.
    monkeypatch.setattr(gc, "unfreeze", lambda: None)
    return Site(tmp_path)


def test_nothing_is_loaded_while_nothing_changes(site: Site) -> None:
    lane = site.door.lane
    assert site.watcher.look() is False
    assert site.door.lane is lane


def test_what_was_done_is_kept_and_the_rest_is_the_new_seeds(site: Site) -> None:
    site.ask("POST", "/things/", b'{"name": "Mine"}')
    site.ask("PUT", "/things/a/", b'{"name": "Changed"}')
    site.ask("DELETE", "/things/b/")
    said = site.save(seed=SEED.replace("Ada", "Aida") + "- {id: c, name: Cleo}\n")
    assert "loaded again: 5 operations" in said
    assert "dropped" not in said
    assert site.names() == {"Mine", "Changed", "Nameless", "Cleo"}


def test_records_of_the_seed_keep_ids_that_nobody_gave(site: Site) -> None:
    before = site.ask("GET", "/things/").body
    site.save(document=DOCUMENT.replace("title: Things", "title: Other things"))
    assert site.ask("GET", "/things/").body == before


def test_what_fits_no_longer_is_dropped_and_named(site: Site) -> None:
    site.ask("POST", "/things/", b'{"name": "Long", "size": "XL", "shade": "dark"}')
    site.ask("POST", "/things/", b'{"name": "Short", "size": 1, "shade": "light"}')
    changed = DOCUMENT.replace(
        'size: {type: [integer, string, "null"]}', 'size: {type: [integer, "null"]}'
    )
    changed = changed.replace('        shade: {type: [string, "null"]}\n', "")
    said = site.save(document=changed)
    assert '/size: found "XL"; expected' in said
    assert "the field shade of 2 records" in said
    assert site.names() == {"Short", "Ada", "Ben", "Nameless"}


def test_a_collection_that_is_gone_is_named(site: Site) -> None:
    site.ask("POST", "/things/", b'{"name": "Mine"}')
    said = site.save(
        document=DOCUMENT.replace("collection: things", "collection: items"),
        seed=SEED.replace("things:", "items:"),
    )
    assert "things: 1 records: the document has no such collection" in said


def test_a_fault_is_shown_and_the_version_before_keeps_serving(site: Site) -> None:
    said = site.save(document=DOCUMENT.replace("x-resource", "x-resorce"))
    assert 'did you mean "x-resource"' in said
    assert "the version before keeps serving" in said
    assert site.ask("GET", "/things/").status == 200
    assert "loaded again" in site.save(document=DOCUMENT)


def test_a_file_that_is_gone_for_a_moment_is_no_end(site: Site) -> None:
    site.document.unlink()
    assert "no such file" in site.save()
    assert site.ask("GET", "/things/").status == 200
    assert "loaded again" in site.save(document=DOCUMENT)


def test_keys_and_clocks_stay(site: Site) -> None:
    tenant = site.door.lane.tenants.find("api_test_other")
    assert tenant is not None
    tenant.clock.freeze(1_900_000_000_000_000)
    site.save(document=DOCUMENT.replace('version: "1"', 'version: "2"'))
    again = site.door.lane.tenants.find("api_test_other")
    assert again is not None
    assert again is not tenant
    assert again.clock.now() == 1_900_000_000_000_000


def test_faults_and_snapshots_stay_where_they_fit(site: Site) -> None:
    def control(method: str, path: str, body: Any = None) -> Any:
        reply = site.ask(method, f"/__mock{path}", json.dumps(body).encode() if body else b"")
        assert reply.status < 300, reply
        return json.loads(reply.body) if reply.body else None

    site.ask("POST", "/things/", b'{"name": "Kept", "size": 1}')
    site.ask("POST", "/things/", b'{"name": "Lost", "size": "XL"}')
    control("POST", "/snapshots", {"name": "before"})
    for name in ("Kept", "Lost"):
        (found,) = [one for one in things(site) if one["name"] == name]
        site.ask("DELETE", f"/things/{found['id']}/")
    for operation in ("read", "delete"):
        match = {"operation": operation}
        control("POST", "/faults", {"does": "status", "status": 503, "match": match})
    changed = DOCUMENT.replace(
        'size: {type: [integer, string, "null"]}', 'size: {type: [integer, "null"]}'
    ).replace("operationId: delete", "operationId: erase")
    said = site.save(document=changed)
    assert "records, clocks, faults, snapshots and the journal are kept" in said
    assert ': status: The document has no such name. match/operation: found "delete"' in said
    assert "snapshot before: things: " in said
    assert '/size: found "XL"' in said
    assert [one["match"]["operation"] for one in control("GET", "/faults")] == ["read"]
    assert site.door.lane.steering.active
    assert {one["name"] for one in things(site)} == {"Ada", "Ben", "Nameless"}
    control("POST", "/snapshots/before/restore")
    assert {one["name"] for one in things(site)} == {"Ada", "Ben", "Nameless", "Kept"}


def test_what_was_asked_stays_in_the_journal(site: Site) -> None:
    site.ask("GET", "/things/a/")
    site.ask("DELETE", "/things/b/")
    site.ask("GET", "/nowhere/")
    site.save(document=DOCUMENT.replace("operationId: delete", "operationId: erase"))
    site.ask("GET", "/things/")
    rows = json.loads(site.ask("GET", "/__mock/requests").body)
    # What the document has no operation for any more is gone.
    assert [row["path"] for row in rows] == ["/things/", "/nowhere/", "/things/a/"]
    assert json.loads(site.ask("GET", f"/__mock/requests/{rows[2]['id']}").body) == rows[2]


def test_what_does_not_serve_is_told_where_people_look(site: Site) -> None:
    def told() -> tuple[Any, Any]:
        events = site.ask("GET", "/__mock/live").body.decode()
        state = json.loads(events.rpartition("data: ")[2])
        health = json.loads(site.ask("GET", "/__mock/health").body)
        assert health["stale"] == state["stale"]
        return state["stale"], state["version"]

    before = told()
    assert before[0] is None
    site.save(document=DOCUMENT.replace("responses:", "responces:"))
    stale, version = told()
    assert "responces" in stale
    assert version == before[1]
    site.save(document=DOCUMENT)
    assert told()[0] is None
    assert told()[1] > version


def things(site: Site) -> Any:
    return json.loads(site.ask("GET", "/things/").body)["data"]


def test_a_typo_is_told_in_few_lines(site: Site) -> None:
    said = site.save(document=DOCUMENT.replace("responses:", "responces:"))
    assert len(said.splitlines()) <= watch.SHOWN + 3


def test_a_request_under_way_is_done_before_the_lane_changes(site: Site) -> None:
    asked, answered = threading.Event(), threading.Event()
    lane = site.door.lane
    plain = lane.answer

    def slow(request: Any) -> Any:
        asked.set()
        answered.wait(5)
        return plain(request)

    lane.answer = slow  # type: ignore[method-assign]
    body = b'{"name": "Slow"}'
    under_way = threading.Thread(target=site.ask, args=("POST", "/things/", body))
    under_way.start()
    assert asked.wait(5)
    swap = threading.Thread(target=site.save, args=(DOCUMENT + "\n",))
    swap.start()
    swap.join(0.1)
    assert site.door.lane is lane
    answered.set()
    swap.join(10)
    under_way.join(10)
    assert site.door.lane is not lane
    assert "Slow" in site.names()


def test_a_request_that_never_ends_holds_up_no_version(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorway, "PATIENCE", 0)
    site.door.inside = 1
    assert "loaded again" in site.save(document=DOCUMENT + "\n")


def test_an_overlay_that_changes_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TICK", 0)
    # What other tests have left frozen is not looked through at each reload.
    monkeypatch.setattr(gc, "unfreeze", lambda: None)
    over = tmp_path / "over.yaml"
    head = 'overlay: 1.0.0\ninfo: {title: x, version: "1"}\nactions:\n'
    over.write_text(head + "- {target: $.info, update: {version: '2'}}\n")
    site = Site(tmp_path, [over])
    assert site.door.lane.document.version == "2"
    over.write_text(head + "- {target: $.inf, update: {version: '3'}}\n")
    said = site.save()
    assert "over.yaml:4: #/actions/0/target" in said
    assert "the version before keeps serving" in said
    over.write_text(head + "- {target: $.info, update: {version: '4.0'}}\n")
    assert "loaded again" in site.save()
    assert site.door.lane.document.version == "4.0"
