"""Requests as people write them, judged from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mock_server.cli import mock_server
from mock_server.errors import SettingsError
from mock_server.http.control.written import read_wish

HTTP = """POST /api/v1/lead/?a=b HTTP/1.1
Host: api.example
Content-Type: application/json

{"name": "Ada"}
"""
CURL = """curl -s --user api_test_key: -X POST 'http://127.0.0.1:4010/api/v1/lead/?a=b' \\
  -o out.txt --compressed -H 'Content-Type: application/json' --data '{"name": "Ada"}'"""
ENTRY = {"method": "POST", "path": "/lead/", "query": "a=b", "request": {"name": "Ada"}, "response": {}}  # fmt: skip


def test_raw_http_is_read() -> None:
    wish = read_wish(HTTP, "a.http")
    assert (wish["method"], wish["path"]) == ("POST", "/api/v1/lead/?a=b")
    assert wish["headers"] == {"Content-Type": "application/json"}
    assert wish["raw"] == '{"name": "Ada"}'


def test_a_curl_line_is_read() -> None:
    wish = read_wish(CURL, "a.sh")
    assert (wish["method"], wish["path"]) == ("POST", "/api/v1/lead/?a=b")
    assert wish["raw"] == '{"name": "Ada"}'
    assert wish["headers"]["Authorization"] == "Basic YXBpX3Rlc3Rfa2V5Og=="


def test_an_entry_of_the_journal_is_read() -> None:
    wish = read_wish(json.dumps(ENTRY), "a.json")
    assert wish == {"method": "POST", "path": "/lead/", "query": "a=b", "body": {"name": "Ada"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a JSON object"),
        ("{", "no valid JSON"),
        ('{"pth": "/"}', 'did you mean "path"?'),
        ('{"method": "GET"}', "path"),
        ("GET", "expected a JSON object"),
        ("GET /\nnonsense", "a:2: found"),
        ("curl -s", "without an address"),
        ("curl 'http://x", "breaks off"),
    ],
)
def test_what_is_no_request_is_said(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_wish(text, "a")
    assert words in str(caught.value)


def test_the_command_judges(tmp_path: Path) -> None:
    path = tmp_path / "a.http"
    path.write_text(HTTP)
    done = CliRunner().invoke(mock_server, ["explain", "--request", str(path)])
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "passes: 200 createLead")
    path.write_text(HTTP.replace('"Ada"', "5"))
    done = CliRunner().invoke(mock_server, ["explain", "--request", str(path)])
    assert done.exit_code == 1
    assert "the nearest that passes" in done.output
    done = CliRunner().invoke(mock_server, ["explain", "--json", "--request", str(path)])
    assert json.loads(done.output)["verdict"] == "refused"
