"""Subscriptions: who has subscribed hears of what happens, where the target is on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from contracts.cases.acts import made_from, make, need, remove, valid_body
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL
from contracts.cases.story import Case, Steps, Story
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface
from contracts.target.system import StubTransport, is_loopback
from mock_server.spec.model import Constant, Expression, Subscription

CREATED = "created"  # the action of a log's entry on a new record


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        word = surface.resource.subscription
        if word is None or surface.create is None or not bench.ledger.wants(word.rule_ids):
            continue
        for told in bench.judged():
            log = told.resource.log
            if log is not None and log.to == word.to and told.create is not None:
                name = f"a {surface.resource.title} hears of a new {told.resource.title}"
                yield Case(word.rule_ids, name, heard(surface, word, told), False)
                break


class Receiver(ThreadingHTTPServer):
    """Takes whatever is posted to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Posted)
        self.got: SimpleQueue[bytes] = SimpleQueue()


class Posted(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.got.put(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """What comes is told by the case."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def heard(surface: Surface, word: Subscription, told: Surface) -> Any:
    """A new record is told to a listener here; one delivery is enough."""

    def steps(story: Story) -> Steps:
        if not is_near(story.bench):
            story.block("the target cannot reach this machine")
        wanted = wish(story, word, told)
        create = need(surface.create, story, "create")
        with receiving() as receiver:
            given = {
                word.url: f"http://127.0.0.1:{receiver.server_port}/",
                word.list_field: [wanted],
            }
            body = valid_body(story, create, None, **given)
            made = made_from(story, create, story.send(create, body=body))
            make(story, told.resource.name, calm_state(told.resource))
            try:
                yield from delivery(story, receiver)
            except Empty:
                story.refute(f"a delivery of {wanted}", "nothing came")
            finally:
                if surface.delete is not None:
                    remove(story, made)

    return steps


def delivery(story: Story, receiver: Receiver) -> Steps:
    """Waits for one, which comes from outside, and so in real time; raises Empty."""
    grace = story.bench.settings.grace
    if story.bench.clock.virtual:
        receiver.got.get(timeout=grace)
        return
    for _ in range(int(grace / POLL)):
        if not receiver.got.empty():
            return
        yield POLL
    receiver.got.get_nowait()


def is_near(bench: Bench) -> bool:
    """Whether the target is in this process, or on this machine."""
    transport = bench.client.transport
    if isinstance(transport, StubTransport):
        return True
    return is_loopback(urlsplit(getattr(transport, "origin", "")).hostname or "")


def wish(story: Story, word: Subscription, told: Surface) -> Mapping[str, Any]:
    """An item of a subscription's list that wants the entry on a new record."""
    log = told.resource.log
    actions = {
        one.field
        for one in story.bench.surface(word.to).resource.derived
        if isinstance(one.values[0], Expression)
        and (one.values[0].source, one.values[0].tokens) == ("change", ("action",))
    }
    found: dict[str, Any] = {}
    for theirs, ours in word.fields.items():
        value = log.values.get(ours) if log is not None else None
        if ours in actions:
            found[theirs] = CREATED
        elif isinstance(value, Constant):
            found[theirs] = value.value
        else:
            story.block(f"what {ours} a new record's entry will have is not known")
    return found
