"""A document, seeds and settings become the lane that answers its operations; no framework yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from mock_server.clock import system_now
from mock_server.http.courier import Courier, Send
from mock_server.http.coverage import Coverage
from mock_server.http.log import RequestLog
from mock_server.http.manners import Manners
from mock_server.http.plain import PlainLane
from mock_server.http.wire import Control, Lane
from mock_server.pipeline.build import BODY_LIMIT, build_plan, collection_specs
from mock_server.pipeline.open import open_tenants
from mock_server.spec import Document
from mock_server.spec.model import Policy
from mock_server.state.seed import Seed, check_apart, load_seed, with_callers
from mock_server.state.tenant import TEST_PREFIX, Journal


class Wishes(TypedDict, total=False):
    """How a stub is set up; everything may be left out."""

    seeds: Sequence[Path | Seed] | None  # default: those that the document names
    policies: Mapping[str, Policy] | None
    random_seed: int | None  # makes ids repeat
    time_source: Callable[[], int]  # microseconds since 1970
    log: RequestLog | None
    body_limit: int  # bytes
    deliver_to: Sequence[str]  # hosts that subscribers may have besides loopback
    send: Send  # delivers to subscribers, instead of the network
    rate_limit: tuple[int, float] | None  # requests of a key to an operation, in so many seconds
    cors_origins: Sequence[str]  # origins whose pages may read answers
    key_prefix: str  # keys that begin so open tenants of their own
    control: bool  # whether there is a control API
    control_token: str | None  # what its callers must show; None: nothing


def build_lane(document: Document, wishes: Wishes) -> Lane:
    """Prepares everything that answers; raises SeedError or SettingsError."""
    plan = build_plan(document, wishes.get("policies"), wishes.get("body_limit", BODY_LIMIT))
    seeds = wishes.get("seeds")
    given = document.seeds if seeds is None else seeds
    loaded = [
        seed if isinstance(seed, Seed) else load_seed(seed, document, plan.policies)
        for seed in given
    ]
    check_apart(loaded, document)
    loaded = with_callers(loaded, document)
    courier = Courier(plan, wishes.get("send") or to_network(wishes.get("deliver_to", ())))
    tenants = open_tenants(
        plan,
        loaded,
        collection_specs(document, plan),
        wishes.get("time_source", system_now),
        wishes.get("random_seed"),
        wishes.get("key_prefix", TEST_PREFIX),
        courier.take if plan.subscriptions else None,
        Seed(None, document.planted) if document.wordless else None,
    )
    log = wishes.get("log") or RequestLog("critical")
    coverage = Coverage(document, plan)
    control = Control(wishes.get("control", True), wishes.get("control_token"))
    manners = Manners(wishes.get("cors_origins", ()))
    journal = Journal()
    kind = PlainLane if document.wordless else Lane
    lane = kind(document, plan, tenants, log, journal, coverage, control, courier, manners)
    lane.steering.limit_requests(wishes.get("rate_limit"))
    return lane


def to_network(allowed: Sequence[str]) -> Send:
    """Sends to loopback and to hosts that are allowed."""

    def send(url: str, body: bytes, headers: Mapping[str, str], verify: bool) -> int:
        # Imported with the first delivery: what speaks HTTP to others would slow every start.
        from mock_server.http.reach import post

        return post(url, body, headers, verify, allowed)

    return send
