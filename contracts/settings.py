"""How a run is set up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from contracts.errors import CouldNotRunError
from mock_server.spec.model import Document, Operation
from mock_server.spec.pointers import nearest, one_of

FEW = 12  # names that an error lists
MARK = "contracts check"  # how texts begin that a run writes, so that people recognise them


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules and operations are judged; patterns are those of the shell (`sms.*`)."""

    include_rules: tuple[str, ...] = ()
    exclude_rules: tuple[str, ...] = ()
    include_operations: tuple[str, ...] = ()
    exclude_operations: tuple[str, ...] = ()
    include_paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    include_tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()

    def has_rule(self, rule_id: str) -> bool:
        return is_chosen((rule_id,), self.include_rules, self.exclude_rules)

    def has_operation(self, operation: Operation) -> bool:
        return (
            is_chosen((operation.operation_id,), self.include_operations, self.exclude_operations)
            and is_chosen((operation.path_template,), self.include_paths, self.exclude_paths)
            and is_chosen(operation.tags, self.include_tags, self.exclude_tags)
        )

    def check(self, document: Document, names_of: Mapping[str, str] | None = None) -> None:
        """Raises CouldNotRunError where a pattern names nothing that the document has.

        `names_of`: options that have another name in a command.
        """
        operations = list(document.iter_operations())
        known = {
            "rule": (set(document.rules), self.include_rules, self.exclude_rules),
            "operation-id": (
                {one.operation_id for one in operations},
                self.include_operations,
                self.exclude_operations,
            ),
            "path": (
                {one.path_template for one in operations},
                self.include_paths,
                self.exclude_paths,
            ),
            "tag": (
                {tag for one in operations for tag in one.tags},
                self.include_tags,
                self.exclude_tags,
            ),
        }
        for part, (names, *ways) in known.items():
            for way, patterns in zip(("include", "exclude"), ways, strict=True):
                option = f"--{way}-{part}"
                for pattern in patterns:
                    if not any(fnmatchcase(name, pattern) for name in names):
                        raise CouldNotRunError(
                            f'{(names_of or {}).get(option, option)}: found "{pattern}", which names nothing; expected '
                            + (one_of(names) if len(names) <= FEW else f"a {part} of the document")
                            + (f"; {hint}" if (hint := nearest(pattern.strip("*"), names)) else "")
                        )

    @property
    def chooses_operations(self) -> bool:
        return any(
            (
                self.include_operations,
                self.exclude_operations,
                self.include_paths,
                self.exclude_paths,
                self.include_tags,
                self.exclude_tags,
            )
        )


def is_chosen(names: tuple[str, ...], include: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    return (not include or is_named(names, include)) and not is_named(names, exclude)


def is_named(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run may be told; times are in seconds."""

    document: Path
    base_url: str | None = None
    seed: int = 0
    examples: int = 8  # generated requests for each rule and direction
    fuzz_examples: int = 4  # generated requests for each operation by Schemathesis
    steps: int = 20  # requests in one random sequence
    max_wait: float = 20.0
    grace: float = 3.0  # how long a list or a timed change may lag
    allow: frozenset[str] = frozenset()
    recipients: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    schemathesis: bool = True
    max_requests: int | None = None
    max_seconds: float | None = None
    rate: float | None = None  # requests a second
    ledger_path: Path | None = None  # where what is created is written down first
    account: str | None = None  # a name of the account beyond this machine that may be written to
    proxy: str | None = None
    ca_bundle: str | None = None
    app: str | None = None  # MODULE:NAME of an application that is judged in this process
    thorough: bool = True  # whether inferred rules get as many cases as documented ones
    database: str | None = None  # where examples are kept that failed: a folder, or redis://…


@dataclass(frozen=True, slots=True)
class Keys:
    """The credentials of a run; never printed."""

    key: str
    other: str | None = None
    bearer: str | None = None

    def __repr__(self) -> str:
        return "Keys(***)"

    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.key, self.other, self.bearer) if secret)


@dataclass(frozen=True, slots=True)
class Timepiece:
    """Where time comes from: seconds since 1970, a way to let some pass, and a clock that never jumps."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Tally:
    """What has gone out: requests by operation, records by title, messages by address."""

    operations: Counter[str] = field(default_factory=Counter)
    created: Counter[str] = field(default_factory=Counter)
    leaving: Counter[str] = field(default_factory=Counter)


Tell = Callable[[str], Any]
