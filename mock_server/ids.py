"""Identifiers and other chances, from one seedable source."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random, SystemRandom
from typing import Any
from uuid import UUID

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 43
# Four of 256 byte values are over; they fold onto the first letters, a bias nobody depends on.
TABLE = bytes(ALPHABET[value % len(ALPHABET)] for value in range(256))


class IdFactory:
    """Fresh identifiers; the same seed gives the same ones."""

    __slots__ = ("counts", "draw")

    def __init__(self, seed: int | str | None = None) -> None:
        chance = Random(seed if seed is not None else SystemRandom().getrandbits(64))
        self.draw = chance.randbytes
        self.counts: dict[str, int] = {}

    def new(self, prefix: str) -> str:
        """The prefix and 43 base-62 characters."""
        return prefix + self.draw(LENGTH).translate(TABLE).decode("ascii")

    def count(self, name: str) -> int:
        """The next number under a name, from 1 on."""
        number = self.counts[name] = self.counts.get(name, 0) + 1
        return number

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(UUID(bytes=self.draw(16), version=4))


class Chance:
    """A seeded source of luck, for what is to go wrong now and then."""

    __slots__ = ("random",)

    def __init__(self, seed: int | str) -> None:
        self.random = Random(seed)

    def share(self) -> float:
        """From 0 up to 1, every value as likely."""
        return self.random.random()

    def spread(self, sigma: float) -> float:
        """Around 1, with a long tail (log-normal)."""
        return self.random.lognormvariate(0, sigma)

    def noise(self, length: int) -> bytes:
        return self.random.randbytes(length)

    def pick(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)
