"""Numbers as phonenumbers places them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.functions.phone import country, international


@pytest.mark.parametrize(
    ("number", "form", "region"),
    [
        ("+16505550100", "+1 650-555-0100", "US"),
        ("+442079460123", "+44 20 7946 0123", "GB"),
        ("+442079460456", "+44 20 7946 0456", "GB"),
        ("+447700900123", None, None),  # of a range that nobody has
        ("+999123456", None, None),
        ("+12", None, None),
        ("nonsense", None, None),
        (None, None, None),
        (5, None, None),
    ],
)
def test_a_number_has_its_form_and_country(
    number: object, form: str | None, region: str | None
) -> None:
    assert international(number) == form
    assert country(number) == region


@given(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True))
def test_every_e164_number_is_placed_wholly_or_not_at_all(number: str) -> None:
    assert (international(number) is None) == (country(number) is None)
