"""Refusals: requests that an operation answers with a status and a body of their own."""

from __future__ import annotations

from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.lifecycle import ids_of
from mock_server.spec.model import Place, Refusal


def compile_refusals(
    compilation: Compilation, resource: str, operation_id: str, raw: dict[str, Any], pointer: str
) -> tuple[Refusal, ...]:
    """The refusals of an operation, in the order in which they are tried."""
    if "x-refusals" not in raw:
        return ()
    compilation.claim(f"{pointer}/x-refusals")
    found = []
    for position, word in enumerate(raw["x-refusals"]):
        place = f"{pointer}/x-refusals/{position}"
        status = str(word["status"])
        if status not in raw.get("responses", {}):
            compilation.report(
                f"{place}/status",
                f"the status {status}, which the operation has no response for",
                "one of its responses",
            )
        condition = compilation.resolver.schema(word["if"])
        refusal = Refusal(condition, word["status"], word["body"], tuple(ids_of(word)), place)
        stated = Place("refusal", place, resource, (operation_id,), None, refusal)
        compilation.state(word, place, stated)
        found.append(refusal)
    return tuple(found)
