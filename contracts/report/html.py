"""The HTML report: one page that needs nothing else, and on which nothing of a target acts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contracts.report.machine import count_of, draw, how_of
from contracts.report.table import note_of, word_of
from contracts.report.visible import shorten, visible

Json = Mapping[str, Any]
LONGEST, LONGEST_LINE = 20_000, 2000  # characters of one value
VERDICTS = ("broken", "accepted", "differs", "kept", "not exercised")
SAID = {"differs": "differ"}


def to_html(report: Json) -> str:
    """The page; every value is text in it, and its policy lets nothing else run or load."""
    style, script = read_part("page.css"), read_part("page.js")
    words = {rule["id"]: word_of(rule) for rule in report["rules"]}
    counts = [(word, sum(one == word for one in words.values())) for word in VERDICTS]
    return (
        page_environment()
        .get_template("page.html")
        .render(
            report=report,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
            "base-uri 'none'; form-action 'none'",
            words=words,
            counts=[(word, count) for word, count in counts if count or word in ("kept", "broken")],
            groups=[(word, list(iter_group(report, word))) for word in VERDICTS],
            lifecycles=[(one, draw(one)) for one in report["lifecycles"]],
            left_out=left_out(report),
            selection=list(iter_selection(report)),
        )
    )


def iter_group(report: Json, word: str) -> Iterator[tuple[Json, list[Json]]]:
    """The rules of one verdict that have something to show, each with its sequences."""
    for rule in report["rules"]:
        shown = [*rule["findings"], *rule["differences"]]
        if word_of(rule) == word and shown:
            yield rule, shown


def left_out(report: Json) -> list[tuple[str, list[str]]]:
    """Why rules were not exercised, each reason with its rules."""
    reasons: dict[str, list[str]] = {}
    for rule in report["rules"]:
        if rule["verdict"] == "not-exercised":
            reasons.setdefault(rule["reason"] or "no reason is known", []).append(rule["id"])
    return sorted(reasons.items(), key=lambda one: -len(one[1]))


def iter_selection(report: Json) -> Iterator[str]:
    """The options that chose rules and operations."""
    for name, patterns in report.get("selection", {}).items():
        yield from (f"--{name} {pattern}" for pattern in patterns)


def to_text(value: Any) -> str:
    """A value in one line in which nothing hides."""
    return visible(shorten(str(value), LONGEST_LINE))


def to_block(value: Any) -> str:
    """Text of several lines in which nothing hides."""
    lines = shorten(str(value), LONGEST).replace("\r\n", "\n").split("\n")
    return "\n".join(visible(line.replace("\t", "    ")) for line in lines)


def to_body(step: Json) -> str:
    """The body of a request or of an answer; JSON is laid out."""
    if "body" in step:
        return to_block(json.dumps(step["body"], indent=2, ensure_ascii=False))
    return to_block(step.get("content", step.get("text", "")))


def said(word: str) -> str:
    """A verdict as a count names it."""
    return SAID.get(word, word)


@cache
def page_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("contracts.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": to_text, "block": to_block, "body": to_body, "said": said}
    environment.globals |= {"note_of": note_of, "how_of": how_of, "count_of": count_of}
    return environment


@cache
def read_part(name: str) -> str:
    return (files("contracts.report") / "page" / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """What a page's policy calls the one style or script that it allows."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def write_html(report: Json, path: Path) -> None:
    path.write_bytes(to_html(report).encode("utf-8", "backslashreplace"))
