"""Templates are hostile input; what they may do is little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.functions.text import first_word, join_words, render

LEAD = {"display_name": "Placeholder Ltd", "address": {"city": "Nowhere"}, "items": None}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Hello {{ lead.display_name }}!", "Hello Placeholder Ltd!"),
        ("{{lead.address.city}}", "Nowhere"),
        ("{{ lead.missing }}{{ nobody.name.first }}.", "."),
        ("{{ lead.items }}", ""),
        ("{{ lead }}{{ lead.address }}", ""),
        ("{{ range }}{{ dict }}{{ self }}{{ cycler.__init__ }}", ""),
        ("no placeholder", "no placeholder"),
        ("", ""),
    ],
)
def test_render_replaces_placeholders(template: str, expected: str) -> None:
    assert render(template, lead=LEAD) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(10**9) %}x{% endfor %}",
        "{{ lead.display_name * 10**9 }}",
        "{{ range(10**9) | list }}",
        "{{ lead.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ lead['display_name'] }}",
        "{{ unclosed",
        "{% include 'secrets' %}",
        "{{ lead.display_name | upper }}",
        "{{ lead.display_name() }}",
        "{{ 9**9**9 }}",
        "{{ " + "9" * 19_000 + " }}",
        "{{ " + "(" * 9_000 + " }}",
        "{{ " + "(" * 5_000 + "a" + ")" * 5_000 + " }}",
        "{{ a" + ".b" * 9_000 + " }}",
        "{{ " + "-" * 9_000 + "1 }}",
        "{{ a }}" * 2_500,
        "{{ lead.display_name }}" * 1_000,
    ],
)
def test_render_does_nothing_but_replace(template: str) -> None:
    rendered = render(template, lead=LEAD)
    assert rendered in (template, "")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "Hi {{ lead.display_name }}, {{ lead.display_name|upper }}",
            "Hi %s, {{ lead.display_name|upper }}",
        ),
        ("{% set a = lead %}{{ a.display_name }}{{ lead.display_name }}", "{% set a = lead %}%s"),
        (
            "{% if x %}{{lead.display_name}}{% endif %} {{ 7*7 }}",
            "{% if x %}%s{% endif %} {{ 7*7 }}",
        ),
    ],
)
def test_what_is_no_placeholder_leaves_the_others(template: str, expected: str) -> None:
    assert render(template, lead=LEAD) == expected.replace("%s", LEAD["display_name"])


def test_what_is_rendered_has_an_end() -> None:
    lead = {"name": "x" * 60_000}
    assert len(render("{{ lead.name }}" * 400, lead=lead) or "") == 100_000


def test_render_shows_no_attribute_of_a_python_object() -> None:
    assert render("{{ lead.keys }}{{ lead.pop }}", lead=LEAD) == ""


@given(st.text())
def test_render_never_fails(template: str) -> None:
    assert isinstance(render(template, lead=LEAD), str)


def test_render_of_nothing_is_nothing() -> None:
    assert render(None) is None


def test_join_words_leaves_out_what_is_missing() -> None:
    assert join_words("Ada", None, "", "Example") == "Ada Example"
    assert join_words(None) is None


def test_first_word() -> None:
    assert first_word("Ada Example") == "Ada"
    assert first_word(" ") is None
    assert first_word(None) is None
