"""Why a run cannot go on, in words for the person who started it."""

from __future__ import annotations


class CouldNotRunError(Exception):
    """Nothing can be said about the target: it is not there, refuses the key, or a setting is bad."""


class WithheldError(Exception):
    """A request that safety keeps back; `needs` is what would let it through."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"needs {needs}")
        self.needs = needs


class LostError(WithheldError):
    """A request whose answer was lost on the way, from a target that is there: who knows what it did."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.args = (reason,)


class EndedError(BaseException):
    """The run is over before its end: nothing more goes out, but for cleaning up.

    `lost`: the target is of no use any more, so that nothing can be said about it.
    It is no Exception, so that whoever catches those (Hypothesis, to shrink) lets it through.
    """

    def __init__(self, reason: str, lost: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lost = lost
