"""What an operation of a document without words has prepared: how texts become values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import orjson
from jsonschema_rs import Draft202012Validator

from mock_server.pipeline.query import TRUTH, to_integer, to_number
from mock_server.rules.schema import build_validator
from mock_server.spec.model import Operation, Parameter
from mock_server.spec.schemas import (
    every_property,
    iter_subschemas,
    keyword_of,
    required_of,
    types_of,
)

NO_PARAMETERS = ("accept", "content-type", "authorization")  # headers that OpenAPI has elsewhere
SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Reader:
    """A parameter: how its texts become a value, and what the value must be."""

    parameter: Parameter
    validator: Draft202012Validator
    types: frozenset[str]
    separator: str | None  # of a list in one text; None: each text is an item

    @property
    def place(self) -> str:
        folder = "headers" if self.parameter.location == "header" else self.parameter.location
        return f"/{folder}/{self.parameter.name}"

    def read(self, texts: Sequence[str]) -> Any:
        """The value that the texts mean; where they mean none that fits, the text itself."""
        if "array" in self.types:
            parts = texts if self.separator is None else texts[-1].split(self.separator)
            items = keyword_of(self.parameter.schema, "items")
            return [meant(part, types_in(items), build_validator(items or {})) for part in parts]
        return meant(texts[-1], self.types, self.validator)


@dataclass(frozen=True, slots=True)
class Script:
    """What an operation of a document without words has prepared."""

    readers: tuple[Reader, ...]
    fits: Draft202012Validator | None  # what its success answers
    veiled: bool  # whether something in a record is never shown


def build_script(operation: Operation) -> Script | None:
    """None for an operation of a document with words."""
    if operation.improvised is None:
        return None
    schema = operation.improvised.success.schema
    readers = []
    for parameter in operation.parameters:
        types = types_in(parameter.schema)
        if parameter.location == "header" and parameter.name.lower() in NO_PARAMETERS:
            continue
        if "object" in types:
            continue  # written in too many ways to be read for certain
        readers.append(
            Reader(parameter, build_validator(parameter.schema), types, separator_of(parameter))
        )
    return Script(
        tuple(readers),
        build_validator(schema) if schema is not None else None,
        any("writeOnly" in sub for _, sub in iter_subschemas(schema)),
    )


def separator_of(parameter: Parameter) -> str | None:
    if parameter.location == "query" and parameter.explode:
        return None
    return SEPARATORS.get(parameter.style, ",")


def types_in(schema: Any) -> frozenset[str]:
    """The types that a schema or one of its alternatives allows."""
    if not isinstance(schema, dict):
        return frozenset()
    branches = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    return types_of(schema).union(*map(types_in, branches))


def meant(text: str, types: frozenset[str], validator: Draft202012Validator) -> Any:
    """The first reading of a text that is valid; the text itself where none is."""
    readings: list[Any] = []
    if "integer" in types:
        readings.append(to_integer(text))
    if "number" in types:
        readings.append(to_number(text))
    if "boolean" in types:
        readings.append(TRUTH.get(text, text))
    if "null" in types and text in ("", "null"):
        readings.append(None)
    return next((one for one in readings if validator.is_valid(one)), text)


def read_form(data: bytes, content_type: str, schema: Any) -> dict[str, Any]:
    """The fields of a form, typed as the schema has them."""
    if content_type.lower().startswith("multipart/"):
        return typed(parts_of(data, content_type), schema)
    return typed(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True), schema)


def parts_of(data: bytes, content_type: str) -> list[tuple[str, str]]:
    """The parts of a form that may hold files, as texts."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = message_from_bytes(head + data)
    found = []
    for part in message.get_payload() if message.is_multipart() else ():
        if isinstance(part, Message):
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
            found.append((str(name), text))
    return found


def typed(pairs: Iterable[tuple[str, str]], schema: Any) -> dict[str, Any]:
    properties = every_property(schema)
    found: dict[str, Any] = {}
    for name, text in pairs:
        sub = properties.get(name, {})
        if "array" in types_of(sub):
            items = keyword_of(sub, "items") or {}
            found.setdefault(name, []).append(to_member(text, items))
        else:
            found[name] = to_member(text, sub)
    for name, sub in properties.items():  # a form cannot say that a list is empty
        if "array" in types_of(sub) and name in required_of(schema):
            found.setdefault(name, [])
    return found


def to_member(text: str, schema: Any) -> Any:
    """A field's text as its schema means it; objects are written as JSON."""
    types = types_in(schema)
    validator = build_validator(schema)
    if types & {"object", "array"}:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return meant(text, types, validator)


def read_xml(data: bytes, schema: Any) -> Any:
    """The elements of a document, named and typed as the schema has them; None where it is none."""
    try:
        # Expat, which reads it, ends entities that unfold without end.
        return to_value(ElementTree.fromstring(data), schema)  # noqa: S314
    except ElementTree.ParseError:
        return None


def to_value(element: ElementTree.Element, schema: Any) -> Any:
    properties = every_property(schema)
    if "array" in types_of(schema) and not properties:
        items = keyword_of(schema, "items") or {}
        return [to_value(child, items) for child in element]
    is_text = not len(element) and not element.attrib and (element.text or "").strip()
    if not properties or is_text:
        return meant(element.text or "", types_in(schema), build_validator(schema or {}))
    named = {str(xml_of(sub).get("name", name)): name for name, sub in properties.items()}
    found: dict[str, Any] = {}
    for name, text in element.attrib.items():
        field = named.get(local(name), local(name))
        found[field] = to_member(text, properties.get(field, {}))
    for child in element:
        field = named.get(local(child.tag), local(child.tag))
        sub = properties.get(field, {})
        if "array" in types_of(sub) and not xml_of(sub).get("wrapped"):
            found.setdefault(field, []).append(to_value(child, keyword_of(sub, "items") or {}))
        else:
            found[field] = to_value(child, sub)
    return found


def xml_of(schema: Any) -> dict[str, Any]:
    found = keyword_of(schema, "xml")
    return found if isinstance(found, dict) else {}


def local(tag: str) -> str:
    """A name without its namespace."""
    return tag.rpartition("}")[2]
