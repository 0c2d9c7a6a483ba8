"""Whole runs in this process: the stub, another document, and what only shows in a run."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import CouldNotRunError
from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from contracts.target.connect import Context
from contracts.target.system import StubTransport
from mock_server.http.app import create_app
from mock_server.spec import default_document_path, load_document
from tests.mutants.peer_run import FakeTime, judge_peer

LOCKERS = Path(__file__).parents[2] / "documents" / "lockers.yaml"


def judge_stub(path: Path | None = None, app: Any = None, **choices: Any) -> Result:
    time = FakeTime()
    chosen = path or default_document_path()
    document = load_document(chosen)
    settings = Settings(chosen, **{"schemathesis": False, **choices})
    if app is None:
        app = create_app(
            document,
            time_source=lambda: int(time.now() * 1_000_000),
            random_seed=choices.get("seed", 0),
        )
    return judge(document, settings, {}, Timepiece(time.now, time.sleep), app=app)


def broken(result: Result) -> list[str]:
    return [i for i, entry in result.ledger.entries.items() if entry.findings]


@pytest.mark.parametrize("path", [default_document_path(), LOCKERS], ids=["openapi", "lockers"])
@pytest.mark.whole_run
def test_the_stub_keeps_every_rule_and_the_account_as_it_was(path: Path) -> None:
    time = FakeTime()
    document = load_document(path)
    app = create_app(document, time_source=lambda: int(time.now() * 1_000_000))
    settings = Settings(path, schemathesis=False)
    result = judge(document, settings, {}, Timepiece(time.now, time.sleep), app=app)
    entries = result.ledger.entries
    assert broken(result) == []
    assert [i for i, entry in entries.items() if entry.flaky] == []
    unmet = [i for i, e in entries.items() if e.verdict != "kept" and e.rule.policy == "enforce"]
    assert set(unmet) <= {"limits.refused"}  # there is no limit unless one is set
    assert result.notes == ()
    assert result.requests > 500
    # Nothing is left in the account but the log of it.
    for tenant in app.lane.tenants.iter_tenants():
        for name in set(tenant.store.collections()) - {"events", "entries"}:
            records = [str(record.data) for record in tenant.store.iter_records(name)]
            assert [one for one in records if "contracts check" in one] == []


@pytest.mark.whole_run
def test_a_run_repeats_by_its_seed() -> None:
    own = Selection(include_rules=("sms.draft.*", "template.*"))
    first, second = (judge_stub(seed=7, selection=own) for _ in range(2))
    cases = [[(i, e.cases) for i, e in r.ledger.entries.items()] for r in (first, second)]
    assert cases[0] == cases[1]


@pytest.mark.whole_run
def test_schemathesis_finds_nothing_on_the_stub() -> None:
    result = judge_stub(schemathesis=True, selection=Selection(include_rules=("none",)))
    assert result.fuzz_findings == ()
    # Links lead to records of the account too, and those stay as they are.
    assert all(note.endswith("a record that the run has made itself") for note in result.notes)
    assert result.requests > 1_000


PLAIN = """
openapi: 3.1.0
info: {title: Things, version: "1"}
servers: [{url: "http://localhost/v1"}]
paths:
  /things/:
    get: {operationId: listThings, responses: {"200": &page {description: All, content: {application/json: {schema: {type: object, required: [data], properties: {data: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}}}}
    post:
      operationId: createThing
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
      responses: {"201": &thing {description: One, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}, "400": {description: Bad}}
  /things/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: getThing, responses: {"200": *thing, "404": {description: None}}}
components:
  schemas:
    Thing: {x-resource: {collection: things}, type: object, required: [name], properties: {id: {type: string}, name: {type: string}}}
"""


@pytest.mark.parametrize("root", ["/v1", "/other/root"])
def test_a_document_without_a_rule_has_schemathesis_checks(tmp_path: Path, root: str) -> None:
    asked: set[str] = set()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        asked.add(path)
        listed = environ["REQUEST_METHOD"] == "GET" and path == f"{root}/things/"
        start_response("200 OK" if listed else "500 Broken", [("Content-Type", "application/json")])
        return [b'{"data": []}' if listed else b"{}"]

    path = tmp_path / "plain.yaml"
    path.write_text(PLAIN)
    time = FakeTime()
    choices = Settings(path, base_url=f"http://127.0.0.1:9{root}", fuzz_examples=5)
    choices = replace(choices, ledger_path=tmp_path / "created.jsonl")
    context = Context(lambda text: None, transport=StubTransport(app))
    environment = {"CONTRACTS_API_KEY": "api_test_one"}
    timepiece = Timepiece(time.now, time.sleep)
    result = judge(load_document(path), choices, environment, timepiece, context=context)
    found = {(one.check, one.operation) for one in result.fuzz_findings}
    assert ("not_a_server_error", "createThing") in found
    assert result.failed
    assert {one for one in asked if not one.startswith((root, "/__mock/"))} <= {"/v1/things/"}


def test_one_rule_alone_is_judged_alone() -> None:
    result = judge_stub(selection=Selection(include_rules=("sms.send-in.*",)))
    judged = [i for i, entry in result.ledger.entries.items() if entry.cases]
    assert set(judged) == {"sms.send-in.limit", "sms.send-in.whole"}
    assert result.ledger.entries["sms.drafts-only"].reason == "not selected"


def test_an_unknown_key_cannot_be_judged_with() -> None:
    document = load_document(default_document_path())
    time = FakeTime()
    with pytest.raises(CouldNotRunError, match="refuses the key"):
        judge(
            document,
            Settings(default_document_path()),
            {"CONTRACTS_API_KEY": "nobody"},
            Timepiece(time.now, time.sleep),
            app=create_app(document),
        )


class LosesRaces:
    """The stub behind a door that looks first and changes later, with time in between."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.meeting = threading.Condition()
        self.inside = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if (
            environ["REQUEST_METHOD"] != "PUT"
            or threading.current_thread() is threading.main_thread()
        ):
            return self.app(environ, start_response)
        started: list[Any] = []
        body = b"".join(
            self.app(environ, lambda status, headers: started.extend((status, headers)))
        )
        if started[0].startswith("400"):
            # What came second had looked before what came first had changed anything.
            started[0] = "200 OK"
        start_response(started[0], started[1])
        return [body]


def test_a_race_that_no_order_explains_is_found() -> None:
    document = load_document(default_document_path())
    time = FakeTime()
    stub = create_app(document, time_source=lambda: int(time.now() * 1_000_000))
    result = judge_stub(
        app=LosesRaces(stub), selection=Selection(include_rules=("sms.transitions.closed",))
    )
    entry = result.ledger.entries["sms.transitions.closed"]
    assert entry.verdict == "broken"
    assert entry.counterexample is not None
    assert "at once" in entry.counterexample.case


class Moody:
    """A target that once, and never again, answers a create with a server error."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.left = 1

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        body = environ["wsgi.input"].getvalue()
        if self.left and b'"send_in": 59' in body and environ["REQUEST_METHOD"] == "POST":
            self.left -= 1
            start_response("500 Internal Server Error", [("Content-Type", "application/json")])
            return [b"{}"]
        return self.app(environ, start_response)


def test_what_does_not_happen_again_is_flaky_and_not_broken() -> None:
    document = load_document(default_document_path())
    app = Moody(create_app(document))
    result = judge_stub(app=app, selection=Selection(include_rules=("sms.send-in.limit",)))
    entry = result.ledger.entries["sms.send-in.limit"]
    assert (entry.verdict, len(entry.flaky)) == ("kept", 1)
    assert not result.failed


@pytest.mark.parametrize(
    ("defect", "rules"),
    [
        ("scheduled-to-draft-refused", {"sms.cancel.scheduled"}),
        ("refused-half-applied", {"errors.bad-request"}),
        # Whichever change is the first that is answered and not stored.
        ("update-lost", {"sms.draft.send", "sms.draft.schedule", "sms.cancel.scheduled"}),
    ],
)
@pytest.mark.whole_run
def test_random_sequences_alone_find_it(defect: str, rules: set[str], monkeypatch: Any) -> None:
    from contracts import registry

    explore = [check for check in registry.LAST_CHECKS if check.name == "explore"]
    monkeypatch.setattr("contracts.judge.CHECKS", ())
    monkeypatch.setattr("contracts.judge.LAST_CHECKS", tuple(explore))
    result = judge_peer(defect, examples=20)
    entries = result.ledger.entries
    (found,) = [entry for rule, entry in entries.items() if entry.verdict == "broken"]
    assert found.rule.rule_id in rules
    assert found.counterexample is not None
    assert len(found.counterexample.exchanges) <= 5


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ([], "real"),
        ([{"freeze": True}], "frozen"),
        ([{"advance": 3600}], "shifted"),
    ],
)
def test_the_targets_clock_is_left_as_it_was_found(steps: list[dict[str, Any]], mode: str) -> None:
    time = FakeTime()
    app = create_app(
        load_document(default_document_path()), time_source=lambda: int(time.now() * 1_000_000)
    )
    stub = app.test_client()
    key = "api_test_clock"

    def ask(method: str, **more: Any) -> Any:
        return stub.open("/__mock/clock", method=method, auth=(key, ""), **more).get_json()

    for step in steps:
        ask("POST", json=step)
    before = ask("GET")
    settings = Settings(
        default_document_path(),
        schemathesis=False,
        selection=Selection(include_rules=("sms.outbox.sends",)),
    )
    keys = {"CONTRACTS_API_KEY": key}
    result = judge(app.lane.document, settings, keys, Timepiece(time.now, time.sleep), app=app)
    assert broken(result) == []
    after = ask("GET")
    assert after["mode"] == before["mode"] == mode
    if mode == "frozen":
        assert after == before
    else:  # the run's own time is faked, and only a moment has passed
        assert after["now"][:16] == before["now"][:16]


def test_a_pattern_that_names_nothing_is_told() -> None:
    document = load_document(default_document_path())
    Selection(("sms.*",), ("*.shape",), ("*SMS",), (), ("/lead/*",), (), ("SMS",)).check(document)
    for selection, said in {
        Selection(("sms.drafts_only",)): '--include-rule: found "sms.drafts_only"',
        Selection((), ("x",)): "--exclude-rule",
        Selection((), (), ("createSms",)): 'did you mean "createSMS"?',
        Selection((), (), (), (), (), ("/nothing",)): "--exclude-path",
        Selection((), (), (), (), (), (), ("sms",)): "expected one of Contacts, Events",
    }.items():
        with pytest.raises(CouldNotRunError, match=re.escape(said)):
            selection.check(document)
