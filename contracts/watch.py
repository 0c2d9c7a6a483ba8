"""What a run tells while it goes on; this one listens to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from contracts.cases.story import Case

if TYPE_CHECKING:
    from contracts.cases.bench import Bench


class Watch:
    """Every method may be overridden; none of them may change a run."""

    def begin(self, bench: Bench) -> None:
        """The target is reached."""

    def enter(self, phase: str) -> None:
        """A part of the run begins."""

    def say(self, text: str) -> None:
        """Something that whoever waits would like to know."""

    def step(self) -> None:
        """One case, or one scenario of Schemathesis, begins."""

    def steps(self, cases: Iterable[Case]) -> Iterator[Case]:
        for case in cases:
            self.step()
            yield case


class Watchers(Watch):
    """Several at once."""

    def __init__(self, members: Iterable[Watch | None]) -> None:
        self.members = [member for member in members if member is not None]

    def begin(self, bench: Bench) -> None:
        for member in self.members:
            member.begin(bench)

    def enter(self, phase: str) -> None:
        for member in self.members:
            member.enter(phase)

    def say(self, text: str) -> None:
        for member in self.members:
            member.say(text)

    def step(self) -> None:
        for member in self.members:
            member.step()
