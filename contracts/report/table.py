"""The terminal report: every rule with its verdict, then what is broken and what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.text import Text

from contracts.cases.ledger import NOT_SELECTED
from contracts.report.visible import shorten, visible

Json = Mapping[str, Any]
MOST_DIFFERENCES = 12
WIDEST = 100  # prose is not read in longer lines
LONGEST_CURL = 4000
STYLES = {"kept": "green", "broken": "bold red", "accepted": "red", "differs": "yellow"}


def print_report(report: Json, console: Console) -> None:
    print_rules(report, console)
    print_schemathesis(report, console)
    print_differences(report, console)
    broken = [rule for rule in report["rules"] if word_of(rule) == "broken"]
    for number, rule in enumerate(broken, 1):
        print_broken(rule, f"{number} of {len(broken)}", console)
    print_summary(report, console)


def is_selected(rule: Json) -> bool:
    return bool(rule["reason"] != NOT_SELECTED)


def word_of(rule: Json) -> str:
    """A verdict as people are told it."""
    if rule["fails"]:
        return "broken"
    if rule["verdict"] == "broken":
        return "accepted" if rule["certainty"] == "documented" else "differs"
    return "not exercised" if rule["verdict"] == "not-exercised" else "kept"


def states_rules(report: Json) -> bool:
    """Whether the document says more than its schemas: else Schemathesis has the only word."""
    return bool(report.get("states_rules", True))


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """One line of text that the terminal may wrap, so that it can be copied whole."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def say_prose(console: Console, text: str, indent: str = "  ", style: str = "") -> None:
    width = min(console.width, WIDEST)
    for line in wrap(visible(text), width, initial_indent=indent, subsequent_indent=indent):
        say(console, (line, style))


# Rules


def print_rules(report: Json, console: Console) -> None:
    listed = [rule for rule in report["rules"] if is_selected(rule)]
    wide = max((len(rule["id"]) for rule in listed), default=0)
    for rule in listed:
        word = word_of(rule)
        certainty = "inferred" if rule["certainty"] == "inferred" else ""
        rest = f"  {rule['id']:<{wide}}  {certainty:<8}  {rule['cases']:>5}"
        note = visible(note_of(rule))
        fits = 15 + len(rest) + 2 + len(note) <= console.width
        beside = f"  {note}" if note and fits else ""
        say(console, (f"  {word:<13}", STYLES.get(word, "dim")), rest, (beside, "dim"))
        if note and not fits:
            say_prose(console, note, " " * 17, "dim")


def note_of(rule: Json) -> str:
    """What is to be said beside a verdict."""
    parts = []
    differences = len(rule["differences"]) + rule["more_differences"]
    if differences and rule["verdict"] != "broken":
        parts.append(f"differs in {differences} inferred {'part' if differences == 1 else 'parts'}")
    if rule["flaky"]:
        parts.append(f"{len(rule['flaky'])} flaky")
    if rule["reason"]:
        parts.append(rule["reason"])
    return "; ".join(parts)


# Findings


def print_broken(rule: Json, number: str, console: Console) -> None:
    shown = rule["counterexample"]
    console.print()
    say(console, ("broken", "bold red"), f" {number}  ", (rule["id"], "bold"))
    say_prose(console, rule["says"])
    print_sequence(shown, console)
    others = [one["case"] for one in rule["findings"] if one is not shown and one != shown]
    if others:
        say(
            console,
            ("  also      ", "dim"),
            visible(shorten("; ".join(dict.fromkeys(others)), 300)),
        )


def print_sequence(shown: Json, console: Console) -> None:
    """Request by request with its answer, then what was expected of the last."""
    say(console, ("  case      ", "dim"), visible(shorten(shown["case"], 300)))
    for number, (curl, step) in enumerate(zip(shown["requests"], shown["steps"], strict=True), 1):
        if step["wait"]:
            say(console, ("         ", "dim"), f"wait {step['wait']:g} seconds")
        say(console, (f"  {number:>4}    ", "dim"), visible(shorten(curl, LONGEST_CURL)))
        say(console, ("          ", "dim"), (told(step["answer"], console.width - 12), "dim"))
    say(console, ("  expected  ", "dim"), visible(shorten(shown["expected"], 600)))
    say(console, ("  came      ", "dim"), visible(shorten(shown["came"], 600)))


def told(answer: Json, room: int) -> str:
    """An answer in one line."""
    body = (
        json.dumps(answer["body"], ensure_ascii=False)
        if "body" in answer
        else answer.get("text", "")
    )
    line = visible(f"{answer['status']} {body}".strip())
    return line if len(line) <= room else f"{line[: max(20, room - 1)]}…"


def print_differences(report: Json, console: Console) -> None:
    """What is read otherwise, or not documented: a few words each, the rest is in the files."""
    listed = list(iter_differences(report))
    if not listed:
        return
    console.print()
    say(console, ("differences", "bold yellow"), " (they do not fail a run)")
    for rule, shown in listed[:MOST_DIFFERENCES]:
        say(console, "  ", (rule["id"], "bold"), f"  {visible(shorten(shown['case'], 200))}")
        if shown["requests"]:
            say(console, ("    ", "dim"), visible(shorten(shown["requests"][-1], 400)))
        say(console, ("    expected  ", "dim"), visible(shorten(shown["expected"], 200)))
        say(console, ("    came      ", "dim"), visible(shorten(shown["came"], 200)))
    if len(listed) > MOST_DIFFERENCES:
        say(console, f"  and {len(listed) - MOST_DIFFERENCES} more, in the files of --report")


def iter_differences(report: Json) -> Iterator[tuple[Json, Json]]:
    """The smallest difference of each rule."""
    for rule in report["rules"]:
        if word_of(rule) in ("broken", "accepted"):
            continue
        found = [*rule["findings"], *rule["differences"]]
        if found:
            yield rule, found[0]


def print_schemathesis(report: Json, console: Console) -> None:
    """By check, one line for each operation."""
    found = sorted(report["schemathesis"], key=lambda one: str(one["check"]))
    if not found:
        return
    console.print()
    alone = not states_rules(report)
    say(
        console,
        ("schemathesis", "bold red" if alone else "bold yellow"),
        " (what fails the run)" if alone else " (differences; requests in the files of --report)",
    )
    for check, rows in groupby(found, key=lambda one: str(one["check"])):
        say(console, "  ", (check, "bold"))
        for row in rows:
            first = (row["message"].splitlines() or [""])[0] or row["title"]
            line = f"    {row['operation']}  {row['status']}  {visible(first)}"
            say(console, shorten_to(line, min(console.width, 160)))
            if alone:
                say(console, ("      ", "dim"), visible(shorten(row["request"], LONGEST_CURL)))


def shorten_to(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


# The end


def print_summary(report: Json, console: Console) -> None:
    words = [word_of(rule) for rule in report["rules"] if is_selected(rule)]
    left_out = len(report["rules"]) - len(words)
    counts = {
        word: words.count(word)
        for word in ("kept", "broken", "accepted", "differs", "not exercised")
    }
    if not counts["accepted"]:
        del counts["accepted"]
    console.print()
    print_baseline(report.get("baseline"), console)
    for note in report["notes"]:
        say_prose(console, note, "")
    parts: list[str | tuple[str, str]] = [
        f"{len(words)} {'rule' if len(words) == 1 else 'rules'}: "
    ]
    if not states_rules(report):
        number = len(report["schemathesis"])
        counts, parts = (
            {},
            [(f"{number} findings", "bold red") if number else ("nothing found", "green")],
        )
    for index, (word, count) in enumerate(counts.items()):
        parts.append(", " if index else "")
        said = "differ" if word == "differs" else word
        parts.append((f"{count} {said}", STYLES.get(word, "") if count else "dim"))
    if left_out:
        parts.append((f"; {left_out} not selected", "dim"))
    say(console, *parts)
    say(
        console,
        f"{report['requests']:,} requests to {report['base']} in {report['seconds']:.1f} s, "
        f"--seed {report['seed']}",
    )


def print_baseline(baseline: Json | None, console: Console) -> None:
    if baseline is None:
        return
    parts = [
        f"{baseline['known']} known",
        f"{baseline['new']} new",
        f"{len(baseline['gone'])} gone",
    ]
    if baseline["recorded"] is not None:
        parts.append(f"{baseline['recorded']} recorded")
    if baseline["pruned_ids"] is not None:
        parts.append(f"{len(baseline['pruned_ids'])} pruned")
    if baseline["expired_ids"]:
        parts.append(f"{len(baseline['expired_ids'])} expired")
    say(console, f"baseline {baseline['path']}: {', '.join(parts)}")
    for entry in baseline["gone"][:MOST_DIFFERENCES]:
        line = f"{entry['check']}  {visible(shorten(entry['signature'], 200))}"
        say(console, ("  gone  ", "green"), line)
