"""Laws of instants and clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from mock_server.clock import EARLIEST, LATEST, Clock, format_instant, parse_instant

instants = st.integers(EARLIEST, LATEST)
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(instants)
def test_parsing_undoes_formatting(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30), timezones=offsets))
def test_every_rfc_3339_date_time_is_the_moment_it_says(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parse_instant(moment.isoformat()) == expected


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30)))
def test_a_date_time_without_an_offset_is_utc(moment: datetime) -> None:
    assert parse_instant(moment.isoformat()) == parse_instant(moment.isoformat() + "Z")


@given(st.dates())
def test_a_date_alone_is_no_date_time(day: object) -> None:
    assert parse_instant(str(day)) is None


@given(st.text(max_size=40))
def test_no_text_makes_parsing_fail(text: str) -> None:
    found = parse_instant(text)
    assert found is None or EARLIEST <= found <= LATEST


@given(instants, st.lists(st.floats(0, 10_000_000), max_size=5))
def test_a_frozen_clock_moves_only_when_it_is_told_to(start: int, steps: list[float]) -> None:
    clock = Clock(lambda: 0)
    clock.freeze(start)
    before = clock.now()
    for step in steps:
        clock.advance(step)
        assert clock.now() >= before
        before = clock.now()
    clock.real()
    assert clock.now() == 0


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**6))
def test_a_shifted_clock_runs_on(first: int, later: int, seconds: int) -> None:
    time = [first]
    clock = Clock(lambda: time[0])
    clock.advance(seconds)
    assert clock.now() == first + seconds * 1_000_000
    time[0] += later
    assert clock.now() == first + seconds * 1_000_000 + later
