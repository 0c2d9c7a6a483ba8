"""What a run creates, written to disk before each request goes out, so that a crash leaves no riddle.

A file of JSON lines to which is only ever appended: one line for the run, one for each intent, one
for each answer and each deletion. It names the environment variable of a key and never the key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import IO, Any, NamedTuple

from contracts.errors import CouldNotRunError
from contracts.settings import MARK
from contracts.target.wire import KEY, Answer, parse_json

try:
    import fcntl
except ImportError:  # pragma: no cover - systems without advisory locks
    fcntl = None  # type: ignore[assignment]

FOLDER = Path(".contracts")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run's records are, how its requests were signed, and by which key.

    `mark` tells keys apart and betrays none; "" where an older file does not say it.
    """

    origin: str
    root: str
    scheme: str
    mark: str = ""


def mark_of(key: str) -> str:
    """What tells a key from others, and from which nobody finds it."""
    return sha256(key.encode()).hexdigest()[:12]


class Beside(NamedTuple):
    """What came with a record: as `Entry` has it."""

    side_effects: tuple[str, ...] = ()
    made: tuple[tuple[str, str], ...] = ()
    moment: str = ""


NOTHING = Beside()


@dataclass(slots=True)
class Entry:
    """One creation: intended, then made (`record_id`) or refused, then deleted."""

    number: int
    operation_id: str
    credentials: str = KEY
    at: str = ""
    marks: tuple[str, ...] = ()  # texts by which the record can be found
    record_id: str | None = None
    side_effects: tuple[str, ...] = ()  # resources of records that came with it
    made: tuple[tuple[str, str], ...] = ()  # resource and id of those that its answer names
    moment: str = ""  # when it was made, by the target's own word
    closed: bool = False

    @property
    def unanswered(self) -> bool:
        return self.record_id is None and not self.closed


@dataclass(slots=True)
class Creations:
    """The creations of one run; without a path they are only kept in memory."""

    path: Path | None = None
    is_own_file: bool = False  # begun by this run, so that it goes when nothing is left
    run: str = ""
    place: Place | None = None
    entries: list[Entry] = field(default_factory=list)
    file: IO[bytes] | None = None
    outlives_machine: bool = True  # whether intents wait for the disk itself
    is_told: bool = False  # whether the file says already where the run's records are
    lock: Lock = field(default_factory=Lock)

    def intend(self, operation_id: str, credentials: str, content: bytes | None, at: str) -> Entry:
        """Written down before a request goes out that may create."""
        with self.lock:
            entry = Entry(len(self.entries), operation_id, credentials, at, find_marks(content))
            self.entries.append(entry)
            self.write(
                {
                    "intent": entry.number,
                    "operation": operation_id,
                    "credentials": credentials,
                    "at": at,
                    "marks": list(entry.marks),
                },
            )
        return entry

    def settle(
        self,
        entry: Entry,
        answer: Answer,
        record_id: str | None,
        beside: Beside = NOTHING,
    ) -> None:
        """Written down when the answer has come, which names what was made by its id."""
        if answer.accepted and record_id is not None:
            self.name(entry, record_id, beside)
        elif 400 <= answer.status < 500:
            entry.closed = True
            with self.lock:
                self.write({"intent": entry.number, "refused": answer.status}, safely=False)
        # Else it may have been made all the same.

    def name(self, entry: Entry, record_id: str, beside: Beside) -> None:
        """Written down when it is known which record an intent has come to."""
        entry.record_id = record_id
        entry.side_effects, entry.made, entry.moment = beside
        more = {name: said for name, said in beside._asdict().items() if said}
        with self.lock:
            # A process that is killed has handed it over; the intent alone may outlive a machine.
            self.write({"intent": entry.number, "id": record_id, **more}, safely=False)

    def close(self, entry: Entry, stays: str = "") -> None:
        """Written down when the record is gone, or when `stays` says why nothing can delete it."""
        entry.closed = True
        end = {"stays": stays} if stays else {"deleted": True}
        with self.lock:
            self.write({"intent": entry.number, **end}, safely=False)

    def open_entries(self) -> list[Entry]:
        """What is still there, the newest first."""
        return [entry for entry in reversed(self.entries) if not entry.closed]

    # The file

    def write(self, line: Mapping[str, Any], safely: bool = True) -> None:
        if self.path is None:
            return
        try:
            if self.file is None:
                self.file = open_file(self.path, self.is_own_file)
                if not self.is_told:
                    self.append(asdict(self.place) if self.place is not None else {})
            self.append(line)
            if safely and self.outlives_machine:
                os.fsync(self.file.fileno())
        except OSError as error:
            raise CouldNotRunError(
                f"{self.path} cannot be written ({error.strerror}); what is created is written down "
                "there first: name another place with --ledger"
            ) from None

    def append(self, line: Mapping[str, Any]) -> None:
        assert self.file is not None
        self.is_told = True
        self.file.write(json.dumps({"run": self.run, **line}).encode() + b"\n")
        self.file.flush()

    def finish(self) -> None:
        """Closes the file; one of the run's own goes when nothing is left to delete."""
        if self.file is None or self.path is None:
            return
        self.file.close()
        self.file = None
        if self.is_own_file and not self.open_entries():
            self.path.unlink(missing_ok=True)


def own_path(at: str) -> Path:
    """A file for this run alone."""
    stamp = at.replace("-", "").replace(":", "")
    return FOLDER / f"created-{stamp}-{os.getpid()}.jsonl"


def open_file(path: Path, is_own: bool) -> IO[bytes]:
    """The file, to append to, locked as long as the run lives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_own:
        (path.parent / ".gitignore").write_text("*\n", encoding="ascii")
    file = path.open("ab")
    if not lock_file(file):
        file.close()
        raise CouldNotRunError(f"{path} is in use by another run; name another file with --ledger")
    return file


def lock_file(file: IO[bytes]) -> bool:
    """False where another process holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find_marks(content: bytes | None) -> tuple[str, ...]:
    """The texts of a body that carry the mark."""
    body = parse_json(content or b"")
    return tuple(dict.fromkeys(text for text in iter_texts(body) if text.startswith(MARK)))


def iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from iter_texts(one)


# Reading a file again


def read_creations(path: Path) -> list[Creations]:
    """The runs of a file; a line that a crash cut off is left out. Raises CouldNotRunError."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CouldNotRunError(f"{path} cannot be read: {error.strerror}") from None
    runs: dict[str, Creations] = {}
    for line in lines:
        row = parse_json(line)
        if not isinstance(row, dict) or "run" not in row:
            continue
        name = str(row["run"])
        run = runs.setdefault(name, Creations(path, run=name, is_told=True))
        if "origin" in row:
            run.place = Place(*(str(row.get(one.name, "")) for one in fields(Place)))
        else:
            read_line(run, row)
    return list(runs.values())


def read_line(run: Creations, row: Mapping[str, Any]) -> None:
    number = row.get("intent")
    if "operation" in row:
        run.entries.append(
            Entry(
                len(run.entries),
                str(row["operation"]),
                str(row.get("credentials", KEY)),
                str(row.get("at", "")),
                tuple(map(str, row.get("marks", ()))),
            )
        )
    elif isinstance(number, int) and 0 <= number < len(run.entries):
        entry = run.entries[number]
        entry.closed = entry.closed or bool({"deleted", "refused", "stays"} & row.keys())
        if "id" in row:
            entry.record_id = str(row["id"])
            entry.side_effects = tuple(map(str, row.get("side_effects", ())))
            entry.made = tuple((str(name), str(key)) for name, key in row.get("made", ()))
            entry.moment = str(row.get("moment", ""))
