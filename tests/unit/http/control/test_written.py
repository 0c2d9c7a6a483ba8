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


def test_a_line_as_browsers_copy_it_is_read() -> None:
    line = """curl 'https://api.example/lead/?a=$b' \\
      -H 'content-type: application/json' --compressed \\
      --data-raw $'{"name":"It\\'s \\u00e9","a":"x\\\\ny"}'"""
    wish = read_wish(line, "a.sh")
    assert wish["raw"] == '{"name":"It\'s é","a":"x\\ny"}'
    assert (wish["method"], wish["path"]) == ("POST", "/lead/?a=$b")
    assert wish["headers"] == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("line", "method", "path", "raw"),
    [
        ("curl -sSXPUT x/lead/ -d a=1 -d b=2", "PUT", "/lead/", "a=1&b=2"),
        ("curl -G x/lead/ -d a=1 --data-urlencode 'b=c d&'", "GET", "/lead/?a=1&b=c%20d%26", None),
        ("curl -sG 'x/lead/?z=0' -da=1", "GET", "/lead/?z=0&a=1", None),
        ("curl --json '{}' x/lead/", "POST", "/lead/", "{}"),
        ("curl x/lead/ -d @FILE", "POST", "/lead/", '{"a":1}'),
        ("curl x/lead/ --data-binary @FILE", "POST", "/lead/", '{"a":\n1}'),
        ("curl x/lead/ --data-raw @FILE", "POST", "/lead/", "@FILE"),
    ],
)
def test_data_is_put_together_as_curl_does(
    line: str,
    method: str,
    path: str,
    raw: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("FILE").write_text('{"a":\n1}', encoding="utf-8")
    wish = read_wish(line, "a.sh")
    assert (wish["method"], wish["path"], wish.get("raw")) == (method, path, raw)


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
        ("curl http://x -d @nowhere", "a: nowhere: No such file"),
        ("curl http://x -F a=b", "found a form with files"),
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
