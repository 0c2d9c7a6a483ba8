"""Runs over a document without rules: Schemathesis' word, and every rule of safety."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.console import Console

from contracts.cli import contracts
from contracts.errors import CouldNotRunError, WithheldError
from contracts.judge import judge
from contracts.report.junit import to_junit
from contracts.report.markdown import to_markdown
from contracts.report.result import Result
from contracts.report.table import print_report
from contracts.settings import Keys, Selection, Settings, Timepiece
from contracts.target.connect import Context
from contracts.target.safety import Guard, Permissions
from contracts.target.signing import sign
from contracts.target.wire import Answer
from mock_server.http.app import create_app
from mock_server.spec import Document, compile_source, load_document
from mock_server.spec.loader import parse_source
from tests.unit.contracts.fake import FakeTime, FakeTransport, elsewhere

TOOLS = Path(__file__).parents[2] / "documents" / "tools.yaml"
REMOTE = "https://tools.example/library/v1"
KEY = {"CONTRACTS_API_KEY": "api_test_judge"}


@pytest.fixture(scope="module")
def tools() -> Document:
    return load_document(TOOLS)


def run(
    document: Document, app: Any = None, context: Context | None = None, **choices: Any
) -> Result:
    time = FakeTime()
    settings = Settings(TOOLS, **{"fuzz_examples": 1, **choices})
    return judge(document, settings, KEY, Timepiece(time.now, time.sleep), app=app, context=context)


def spoiled(document: Document, spoil: Callable[[str, str, bytes], bytes]) -> Any:
    """The stub with some of its bodies written anew."""
    app = create_app(document, random_seed=1)

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        head: list[Any] = []
        body = b"".join(app(environ, lambda *given: head.extend(given)))
        told = spoil(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        kept = [one for one in head[1] if one[0] != "Content-Length"]
        start_response(head[0], [*kept, ("Content-Length", str(len(told)))])
        return [told]

    return serve


def test_the_stub_is_clean_and_the_report_says_whose_word_it_is(tools: Document) -> None:
    result = run(tools)
    assert result.fuzz_findings == ()
    assert not result.failed
    (note,) = result.notes
    assert note.startswith("this document states no rules: Schemathesis' own checks only")
    report = result.report
    assert (report["rules"], report["states_rules"]) == ([], False)
    console = Console(width=100, record=True, file=io.StringIO())
    print_report(report, console)
    assert "nothing found" in console.export_text()
    assert "nothing found by Schemathesis" in to_markdown(report)


def test_what_schemathesis_finds_fails_the_run_and_is_shown_with_its_request(
    tools: Document,
) -> None:
    def spoil(method: str, path: str, body: bytes) -> bytes:
        return b'{"opens": "early"}' if path.endswith("/opening") and b"opens" in body else body

    result = run(
        tools,
        spoiled(tools, spoil),
        selection=Selection(include_operations=("showOpening",)),
    )
    assert {one.check for one in result.fuzz_findings} == {"response_schema_conformance"}
    assert result.failed
    suite = to_junit(result.report)
    assert int(suite.get("failures", "0")) == 1
    assert "X-Card: $CONTRACTS_API_KEY" in ElementTree.tostring(suite, "unicode")
    assert "api_test_judge" not in json.dumps(result.report)


def test_beyond_this_machine_it_only_reads(tools: Document) -> None:
    transport = FakeTransport(create_app(tools, random_seed=1), "https://tools.example")
    result = run(tools, None, elsewhere(transport), base_url=REMOTE)
    assert not result.failed
    assert {method for method, _, _ in transport.asked} <= {"GET", "HEAD", "OPTIONS", "TRACE"}


def test_what_is_written_beyond_this_machine_is_its_own_and_is_deleted(
    tools: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = create_app(tools, random_seed=1)
    transport = FakeTransport(app, "https://tools.example")
    result = run(
        tools,
        None,
        elsewhere(transport),
        base_url=REMOTE,
        allow=frozenset({"write"}),
        account="tools.example",
    )
    assert not result.failed
    posted = [path for method, path, _ in transport.asked if method == "POST"]
    made = [path for path in posted if not path.startswith("/__mock")]
    assert {path.partition("?")[0] for path in made} == {"/library/v1/tools", "/library/v1/members"}
    changed = [p for m, p, _ in transport.asked if m in ("PUT", "PATCH", "DELETE")]
    assert not any(path.split("?")[0].endswith("/tools/7") for path in changed)
    tenant = app.lane.tenants.find("api_test_judge")
    assert tenant is not None
    assert tenant.store.collections() == {"tools": 2, "notes": 1, "members": 1}
    marked = [c for m, _, c in transport.asked if m == "POST" and b"contracts check" in (c or b"")]
    assert marked


def test_a_budget_ends_a_run_that_is_told_as_ended(tools: Document) -> None:
    result = run(tools, max_requests=60)
    assert any("ended early" in note for note in result.notes)
    assert result.requests < 120  # with what deletes


def test_without_schemathesis_nothing_is_left(tools: Document) -> None:
    with pytest.raises(CouldNotRunError, match="states no rules"):
        run(tools, schemathesis=False)


@pytest.mark.parametrize(
    "command",
    [["audit"], ["drift", "--base-url", "http://127.0.0.1:9"], ["blindspots", "--", "true"]],
)
def test_commands_that_work_with_rules_say_so(command: list[str]) -> None:
    first, *rest = command
    done = CliRunner().invoke(contracts, [first, "--document", str(TOOLS), *rest])
    assert isinstance(done.exception, CouldNotRunError)
    assert "states no rules" in str(done.exception)


def test_the_guard_keeps_what_it_cannot_trace(tools: Document) -> None:
    guard = Guard(tools, Permissions(write=True, send=False, recipients=frozenset(), strict=True))
    guard.fetch = lambda target, headers: Answer(200, {}, b"{}", {"id": 7})
    headers = {"Content-Type": "application/json", "X-Card": "k"}
    for method, path in (
        ("POST", "/library/v1/tools/7/notes/"),
        ("PUT", "/library/v1/tools/7"),
        ("DELETE", "/library/v1/tools/7"),
        ("POST", "/library/v1/opening"),
    ):
        with pytest.raises(WithheldError):
            guard.check(method, path, headers, b"{}")
    assert guard.check("POST", "/library/v1/tools", headers, b"{}") is None
    guard.learn("POST", "/library/v1/tools", Answer(201, {}, b"", {"id": 9}))
    assert guard.check("DELETE", "/library/v1/tools/9", headers, None) is None


def test_a_key_is_shown_wherever_a_scheme_has_it() -> None:
    schemes = "{a: {type: apiKey, in: query, name: k}, b: {type: apiKey, in: cookie, name: c}}"
    text = f"""
openapi: 3.1.0
info: {{title: T, version: "1"}}
paths: {{/x: {{get: {{security: [{{a: []}}, {{b: []}}], responses: {{"200": {{description: ok}}}}}}}}}}
components: {{securitySchemes: {schemes}}}
"""
    document = compile_source(parse_source(text))
    headers, target = sign(document, Keys("s"), {"Authorization": "Basic x"}, "/x?a=1")
    assert (headers, target) == ({"Cookie": "c=s"}, "/x?a=1&k=s")
    client = create_app(document).test_client()
    assert client.get("/x?k=api_test_a").status_code == 200
    assert client.get("/x", headers={"Authorization": "Bearer api_test_a"}).status_code == 401
    client.set_cookie("c", "api_test_a")
    assert client.get("/x").status_code == 200
    # The 401 is nowhere among the responses, but security says it.
    assert run(document, fuzz_examples=1).fuzz_findings == ()


def test_a_document_without_anything_to_read_is_judged_too() -> None:
    text = """
openapi: 3.1.0
info: {title: T, version: "1"}
paths:
  /calls/{who}:
    post:
      parameters: [{name: who, in: path, required: true, schema: {type: string}}]
      responses: {"202": {description: ok}, default: {description: other}}
"""
    document = compile_source(parse_source(text))
    result = run(document)
    assert result.fuzz_findings == ()
    assert result.requests > 0
