"""An application of one's own in this process: found, started, called, and judged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import CouldNotRunError
from contracts.judge import judge
from contracts.rehearsal import rehearse
from contracts.report.result import Result
from contracts.settings import Selection, Settings, Timepiece
from contracts.target.inprocess import AppTransport, arity, load_app, opened_app, served
from contracts.target.system import build_environ
from mock_server.spec import Document, default_document_path
from tests.peers.sms_peer import create_peer
from tests.unit.contracts.report.runs import KEY, MovedTime

SHOP = """
import functools
started = []

def wsgi(environ, start_response):
    start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
    return [b"[]"]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    event = await receive()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-path", scope["path"].encode()), (b"x-raw", scope["raw_path"])]})
    await send({"type": "http.response.body", "body": event["body"], "more_body": True})
    await send({"type": "http.response.body", "body": scope["query_string"]})

class Living:
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                event = (await receive())["type"]
                started.append(event)
                scope["state"]["seen"] = event
                await send({"type": event + ".complete"})
                if event.endswith("shutdown"):
                    return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["state"]["seen"].encode()})

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

async def silent(scope, receive, send):
    if scope["type"] == "lifespan":
        raise ValueError("http only")

class Plain:
    def __call__(self, environ, start_response):
        return wsgi(environ, start_response)

class Space:
    app = Plain()

def create(debug=False):
    return Plain()

def create_living():
    return Living()

def broken():
    raise KeyError("DATABASE_URL")

async def late():
    return wsgi

def number():
    return 7

def one(request):
    return None

def writing(environ, start_response):
    write = start_response("200 OK", [])
    write(b"first ")
    yield b"second"

def crashing(environ, start_response):
    raise RuntimeError("out of order")

def mute(environ, start_response):
    return [b""]

partial = functools.partial(lambda prefix, environ, start_response: wsgi(environ, start_response), "x")
value = 7
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """A folder with an application `shop_app`, which is forgotten afterwards."""
    (tmp_path / "shop_app.py").write_text(SHOP)
    (tmp_path / "shop_bad.py").write_text("value = 1 / 0\n")
    (tmp_path / "shop_leaving.py").write_text("raise SystemExit('set DATABASE_URL')\n")
    (tmp_path / "shop_needing.py").write_text("import no_such_module_here\n")
    before = set(sys.modules)
    yield tmp_path
    sys.path[:] = [one for one in sys.path if one != str(tmp_path)]
    for name in set(sys.modules) - before:
        if name.startswith("shop_"):
            del sys.modules[name]


def answer(app: Any, path: str = "/a%20b/", content: bytes | None = None) -> Any:
    with served(app, "x") as wsgi:
        return AppTransport(wsgi, "x").send("POST", path, {"Accept": "*/*"}, content)


@pytest.mark.parametrize(
    "name", ["wsgi", "Plain", "create", "create()", "Space.app", "partial", "Space.app.__call__"]
)
def test_a_wsgi_application_is_found_and_called(shop: Path, name: str) -> None:
    found = answer(load_app(f"shop_app:{name}", shop))
    assert (found.status, found.body, found.headers["x-path"]) == (200, [], "/a b/")


def test_an_asgi_application_gets_the_same_request(shop: Path) -> None:
    found = answer(load_app("shop_app:asgi", shop), "/a%20b%2Fc/?x=1&y=%20", b'{"a": 1}')
    assert (found.status, found.content) == (201, b'{"a": 1}x=1&y=%20')
    assert (found.headers["x-path"], found.headers["x-raw"]) == ("/a b/c/", "/a%20b%2Fc/")


@pytest.mark.parametrize("name", ["Living", "create_living"])
def test_a_lifespan_is_begun_and_ended(shop: Path, name: str) -> None:
    found = answer(load_app(f"shop_app:{name}", shop))
    assert found.content == b"lifespan.startup"
    assert sys.modules["shop_app"].started == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop_app", 'found "shop_app"; expected MODULE:NAME'),
        ("shop_app:", "expected MODULE:NAME"),
        ("./shop_app.py:app", "expected MODULE:NAME"),
        ("shop_up:app", 'no module "shop_up" in'),
        ("shop_up.web:app", 'no module "shop_up" in'),
        ("shop_needing:app", "needs the module no_such_module_here"),
        ("shop_bad:app", "raised ZeroDivisionError: division by zero (shop_bad.py:1)"),
        ("shop_leaving:app", "raised SystemExit: set DATABASE_URL"),
        ("shop_app:creat", 'has no "creat"; expected MODULE:NAME'),
        ("shop_app:creat", 'did you mean "create"?'),
        ("shop_app:value", "of type int and not callable"),
        ("shop_app:broken", "broken() raised KeyError: 'DATABASE_URL' (shop_app.py:"),
        ("shop_app:late", "late is async"),
        ("shop_app:number", "number() made a value of type int"),
        ("shop_app:one", "one takes 1 arguments"),
        ("shop_app:failing", "failing did not start: no database"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_application_is_said_in_words(shop: Path, name: str, words: str) -> None:
    with pytest.raises(CouldNotRunError) as caught, opened_app(name, shop):
        pass
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crashing", b"RuntimeError: out of order (shop_app.py:"),
        ("mute", b"ValueError"),
        ("silent", b"RuntimeError: the application did not answer"),
    ],
)
def test_what_an_application_raises_is_a_500(shop: Path, name: str, words: bytes) -> None:
    found = answer(load_app(f"shop_app:{name}", shop))
    assert found.status == 500
    assert words in found.content


def test_the_old_way_of_writing_is_heard_too(shop: Path) -> None:
    assert answer(load_app("shop_app:writing", shop)).content == b"first second"


def test_a_class_makes_one_and_what_takes_anything_is_wsgi() -> None:
    assert arity(dict) == 0
    assert arity(lambda *anything: anything) == 2


def as_asgi(peer: Any) -> Any:
    """The same implementation behind ASGI."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("http only")
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        environ = build_environ(scope["method"], path, headers, body or None)
        kept: list[Any] = []
        chunks = peer(environ, lambda *more: kept.extend(more))
        listed = [(name.encode(), value.encode()) for name, value in kept[1]]
        start = {"type": "http.response.start", "status": int(kept[0][:3]), "headers": listed}
        await send(start)
        await send({"type": "http.response.body", "body": b"".join(chunks)})

    return app


def judge_own(document: Document, defect: str | None, wrap: Any, **more: Any) -> Result:
    time = MovedTime()
    peer = create_peer(defect, clock=lambda: datetime.fromtimestamp(time.seconds, UTC))
    rules = Selection(include_rules=("sms.drafts-only", "sms.delete"))
    choices = Settings(
        default_document_path(),
        examples=2,
        selection=rules,
        schemathesis=False,
        app="tests.peers:create_peer",
        **more,
    )
    environment = {"CONTRACTS_API_KEY": KEY, "CONTRACTS_OTHER_API_KEY": "peer_key_two"}
    with served(wrap(peer), "x") as app:
        return judge(document, choices, environment, Timepiece(time.now, time.sleep), app=app)


@pytest.mark.parametrize("wrap", [lambda app: app, as_asgi], ids=["wsgi", "asgi"])
def test_a_defect_is_found_in_either_kind(document: Document, wrap: Any) -> None:
    assert not judge_own(document, None, wrap).failed
    result = judge_own(document, "sent-modifiable", wrap)
    assert [row["id"] for row in result.report["rules"] if row["fails"]] == ["sms.drafts-only"]
    assert result.report["target"] == "app tests.peers:create_peer"
    assert result.report["base"] == "http://localhost/api/v1"


def test_an_application_sends_nothing_unless_allowed(document: Document) -> None:
    kept_back = judge_own(document, None, lambda app: app)
    assert any("--allow send" in note for note in kept_back.report["notes"])
    allowed = judge_own(document, None, lambda app: app, allow=frozenset({"send"}))
    assert not any("--allow send" in note for note in allowed.report["notes"])


def test_a_made_up_key_that_is_refused_is_said(document: Document) -> None:
    choices = Settings(default_document_path(), app="tests.peers:create_peer")
    time = MovedTime()
    timepiece = Timepiece(time.now, time.sleep)
    with pytest.raises(CouldNotRunError, match="found none in CONTRACTS_API_KEY"):
        judge(document, choices, {}, timepiece, app=create_peer())


def test_a_dry_run_calls_no_application(document: Document) -> None:
    choices = Settings(
        default_document_path(),
        examples=1,
        schemathesis=False,
        selection=Selection(include_rules=("sms.delete",)),
        app="shop:app",
    )
    time = MovedTime()
    plan = rehearse(document, choices, Timepiece(time.now, time.sleep))
    assert next(plan.lines()) == "dry run: nothing was sent to shop:app"
