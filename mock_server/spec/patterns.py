"""Texts that match a pattern: the plain constructs of regular expressions, read by hand.

What is read is what documents use: literals, classes, groups, alternatives and repetitions. Of
everything else (assertions, references back, properties of characters) nothing is made.
"""

from __future__ import annotations

import re

CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
COMMON = "aA0-_ .:/@+"
REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}")
LONGEST = 1_000  # characters that a repetition may come to


class Unread(Exception):
    """A construct that is not read."""


def matching(pattern: str, more: int = 0) -> str | None:
    """The shortest text that the pattern describes, open repetitions `more` times longer; or None."""
    try:
        reader = Reader(pattern, more)
        text = reader.alternatives()
        return text if reader.at == len(pattern) else None
    except (Unread, IndexError, ValueError):
        return None


class Reader:
    """Reads a pattern from left to right and writes what it describes."""

    def __init__(self, pattern: str, more: int) -> None:
        self.pattern = pattern
        self.more = more
        self.at = 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        letter = self.pattern[self.at]
        self.at += 1
        return letter

    def alternatives(self) -> str:
        """The first of several branches; the others are read and left out."""
        first = self.sequence()
        while self.peek() == "|":
            self.at += 1
            other = self.sequence()
            first = first or other
        return first

    def sequence(self) -> str:
        parts = []
        while self.peek() not in ("", "|", ")"):
            part = self.one()
            parts.append(part * self.times())
        return "".join(parts)

    def one(self) -> str:
        letter = self.take()
        match letter:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "[":
                return self.one_of_class()
            case "(":
                return self.group()
            case "\\":
                return self.escape()
            case "*" | "+" | "?":
                raise Unread(letter)
        return letter

    def group(self) -> str:
        if self.peek() == "?":
            self.at += 1
            kind = self.take()
            if kind in ("P", "<"):
                name = re.compile(r"P?<?(\w+)>").match(self.pattern, self.at)
                if name is None:
                    raise Unread(kind)
                self.at = name.end()
            elif kind != ":":
                raise Unread(kind)
        text = self.alternatives()
        if self.take() != ")":
            raise Unread("(")
        return text

    def escape(self) -> str:
        letter = self.take()
        if letter in CLASSES:
            return CLASSES[letter]
        if letter in ("b", "B"):
            return ""
        if letter == "x":
            self.at += 2
            return chr(int(self.pattern[self.at - 2 : self.at], 16))
        if letter == "u":
            self.at += 4
            return chr(int(self.pattern[self.at - 4 : self.at], 16))
        if letter.isalnum():
            return ESCAPED[letter] if letter in ESCAPED else self.unread(letter)
        return letter

    def unread(self, letter: str) -> str:
        raise Unread(letter)

    def one_of_class(self) -> str:
        """A character of a class such as `[a-z_]`, or one that is not of `[^a-z]`."""
        begin, negated = self.at, self.peek() == "^"
        self.at += negated
        first = ""
        while self.peek() != "]" or self.at == begin + negated:
            letter = self.escape() if self.take() == "\\" else self.pattern[self.at - 1]
            first = first or letter
        self.at += 1
        if not negated:
            return first
        whole = re.compile(f"[{self.pattern[begin : self.at]}")
        found = next((one for one in COMMON if whole.fullmatch(one)), None)
        return found if found is not None else self.unread("^")

    def times(self) -> int:
        """How often the last part stands."""
        letter = self.peek()
        found = REPEAT.match(self.pattern, self.at)
        if letter in ("*", "+", "?") and letter:
            self.at += 1
            least, is_open = int(letter == "+"), letter != "?"
        elif found is not None:
            self.at = found.end()
            least, is_open = int(found[1]), found[2] == ","
        else:
            return 1
        if self.peek() == "?":
            self.at += 1
        return min(least + (self.more if is_open else 0), LONGEST)
