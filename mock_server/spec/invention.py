"""How a record is made up: what its fields hold where somebody wants more records than there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.model import Invented, Resource
from mock_server.spec.pointers import escape
from mock_server.spec.schemas import holder_of, properties_of


def compile_invented(compilation: Compilation, resource: Resource) -> Mapping[str, Invented]:
    """The resource's properties that say how they are made up, in the order of the document."""
    found = {}
    for field, sub in properties_of(resource.schema).items():
        holder = holder_of(sub, "x-invented")
        if holder is None:
            continue
        pointer = f"{compilation.resolver.pointer(holder)}/x-invented"
        compilation.claim(pointer)
        found[field] = compile_one(compilation, resource, holder["x-invented"], pointer)
    return found


def compile_one(compilation: Compilation, resource: Resource, word: Any, pointer: str) -> Invented:
    if isinstance(word, str):
        return Invented(pointer, kind=word)
    where = word.get("where")
    items = {
        name: compile_one(compilation, resource, inner, f"{pointer}/list/{escape(name)}")
        for name, inner in word.get("list", {}).items()
    }
    source = word.get("from", "") or word.get("by", "")
    if source:
        key = "from" if "from" in word else "by"
        compilation.known(source, resource.fields, f"{pointer}/{key}", "field")
    return Invented(
        pointer,
        options=tuple(word.get("one-of", ())),
        items=items,
        pick=word.get("pick") or word.get("each") or "",
        each="each" in word,
        where=compilation.resolver.schema(where) if where is not None else None,
        take=str(word.get("take", "id")),
        source=source,
        cases=word.get("is", {}),
    )


def check_invented(compilation: Compilation, resources: Mapping[str, Resource]) -> None:
    """What is picked exists, with the field that is taken of it."""
    for resource in resources.values():
        for field, one in resource.invented.items():
            picked = one.pick
            if one.source and not one.cases:
                other = resource.invented.get(one.source)
                picked = other.pick if other is not None else ""
                if not picked:
                    compilation.report(
                        f"{one.pointer}/from",
                        f'the field "{one.source}", which picks no record',
                        f'a field of {resource.name} with "pick" or "each" in its x-invented',
                    )
            if not picked:
                continue
            key = "each" if one.each else "pick" if one.pick else "from"
            if compilation.known(picked, resources, f"{one.pointer}/{key}", "resource"):
                first = one.take.split("/")[0]
                compilation.known(first, resources[picked].fields, f"{one.pointer}/take", "field")
            if picked == resource.name:
                compilation.report(
                    f"{one.pointer}/{key}", f'"{field}" out of its own kind', "another resource"
                )


__all__ = ["check_invented", "compile_invented"]
