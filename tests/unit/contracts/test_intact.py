"""What a run leaves of an account: all that was there, and nothing else; also on a bad line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from contracts.errors import CouldNotRunError
from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from contracts.target.connect import Context
from contracts.target.wire import Answer
from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document, default_document_path
from tests.unit.contracts.fake import FakeTime, FakeTransport, elsewhere

KEY = "api_test_intact"
WRITES = ("POST", "PUT", "DELETE")


class Account:
    """One account of a stub, compared with what it was."""

    def __init__(self, app: MockServer) -> None:
        self.app = app
        self.before = self.ids()

    def ids(self) -> dict[str, list[str]]:
        client = self.app.test_client()
        found = {}
        for name in client.get("/__mock/state", auth=(KEY, "")).get_json()["collections"]:
            path = f"/__mock/state/{name}?limit=1000"
            rows = client.get(path, auth=(KEY, "")).get_json()["records"]
            # What is logged stays logged, and media go when whoever keeps them likes.
            if name not in ("events", "media"):
                found[name] = sorted(row["id"] for row in rows)
        return found

    @property
    def changed(self) -> dict[str, tuple[set[str], set[str]]]:
        """Collection -> ids that are gone, ids that are new."""
        now = self.ids()
        return {
            name: (set(ids) - set(now[name]), set(now[name]) - set(ids))
            for name, ids in self.before.items()
            if ids != now[name]
        }


def judged(
    document: Document,
    transport: FakeTransport,
    time: FakeTime,
    rules: Iterable[str],
) -> Result:
    settings = Settings(
        default_document_path(),
        base_url="https://sms.example/api/v1",
        schemathesis=False,
        selection=Selection(include_rules=tuple(rules)),
        allow=frozenset({"write", "send"}),
        recipients=("+16505550123",),
        account="Placeholder Goods",
        max_wait=0,
    )
    keys = {"CONTRACTS_API_KEY": KEY}
    context: Context = elsewhere(transport)
    return judge(document, settings, keys, time.piece(), context=context)


@pytest.fixture
def folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the run writes down what it makes."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def account(document: Document, time: FakeTime, folder: None) -> Account:
    return Account(create_app(document, time_source=lambda: int(time.now() * 1_000_000)))


@pytest.mark.parametrize(
    "rules",
    [
        ["contact.lead"],
        ["contact.deleted"],
        ["lead.*"],
        ["contact.*"],
        ["sms.notification", "task.*"],
        ["mms.*"],
    ],
    ids=" ".join,
)
def test_a_run_leaves_an_account_as_it_was(
    document: Document, account: Account, time: FakeTime, rules: list[str]
) -> None:
    """Also where what it has made was moved to records that were there before."""
    judged(document, FakeTransport(account.app), time, rules)
    assert account.changed == {}


def test_a_record_that_was_there_is_not_taken_for_a_new_one(
    document: Document, account: Account, time: FakeTime
) -> None:
    """A target may answer a creation with a record that it has already."""
    transport = FakeTransport(account.app)
    lead = account.before["leads"][0]
    shown = account.app.test_client().get(f"/api/v1/lead/{lead}/", auth=(KEY, "")).get_data()

    def instead(method: str, path: str) -> Answer | None:
        if method == "POST" and path == "/api/v1/lead/":
            return Answer(200, {"content-type": "application/json"}, shown, json.loads(shown))
        return None

    transport.before = instead
    judged(document, transport, time, ["lead.*", "contact.lead"])
    assert account.changed == {}


class BadLine(FakeTransport):
    """Loses every so many'th of the answers to writes: before they are carried out, or after."""

    every, after, status, cleaning = 17, True, 0, False

    def send(self, method: str, path: str, headers: Any, content: bytes | None) -> Answer:
        self.asked.append((method, path, content))
        writes = sum(one[0] in WRITES for one in self.asked)
        if method not in WRITES or writes % self.every or path.startswith("/__mock"):
            return super().send(method, path, headers, content)
        if self.after:
            super().send(method, path, headers, content)
        if self.status:
            return Answer(self.status, {}, b"", None)
        raise CouldNotRunError("the connection was dropped")


@pytest.mark.parametrize(
    ("after", "status"),
    [(True, 0), (False, 0), (False, 503)],
    ids=["answers are lost", "requests are lost", "it is away for a moment"],
)
def test_a_bad_line_costs_cases_and_breaks_no_rule(
    document: Document, account: Account, time: FakeTime, after: bool, status: int
) -> None:
    line = BadLine(account.app)
    line.after, line.status = after, status
    result = judged(
        document, line, time, ["sms.status.*", "contact.lead.created", "sms.drafts-only"]
    )
    entries = result.ledger.entries
    assert [i for i, entry in entries.items() if entry.findings or entry.differences] == []
    assert entries["sms.drafts-only"].verdict == "kept"
    assert account.changed == {}


def answering(status: int, kind: str, body: bytes) -> Callable[..., Iterator[bytes]]:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response(f"{status} Whatever", [("Content-Type", kind)])
        yield body

    return app


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (200, "text/html", "answers text/html to what is read there; expected JSON"),
        (500, "application/json", "answers 500 to whatever is read there"),
    ],
)
def test_what_is_no_api_is_not_judged(
    document: Document, time: FakeTime, folder: None, status: int, kind: str, words: str
) -> None:
    transport = FakeTransport(answering(status, kind, b"<html>"))
    with pytest.raises(CouldNotRunError, match=words):
        judged(document, transport, time, ["*"])
    assert {method for method, _, _ in transport.asked} == {"GET"}


@pytest.mark.whole_run
def test_only_what_has_passed_is_kept(document: Document) -> None:
    """A server that fails at every write keeps no rule about writing."""
    app = create_app(document)

    def failing(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET" or environ["PATH_INFO"].startswith("/__mock"):
            return app(environ, start_response)
        return answering(500, "application/json", b"{}")(environ, start_response)

    time = FakeTime()
    own = Selection(include_rules=("sms.l*", "sms.response.*", "template.*"))
    settings = Settings(default_document_path(), schemathesis=False, selection=own)
    result = judge(document, settings, {}, Timepiece(time.now, time.sleep), app=failing)
    kept = {i for i, entry in result.ledger.entries.items() if entry.verdict == "kept"}
    assert kept <= {"sms.list.filters", "sms.list.pages", "sms.response.shape"}
