"""Telephone numbers: formatting and country, worked out by phonenumbers."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

from mock_server.functions.registry import register


@lru_cache(maxsize=65_536)
def describe(number: str) -> tuple[str | None, str | None]:
    """International form and ISO 3166 country of an E.164 number; None where it cannot be placed."""
    # Imported at the first number: its metadata would slow every start.
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None, None
    country = phonenumbers.region_code_for_number(parsed)
    if country is None:
        return None, None
    form = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return form, country


@register("phone.international")
def international(number: Any = None) -> str | None:
    """`+16505550100` becomes `+1 650-555-0100`."""
    return describe(number)[0] if isinstance(number, str) else None


@register("phone.country")
def country(number: Any = None) -> str | None:
    """`+16505550100` becomes `US`."""
    return describe(number)[1] if isinstance(number, str) else None


@register("phone.each-international")
def each_international(numbers: Any = None) -> list[str | None]:
    """Every number of a list in international format."""
    return [international(number) for number in (numbers if isinstance(numbers, list) else [])]


# Numbers that telephone authorities keep for fiction: country -> (calling code and prefix, digits).
FICTION = {"GB": ("+442079460", 3), "AU": ("+6125550", 4), "FR": ("+3319900", 4)}
# Of North America the last hundred of every area's exchange 555: areas to take where none is asked for.
AREAS = {
    "US": ("206", "212", "303", "312", "404", "503", "617", "713", "808", "917"),
    "CA": ("204", "403", "416", "506", "514", "604", "613", "705", "780", "902"),
}


@register("phone.made-up")
def made_up(country_code: Any = None, prefix: Any = None, chance: Any = "") -> str | None:
    """A number of a country that belongs to nobody, the same for the same chance; None where it has none."""
    import phonenumbers

    code = str(country_code or "").upper()
    draw = int.from_bytes(sha256(str(chance).encode()).digest()[:8])
    if code in AREAS:
        digits = "".join(c for c in str(prefix or "") if c.isdigit())
        areas = [digits[:3]] if len(digits) >= 3 else AREAS[code]
        return f"+1{areas[draw // 100 % len(areas)]}55501{draw % 100:02d}"
    if code in FICTION:
        start, length = FICTION[code]
        return f"{start}{draw % 10**length:0{length}d}"
    example = phonenumbers.example_number(code) if code in phonenumbers.SUPPORTED_REGIONS else None
    if example is None:
        return None
    written = str(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    other = f"{written[:-3]}{draw % 1000:03d}"
    return other if phonenumbers.is_valid_number(phonenumbers.parse(other)) else written
