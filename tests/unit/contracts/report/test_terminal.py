"""The terminal report and the progress: readable at 80 columns, safe, and quiet in a log."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from contracts.report.progress import LiveProgress, LogProgress, can_redraw, left_words, spinner
from contracts.report.table import print_report, word_of
from contracts.report.visible import shorten, visible


def printed(report: Any, **more: Any) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=80, highlight=False, **more))
    return out.getvalue()


def test_every_rule_that_is_chosen_stands_in_the_table_with_its_verdict(judged):
    report = judged("sent-modifiable", "sms.drafts-only", "sms.delete").report
    text = printed(report)
    chosen = [rule for rule in report["rules"] if rule["reason"] != "not selected"]
    assert {rule["id"] for rule in chosen} == {"sms.drafts-only", "sms.delete"}
    for rule in chosen:
        assert re.search(rf"^  {word_of(rule)} +{re.escape(rule['id'])} ", text, re.M)
    assert f"; {len(report['rules']) - 2} not selected" in text
    assert text.count("not selected") == 1


def test_a_broken_rule_is_shown_with_its_sentence_and_its_requests_as_curl(judged):
    report = judged("sent-modifiable", "sms.drafts-only", "sms.delete").report
    text = printed(report)
    broken = next(rule for rule in report["rules"] if rule["verdict"] == "broken")
    assert broken["id"] == "sms.drafts-only"
    for curl in broken["counterexample"]["requests"]:
        assert curl in text
    assert f"expected  {broken['counterexample']['expected']}" in text


def test_a_log_without_a_terminal_has_no_control_codes(judged):
    text = printed(judged("sent-modifiable", "sms.drafts-only", "sms.delete").report)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


@pytest.mark.whole_run
def test_no_line_that_is_made_here_is_longer_than_80_columns(judged):
    text = printed(judged(None, "sms.*").report)
    table = text.split("\n\n")[0]
    assert max(len(line) for line in table.splitlines()) <= 80


def test_what_a_target_says_never_reaches_the_terminal_raw():
    hostile = "\x1b[2J\x07 a\nb\r\u202e\ud800\u2028 [bold]x[/] ::error::no"
    shown = visible(hostile)
    assert shown == r"\x1b[2J\x07 a\nb\r\u202e\ud800\u2028 [bold]x[/] ::error::no"
    assert visible("Grüße 👋") == "Grüße 👋"


def test_markup_of_a_target_stays_text(judged):
    report = dict(judged(None, "sms.delete").report)
    report["notes"] = ["[bold red]loud[/] [/nonsense]"]
    assert "[bold red]loud[/] [/nonsense]" in printed(report)


def test_shorten_says_how_much_is_missing():
    assert shorten("abcdef", 3) == "abc… (3 more characters)"
    assert shorten("abc", 3) == "abc"


class Ticks:
    """A clock that goes on by ten seconds at every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 10
        return self.seconds


def test_a_log_gets_a_heading_and_a_line_now_and_then(judged):
    out = io.StringIO()
    progress = LogProgress(Ticks(), Console(file=out, width=80))
    progress.begin(judged(None, "sms.delete").bench)
    for phase in ("timed", "schema", "echo"):
        progress.enter(phase)
        progress.step()
    lines = out.getvalue().splitlines()
    assert re.match(r"Close SMS API: \d+ rules, judged on ", lines[0])
    assert 1 < len(lines) <= 8
    assert "rules met" in lines[1]


class Stopped:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_log_is_told_about_a_long_part_and_is_not_flooded(judged):
    out, clock = io.StringIO(), Stopped()
    progress = LogProgress(clock, Console(file=out, width=80))
    progress.begin(judged(None, "sms.delete").bench)
    progress.enter("schema")
    for _ in range(100):
        progress.step()
        progress.say("the target's rate limit\x1b asks to wait 1.0 s")
    assert len(out.getvalue().splitlines()) == 1
    clock.seconds = 20
    for _ in range(100):
        progress.step()
    clock.seconds = 40
    progress.say("the target's rate limit\x1b asks to wait 1.0 s")
    lines = out.getvalue().splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == [
        "  schema",
        "  the target's rate limit\\x1b asks to wait 1.0 s",
    ]


def test_a_file_is_no_terminal_even_where_colours_are_forced(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    out, clock = io.StringIO(), Stopped()
    console = Console(file=out, width=80)
    assert console.is_terminal
    assert not can_redraw(console)
    with spinner(console, clock) as tell:
        tell("one")
        clock.seconds = 16
        tell("two\x1b[2J")
        tell("three")
    assert out.getvalue() == "  two\\x1b[2J\n"


@pytest.mark.parametrize("height", [8, 50])
def test_the_live_table_fits_the_terminal(judged, height):
    out = io.StringIO()
    console = Console(file=out, width=80, height=height, force_terminal=True, color_system=None)
    progress = LiveProgress(Ticks(), console)
    progress.begin(judged("sent-modifiable", "sms.drafts-only", "sms.delete").bench)
    for phase in ("timed", "auth", "schema", "echo", "listing"):
        progress.enter(phase)
        progress.step()
    lines = console.render_lines(progress.draw(), pad=False)
    assert len(lines) <= height
    text = "\n".join("".join(segment.text for segment in line) for line in lines)
    assert "now    listing" in text
    assert "broken sms.drafts-only" in text
    assert re.search(r"about \d+ (s|min) left", text)


def test_time_left_is_said_in_words():
    assert left_words(0.2) == "1 s"
    assert left_words(200) == "3 min"
