"""An application of one's own, WSGI or ASGI, judged in this process: no socket, no server."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from contracts.errors import CouldNotRunError
from contracts.target.system import READ_TIMEOUT, StubTransport, WsgiApp
from contracts.target.wire import Answer
from mock_server.spec.pointers import nearest

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Any, Any], Awaitable[None]]
EXPECTED = "expected MODULE:NAME of a WSGI or ASGI application or of a function that makes one, such as shop.web:create_app"
ORIGIN = "http://localhost"  # a host that frameworks take without being told
WSGI, ASGI = 2, 3  # what an application is called with


class AppTransport(StubTransport):
    """An application in this process; what it raises is a 500, as behind any server."""

    def __init__(self, app: WsgiApp, name: str) -> None:
        super().__init__(app)
        self.name = f"app {name}"
        self.origin = ORIGIN

    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        try:
            return super().send(method, path, {**headers, "Host": "localhost"}, content)
        except CouldNotRunError:
            raise
        except Exception as error:
            text = f"{self.name} raised {told(error)}"
            return Answer(500, {"content-type": "text/plain"}, text.encode(), None)


@contextmanager
def opened_app(written: str | None, folder: Path | None = None) -> Iterator[WsgiApp | None]:
    """The application that MODULE:NAME names, started and ended; raises CouldNotRunError."""
    if written is None:
        yield None
        return
    with served(load_app(written, folder or Path.cwd()), written) as app:
        yield app


@contextmanager
def served(app: Any, written: str) -> Iterator[WsgiApp]:
    """Any application as a WSGI one."""
    if arity(app) != ASGI:
        yield app
        return
    bridge = Bridge(app, written)
    try:
        bridge.start()
        yield bridge
    finally:
        bridge.close()


# Finding it


def load_app(written: str, folder: Path) -> Any:
    """What MODULE:NAME names, made where it is a factory; the folder is looked in first."""
    module_name, colon, name = written.partition(":")
    if not colon or not module_name or not name or "/" in module_name:
        raise CouldNotRunError(f'--app: found "{written}"; {EXPECTED}')
    found: Any = import_module(module_name, folder)
    for part in name.removesuffix("()").split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = [one for one in dir(found) if not one.startswith("_")]
            hint = nearest(part, names)
            raise CouldNotRunError(
                f'--app: {module_name} has no "{part}"; {EXPECTED}' + (f"; {hint}" if hint else "")
            ) from None
    if not callable(found):
        kind = type(found).__name__
        raise CouldNotRunError(f"--app: {written} is of type {kind} and not callable; {EXPECTED}")
    if arity(found) == 0 or name.endswith("()"):
        found, written = make(found, written), f"{written}()"
    if arity(found) not in (WSGI, ASGI):
        raise CouldNotRunError(f"--app: {written} takes {arity(found)} arguments; {EXPECTED}")
    return found


def import_module(name: str, folder: Path) -> Any:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise CouldNotRunError(
                f'--app: found no module "{missing}" in {folder} or where Python looks; {EXPECTED}'
            ) from None
        raise CouldNotRunError(
            f"--app: {name} needs the module {missing}, which is not installed here"
        ) from None
    except (Exception, SystemExit) as error:
        raise CouldNotRunError(f"--app: importing {name} raised {told(error)}") from None


def make(factory: Callable[[], Any], written: str) -> Any:
    """What a factory makes, which has to be an application."""
    try:
        app = factory()
    except (Exception, SystemExit) as error:
        raise CouldNotRunError(f"--app: {written}() raised {told(error)}") from None
    if inspect.iscoroutine(app):
        app.close()
        raise CouldNotRunError(f"--app: {written} is async; expected a plain function that makes")
    if not callable(app):
        kind = type(app).__name__
        raise CouldNotRunError(f"--app: {written}() made a value of type {kind}; {EXPECTED}")
    return app


def arity(app: Any) -> int:
    """How many arguments it is called with: WSGI, ASGI, or 0 for a function that makes one."""
    if inspect.isclass(app):
        return 0
    count = needed(app)
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
        return 0 if count == 0 else ASGI
    return WSGI if count is None else count


def needed(call: Any) -> int | None:
    """How many arguments it must have by position; None where nobody can tell."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        for one in parameters
    )


def told(error: BaseException) -> str:
    """An exception in one line, with the place that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).parent
    own = [one for one in frames if not Path(one.filename).is_relative_to(here)]
    where = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


# ASGI


class Bridge:
    """An ASGI application as a WSGI one, on an event loop in a thread of its own."""

    def __init__(self, app: AsgiApp, written: str) -> None:
        self.app = app
        self.written = written
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, name="asgi", daemon=True)
        self.state: dict[str, Any] = {}
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.life: Future[None] | None = None

    def start(self) -> None:
        """Begins its lifespan; an application that knows none is right too."""
        self.thread.start()
        answered: Future[dict[str, Any]] = Future()
        self.ended: Future[dict[str, Any]] = Future()

        async def send(event: dict[str, Any]) -> None:
            first = self.ended if answered.done() else answered
            if not first.done():
                first.set_result(event)

        async def live() -> None:
            scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}
            try:
                await self.app(scope, self.events.get, send)
            except Exception as error:
                # Raising at the lifespan means: I do not speak of it.
                if answered.done() and not self.ended.done():
                    self.ended.set_exception(error)
            finally:
                for future in (answered, self.ended):
                    if not future.done():
                        future.set_result({})

        self.tell({"type": "lifespan.startup"})
        self.life = asyncio.run_coroutine_threadsafe(live(), self.loop)
        event = self.wait(answered)
        if event.get("type") == "lifespan.startup.failed":
            message = event.get("message") or "without a reason"
            raise CouldNotRunError(f"--app: {self.written} did not start: {message}")

    def close(self) -> None:
        """Ends its lifespan and the thread."""
        if not self.thread.is_alive():
            self.loop.close()
            return
        if self.life is not None and not self.life.done():
            self.tell({"type": "lifespan.shutdown"})
            with suppress(Exception):
                self.ended.result(READ_TIMEOUT)
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(self.cancel_all(), self.loop).result(READ_TIMEOUT)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(READ_TIMEOUT)
        if not self.loop.is_running():
            self.loop.close()

    async def cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()

    def tell(self, event: dict[str, Any]) -> None:
        self.loop.call_soon_threadsafe(self.events.put_nowait, event)

    def wait(self, future: Future[Any]) -> Any:
        try:
            return future.result(READ_TIMEOUT)
        except TimeoutError:
            if future.done():  # the application's own
                raise
            future.cancel()
            raise CouldNotRunError(
                f"app {self.written} did not answer within {READ_TIMEOUT:.0f} seconds"
            ) from None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        status, headers, body = self.wait(
            asyncio.run_coroutine_threadsafe(
                self.respond(to_scope(environ, self.state), environ["wsgi.input"].read()), self.loop
            )
        )
        start_response(
            f"{status} ", [(name.decode("latin-1"), v.decode("latin-1")) for name, v in headers]
        )
        return [body]

    async def respond(self, scope: Scope, body: bytes) -> tuple[int, Any, bytes]:
        """One request from its beginning to the end of the answer."""
        told_body = False
        done = asyncio.Event()
        begun: list[dict[str, Any]] = []
        chunks: list[bytes] = []

        async def receive() -> dict[str, Any]:
            nonlocal told_body
            if not told_body:
                told_body = True
                return {"type": "http.request", "body": body, "more_body": False}
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                begun.append(event)
            elif event["type"] == "http.response.body":
                chunks.append(event.get("body", b""))
                if not event.get("more_body", False):
                    done.set()

        await self.app(scope, receive, send)
        if not begun or not done.is_set():
            raise RuntimeError("the application did not answer")
        return begun[0]["status"], list(begun[0].get("headers", ())), b"".join(chunks)


VERSIONS = {"version": "3.0", "spec_version": "2.4"}


def to_scope(environ: Mapping[str, Any], state: Mapping[str, Any]) -> Scope:
    """The same request as ASGI has it."""
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1"), value)
        for name, text in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        for value in (str(text).encode("latin-1"),)
    ]
    return {
        "type": "http",
        "asgi": VERSIONS,
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        "raw_path": environ["RAW_URI"].partition("?")[0].encode("latin-1", "replace"),
        "query_string": environ["QUERY_STRING"].encode("latin-1", "replace"),
        "root_path": "",
        "headers": headers,
        "client": (environ["REMOTE_ADDR"], 0),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "state": dict(state),
    }
