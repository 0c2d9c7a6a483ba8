"""A mutant becomes a stub that has its defect, served through the same door as the right one."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from contracts.audit.mutant import Edit, Mutant, Removed, Tokens
from contracts.audit.tampering import TAMPERINGS, Tampered
from contracts.target.system import WsgiApp
from mock_server.errors import DocumentError
from mock_server.http.app import create_app
from mock_server.spec import compile_source
from mock_server.spec.loader import Source
from mock_server.spec.model import Document
from mock_server.spec.pointers import parse_pointer

MOST_REPAIRS = 4


def plant(document: Document, mutant: Mutant, random_seed: int | None = 0) -> WsgiApp:
    """The stub with the mutant's defect; raises DocumentError where it cannot be said."""
    changed = compile_edited(document, mutant.edits) if mutant.edits else document
    app = create_app(changed, policies=mutant.policies, random_seed=random_seed)
    if mutant.tampering is None:
        return app
    make = TAMPERINGS[mutant.tampering.name]
    return Tampered(document, app, make(document, **mutant.tampering.arguments))


def compile_edited(document: Document, edits: Iterable[Edit]) -> Document:
    """The document with edits; rules that no place states any more leave its catalogue."""
    # What the document writes once and refers to again stays one value in the copy.
    raw = copy.deepcopy(dict(document.raw))
    if document.seeds:  # each is relative to the file that names it, which may be an overlay
        raw["x-seed"] = [str(seed.absolute()) for seed in document.seeds]
    for edit in edits:
        apply(raw, edit.place, edit.value)
    drop_unused(raw)
    for _ in range(MOST_REPAIRS):
        try:
            return compile_source(Source(document.path, "", raw))
        except DocumentError as error:
            idle = [place for place in map(idle_word, error.faults) if place]
            if not idle:
                raise
            for place in idle:
                apply(raw, place, Removed())
    return compile_source(Source(document.path, "", raw))


def apply(raw: Any, place: Tokens, value: Any) -> None:
    """Sets, adds or takes out one value; what is gone already may be taken out again."""
    node = raw
    for token in place[:-1]:
        node = node[int(token)] if isinstance(node, list) else node[token]
    last = place[-1]
    if isinstance(node, list):
        if isinstance(value, Removed):
            del node[int(last)]
        elif last == "-":
            node.append(value)
        else:
            node[int(last)] = value
    elif isinstance(value, Removed):
        node.pop(last, None)
    else:
        node[last] = value


def idle_word(fault: Any) -> Tokens | None:
    """A catalogue entry or a word of ours that an edit has left without a use."""
    tokens = parse_pointer(fault.pointer)
    if len(tokens) > 1 and tokens[-2] == "closed":
        return tokens
    if len(tokens) == 2 and tokens[0] == "x-rules":
        return tokens
    return tokens if tokens and tokens[-1] == "x-rule" else None


def drop_unused(raw: Any) -> None:
    """Takes out component schemas that nothing refers to any more: nobody would read their words."""
    schemas = raw.get("components", {}).get("schemas", {})
    rest = {key: value for key, value in raw.items() if key != "components"}
    others = {key: value for key, value in raw["components"].items() if key != "schemas"}
    kept = {name for name, one in schemas.items() if isinstance(one, dict) and "x-resource" in one}
    waiting: list[Any] = [rest, others, *(schemas[name] for name in kept)]
    while waiting:
        for name in iter_references(waiting.pop()):
            if name in schemas and name not in kept:
                kept.add(name)
                waiting.append(schemas[name])
    for name in schemas.keys() - kept:
        del schemas[name]


def iter_references(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/components/schemas/"):
            yield parse_pointer(ref)[2]
        for child in node.values():
            yield from iter_references(child)
    elif isinstance(node, list):
        for child in node:
            yield from iter_references(child)
