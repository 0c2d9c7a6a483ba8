"""A YAML or JSON file becomes plain values; where each value stood can be asked for afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from mock_server.errors import Fault
from mock_server.spec.large_json import Places, Reading, read_json
from mock_server.spec.nodes import Construction, ValueFault, compose, line_of
from mock_server.spec.pointers import escape, parse_pointer

SIZE_LIMIT = 32 * 1024 * 1024  # bytes; the largest published documents have a third of it
JSON_LIMIT = 512 * 1024 * 1024  # bytes of a seed
LARGE = 1024 * 1024  # characters from which JSON is read by a parser of its own

ONCE = "each key once in a mapping"
# Escapes of JSON that YAML does not have: a solidus, and characters written as two surrogates.
ESCAPE = re.compile(r"\\(u[dD][89abAB]..\\u[dD][c-fC-F]..|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text and its values; `value` is None where it could not be read.

    Where overlays have changed the values, `layers` are their files and `origin` tells the places.
    """

    path: Path | None
    text: str
    value: Any
    faults: tuple[Fault, ...] = ()
    origin: Origin | None = None
    layers: tuple[Source, ...] = ()

    @property
    def name(self) -> str:
        return str(self.path) if self.path else "<document>"

    def fault(self, pointer: str, found: str, expected: str, hint: str = "") -> Fault:
        """A fault at a pointer, with its file; the line is looked up when it is reported."""
        source, pointer = self.written(pointer)
        return Fault(pointer, found, expected, hint, source.name)

    def written(self, pointer: str) -> tuple[Source, str]:
        """The file in which the value at a pointer was written, and the pointer in that file."""
        return (self, pointer) if self.origin is None else self.origin.find(pointer)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written, and its parts where they come from several files."""

    source: Source
    pointer: str
    parts: Any = None  # origins in a mapping or a list; None: all are from the same place

    def child(self, token: str | int) -> Origin:
        if self.parts is None:
            return Origin(self.source, f"{self.pointer}/{escape(str(token))}")
        found: Origin = self.parts[token]
        return found

    def find(self, pointer: str) -> tuple[Source, str]:
        """The file and the pointer there; of what is not there, below the last part that is."""
        place = self
        for token in parse_pointer(pointer):
            listed = isinstance(place.parts, list) and token.isdigit()
            try:
                place = place.child(int(token) if listed else token)
            except (LookupError, TypeError):
                place = Origin(place.source, f"{place.pointer}/{escape(token)}")
        return place.source, place.pointer


def load_source(path: Path) -> Source:
    """Reads a file; what is wrong with it stands in `faults`."""

    def unreadable(found: str, line: int = 0) -> Source:
        expected = "a YAML or JSON file in UTF-8"
        return Source(path, "", None, (Fault("", found, expected, "", str(path), line),))

    try:
        with path.open("rb") as file:
            limit = SIZE_LIMIT
            data = file.read(limit + 1)
            if len(data) > limit and data[:1] in (b"{", b"["):
                limit = JSON_LIMIT
                data += file.read(limit + 1 - len(data))
    except FileNotFoundError:
        return unreadable("no such file")
    except IsADirectoryError:
        return unreadable("a directory")
    except (OSError, ValueError) as error:
        return unreadable(f"what cannot be read ({getattr(error, 'strerror', None) or error})")
    if len(data) > limit:
        return unreadable(f"more than {limit // 1024**2} MB")
    try:
        return parse_source(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return unreadable(f"the byte 0x{data[error.start]:02x}, which is not UTF-8", line)


def parse_source(text: str, path: Path | None = None) -> Source:
    """The values of a text; what is wrong with its syntax stands in `faults`."""
    name = str(path) if path else "<document>"

    def unreadable(found: str, line: int, pointer: str = "") -> Source:
        fault = Fault(pointer, found, "valid YAML or JSON", "", name, line)
        return Source(path, "", None, (fault,))

    if is_json(text, path):
        read = read_json(text)
        if isinstance(read, Reading):
            repeated = (
                Fault(place, f'the key "{key}" a second time', ONCE, "", name)
                for key, place in read.repeated
            )
            return Source(path, text, read.value, tuple(repeated))
        found, line = read
        if is_large_json(text):
            return unreadable(found, line)
        fault = Fault("", f"what is no JSON ({found})", "valid JSON", "", name, line)
        return Source(path, "", None, (fault,))
    if text.lstrip()[:1] in ("{", "["):
        text = ESCAPE.sub(without_escape, text)
    construction = Construction()
    try:
        root = compose(text)
        value = None if root is None else construction.value(root)
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        return unreadable(f"a character that may not stand here ({error.reason})", line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem, context = getattr(error, "problem", None), getattr(error, "context", None)
        found = f"{problem or error} ({context})" if context else str(problem or error)
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
        found = found.replace("did not find expected", "none of the expected").removeprefix(
            "found "
        )
        return unreadable(found, line)
    except ValueFault as fault:
        return unreadable(str(fault), fault.line, fault.pointer)
    faults = (
        Fault(place, f'the key "{key}" a second time', ONCE, "", name, line)
        for key, place, line in construction.repeated
    )
    return Source(path, text, value, tuple(faults))


def is_json(text: str, path: Path | None) -> bool:
    """Whether a text is read as JSON only: YAML would take a comma at the end of a list, and more."""
    return is_large_json(text) or (path is not None and path.suffix.lower() == ".json")


def is_large_json(text: str) -> bool:
    return len(text) > LARGE and text[:1] in ("{", "[")


def finder(text: str) -> Callable[[str], int]:
    """What tells the line of a pointer in YAML, or in JSON of no size."""
    root = compose(text)
    return lambda pointer: line_of(root, pointer) if root else 1


def without_escape(match: re.Match[str]) -> str:
    """What YAML reads as JSON reads the match; as it is where they agree, or neither reads it."""
    if match[1] != "/" and len(match[1]) == 1:
        return match[0]
    try:
        return str(json.loads(f'"{match[0]}"'))
    except ValueError:
        return match[0]


def with_lines(source: Source, faults: list[Fault]) -> list[Fault]:
    """The faults with their line numbers: only a report pays for the marks."""
    files = list(iter_files(source))
    order = {file.name: position for position, file in enumerate(files)}
    finders: dict[int, Callable[[str], int]] = {}

    def locate(fault: Fault) -> tuple[int, Fault]:
        position = order.get(fault.file, 0)
        if fault.line:
            return position, fault
        if position not in finders:
            text, path = files[position].text, files[position].path
            finders[position] = Places(text).line_of if is_json(text, path) else finder(text)
        return position, replace(fault, line=finders[position](fault.pointer))

    located = dict.fromkeys(map(locate, faults))
    ordered = sorted(located, key=lambda one: (one[0], one[1].line, one[1].pointer))
    return [fault for _, fault in ordered]


def iter_files(source: Source) -> Iterator[Source]:
    """The files that a source was read from: the document, then what lies over it."""
    yield source
    for layer in source.layers:
        yield from iter_files(layer)
