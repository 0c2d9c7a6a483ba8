"""Were these requests made, so often, and nothing else: a verdict with what was found instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.names import check_names
from mock_server.http.control.requests import entries_of, nearest_to, shown
from mock_server.http.control.search import Pattern
from mock_server.http.journal import Entry

NEAREST = 3


class Expectation:
    """What is expected of one kind of request, and the requests that are of it."""

    def __init__(self, wish: Mapping[str, Any], entries: list[Entry], place: str) -> None:
        sought = {name: value for name, value in wish.items() if name != "count"}
        self.pattern = Pattern(sought, place)
        self.least, self.most = bounds(wish.get("count"))
        self.matched = [entry for entry in entries if self.pattern.matches(entry)]

    @property
    def holds(self) -> bool:
        found = len(self.matched)
        return found >= self.least and (self.most is None or found <= self.most)

    @property
    def wanted(self) -> str:
        if self.most == self.least:
            return f"exactly {self.least}"
        if self.most is None:
            return f"at least {self.least}"
        never = ", which can never be" if self.most < self.least else ""
        return f"{self.least} to {self.most}{never}"

    def named(self) -> str:
        words = self.pattern.wish
        return (
            " ".join(
                f"{name} {value}"
                for name, value in words.items()
                if name not in self.pattern.schemas and name != "headers"
            )
            or "any request"
        )


def bounds(count: Any) -> tuple[int, int | None]:
    if count is None:
        return 1, None
    if not isinstance(count, dict):
        return int(count), int(count)
    return count.get("min", 0), count.get("max")


def verify(call: Call) -> Any:
    wish = call.body
    patterns = ((word, wish.get(word, [])) for word in ("expect", "ignore"))
    check_names(
        call.lane,
        {f"body/{word}/{i}/": one for word, listed in patterns for i, one in enumerate(listed)},
    )
    entries = sorted(
        (entry for entry in entries_of(call) if entry.number > wish.get("since", 0)),
        key=lambda entry: entry.number,
    )
    expected = [
        Expectation(one, entries, f"body/expect/{position}/")
        for position, one in enumerate(wish["expect"])
    ]
    others = others_of(entries, expected, wish) if wish.get("nothing_else") else []
    disordered = wish.get("in_order", False) and not is_ordered(expected)
    says = [
        f"{one.named()}: found {len(one.matched)}, expected {one.wanted}"
        for one in expected
        if not one.holds
    ]
    if others:
        many = "1 other request" if len(others) == 1 else f"{len(others)} other requests"
        says.append(f"{many}: found {first_words(others)}, expected nothing else")
    if disordered:
        says.append("the requests came in another order than the expectations")
    verdict = {
        "holds": not says,
        "says": says,
        "expected": [expectation_row(call, one, entries) for one in expected],
        "others": [shown(call, entry) for entry in others],
    }
    return verdict, 200 if not says else 409


def others_of(
    entries: list[Entry], expected: list[Expectation], wish: Mapping[str, Any]
) -> list[Entry]:
    """The requests that nobody expects."""
    ignored = [
        Pattern(one, f"body/ignore/{position}/")
        for position, one in enumerate(wish.get("ignore", []))
    ]
    known = {entry.number for one in expected for entry in one.matched}
    return [
        entry
        for entry in entries
        if entry.number not in known and not any(one.matches(entry) for one in ignored)
    ]


def is_ordered(expected: list[Expectation]) -> bool:
    """Whether each expectation has a request after the one that served the expectation before."""
    last = 0
    for one in expected:
        later = [entry.number for entry in one.matched if entry.number > last]
        if not later:
            return False
        last = later[0]
    return True


def first_words(entries: list[Entry]) -> str:
    listed = ", ".join(
        f"{entry.method} {entry.path} {entry.answer.status}" for entry in entries[:3]
    )
    return listed + (", …" if len(entries) > 3 else "")


def expectation_row(call: Call, one: Expectation, entries: list[Entry]) -> dict[str, Any]:
    """What was found; where that is too little, the requests that come nearest."""
    missed = len(one.matched) < one.least
    known = {entry.number for entry in one.matched}
    rest = [entry for entry in entries if entry.number not in known]
    return {
        "holds": one.holds,
        "found": len(one.matched),
        "wanted": one.wanted,
        "requests": [entry.number for entry in one.matched],
        "nearest": nearest_to(call, one.pattern, rest, NEAREST) if missed else [],
    }


CALLS = {"verify": verify}
