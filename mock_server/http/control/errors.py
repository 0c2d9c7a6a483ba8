"""What a call of the control API is told where it cannot be carried out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


class ControlError(Exception):
    """An answer to a call that cannot be carried out; `faults` say where, found, expected."""

    def __init__(
        self,
        status: int,
        message: str,
        faults: Sequence[dict[str, Any]] = (),
        violations: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.faults = list(faults)
        self.violations = list(violations)

    def body(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"error": self.words()}
        if self.faults:
            shown["faults"] = self.faults
        if self.violations:
            shown["violations"] = self.violations
        return shown

    def words(self) -> str:
        """The message with its faults, for people who read only that."""
        return " ".join(
            [
                self.message,
                *(
                    ended(f"{one['where']}: found {cut(one['found'])}; {wanted(one['expected'])}")
                    for one in self.faults
                ),
            ]
        )


def wanted(expected: str) -> str:
    """What was expected, or the question that stands for it."""
    return expected if expected.endswith("?") and ";" not in expected else f"expected {expected}"


def cut(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def missing(what: str, name: Any, known: str) -> ControlError:
    return ControlError(404, ended(f'There is no {what} "{name}"; {known}'))


def ended(words: str) -> str:
    """Words as a sentence; a question has its end already."""
    return words if words.endswith("?") else f"{words}."
