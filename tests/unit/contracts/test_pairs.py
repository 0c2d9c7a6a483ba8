"""Rows in which every two choices meet."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from contracts.chance import Chance
from contracts.strategies.pairs import Row, pairs_of, rows_of

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4), min_size=2)
Single = tuple[str, int]


def singles(sizes: dict[str, int]) -> list[Single]:
    return [(name, number) for name, size in sizes.items() for number in range(size)]


def as_it_is(row: Row, stay: frozenset[str]) -> Row:
    return row


@st.composite
def grids(draw: st.DrawFn) -> tuple[dict[str, int], frozenset[Single]]:
    """Places with their choices, some of them wrong; the first of each place is right."""
    sizes = draw(SIZES)
    wrong = draw(st.sets(st.sampled_from(singles(sizes))))
    return sizes, frozenset(one for one in wrong if one[1])


@given(grids(), st.integers(0, 9))
def test_every_pair_meets_and_wrong_ones_come_alone(
    grid: tuple[dict[str, int], frozenset[Single]], seed: int
) -> None:
    sizes, wrong = grid
    rows = list(rows_of(sizes, wrong, as_it_is, Chance(seed)))
    assert all(row.keys() == sizes.keys() for row in rows)
    assert all(len(wrong.intersection(row.items())) <= 1 for row in rows)
    met = {
        pair
        for row in rows
        for pair in pairs_of(row)
        if wrong.isdisjoint(row.items()) or not wrong.isdisjoint(pair)
    }
    wanted = {
        (one, two)
        for one, two in combinations(sorted(singles(sizes)), 2)
        if one[0] != two[0] and not {one, two} <= wrong
    }
    assert wanted <= met


@given(SIZES, st.integers(0, 9))
def test_rows_are_far_fewer_than_all_combinations(sizes: dict[str, int], seed: int) -> None:
    rows = list(rows_of(sizes, frozenset(), as_it_is, Chance(seed)))
    every = len(list(product(*(range(size) for size in sizes.values()))))
    largest = sorted(sizes.values())[-2:]
    assert len(rows) <= min(every, 2 * largest[0] * largest[1])


def test_what_cannot_be_had_is_left_out_and_the_rest_still_meets() -> None:
    sizes = {"a": 2, "b": 2, "c": 2}

    def settle(row: Row, stay: frozenset[str]) -> Row | None:
        if row["a"] and row["b"]:
            return None if {"a", "b"} <= stay else {**row, "b" if "a" in stay else "a": 0}
        return row

    rows = list(rows_of(sizes, frozenset(), settle, Chance(0)))
    assert not any(row["a"] and row["b"] for row in rows)
    met = {pair for row in rows for pair in pairs_of(row)}
    assert len(met) == 3 * 4 - 1


def test_a_row_that_turns_out_not_to_be_had_leaves_its_other_pairs_for_later() -> None:
    refused: list[Row] = []

    def settle(row: Row, stay: frozenset[str]) -> Row | None:
        if not any(one.items() <= row.items() for one in refused):
            return row
        spare = [name for name in ("a", "b") if name not in stay]
        return {**row, spare[0]: 0} if spare else None

    rows = []
    for row in rows_of({"a": 2, "b": 2, "c": 2}, frozenset(), settle, Chance(1)):
        if row["a"] and row["b"]:
            refused.append({"a": 1, "b": 1})
        else:
            rows.append(row)
    met = {pair for row in rows for pair in pairs_of(row)}
    assert (("a", 1), ("c", 1)) in met
    assert (("b", 1), ("c", 1)) in met
