"""The Markdown summary and what GitHub is told: readable, bounded, and nothing in it acts."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from contracts.report.github import (
    MOST,
    iter_annotations,
    place_of,
    tell_actions,
    to_property,
    without_commands,
)
from contracts.report.markdown import LONGEST, fenced, plain, to_markdown
from tests.unit.contracts.report.hostile import SCRIPT, SIGNS, hostile

RULES = ("sms.drafts-only", "sms.delete")


def test_a_broken_rule_is_told_with_its_requests(judged):
    report = judged("sent-modifiable", *RULES).report
    text = to_markdown(report)
    broken = next(rule for rule in report["rules"] if rule["fails"])
    assert text.startswith("## ❌ Close SMS API 1.0: documented rules are broken\n")
    assert f"#### {broken['id']}\n" in text
    for curl in broken["counterexample"]["requests"]:
        assert f"\n{curl}\n" in text
    assert len(re.findall(r"^\| (?!verdict|---)", text, re.M)) == len(report["rules"])


def test_a_right_target_has_a_short_summary(judged):
    text = to_markdown(judged(None, *RULES).report)
    assert text.startswith("## ✅ Close SMS API 1.0: no documented rule is broken\n")
    assert "### Broken" not in text


def test_nothing_that_a_target_says_is_markup(judged):
    bad = hostile(judged("sent-modifiable", *RULES).report)
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(bad))
    inline = [child for token in tokens for child in token.children or ()]
    html = [token.content.strip() for token in (*tokens, *inline) if token.type.startswith("html")]
    allowed = r"(</?(details|summary)>|[\d ]+requests?|Every rule)+"
    assert html
    assert all(re.fullmatch(allowed, one.replace("\n", "")) for one in html), html
    assert not [token for token in inline if token.type in ("link_open", "image", "code_inline")]


def test_text_loses_its_signs_and_code_cannot_be_left():
    assert plain("a|b `c` <d> @e [f](g)") == (
        "a&#124;b &#96;c&#96; &#60;d&#62; &#64;e &#91;f&#93;(g)"
    )
    assert "\n" not in plain(f"{SCRIPT}\n{SIGNS}")
    assert fenced("a ```` b", "sh") == "`````sh\na ```` b\n`````"


def test_a_summary_ends_before_it_is_too_long(judged):
    report = dict(judged(None, *RULES).report)
    report["notes"] = ["n" * 500] * 3000
    text = to_markdown(report)
    assert len(text.encode()) < LONGEST + 1000
    assert "The rest is left out" in text


def test_github_is_told_of_each_broken_rule_in_one_line(judged, tmp_path, monkeypatch):
    report = judged("sent-modifiable", *RULES).report
    (line,) = [one for one in iter_annotations(report) if one.startswith("::error")]
    path = re.escape(report["document"]["path"])
    assert re.match(
        rf"::error file={path},line=\d+,title=sms\.drafts-only::Only drafts can be modified\.%0Acase",
        line,
    )
    for one in iter_annotations(hostile(report)):
        assert re.fullmatch(r"::(error|warning) [^\r\n]*", one)


def test_a_place_is_named_only_where_it_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "api.yaml").write_text("x-rules:\n  a.b:\n    says: x\n  a.bc:\n    says: y\n")
    assert place_of("api.yaml", "a.bc") == {"file": "api.yaml", "line": "4"}
    assert place_of("api.yaml", "a") == {"file": "api.yaml", "line": "1"}
    assert place_of("other.yaml", "a.b") == {}
    assert place_of(None, "a.b") == {}
    assert to_property("a:b,c%d\ne") == "a%3Ab%2Cc%25d\\ne"


def test_no_more_annotations_than_github_takes(judged):
    report = dict(judged("sent-modifiable", *RULES).report)
    broken = next(rule for rule in report["rules"] if rule["fails"])
    report["rules"] = [broken] * 30
    assert len(list(iter_annotations(report))) == MOST


def test_commands_are_off_while_a_target_is_quoted(capsys):
    with without_commands({"GITHUB_ACTIONS": "true"}):
        print("::error::from a target")
    first, said, last = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert (said, last) == ("::error::from a target", f"::{token}::")
    with without_commands({}):
        print("plain")
    assert capsys.readouterr().out == "plain\n"


@pytest.mark.parametrize("actions", ["true", ""])
def test_a_summary_is_added_where_one_is_asked_for(judged, tmp_path, capsys, actions):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    report = hostile(judged("sent-modifiable", *RULES).report)
    tell_actions(report, {"GITHUB_ACTIONS": actions, "GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text().startswith("before\n## ❌")
    assert ("::error" in capsys.readouterr().out) is bool(actions)


def test_a_summary_that_cannot_be_written_is_said(judged, tmp_path, capsys):
    tell_actions(judged(None, *RULES).report, {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert "no summary could be written" in capsys.readouterr().err
