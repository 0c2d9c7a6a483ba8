"""What is one and the same on both sides: ids, values of the accounts, and moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.moments import is_same_moment, read_moment

TOLERANCE = 2.0  # seconds by which "about now" may be off, beside what the requests took


@dataclass(slots=True)
class Binding:
    """Pairs of values that stand for each other; each belongs to one pair only.

    `starts` and `ends` are moments of each side's clock around the sequence so far.
    """

    starts: tuple[float, float]
    ends: tuple[float, float] = (0.0, 0.0)
    forth: dict[Any, Any] = field(default_factory=dict)
    back: dict[Any, Any] = field(default_factory=dict)
    given: list[tuple[Any, Any]] = field(default_factory=list)

    def bind(self, left: Any, right: Any) -> bool:
        """Makes a pair of two texts seen at the same place; false where either has another partner."""
        if left in self.forth or right in self.back:
            return bool(self.forth.get(left) == right and self.back.get(right) == left)
        self.forth[left] = right
        self.back[right] = left
        return True

    def are_bound(self, left: Any, right: Any) -> bool:
        return bool(self.forth.get(left) == right)

    def give(self, left: Any, right: Any) -> None:
        """Notes what the two sides were sent in one place of one step."""
        if isinstance(left, str) and isinstance(right, str) and left != right:
            self.given.append((left, right))
            if read_moment(left) is None:
                self.bind(left, right)

    def is_same(self, left: Any, right: Any) -> bool:
        """Whether two values mean the same, without making a pair of them."""
        if left == right and isinstance(left, bool) == isinstance(right, bool):
            return True
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        if read_moment(left) is not None and read_moment(right) is not None:
            return self.is_same_time(left, right)
        return self.are_bound(left, right) or self.rewritten(left) == right

    def is_same_time(self, left: str, right: str) -> bool:
        """Equal moments, the two that were given, or about now on either side."""
        if is_same_moment(left, right):
            return True
        if any(is_same_moment(left, a) and is_same_moment(right, b) for a, b in self.given):
            return True
        return self.is_about_now(left, 0) and self.is_about_now(right, 1)

    def is_about_now(self, text: str, side: int) -> bool:
        moment = read_moment(text)
        assert moment is not None
        seconds = moment.timestamp()
        return self.starts[side] - TOLERANCE <= seconds <= self.ends[side] + TOLERANCE

    def rewritten(self, text: str) -> str:
        """A text of the left side with everything bound in the words of the right one."""
        for left, right in sorted(self.forth.items(), key=lambda pair: -len(str(pair[0]))):
            if isinstance(left, str) and len(left) > 3:
                text = text.replace(left, str(right))
        return text
