"""What a field that no example shows probably holds, by its name."""

from __future__ import annotations

import re

# The end of a name, in lower case and without separators, and a text that such a field may hold.
TEXTS = (
    ("email", "amber@placeholder.example"),
    ("emailaddress", "amber@placeholder.example"),
    ("firstname", "Amber"),
    ("givenname", "Amber"),
    ("lastname", "Placeholder"),
    ("familyname", "Placeholder"),
    ("surname", "Placeholder"),
    ("username", "amber"),
    ("login", "amber"),
    ("password", "not-a-secret"),
    ("phone", "+15550100"),
    ("phonenumber", "+15550100"),
    ("mobile", "+15550100"),
    ("url", "https://amber.example/"),
    ("uri", "https://amber.example/"),
    ("href", "https://amber.example/"),
    ("link", "https://amber.example/"),
    ("website", "https://amber.example/"),
    ("street", "1 Placeholder Street"),
    ("address", "1 Placeholder Street"),
    ("addressline1", "1 Placeholder Street"),
    ("city", "Placeholder"),
    ("zip", "00000"),
    ("zipcode", "00000"),
    ("postcode", "00000"),
    ("postalcode", "00000"),
    ("countrycode", "GB"),
    ("country", "GB"),
    ("currency", "EUR"),
    ("language", "en"),
    ("locale", "en-GB"),
    ("timezone", "Europe/London"),
    ("createdat", "2030-01-01T09:00:00Z"),
    ("updatedat", "2030-01-01T09:00:00Z"),
    ("datetime", "2030-01-01T09:00:00Z"),
    ("timestamp", "2030-01-01T09:00:00Z"),
    ("birthday", "2000-01-01"),
    ("date", "2030-01-01"),
    ("time", "09:00"),
    ("token", "placeholder-token"),
    ("title", "A title"),
    ("description", "A description."),
    ("summary", "A summary."),
    ("comment", "A comment."),
    ("message", "A message."),
    ("color", "amber"),
    ("colour", "amber"),
    ("name", "Amber"),
)


def guess_text(name: str) -> str | None:
    """A text for a field of this name; None where the name tells nothing."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((text for end, text in TEXTS if plain.endswith(end)), None)
