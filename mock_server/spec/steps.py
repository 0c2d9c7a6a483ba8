"""Whether the catalogue's examples can be requests: their operations' parameters, and earlier answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.model import Document, Example, Operation, Step
from mock_server.spec.operation import path_names
from mock_server.spec.pointers import escape, follow, parse_pointer

STEP_VALUE = re.compile(r"\$steps\.([0-9]+)\.response\.body(?:#(?:/.*)?)?")


def in_words(value: Any) -> Any:
    """A value of an example as people read it: `{id of answer 1}` for what an earlier answer held."""
    if isinstance(value, Mapping):
        return {key: in_words(part) for key, part in value.items()}
    if isinstance(value, list):
        return [in_words(part) for part in value]
    match = STEP_VALUE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    place = ".".join(parse_pointer(value.partition("#")[2]))
    return f"{{{f'{place} of ' if place else ''}answer {int(match[1]) + 1}}}"


def check_example(compilation: Compilation, document: Document, example: Example) -> None:
    written = follow(compilation.raw, parse_pointer(example.pointer))
    for number, step in enumerate(example.steps):
        pointer = f"{example.pointer}/{number}" if isinstance(written, list) else example.pointer
        operation = document.operations.get(step.operation_id)
        if operation is not None:
            check_step(compilation, operation, step, pointer)
        for part in ("path", "query", "body"):
            for place, text in iter_texts(getattr(step, part), f"{pointer}/{part}"):
                check_step_value(compilation, text, number, place)


def check_step(compilation: Compilation, operation: Operation, step: Step, pointer: str) -> None:
    in_path = path_names(operation.path_template)
    in_query = [p.name for p in operation.parameters if p.location == "query"]
    for part, names in (("path", in_path), ("query", in_query)):
        for name in getattr(step, part):
            place = f"{pointer}/{part}/{escape(name)}"
            compilation.known(name, names, place, f"{part} parameter")
    for name in in_path:
        if name not in step.path:
            compilation.report(pointer, f"nothing for {{{name}}}", f'path: with the key "{name}"')
    if step.has_body and operation.body_schema is None:
        found = f"a body for {operation.operation_id}, which takes none"
        compilation.report(f"{pointer}/body", found, "no body")


def iter_texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every text in a value, with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping | list):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from iter_texts(part, f"{pointer}/{escape(str(key))}")


def check_step_value(compilation: Compilation, text: str, number: int, pointer: str) -> None:
    """A value of an earlier answer names a step that has been."""
    if not text.startswith("$steps"):
        return
    match = STEP_VALUE.fullmatch(text)
    if match is None:
        compilation.report(pointer, f'"{text}"', "$steps.N.response.body#/field")
    elif int(match[1]) >= number:
        found = f'"{text}", an answer that is not there yet'
        compilation.report(pointer, found, f"a step before this one, which is step {number}")
