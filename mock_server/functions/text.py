"""Texts: templates in a sandbox, and names put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from mock_server.functions.registry import register

TEMPLATE_LIMIT = 20_000  # characters; a text message is far shorter
PART_LIMIT = 2_000  # placeholders, their fields and the words between them
PLACEHOLDER = re.compile(r"(\{\{\s*[A-Za-z_]\w*(?:\.\w+)*\s*\}\})")
DEPTH_LIMIT = 50  # fields behind each other
RENDERED_LIMIT = 100_000  # characters; placeholders may stand for long texts


@lru_cache(maxsize=1_024)
def compile_template(text: str) -> Any:
    """A template with nothing but dotted placeholders, or None where it has anything else."""
    from jinja2 import TemplateError

    environment = sandbox()
    try:
        tree = environment.parse(text)
        # What nests too deeply, or holds a number too long to read, is no template of ours either.
        return environment.from_string(text) if is_plain(tree) else None
    except (TemplateError, RecursionError, MemoryError, ValueError, SyntaxError):
        return None


def is_plain(tree: Any) -> bool:
    """Whether a template has only words and placeholders, not too many and not too deep."""
    from jinja2 import nodes

    allowed = (nodes.Output, nodes.TemplateData, nodes.Getattr, nodes.Name)
    level, parts = [(tree, 0)], 0
    while level:
        node, depth = level.pop()
        parts += 1
        if parts > PART_LIMIT or depth > DEPTH_LIMIT:
            return False
        if node is not tree and not isinstance(node, allowed):
            return False
        level += [(child, depth + 1) for child in node.iter_child_nodes()]
    return True


@lru_cache(maxsize=1)
def sandbox() -> Any:
    from jinja2 import ChainableUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Records(ImmutableSandboxedEnvironment):
        """Placeholders read fields of records, never attributes of Python objects."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, dict) and attribute in obj:
                return obj[attribute]
            return self.undefined(name=attribute)

    environment = Records(undefined=ChainableUndefined, finalize=shown, cache_size=0)
    environment.globals.clear()
    return environment


def shown(value: Any) -> Any:
    """A placeholder's value in the text: what is no text or number is empty."""
    return value if isinstance(value, str | int | float) else ""


@register("template.render")
def render(text: Any = None, **records: Any) -> str | None:
    """The text with `{{ a.b }}` replaced by field `b` of record `a`; what is missing is empty.

    What is more than a placeholder (loops, calls, filters) stays as it stands.
    """
    if not isinstance(text, str):
        return None
    if len(text) > TEMPLATE_LIMIT:
        return text
    template = compile_template(text)
    if template is not None:
        return "".join(within(template.generate(**records), RENDERED_LIMIT))
    pieces = PLACEHOLDER.split(text)
    if len(pieces) > PART_LIMIT // 2:
        return text
    return "".join(within((filled(piece, records) for piece in pieces), RENDERED_LIMIT))


def filled(piece: str, records: dict[str, Any]) -> str:
    """One placeholder's value; what is none stays."""
    template = compile_template(piece) if PLACEHOLDER.fullmatch(piece) else None
    return piece if template is None else template.render(**records)


def within(parts: Iterable[str], limit: int) -> Iterator[str]:
    """The parts, as far as they are not too long together."""
    for part in parts:
        yield part[:limit]
        limit -= len(part)
        if limit <= 0:
            return


@register("join.words")
def join_words(*parts: Any) -> str | None:
    """The parts that are there, with single spaces between them."""
    return " ".join(str(part) for part in parts if part not in (None, "")) or None


@register("first.word")
def first_word(text: Any = None) -> str | None:
    """The first word of a text."""
    words = text.split() if isinstance(text, str) else []
    return words[0] if words else None


@register("join.text")
def join_text(*parts: Any) -> str:
    """The parts that are there, with nothing between them."""
    return "".join(str(part) for part in parts if part is not None)


@register("text.prefixed")
def prefixed(prefix: Any = None, text: Any = None) -> str | None:
    """The text behind a prefix, or nothing where there is no text."""
    return f"{prefix}{text}" if text else None


@register("text.renamed")
def renamed(text: Any = None, old: Any = None, new: Any = None) -> str | None:
    """The text with another beginning, or nothing where it has not the old one."""
    has_it = isinstance(text, str) and text.startswith(str(old))
    return f"{new}{text.removeprefix(str(old))}" if has_it else None


@register("object.of")
def object_of(**values: Any) -> dict[str, Any]:
    """The values under their names."""
    return values


@register("list.pluck")
def pluck(items: Any = None, name: Any = None) -> list[Any]:
    """One field of each item of a list."""
    listed = items if isinstance(items, list) else []
    return [item[name] for item in listed if isinstance(item, dict) and name in item]
