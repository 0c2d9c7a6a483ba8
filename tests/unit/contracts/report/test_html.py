"""The HTML report: whole by itself, every value text, every rule on it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from contracts.report.files import report_paths, write_reports
from contracts.report.html import digest, read_part, to_html
from contracts.report.machine import draw, ranks
from contracts.report.table import word_of
from tests.unit.contracts.report.hostile import hostile

RULES = ("sms.drafts-only", "sms.delete")


class Page(HTMLParser):
    """Elements with their attributes, and what stands in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_rule_has_a_row_with_its_verdict(judged):
    report = judged("sent-modifiable", *RULES).report
    page = Page(to_html(report))
    rows = [row["data-verdict"] for _, row in page.elements if "data-verdict" in row]
    assert rows == [word_of(rule) for rule in report["rules"]]
    assert {rule["id"] for rule in report["rules"]} <= set(page.texts)


def test_a_finding_is_shown_step_by_step_with_curl(judged):
    report = judged("sent-modifiable", *RULES).report
    page = Page(to_html(report))
    broken = next(rule for rule in report["rules"] if rule["fails"])
    for finding in broken["findings"]:
        assert finding["expected"] in page.texts
        assert all(curl in page.texts for curl in finding["requests"])
    assert "this answer is not as expected" in " ".join(page.texts)


def test_a_right_target_has_a_page_without_findings(judged):
    page = to_html(judged(None, *RULES).report)
    assert "No documented rule is broken" in page
    assert 'id="broken"' not in page


def test_the_page_needs_nothing_else(judged):
    page = Page(to_html(judged("sent-modifiable", *RULES).report))
    for name, attributes in page.elements:
        assert "src" not in attributes, name
        assert name != "link"
        assert all(not value or value.startswith("#") for value in [attributes.get("href")])
    policy = page.named("meta")[1]["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert digest(read_part("page.js")) in policy
    assert digest(read_part("page.css")) in policy


def test_nothing_that_a_target_says_becomes_markup(judged):
    report = judged("sent-modifiable", *RULES).report
    plain, bad = Page(to_html(report)), Page(to_html(hostile(report)))
    for name in ("script", "style", "img", "iframe", "meta", "form", "input"):
        assert len(bad.named(name)) == len(plain.named(name)), name
    assert not any(key.startswith("on") for _, one in bad.elements for key in one)
    text = "".join(bad.texts)
    assert "{{ 7 * 7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)


def test_no_secret_is_on_the_page(judged):
    result = judged("sent-modifiable", *RULES)
    page = to_html(result.report)
    assert not any(secret in page for secret in result.bench.client.keys.secrets())


def test_what_was_left_out_is_told(judged):
    report = judged("sent-modifiable", *RULES).report
    report = {**report, "missing_operations": ["deleteSMS (DELETE /x/)"], "notes": ["ended early"]}
    texts = Page(to_html(report)).texts
    assert "deleteSMS (DELETE /x/)" in texts
    assert "ended early" in texts
    assert any(text.startswith("not selected") for text in texts)
    assert "--include-rule sms.delete" in texts


def lifecycle(*moves: dict[str, Any]) -> dict[str, Any]:
    plain = {"how": ["request"], "accepted": 0, "seen": 0, "broken": False}
    return {
        "states": ["draft", "waiting", "sent", "alone"],
        "initial": ["draft", "alone"],
        "final": ["sent"],
        "moves": [{**plain, **move} for move in moves],
    }


def test_a_lifecycle_is_drawn_from_where_it_begins():
    drawing = draw(
        lifecycle(
            {"from": "draft", "to": "waiting", "accepted": 3},
            {"from": "waiting", "to": "draft"},
            {"from": "waiting", "to": "sent", "how": ["time"], "seen": 2},
            {"from": "sent", "to": "draft", "how": [], "accepted": 1, "broken": True},
            {"from": "sent", "to": "waiting", "how": []},
        )
    )
    assert {one.name: one.column for one in drawing.states} == {
        "draft": 0,
        "waiting": 1,
        "sent": 2,
        "alone": 0,
    }
    assert [(one.how, one.count, one.broken) for one in drawing.edges] == [
        ("request", 3, False),
        ("request", 0, False),
        ("time", 2, False),
        ("forbidden", 1, True),
    ]
    assert "draft to waiting by request: 3; " in drawing.words
    assert "sent to draft forbidden: 1, broken" in drawing.words


def test_states_that_no_beginning_leads_to_have_their_place_too():
    pairs = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]
    assert ranks(["a", "b", "c", "d", "e"], ["a"], pairs) == {
        "a": 0,
        "b": 1,
        "c": 0,
        "d": 1,
        "e": 0,
    }
    assert ranks(["a"], [], []) == {"a": 0}
    assert ranks([], [], []) == {}


def test_it_is_written_where_it_is_wanted(judged, tmp_path):
    chosen = {"report": "html", "report_dir": tmp_path / "new", "report_html_path": None}
    paths = report_paths(chosen)
    assert paths == {"html": tmp_path / "new" / "contracts.html"}
    write_reports(hostile(judged(None, *RULES).report), paths)
    assert paths["html"].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
