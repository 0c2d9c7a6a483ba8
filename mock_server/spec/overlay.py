"""OpenAPI Overlays (1.0, and what 1.1 adds): what is laid over a document that stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mock_server.errors import DocumentError, Fault
from mock_server.spec.compilation import Compilation, describe, explain_mismatch
from mock_server.spec.loader import Origin, Source, load_source, with_lines
from mock_server.spec.pointers import nearest, one_of

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathQuery

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "required": ["overlay", "info", "actions"],
    "properties": {
        "overlay": TEXT,
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {"title": TEXT, "version": TEXT, "description": TEXT},
            "patternProperties": {"^x-": {}},
            "additionalProperties": False,
        },
        "extends": TEXT,
        "actions": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["target"],
                "properties": {
                    "target": TEXT,
                    "description": TEXT,
                    "update": {},
                    "remove": {"type": "boolean"},
                    "copy": TEXT,
                },
                "patternProperties": {"^x-": {}},
                "additionalProperties": False,
            },
        },
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
}
VERSIONS = ("1.0.", "1.1.")
QUERY = "a JSONPath query (RFC 9535)"
IN_BRACKETS = "names that hold more than letters, digits and _ stand in brackets: ['x-rules']"


def load_layers(path: Path, overlays: Sequence[Path] = ()) -> Source:
    """A document with overlays over it, the first first; a path may name an overlay that extends one.

    Raises DocumentError with the faults of every overlay.
    """
    layers = [load_source(one) for one in overlays]
    base, seen = load_source(path), {path.resolve()}
    while is_overlay(base):
        layers.insert(0, base)
        base = load_extended(base, seen)
    if base.value is None or not layers:
        return base
    faults: list[Fault] = []
    for layer in layers:
        base = lay_over(base, layer, faults)
    if faults:
        raise DocumentError(path, with_lines(base, faults))
    return base


def is_overlay(source: Source) -> bool:
    return isinstance(source.value, dict) and "overlay" in source.value


def load_extended(overlay: Source, seen: set[Path]) -> Source:
    """The document that an overlay extends; raises DocumentError."""

    def refuse(pointer: str, found: str, hint: str = "") -> DocumentError:
        expected = "the path of the document that it is laid over, relative to it"
        return DocumentError(
            overlay.path, with_lines(overlay, [overlay.fault(pointer, found, expected, hint)])
        )

    told = overlay.value.get("extends")
    if told is None:
        hint = "or serve the document, with the overlay beside it as --overlay"
        raise refuse("#", "an overlay with nothing under extends", hint)
    try:
        parts = urlsplit(told) if isinstance(told, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("", "file"):
        raise refuse("#/extends", describe(told), "nothing is fetched from the network")
    folder = overlay.path.parent if overlay.path else Path()
    path = folder / unquote(parts.path)
    if not path.is_file():
        raise refuse("#/extends", f"{describe(told)}, which is no file")
    if path.resolve() in seen:
        raise refuse("#/extends", f"{describe(told)}, which comes back to itself")
    seen.add(path.resolve())
    return load_source(path)


def lay_over(base: Source, overlay: Source, faults: list[Fault]) -> Source:
    """The document with the actions of an overlay done, in their order; adds what is wrong."""
    value, layers = overlay.value, (*base.layers, overlay)
    node = Node(base.value, base.origin or Origin(base, "#"))
    if not isinstance(value, dict) or "overlay" not in value:
        no_overlay = overlay.fault("#", "what is no overlay", "an OpenAPI overlay: overlay: 1.0.0")
        faults += overlay.faults or [no_overlay]
    else:
        reader = Compilation(overlay, frozenset())
        explain_mismatch(reader, SCHEMA, value, "#")
        if isinstance(value["overlay"], str) and not value["overlay"].startswith(VERSIONS):
            reader.report("#/overlay", describe(value["overlay"]), "1.0.0 or 1.1.0")
        misshapen = {fault.pointer for fault in reader.faults}
        actions = value.get("actions")
        for position, action in enumerate(actions if isinstance(actions, list) else ()):
            pointer = f"#/actions/{position}"
            if not any(f"{place}/".startswith(f"{pointer}/") for place in misshapen):
                node = act(reader, node, action, pointer)
        faults += [*overlay.faults, *reader.faults]
    return Source(base.path, base.text, node.value, base.faults, node.origin, layers)


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it and what is in it was written."""

    value: Any
    origin: Origin

    def child(self, token: Any) -> Node:
        return Node(self.value[token], self.origin.child(token))

    def opened(self) -> tuple[Any, Any]:
        """Its children and their origins, in containers of their own that may be changed."""
        if isinstance(self.value, list):
            return list(self.value), [self.origin.child(i) for i in range(len(self.value))]
        return dict(self.value), {key: self.origin.child(key) for key in self.value}

    def closed(self, values: Any, origins: Any) -> Node:
        return Node(values, Origin(self.origin.source, self.origin.pointer, origins))


def act(reader: Compilation, node: Node, action: dict[str, Any], pointer: str) -> Node:
    """The document once an action is done; reports why it cannot be."""
    removes, updates, copies = (
        action.get("remove") is True,
        "update" in action,
        "copy" in action,
    )
    if removes + updates + copies != 1:
        found = "an action that does nothing" if not removes + updates + copies else "more than one"
        reader.report(pointer, found, "one of update, copy, remove: true")
        return node
    places = select(reader, node, action["target"], f"{pointer}/target")
    if removes:
        # From the end: what is taken away shifts what comes behind it.
        for place in reversed(places):
            node = remove(reader, node, place, f"{pointer}/target")
        return node
    if updates:
        more = Node(action["update"], Origin(reader.source, f"{pointer}/update"))
    else:
        named = select(reader, node, action["copy"], f"{pointer}/copy")
        if len(named) != 1:
            if named:
                found = f"{describe(action['copy'])}, which selects {len(named)} values"
                reader.report(f"{pointer}/copy", found, "a query that selects one")
            return node
        more = node
        for token in named[0]:
            more = more.child(token)
    for place in places:
        node = change(reader, node, place, more)
    return node


def select(
    reader: Compilation, node: Node, query: str, pointer: str
) -> list[tuple[int | str, ...]]:
    """Where the values stand that a query selects; reports a query that cannot select anything."""
    # Imported where it is needed: a document without overlays does not pay for it.
    from jsonpath_rfc9535 import JSONPathError, compile

    try:
        compiled = compile(query)
        found = compiled.find(node.value)
    except (JSONPathError, RecursionError) as error:
        said = str(error).partition(", line ")[0]
        hint = IN_BRACKETS if "'-'" in said else ""
        reader.report(pointer, f"{describe(query)}: {said}", QUERY, hint)
        return []
    places = [tuple(one.location) for one in found]
    if not places and compiled.singular_query():
        report_missing(reader, node.value, compiled, query, pointer)
    return places


def report_missing(
    reader: Compilation, value: Any, query: JSONPathQuery, written: str, pointer: str
) -> None:
    """A query that names one place, which is not there: how far it comes, and what is near."""
    for segment in query.segments:
        selector: Any = segment.selectors[0]
        name = selector.index if hasattr(selector, "index") else selector.name
        try:
            value = value[name]
        except (KeyError, IndexError, TypeError):
            known = list(map(str, value)) if isinstance(value, dict) else []
            hint = nearest(str(name), known)
            expected = one_of(known) if 0 < len(known) <= 12 else "the place of what is there"
            reader.report(pointer, f"{describe(written)}, which is not there", expected, hint)
            return


def change(reader: Compilation, node: Node, place: Sequence[int | str], more: Node) -> Node:
    """The node with something merged into what stands at a place; what is around it is copied."""
    if not place:
        return merge(reader, node, more, appends=True)
    values, origins = node.opened()
    child = change(reader, node.child(place[0]), place[1:], more)
    values[place[0]], origins[place[0]] = child.value, child.origin
    return node.closed(values, origins)


def merge(reader: Compilation, node: Node, more: Node, appends: bool = False) -> Node:
    """Mappings become one, lists are joined, other values are replaced; reports what is no pair."""
    # A copy for each place: whoever asks where a value stands goes by its identity.
    more = Node(copy.deepcopy(more.value), more.origin)
    if isinstance(node.value, dict) and isinstance(more.value, dict):
        values, origins = node.opened()
        for key in more.value:
            child = more.child(key)
            if key in values:
                child = merge(reader, node.child(key), child)
            values[key], origins[key] = child.value, child.origin
        return node.closed(values, origins)
    if isinstance(node.value, list) and (appends or isinstance(more.value, list)):
        (values, origins), added = node.opened(), more
        if isinstance(more.value, list):
            more_values, more_origins = added.opened()
        else:
            more_values, more_origins = [more.value], [more.origin]
        return node.closed(values + more_values, origins + more_origins)
    if isinstance(node.value, dict | list) or isinstance(more.value, dict | list):
        origin = more.origin
        fault = origin.source.fault(
            origin.pointer,
            f"{kind_of(more.value)} for what is {kind_of(node.value)}",
            "the same kind of value",
            "an action before it may remove what is there",
        )
        reader.faults.append(fault)
        return node
    return more


def remove(reader: Compilation, node: Node, place: Sequence[int | str], pointer: str) -> Node:
    """The node without what stands at a place."""
    if not place:
        reader.report(pointer, "the whole document", "a part of it")
        return node
    values, origins = node.opened()
    if len(place) == 1:
        del values[place[0]], origins[place[0]]
    else:
        child = remove(reader, node.child(place[0]), place[1:], pointer)
        values[place[0]], origins[place[0]] = child.value, child.origin
    return node.closed(values, origins)


def kind_of(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "a plain value"
