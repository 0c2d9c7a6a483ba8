"""Files that are watched: when one changes, the next version is built, and the old one serves until then."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from mock_server.errors import MockServerError
from mock_server.http.doorway import SwingDoor
from mock_server.http.wire import Lane

TICK = 0.15  # seconds between looks; a look is a few calls of stat()
SHOWN = 20  # lines about what was dropped, or is wrong
Looks = tuple[tuple[int, int, int] | None, ...]

logger = logging.getLogger("mock_server")


class Watcher:
    """Looks at the files of a document and has them loaded again.

    Looking beats being told: it works on every file system, in containers and over the network, and
    does not mind how an editor writes: in place, or by putting another file in the old one's stead.
    """

    def __init__(
        self, door: SwingDoor, files: Iterable[Path], build: Callable[[], tuple[Lane, list[Path]]]
    ) -> None:
        self.door = door
        self.files = list(files)
        self.build = build
        self.log = door.lane.log
        self.seen = looks_of(self.files)
        self.pause = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self.run, name="watcher", daemon=True).start()

    def run(self) -> None:
        while not self.pause.wait(TICK):
            self.look()

    def look(self) -> bool:
        """Loads what has changed, once it is written; whether it did."""
        now = looks_of(self.files)
        if now == self.seen:
            return False
        self.pause.wait(TICK / 3)
        if looks_of(self.files) != now:
            return False  # it is being written still
        self.seen = now
        self.load()
        return True

    def load(self) -> None:
        try:
            lane, files = self.build()
            dropped = self.door.swing(lane)
        except MockServerError as error:
            self.door.lane.stale = shortened(error)
            self.log.say("error", f"{self.door.lane.stale}\nthe version before keeps serving")
            return
        except Exception:
            logger.exception(
                "the new version failed inside the server; the one before keeps serving"
            )
            return
        # What was seen before it was read counts: it may have been written again meanwhile.
        seen = dict(zip(self.files, self.seen, strict=True))
        self.files = files
        self.seen = tuple(seen[file] if file in seen else sign(file) for file in files)
        self.log.say("info", told(lane, dropped))
        # The server froze what it started with; what has taken its place is to stay as well.
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def shortened(error: MockServerError) -> str:
    """What is wrong, as much of it as anybody reads at once."""
    lines = str(error).splitlines()
    more = len(lines) - SHOWN
    return "\n".join([*lines[:SHOWN], f"  and {more} more"] if more > 1 else lines)


def looks_of(files: Iterable[Path]) -> Looks:
    """What changes when a file is written or replaced; None where it is missing."""
    return tuple(map(sign, files))


def sign(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def told(lane: Lane, dropped: list[str]) -> str:
    """What the new version is, and what of the state it could not take."""
    counts = (
        f"{len([*lane.document.iter_operations()])} operations, {len(lane.document.rules)} rules"
    )
    lines = [f"loaded again: {counts}; records, clocks, faults, snapshots and the journal are kept"]
    lines += [f"  dropped {line}" for line in dropped[:SHOWN]]
    if len(dropped) > SHOWN:
        lines.append(f"  and {len(dropped) - SHOWN} more")
    return "\n".join(lines)
