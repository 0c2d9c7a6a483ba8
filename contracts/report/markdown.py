"""The Markdown report: a summary that people read beside a run of CI; nothing in it acts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.report.table import note_of, states_rules, told, word_of
from contracts.report.visible import shorten, visible

Json = Mapping[str, Any]
MOST_FINDINGS = 20
LONGEST_VALUE, LONGEST_CURL, LONGEST_ANSWER = 600, 4000, 1000
LONGEST = 900_000  # bytes; GitHub takes a summary of 1 MiB
SIGNS = re.compile(r"[\\`*_{}\[\]<>#|~@:&!$]")
SYMBOLS = {
    "broken": "❌",
    "accepted": "🟥",
    "differs": "🟡",
    "kept": "✅",
    "not exercised": "⚪",
}


def to_markdown(report: Json) -> str:
    """The whole report; what is too long for a summary ends early and says so."""
    parts: list[str] = []
    size = 0
    for part in iter_parts(report):
        size += len(part.encode("utf-8", "backslashreplace")) + 1
        if size > LONGEST:
            parts.append("\nThe rest is left out: it is too long. `--report html` has all of it.\n")
            break
        parts.append(part)
    return "\n".join(parts) + "\n"


def iter_parts(report: Json) -> Iterator[str]:
    words = {rule["id"]: word_of(rule) for rule in report["rules"]}
    document = report["document"]
    outcome = "documented rules are broken" if report["failed"] else "no documented rule is broken"
    if not states_rules(report):
        number = len(report["schemathesis"])
        outcome = (
            f"{number} findings of Schemathesis" if number else "nothing found by Schemathesis"
        )
    title = " ".join(filter(None, (document["title"], document["version"])))
    yield f"## {SYMBOLS['broken' if report['failed'] else 'kept']} {plain(title)}: {outcome}\n"
    counted = list(words.values())
    told_counts = [
        f"{SYMBOLS[word]} {counted.count(word)} {word}" for word in SYMBOLS if word in counted
    ]
    yield " · ".join(told_counts) + "\n"
    inside = report["target"] == "stub" or report["target"].startswith("app ")
    base = (
        ("the stub" if report["target"] == "stub" else report["target"])
        if inside
        else report["base"]
    )
    yield (
        f"{report['requests']:,} requests to {plain(base)} in {report['seconds']:.1f} s, "
        f"seed {report['seed']}\n"
    )
    yield from iter_findings(report, words)
    yield from iter_rest(report, words)


def iter_findings(report: Json, words: Mapping[str, str]) -> Iterator[str]:
    """Broken rules with their smallest sequence, then the differences in a line each."""
    broken = [rule for rule in report["rules"] if words[rule["id"]] == "broken"]
    if broken:
        yield "### Broken\n"
    for rule in broken[:MOST_FINDINGS]:
        yield from iter_finding(rule, rule["counterexample"])
    if len(broken) > MOST_FINDINGS:
        yield f"And {len(broken) - MOST_FINDINGS} more broken rules, in the table below.\n"
    differing = [rule for rule in report["rules"] if words[rule["id"]] == "differs"]
    if differing:
        yield "### Inferred rules that differ (they do not fail a run)\n"
        for rule in differing:
            shown = rule["counterexample"]
            yield (
                f"- **{plain(rule['id'])}** {plain(shown['case'])}: "
                f"expected {plain(shown['expected'])}; came {plain(shown['came'])}"
            )
        yield ""


def iter_finding(rule: Json, shown: Json) -> Iterator[str]:
    yield f"#### {plain(rule['id'])}\n"
    yield f"{plain(rule['says'])}\n"
    yield f"- case: {plain(shown['case'])}"
    yield f"- expected: {plain(shown['expected'])}"
    yield f"- came: {plain(shown['came'])}\n"
    count = len(shown["requests"])
    yield f"<details><summary>{count} {'request' if count == 1 else 'requests'}</summary>\n"
    lines = []
    for curl, step in zip(shown["requests"], shown["steps"], strict=True):
        if step["wait"]:
            lines.append(f"sleep {step['wait']:g}")
        lines.append(visible(shorten(curl, LONGEST_CURL)))
        lines.append(f"# {told(step['answer'], LONGEST_ANSWER)}")
    yield fenced("\n".join(lines), "sh")
    yield "\n</details>\n"


def iter_rest(report: Json, words: Mapping[str, str]) -> Iterator[str]:
    """Schemathesis' findings, notes, and every rule in a table that is closed at first."""
    if report["schemathesis"]:
        yield "### Schemathesis (does not fail a run)\n"
        for row in report["schemathesis"][:MOST_FINDINGS]:
            yield f"- {plain(row['check'])} {plain(row['label'])}: {plain(row['title'])}"
        more = len(report["schemathesis"]) - MOST_FINDINGS
        yield f"- and {more} more\n" if more > 0 else ""
    for word, listed in (
        ("Operations that the target does not have", report["missing_operations"]),
        ("Notes", report["notes"]),
    ):
        if listed:
            yield f"### {word}\n"
            yield from (f"- {plain(one)}" for one in listed)
            yield ""
    yield "<details><summary>Every rule</summary>\n"
    yield "| verdict | rule | certainty | cases | note |\n|---|---|---|---:|---|"
    for rule in report["rules"]:
        word = words[rule["id"]]
        yield (
            f"| {SYMBOLS[word]} {word} | {plain(rule['id'])} | {rule['certainty']} "
            f"| {rule['cases']} | {plain(note_of(rule))} |"
        )
    yield "\n</details>"


def plain(text: str) -> str:
    """One line of text without any meaning in Markdown."""
    line = visible(shorten(str(text), LONGEST_VALUE))
    return SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", line).replace("www.", "www&#46;")


def fenced(text: str, language: str) -> str:
    """A block of code that its text cannot leave."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def write_markdown(report: Json, path: Path) -> None:
    path.write_bytes(to_markdown(report).encode("utf-8", "backslashreplace"))
