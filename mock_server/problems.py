"""What a caller is told: violations of rules, and error responses as values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """One way a request breaks a schema or a business rule.

    `pointer` points into the request (`/body/status`, `/query/_limit`, `/headers/authorization`).
    `field` is the name under which the error body lists it, or None for the request as a whole.
    `facts` are the values of state that decided, `reference` whether the field names a record.
    """

    rule_ids: tuple[str, ...]
    pointer: str
    field: str | None
    message: str
    found: Any = None
    expected: str = ""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """An error response."""

    status: int
    message: str
    violations: tuple[Violation, ...] = ()
    title: str = ""  # of the resource that is concerned
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None  # where it is not laid out as other errors of this status
    words: Mapping[str, Any] = dataclasses.field(
        default_factory=dict
    )  # more that a layout may name
