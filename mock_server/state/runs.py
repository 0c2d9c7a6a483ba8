"""Sorted keys that are counted by the block: a page is found at any depth without going through what lies before it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyroaring import BitMap

BLOCK = 1_024  # keys
Key = tuple[Any, int, str]  # what the order is by, sequence of insertion, id


def bitmap(sequences: Iterable[int]) -> BitMap:
    # Imported at the first page that needs one: most servers never do, and each start would pay.
    from pyroaring import BitMap

    return BitMap(sequences)


def united(parts: Sequence[BitMap]) -> BitMap:
    if not parts:
        return bitmap(())
    return parts[0] if len(parts) == 1 else type(parts[0]).union(*parts)


class Run:
    """Keys in order. The sequences of whole blocks are kept as bitmaps from when they are first asked for."""

    __slots__ = ("blocks", "keys")

    def __init__(self, keys: list[Key]) -> None:
        self.keys = keys
        self.blocks: dict[int, BitMap] = {}  # never changed in place: copies share them

    def add(self, key: Key) -> None:
        keys = self.keys
        if keys and key < keys[-1]:
            self.forget(bisect_left(keys, key))
            insort(keys, key)
        else:
            keys.append(key)

    def remove(self, key: Key) -> None:
        place = bisect_left(self.keys, key)
        self.forget(place)
        del self.keys[place]

    def forget(self, place: int) -> None:
        """Gives up the bitmaps of the blocks from a place on."""
        if self.blocks:
            for number in [one for one in self.blocks if one >= place // BLOCK]:
                del self.blocks[number]

    def block(self, number: int) -> BitMap:
        """The sequences in a whole block."""
        found = self.blocks.get(number)
        if found is None:
            part = self.keys[number * BLOCK : (number + 1) * BLOCK]
            found = self.blocks[number] = bitmap([key[1] for key in part])
        return found

    def between(self, start: int, end: int) -> BitMap:
        """The sequences of the keys from one place to another."""
        first, last = -(-start // BLOCK), end // BLOCK
        if first >= last:
            return bitmap([key[1] for key in self.keys[start:end]])
        edges = [*self.keys[start : first * BLOCK], *self.keys[last * BLOCK : end]]
        whole = [self.block(number) for number in range(first, last)]
        return united([bitmap([key[1] for key in edges]), *whole])

    def iter_wanted(
        self, wanted: BitMap, start: int, end: int, descending: bool, skip: int = 0
    ) -> Iterator[Key]:
        """The keys within these places whose sequence is wanted, but for the first ones."""
        numbers = range(start // BLOCK, -(-end // BLOCK))
        for number in reversed(numbers) if descending else numbers:
            first, last = max(start, number * BLOCK), min(end, (number + 1) * BLOCK)
            if last - first == BLOCK:
                count = self.block(number).intersection_cardinality(wanted)
                if count <= skip:
                    skip -= count
                    continue
            part = self.keys[first:last]
            for key in reversed(part) if descending else part:
                if key[1] not in wanted:
                    continue
                if skip:
                    skip -= 1
                else:
                    yield key

    def copy(self) -> Run:
        twin = Run(self.keys.copy())
        twin.blocks = self.blocks.copy()
        return twin
