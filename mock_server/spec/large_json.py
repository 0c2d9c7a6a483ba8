"""Large JSON files: read in a second, and told apart by line only where something is wrong with them."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NamedTuple

import orjson

from mock_server.spec.pointers import parse_pointer, to_pointer

BLANKS = re.compile(r"[ \t\r\n]*")
LONE = re.compile(r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..")


class Reading(NamedTuple):
    """What a text holds; `repeated` are keys that stand twice, with their pointers."""

    value: Any
    repeated: tuple[tuple[str, str], ...]


class Twice(dict[str, Any]):
    """A mapping in which keys stood twice."""

    keys_twice: tuple[str, ...] = ()


def read_json(text: str) -> Reading | tuple[str, int]:
    """The values of a text, or what is wrong with it and the line."""
    odd: list[Twice] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        names = [name for name, _ in pairs]
        twice = Twice(made)
        twice.keys_twice = tuple(name for name in made if names.count(name) > 1)
        odd.append(twice)
        return twice

    def constant(name: str) -> Any:
        raise ValueError(f"{name}, which is no value of JSON")

    lone = LONE.search(text)
    if lone is not None:
        try:
            orjson.loads(text)  # it may be a backslash before a `u`
        except orjson.JSONDecodeError:
            return f"half a character ({lone[0]})", line_at(text, lone.start())
    try:
        value = json.loads(text, object_pairs_hook=mapping, parse_constant=constant)
    except json.JSONDecodeError as error:
        return error.msg, error.lineno
    except (ValueError, RecursionError) as error:
        return str(error), 1
    return Reading(value, tuple(iter_repeated(value)) if odd else ())


def iter_repeated(value: Any) -> list[tuple[str, str]]:
    """The keys that stand twice, wherever they do."""
    found: list[tuple[str, str]] = []
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        node, tokens = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node, Twice):
                found += [(name, to_pointer([*tokens, name])) for name in node.keys_twice]
            waiting += [(child, (*tokens, name)) for name, child in node.items()]
        elif isinstance(node, list):
            waiting += [(child, (*tokens, number)) for number, child in enumerate(node)]
    return found


def line_at(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


class Places:
    """Where the parts of a text stand; each mapping and list is gone through once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[int] = []  # offsets of line feeds
        self.children: dict[int, dict[str, tuple[int, int]]] = {}
        self.read = json.JSONDecoder().raw_decode

    def line_of(self, pointer: str) -> int:
        """The line (from 1) of the key or item that a pointer names, or of the last part that exists."""
        place = start = self.after_blanks(0)
        for token in parse_pointer(pointer):
            found = self.children_of(start).get(token)
            if found is None:
                break
            place, start = found
        return self.line_at(place)

    def line_at(self, offset: int) -> int:
        if not self.lines:
            self.lines = [found.start() for found in re.finditer("\n", self.text)] or [-1]
        return bisect_right(self.lines, offset - 1) + 1 if self.lines != [-1] else 1

    def after_blanks(self, offset: int) -> int:
        match = BLANKS.match(self.text, offset)
        return match.end() if match is not None else offset

    def children_of(self, start: int) -> dict[str, tuple[int, int]]:
        """Each key or position with where it stands, and where its value begins."""
        known = self.children.get(start)
        if known is not None:
            return known
        found: dict[str, tuple[int, int]] = {}
        opening = self.text[start : start + 1]
        offset = self.after_blanks(start + 1)
        while opening in ("{", "[") and self.text[offset] not in "}]":
            place = begin = offset
            name = str(len(found))
            if opening == "{":
                name, offset = self.read(self.text, offset)
                begin = self.after_blanks(self.after_blanks(offset) + 1)
            found[name] = (place, begin)
            _, offset = self.read(self.text, begin)
            offset = self.after_blanks(offset)
            if self.text[offset] == ",":
                offset = self.after_blanks(offset + 1)
        self.children[start] = found
        return found
