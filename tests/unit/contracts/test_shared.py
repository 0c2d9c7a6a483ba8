"""Examples that failed are kept, and tried first by whoever comes next."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir, storage_directory
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
)
from hypothesis.internal import charmap

from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.errors import CouldNotRunError
from contracts.judge import judge
from contracts.settings import Selection, Settings, Timepiece
from contracts.shared import CaseDatabase, open_database, own_storage, phases_with
from mock_server.spec import Document, default_document_path
from tests.peers.sms_peer import create_peer
from tests.unit.contracts.report.runs import KEY, MovedTime, judge_peer


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Redis in this process, wherever one is asked for."""
    try:
        fakeredis = importlib.import_module("fakeredis")
        real = importlib.import_module("redis")
    except ImportError:
        if "CI" in os.environ:
            pytest.fail("CI needs redis and fakeredis")
        pytest.skip("no redis and fakeredis")
    server = fakeredis.FakeServer()
    made = fakeredis.FakeRedis(server=server)
    fake = SimpleNamespace(Redis=SimpleNamespace(from_url=lambda url, **more: made))
    fake.RedisError = real.RedisError
    load = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda n: fake if n == "redis" else load(n))
    yield server
    made.close()


def explore(bench: Bench) -> list[int]:
    """The numbers that a case tries which no number of 1,000 and more passes."""
    tried: list[int] = []

    def attempt(part: Story, value: int) -> None:
        tried.append(value)
        if value >= 1000:
            part.refute("a small number", str(value))

    story = Story(bench, Case(("sms.delete",), "numbers", lambda story: iter(())))
    bench.explore(story, st.integers(min_value=0), attempt, examples=100)
    assert [one.came for one in story.findings] == ["1000"]
    return tried


def bench_with(database: ExampleDatabase | None) -> Bench:
    bench = judge_peer(None, ("sms.delete",)).bench
    return Bench(bench.document, bench.client, bench.settings, database)


def test_what_failed_is_tried_first_the_next_time(tmp_path: Path) -> None:
    place = str(tmp_path / "kept")
    assert explore(bench_with(open_database(place)))[0] < 1000
    assert explore(bench_with(open_database(place)))[0] == 1000
    assert explore(bench_with(None))[0] < 1000


def test_what_failed_is_told_to_other_runners_by_redis(redis: Any) -> None:
    assert explore(bench_with(open_database("redis://:hidden@127.0.0.1/0")))[0] < 1000
    assert explore(bench_with(open_database("redis://:hidden@127.0.0.1/0")))[0] == 1000


def test_a_run_keeps_its_examples_where_it_is_told(document: Document, tmp_path: Path) -> None:
    time = MovedTime()
    choices = Settings(
        default_document_path(),
        schemathesis=False,
        selection=Selection(include_rules=("sms.delete",)),
        database=str(tmp_path),
    )
    app = create_peer(clock=lambda: datetime.fromtimestamp(time.seconds, UTC))
    environment = {"CONTRACTS_API_KEY": KEY}
    result = judge(document, choices, environment, Timepiece(time.now, time.sleep), app=app)
    assert isinstance(result.bench.database, DirectoryBasedExampleDatabase)


def test_a_redis_that_is_not_there_is_said_without_its_password(redis: Any) -> None:
    redis.connected = False
    with pytest.raises(CouldNotRunError, match=r"Redis at 127\.0\.0\.1 does not answer") as caught:
        open_database("redis://:hidden@127.0.0.1/0")
    assert "hidden" not in str(caught.value)


def test_redis_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(CouldNotRunError, match=r"mock-server-kit\[redis\]"):
        open_database("redis://127.0.0.1/0")


def test_a_place_is_a_folder_or_redis(tmp_path: Path) -> None:
    assert open_database(None) is None
    assert isinstance(open_database(str(tmp_path)), DirectoryBasedExampleDatabase)
    with pytest.raises(CouldNotRunError, match='found "postgres://…"'):
        open_database("postgres://user:hidden@host/")


def test_each_case_has_its_own_part() -> None:
    whole = InMemoryExampleDatabase()
    one, other = (CaseDatabase(whole, name, print) for name in ("one", "other"))
    one.save(b"key", b"value")
    assert (list(one.fetch(b"key")), list(other.fetch(b"key"))) == ([b"value"], [])
    one.delete(b"key", b"value")
    assert list(one.fetch(b"key")) == []


def test_a_database_that_is_lost_costs_nothing_and_is_said_once() -> None:
    class Lost(InMemoryExampleDatabase):
        def fetch(self, key: bytes) -> Any:
            raise ConnectionError("redis://:hidden@host")

    said: list[str] = []
    one = CaseDatabase(Lost(), "one", said.append)
    assert (list(one.fetch(b"key")), list(one.fetch(b"key"))) == ([], [])
    one.save(b"key", b"value")
    assert said == ["the database of examples is lost (ConnectionError)"]


def test_nothing_is_reused_where_nothing_is_kept() -> None:
    assert Phase.reuse not in phases_with(None)
    assert phases_with(InMemoryExampleDatabase())[0] is Phase.reuse


def test_the_table_of_characters_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who works it out tries every character there is; here there would be ten."""
    monkeypatch.setattr(charmap.sys, "maxunicode", 10)
    with own_storage():
        told, lossy = charmap.intervals_from_codec.__wrapped__("utf-8")
    assert (told.intervals, lossy.intervals) == (((0, 0xD7FF), (0xE000, 0x10FFFF)), ())
    for first, last in told.intervals:
        assert (chr(first) + chr(last)).encode().decode() == chr(first) + chr(last)
    for surrogate in (0xD800, 0xDFFF):
        with pytest.raises(UnicodeEncodeError):
            chr(surrogate).encode()


def test_a_run_leaves_nothing_that_the_next_begins_with(lockers: Document, tmp_path: Path) -> None:
    usual = storage_directory(intent_to_write=False).path
    set_hypothesis_home_dir(tmp_path)
    choices = Settings(
        Path("lockers.yaml"),
        selection=Selection(include_rules=("parcel.stages",), include_operations=("listParcels",)),
    )
    try:
        time = MovedTime()
        judge(lockers, choices, {}, Timepiece(time.now, time.sleep))
        assert storage_directory(intent_to_write=False).path == tmp_path
    finally:
        set_hypothesis_home_dir(usual)
    assert list(tmp_path.iterdir()) == []
