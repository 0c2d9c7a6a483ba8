"""Few rows in which every two choices meet: what a request may hold is seen beside everything else.

A defect that needs two things together is met by one of them; trying all combinations would take
the product of all choices, and rows for pairs grow with the two largest places alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from contracts.chance import Chance

Row = dict[str, int]  # place -> the number of the choice that stands there
Pair = tuple[tuple[str, int], tuple[str, int]]


def pairs_of(row: Mapping[str, int]) -> Iterator[Pair]:
    return combinations(sorted(row.items()), 2)


def rows_of(
    sizes: Mapping[str, int],
    wrong: frozenset[tuple[str, int]],
    settle: Callable[[Row, frozenset[str]], Row | None],
    random: Chance,
) -> Iterator[Row]:
    """Rows until every pair has been in one, wrong choices one at a time.

    `settle` is given a row and the places that are to stay: it returns the row as it can be had, or
    None. Beside a wrong choice no other pair counts, since such a request comes to nothing; nor does
    a row that is not to be had any more once it was tried.
    """
    single = [(name, number) for name, size in sizes.items() for number in range(size)]
    left = {
        pair: None
        for pair in combinations(sorted(single), 2)
        if pair[0][0] != pair[1][0] and not wrong.issuperset(pair)
    }
    while left:
        seed = next(iter(left))
        row = settle(filled(dict(seed), sizes, wrong, left, random), frozenset(dict(seed)))
        if row is None:
            left.pop(seed)
            continue
        yield row
        if settle(row, frozenset(row)) is None:
            continue  # the seed gets another row
        left.pop(seed)
        bad = wrong.intersection(row.items())
        for pair in pairs_of(row):
            if not bad or not bad.isdisjoint(pair):
                left.pop(pair, None)


def filled(
    row: Row,
    sizes: Mapping[str, int],
    wrong: frozenset[tuple[str, int]],
    left: Mapping[Pair, None],
    random: Chance,
) -> Row:
    """A row with a choice in every place, each the one that meets the most of what is left."""
    bad = wrong.intersection(row.items())
    names = [name for name in sizes if name not in row]
    random.shuffle(names)
    for name in names:
        choices = [n for n in range(sizes[name]) if (name, n) not in wrong]
        random.shuffle(choices)
        beside = [one for one in row.items() if not bad or one in bad]

        def gain(choice: int, name: str = name, beside: list[tuple[str, int]] = beside) -> int:
            return sum(tuple(sorted(((name, choice), one))) in left for one in beside)

        row[name] = max(choices, key=gain)
    return row
