"""Errors for whoever starts the server: what was found where, what was expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file that somebody wrote."""

    pointer: str
    found: str
    expected: str
    hint: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = (
            f"{self.file}:{self.line}: " if self.line else (f"{self.file}: " if self.file else "")
        )
        pointer = f"{self.pointer}: " if self.pointer else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{pointer}found {self.found}; expected {self.expected}{hint}"


class MockServerError(Exception):
    """Something that stops the start, in words for the person who starts it."""


class FaultsError(MockServerError):
    """A file with faults; all of them are reported together."""

    def __init__(
        self, what: str, path: Path | None, faults: list[Fault], afterwards: str = ""
    ) -> None:
        self.path = path
        self.faults = tuple(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        name = str(path) if path else "the document"
        lines = [f"{what} {name} has {count}:", *(f"  {fault}" for fault in faults)]
        super().__init__("\n".join([*lines, *([afterwards] if afterwards else [])]))


class DocumentError(FaultsError):
    """A document that does not compile. `afterwards` says what could not be looked at yet."""

    def __init__(self, path: Path | None, faults: list[Fault], afterwards: str = "") -> None:
        super().__init__("document", path, faults, afterwards)


class SeedError(FaultsError):
    """A seed that does not fit its document."""

    def __init__(self, path: Path | None, faults: list[Fault]) -> None:
        super().__init__("seed", path, faults)


class BlockedError(MockServerError):
    """An address that nothing is sent to."""


class SettingsError(MockServerError):
    """Settings that cannot be used; all of them are reported together."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        lines = [f"{len(faults)} settings cannot be used:", *(f"  {fault}" for fault in faults)]
        super().__init__(faults[0] if len(faults) == 1 else "\n".join(lines))


class StateError(MockServerError):
    """A record that does not fit its collection; all that is wrong with it is reported together."""

    def __init__(self, collection: str, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        place = f"{collection}: " if collection else ""
        super().__init__("\n".join(f"{place}{fault}" for fault in faults))


class CommandError(MockServerError):
    """A command that cannot be run beside the server, with the exit code that says so."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)
