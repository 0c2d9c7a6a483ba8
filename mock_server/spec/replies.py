"""Answers of a document without words: bodies made of examples, schemas and names of fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator

from mock_server.functions.media import png
from mock_server.ids import Chance
from mock_server.spec.compilation import Compilation
from mock_server.spec.model import Reply, Schema
from mock_server.spec.operation import json_media
from mock_server.spec.samples import sample
from mock_server.spec.schemas import keyword_of, properties_of, stripped, types_of, without_required

# Fields of an error that say in words what is wrong, the most usual first; and those with its status.
MESSAGES = (
    "message",
    "detail",
    "error_description",
    "msg",
    "error",
    "description",
    "reason",
    "title",
)
CODES = ("status", "code", "statuscode", "status_code")
FRAMING = ("content-type", "content-length", "transfer-encoding")
FREE = ("enum", "const", "pattern", "format", "maxLength", "minLength")  # what no free text has


def build_reply(
    compilation: Compilation, node: Any, schema: Any, under: str = "", own: bool = True
) -> Reply:
    """The answer of a response, by its examples or else its schema."""
    response = compilation.resolver.object(node)
    if not isinstance(response, dict):
        return Reply("", None)
    headers = headers_of(compilation, response)
    media_type, media = media_of(response)
    if not is_json(media_type):
        body = other_body(media_type, media, schema)
        return Reply(media_type, body, headers=headers)
    shown = without_required(schema, "writeOnly") if isinstance(schema, dict) else None
    return Reply(media_type, body_of(compilation, media, shown), shown, under, own, headers)


def is_json(media_type: str) -> bool:
    return media_type.split(";")[0].strip().endswith("json")


def media_of(response: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The media type that is answered: JSON where there is any."""
    content = response.get("content") or {}
    media = json_media(content)
    for name, one in content.items():
        if one is media or not media:
            return ("application/json" if name in ("*/*", "application/*") else name), one
    return "", {}


def body_of(compilation: Compilation, media: dict[str, Any], schema: Schema | None) -> Any:
    """The first of the examples that the schema takes, else what the schema itself tells."""
    fits = Draft202012Validator(dict(schema)) if schema is not None else None
    candidates = [*iter_examples(compilation, media)]
    candidates += [sample(schema, None, leaving="writeOnly")]
    candidates += [sample(schema, Chance(number), leaving="writeOnly") for number in (1, 2)]
    if schema is not None:
        candidates = [stripped(one, schema, "writeOnly") for one in candidates]
    fitting = (one for one in candidates if fits is None or fits.is_valid(one))
    return next(fitting, candidates[0])


def iter_examples(compilation: Compilation, media: dict[str, Any]) -> Iterator[Any]:
    if "example" in media:
        yield media["example"]
    for one in (media.get("examples") or {}).values():
        found = compilation.resolver.object(one)
        if isinstance(found, dict) and "value" in found:
            yield found["value"]


def other_body(media_type: str, media: dict[str, Any], schema: Any) -> bytes | None:
    """The bytes of an answer that is not JSON; None where there are none."""
    if not media_type:
        return None
    given = media.get("example")
    if isinstance(given, str):
        return given.encode()
    if media_type.startswith("image/"):
        return png(bytes(16))
    if media_type.endswith("xml"):
        return b"<answer/>"
    if media_type.startswith("text/"):
        return str(sample(schema or {"type": "string"}, None)).encode()
    return b""


def headers_of(compilation: Compilation, response: dict[str, Any]) -> dict[str, str]:
    """The headers that a response must have, and the address of what it tells, with values.

    Others are left out: an example of a limit that is spent would make clients wait.
    """
    found = {}
    for name, raw in (response.get("headers") or {}).items():
        node = compilation.resolver.object(raw)
        if name.lower() in FRAMING or not (node.get("required") or name.lower() == "location"):
            continue
        schema = compilation.resolver.schema(node.get("schema", {}))
        value = node["example"] if "example" in node else sample(schema, None, name=name)
        found[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    return {name: text for name, text in found.items() if text.isascii() and text.isprintable()}


# Errors


def build_refusal(compilation: Compilation, node: Any, status: str) -> Reply:
    """An error in the document's own shape, with `$message` where it says what is wrong."""
    response = compilation.resolver.object(node)
    media_type, media = media_of(response)
    if not is_json(media_type) or "schema" not in media:
        return Reply(media_type if media_type.startswith("text/") else "", None)
    schema = without_required(compilation.resolver.schema(media["schema"]), "writeOnly")
    body = body_of(compilation, media, schema)
    fits = Draft202012Validator(schema)
    code = int(status) if status.isdigit() else 400
    for layout in (worded(body, schema), body):
        if fits.is_valid(filled(layout, code)):
            return Reply(media_type, layout, schema, headers=headers_of(compilation, response))
    return Reply(media_type, body, schema)


def worded(body: Any, schema: Any) -> Any:
    """An error's body with places for the message and the status."""
    if isinstance(body, str):
        return "$message" if is_free(schema) else body
    if isinstance(body, list):
        items = keyword_of(schema, "items")
        return [worded(one, items) for one in body[:1]] + body[1:]
    if not isinstance(body, dict):
        return body
    properties = properties_of(schema)
    told = next(
        (n for n in MESSAGES if isinstance(body.get(n), str) and is_free(properties.get(n))), ""
    )
    found = {}
    for name, value in body.items():
        if name == told:
            found[name] = "$message"
        elif name.lower() in CODES and "integer" in types_of(properties.get(name)):
            found[name] = "$status"
        elif isinstance(value, dict | list) and not told:
            found[name] = worded(value, properties.get(name))
        else:
            found[name] = value
    return found


def is_free(schema: Any) -> bool:
    """Whether any text will do."""
    types = types_of(schema)
    return (not types or "string" in types) and all(keyword_of(schema, w) is None for w in FREE)


def filled(layout: Any, status: int) -> Any:
    if isinstance(layout, dict):
        return {name: filled(value, status) for name, value in layout.items()}
    if isinstance(layout, list):
        return [filled(value, status) for value in layout]
    return (
        {"$message": "A message.", "$status": status}.get(layout, layout)
        if isinstance(layout, str)
        else layout
    )


__all__ = ["build_refusal", "build_reply"]
