"""Faults on purpose: which requests one concerns, when it happens, and what it makes of an answer."""

from __future__ import annotations

import fnmatch
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import orjson

from mock_server.clock import SECOND
from mock_server.ids import Chance
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.respond import JSON, Answer, refuse
from mock_server.problems import Problem, Violation
from mock_server.rules.schema import build_condition

LONGEST = 600.0  # seconds
PERFORMED = frozenset({"latency", "half", "garbage"})  # carried out unless the fault says otherwise
LIMITED = 429
MESSAGES = {LIMITED: "Too many requests.", 503: "The service is not available."}

numbers = count(1)


class Facts:
    """What faults look at: a request that is on its way in."""

    __slots__ = ("body", "headers", "method", "operation_id", "path", "query")

    def __init__(
        self,
        operation_id: str,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: Any,
    ) -> None:
        self.operation_id = operation_id
        self.method = method
        self.path = path
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.headers = headers
        self.body = body


def matches_path(pattern: str, path: str) -> bool:
    """Whether a path holds a text, in which a `*` is any text."""
    return fnmatch.fnmatchcase(path, f"*{pattern}*") if "*" in pattern else pattern in path


def build_match(match: Mapping[str, Any]) -> Callable[[Facts], bool]:
    """A test of requests; everything that is said must hold."""
    tests: list[Callable[[Facts], bool]] = []
    if "operation" in match:
        named = match["operation"]
        operations = {named} if isinstance(named, str) else set(named)
        tests.append(lambda facts: facts.operation_id in operations)
    if "method" in match:
        method = match["method"].upper()
        tests.append(lambda facts: facts.method == method)
    if "path" in match:
        pattern = match["path"]
        tests.append(lambda facts: matches_path(pattern, facts.path))
    for name, schema in match.get("headers", {}).items():
        fits, known = build_condition(schema), name.lower()
        tests.append(
            lambda facts, name=known, fits=fits: (  # type: ignore[misc]
                name in facts.headers and fits(facts.headers[name])
            )
        )
    if "query" in match:
        of_query = build_condition(match["query"])
        tests.append(lambda facts: of_query(facts.query))
    if "body" in match:
        of_body = build_condition(match["body"])
        # As a header that is missing: what has no body is like none.
        tests.append(lambda facts: facts.body is not None and of_body(facts.body))
    return lambda facts: all(test(facts) for test in tests)


class Fault:
    """One thing that goes wrong on purpose, with how often it has."""

    __slots__ = ("chance", "happened", "matched", "matches", "number", "recent", "wish")

    def __init__(self, wish: Mapping[str, Any]) -> None:
        self.number = next(numbers)
        self.wish = dict(wish)
        self.matches = build_match(wish.get("match", {}))
        self.chance = Chance(wish.get("seed", 1))
        self.recent: deque[int] = deque()  # instants of the requests that a limit has let through
        self.matched = 0
        self.happened = 0

    @property
    def does(self) -> str:
        return str(self.wish["does"])

    @property
    def performed(self) -> bool:
        return bool(self.wish.get("performed", self.does in PERFORMED))

    @property
    def left(self) -> int | None:
        times = self.wish.get("times")
        return None if times is None else max(times - self.happened, 0)

    def strikes(self, facts: Facts, now: int) -> bool:
        """Whether it happens to this request; counts it."""
        if self.left == 0 or not self.matches(facts):
            return False
        self.matched += 1
        if self.matched <= self.wish.get("skip", 0):
            return False
        if self.chance.share() >= self.wish.get("probability", 1):
            return False
        if self.does == "limit" and not self.is_over(now):
            return False
        self.happened += 1
        return True

    def is_over(self, now: int) -> bool:
        """Whether a request is one too many; one that is not is counted."""
        if self.is_full(now):
            return True
        self.recent.append(now)
        return False

    def is_full(self, now: int) -> bool:
        """Whether a limit lets nothing through at an instant."""
        since = now - round(self.wish.get("per", 60) * SECOND)
        while self.recent and self.recent[0] <= since:
            self.recent.popleft()
        return len(self.recent) >= int(self.wish["requests"])

    def delay(self) -> float:
        """Seconds by which an answer is late."""
        if "between" in self.wish:
            low, high = sorted(self.wish["between"])
            return float(low + (high - low) * self.chance.share())
        if "median" in self.wish:
            spread = self.chance.spread(self.wish.get("spread", 0.5))
            return min(float(self.wish["median"]) * spread, LONGEST)
        return float(self.wish["seconds"])

    def answer(
        self, plan: Plan, now: int, group: str = "", rules: tuple[str, ...] = ()
    ) -> tuple[Answer, tuple[Violation, ...]]:
        """The answer that a status or a limit gives in place of the API's own; for what, by a limit's rules."""
        status = self.wish.get("status", 429 if self.does == "limit" else 503)
        headers = list(self.wish.get("headers", {}).items())
        if self.does == "limit":
            headers += [("Retry-After", str(self.pause(now)))]
        if "body" in self.wish:
            return Answer(status, [JSON, *headers], orjson.dumps(self.wish["body"])), ()
        message = MESSAGES.get(status, "This fault was asked for.")
        words = self.words(now, group) if status == LIMITED else {}
        broken: tuple[Violation, ...] = ()
        if self.does == "limit" and status == LIMITED and rules:
            most, per = self.wish["requests"], self.wish.get("per", 60)
            found = f"one more than {most} requests in {per:g} s"
            expected = f"the next in {self.pause(now)} s"
            broken = (Violation(rules, "/method", None, message, found, expected),)
        problem = Problem(status, message, broken, headers=tuple(headers), words=words)
        return refuse(plan, problem), broken

    def foretold(self, now: int) -> str:
        """What it would do to a request that it matches; nothing is counted by it."""
        early = int(self.wish.get("skip", 0)) - self.matched
        if early > 0:
            return f"lets {early} more through first"
        if self.does == "limit" and not self.is_full(now):
            return f"lets {int(self.wish['requests']) - len(self.recent)} more through now"
        share = self.wish.get("probability", 1)
        done = "after" if self.performed else "instead of"
        how = f"with a probability of {share:g}, " if share < 1 else ""
        return f"happens, {how}{done} what the API does"

    def pause(self, now: int) -> int:
        """Whole seconds until a limit lets a request through again."""
        return max(math.ceil(self.rest(now)), 1)

    def rest(self, now: int) -> float:
        """Seconds until the oldest request counts no more."""
        if not self.recent:
            return 0.0
        until: int = self.recent[0] + round(self.wish.get("per", 60) * SECOND)
        return max(until - now, 0) / SECOND

    def words(self, now: int, group: str) -> dict[str, Any]:
        """How a limit stands, for the layouts of headers and of the refusal."""
        most, rest = self.wish.get("requests", 0), self.rest(now)
        return {
            "$limit": most,
            "$remaining": max(most - len(self.recent), 0),
            "$reset": math.ceil(rest),
            "$pause": f"{rest:.6f}",
            "$window": math.ceil(self.wish.get("per", 60)),  # clients read a whole number
            "$group": group,
            "$kind": self.wish.get("kind", "key"),
        }


def limit_headers(layouts: Mapping[str, str], words: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an answer says of the limit on requests."""
    return [
        (name, re.sub(r"\$[a-z]+", lambda word: f"{words[word[0]]}", layout))
        for name, layout in layouts.items()
    ]


def find(
    faults: Iterable[Fault], facts: Facts, now: int
) -> tuple[list[Fault], Fault | None, Fault | None]:
    """The latencies that happen to a request, the first other fault that does, and the limit that it counts for."""
    late: list[Fault] = []
    other = limit = None
    for fault in faults:
        if fault.does == "latency":
            if fault.strikes(facts, now):
                late.append(fault)
        elif other is None:
            if limit is None and fault.does == "limit" and fault.matches(facts):
                limit = fault
            if fault.strikes(facts, now):
                other = fault
    return late, other, limit
