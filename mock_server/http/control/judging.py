"""Judging a request without performing it: the stages up to the one that writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mock_server.clock import Clock
from mock_server.http.control.sending import build_request
from mock_server.http.control.snapshots import Snapshot, replace
from mock_server.http.redaction import without_keys
from mock_server.http.wire import Lane, without_method
from mock_server.ids import IdFactory
from mock_server.pipeline.authenticate import authenticate
from mock_server.pipeline.build import collection_specs
from mock_server.pipeline.enforce import policy_of
from mock_server.pipeline.exchange import Exchange, Request
from mock_server.pipeline.handle import handle
from mock_server.pipeline.order import INSIDE, OUTSIDE, enter
from mock_server.pipeline.respond import Answer
from mock_server.problems import Problem, Violation
from mock_server.state.memory import MemoryStore
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant

JUDGING = tuple(stage for stage in (*OUTSIDE, *INSIDE) if stage not in (authenticate, handle))
REFUSED, PASSED, NOT_REACHED = "refused", "passed", "not reached"
NAMES = ("route", "authenticate", *(stage.__name__ for stage in JUDGING), "handle")


@dataclass(slots=True)
class Judged:
    """What the stages have said of a request."""

    request: Request
    exchange: Exchange | None = None
    problem: Problem | None = None
    answer: Answer | None = None  # of the routing itself, such as a redirect
    stages: list[dict[str, str]] = field(default_factory=list)
    stored: Record | None = None  # as it would be

    def say(self, stage: str, decision: str, why: str) -> None:
        self.stages.append({"stage": stage, "decision": decision, "why": why})

    @property
    def violations(self) -> tuple[Violation, ...]:
        return self.problem.violations if self.problem is not None else ()

    @property
    def status(self) -> int:
        if self.problem is not None:
            return self.problem.status
        if self.answer is not None:
            return self.answer.status
        assert self.exchange is not None
        return self.exchange.operation.status


class Judge:
    """Judges requests of one tenant, as things are or as a snapshot has them."""

    def __init__(self, lane: Lane, tenant: Tenant, snapshot: Snapshot | None) -> None:
        self.lane = lane
        self.tenant = tenant
        self.stand_in = None if snapshot is None else stand_in(lane, tenant, snapshot)

    def __call__(self, wish: Mapping[str, Any]) -> Judged:
        judged = Judged(build_request(self.lane, self.tenant, wish))
        self.route(judged)
        if judged.exchange is not None:
            self.enter_and_judge(judged)
        reached = {one["stage"] for one in judged.stages}
        done = "refused" if judged.problem is not None else "answered"
        for name in NAMES:
            if name not in reached:
                judged.say(name, NOT_REACHED, f"an earlier stage has {done} the request")
        return judged

    def route(self, judged: Judged) -> None:
        request, lane = judged.request, self.lane
        found = lane.router.find(request.path)
        outcome: Problem | Answer | None = None
        if found is None:
            outcome = lane.without_path(request)
        else:
            methods, path = found
            plan = methods.get("GET" if request.method == "HEAD" else request.method)
            if plan is None:
                outcome = without_method(methods, request)
            else:
                judged.exchange = Exchange(lane.plan, lane.tenants, plan, request, path)
                why = f"{request.method} {request.path} is {plan.operation.operation_id}"
                judged.say("route", PASSED, why)
        if isinstance(outcome, Problem):
            judged.problem = outcome
            judged.say("route", REFUSED, outcome.message)
        elif outcome is not None:
            judged.answer = outcome
            told = "; ".join(f"{n}: {without_keys(text, lane.plan)}" for n, text in outcome.headers)
            judged.say("route", PASSED, f"answered {outcome.status}, {told}")

    def enter_and_judge(self, judged: Judged) -> None:
        exchange = judged.exchange
        assert exchange is not None
        judged.problem = authenticate(exchange)
        if judged.problem is not None:
            judged.say("authenticate", REFUSED, judged.problem.message)
            return
        who = exchange.principal.get("id")
        judged.say(
            "authenticate", PASSED, f"the key names {who}" if who else "nobody is asked who calls"
        )
        if self.stand_in is not None:
            exchange.tenant = self.stand_in
        with exchange.tenant.store.transaction():
            enter(exchange)
            # Ids that are only tried must not be missing from those that are given later.
            exchange.context.ids = IdFactory("only tried")
            for stage in JUDGING:
                before = len(exchange.violations)
                judged.problem = stage(exchange)
                judged.say(
                    stage.__name__, *decision(exchange, before, judged.problem, stage.__name__)
                )
                if judged.problem is not None:
                    return
            judged.stored = preview(exchange)
            judged.say("handle", PASSED, outcome(exchange))


def decision(
    exchange: Exchange, before: int, problem: Problem | None, stage: str
) -> tuple[str, str]:
    """What a stage has decided, in words; the verdict over all violations falls in the last one."""
    added = exchange.violations[before:]
    strict = [v for v in added if policy_of(exchange.plan, v.rule_ids) == "enforce"]
    if added:
        words = "; ".join(f"{v.pointer}: {v.message}" for v in added)
        return (REFUSED if strict else PASSED), words
    if problem is not None:
        if stage == JUDGING[-1].__name__:
            return REFUSED, "what is broken refuses the request; nothing is written"
        return REFUSED, problem.message
    return PASSED, WORDS[stage]


WORDS = {
    "parse": "query and body can be read",
    "validate": "the document's schemas hold",
    "enforce": "references and lifecycle hold",
}


def outcome(exchange: Exchange) -> str:
    operation = exchange.operation.operation
    title = exchange.operation.prototype.resource.title
    if operation.does == "update" and not exchange.changes:
        return f"nothing of the {title} would change"
    return f"would {operation.does} {title}"


def preview(exchange: Exchange) -> Record | None:
    """The record as it would be stored; nothing is written."""
    plan, context = exchange.operation, exchange.context
    context.query = exchange.query
    match plan.operation.does:
        case "create":
            context.body = exchange.given
            return plan.prototype.create(context, exchange.given, exchange.now)
        case "update" if exchange.stored is not None:
            context.body = exchange.changes
            return plan.prototype.change(context, exchange.stored, exchange.changes, exchange.now)
        case "read" if exchange.stored is not None:
            return exchange.stored
    return None


def stand_in(lane: Lane, tenant: Tenant, snapshot: Snapshot) -> Tenant:
    """A tenant that holds what a snapshot holds, at its time."""
    store = MemoryStore(collection_specs(lane.document, lane.plan))
    replace(store, snapshot.records)
    clock = Clock(tenant.clock.source)
    clock.frozen = snapshot.at
    other = Tenant(tenant.name, store, clock, IdFactory("only tried"))
    other.principals = tenant.principals
    return other
