"""Text of a target, made safe to look at: nothing in it acts on a terminal or hides."""

from __future__ import annotations

import re

UNSEEN = re.compile(r"[^\x20-\x7e]")
NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """One line: what cannot be printed is written as an escape."""
    return UNSEEN.sub(lambda found: escape(found[0]), text)


def escape(character: str) -> str:
    if character.isprintable():
        return character
    if character in NAMED:
        return NAMED[character]
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def shorten(text: str, length: int) -> str:
    """At most so many characters, and how many are missing."""
    if len(text) <= length:
        return text
    return f"{text[:length]}… ({len(text) - length:,} more characters)"
