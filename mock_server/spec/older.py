"""A document of OpenAPI 3.0 as 3.1 says the same: where both differ, in schemas."""

from __future__ import annotations

import re
from typing import Any

BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def is_older(raw: Any) -> bool:
    """Whether it says that it is of version 3.0."""
    version = raw.get("openapi") if isinstance(raw, dict) else None
    return isinstance(version, str) and re.fullmatch(r"3\.0\.\d+(-.+)?", version) is not None


def modernized(raw: dict[str, Any]) -> dict[str, Any]:
    """A copy as a document of 3.1; every part stays where it is."""
    return {**convert(raw), "openapi": "3.1.0"}


def convert(node: Any) -> Any:
    if isinstance(node, list):
        return [convert(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: convert(child) for key, child in node.items()}
    if isinstance(found.get("nullable"), bool):
        return with_null(found)
    return with_numbers(found)


def with_null(found: dict[str, Any]) -> dict[str, Any]:
    nullable = found.pop("nullable")
    if nullable and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if isinstance(found.get("enum"), list) and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    return with_numbers(found)


def with_numbers(found: dict[str, Any]) -> dict[str, Any]:
    for exclusive, bound in BOUNDS:
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
            found[exclusive] = found.pop(bound)
    if isinstance(found.get("$ref"), str) and found["$ref"].startswith("#/components/"):
        return {"$ref": found["$ref"]}  # what stands beside it counts for nothing in 3.0
    return found


__all__ = ["is_older", "modernized"]
