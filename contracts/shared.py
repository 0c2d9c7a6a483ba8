"""Examples that failed before, kept for later runs: in a folder, or in Redis for many runners."""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from hypothesis import Phase
from hypothesis.configuration import set_hypothesis_home_dir, storage_directory
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.internal.charmap import charmap_file

from contracts.errors import CouldNotRunError
from contracts.settings import Tell

SCHEMES = ("redis", "rediss")
PATIENCE = 5.0  # seconds for an answer of Redis


def phases_with(database: ExampleDatabase | None) -> list[Phase]:
    """How Hypothesis finds something: what failed before is tried first, where it is kept."""
    return [Phase.generate] if database is None else [Phase.reuse, Phase.generate]


@contextmanager
def own_storage() -> Iterator[None]:
    """Hypothesis keeps what it likes to keep in a folder that goes at the end.

    Else it would stay in the folder of the command, and a later run with the same seed would
    begin with it (Schemathesis 4.32.5 asks for no database in some of its phases only).
    """
    usual = storage_directory(intent_to_write=False).path
    with TemporaryDirectory(prefix="contracts-", ignore_cleanup_errors=True) as folder:
        set_hypothesis_home_dir(folder)
        write_table()
        try:
            yield
        finally:
            set_hypothesis_home_dir(usual)


def write_table() -> None:
    """Which characters UTF-8 has: all but surrogates.

    Hypothesis would find that out by trying each of a million, for seconds, and keep it in its
    folder. A table that it cannot read (this is the form of 6.15x) it makes for itself.
    """
    table = charmap_file("codec-v2-utf-8")
    table.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(table, "wt", encoding="ascii") as file:
        json.dump([[[0, 0xD7FF], [0xE000, 0x10FFFF]], []], file)


def open_database(written: str | None) -> ExampleDatabase | None:
    """What `--database` names; raises CouldNotRunError, without any password that is in it."""
    if not written:
        return None
    scheme, sign, _ = written.partition("://")
    if not sign:
        return DirectoryBasedExampleDatabase(written)
    if scheme not in SCHEMES:
        raise CouldNotRunError(
            f'--database: found "{scheme}://…"; expected a folder or redis://HOST[:PORT][/NUMBER]'
        )
    return open_redis(written)


def open_redis(url: str) -> ExampleDatabase:
    try:
        redis = importlib.import_module("redis")
        from hypothesis.extra.redis import RedisExampleDatabase
    except ImportError:
        raise CouldNotRunError(
            "--database: redis:// needs the extra: pip install 'mock-server-kit[redis]'"
        ) from None
    try:
        host = urlsplit(url).hostname or "localhost"
        client = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        client.ping()
    except ValueError:  # whose words could hold a part of a password
        raise CouldNotRunError("--database: expected redis://HOST[:PORT][/NUMBER]") from None
    except (redis.RedisError, OSError) as error:
        kind = type(error).__name__
        raise CouldNotRunError(f"--database: Redis at {host} does not answer ({kind})") from None
    return RedisExampleDatabase(client)


class CaseDatabase(ExampleDatabase):
    """The part of a database that is one case's; one that is lost costs no verdict."""

    def __init__(self, inner: ExampleDatabase, name: str, tell: Tell) -> None:
        super().__init__()
        self.inner = inner
        self.prefix = f"contracts:{name}:".encode()
        self.tell = tell
        self.lost = False

    def save(self, key: bytes, value: bytes) -> None:
        self.attempt(lambda: self.inner.save(self.prefix + key, value))

    def fetch(self, key: bytes) -> Iterable[bytes]:
        found: list[bytes] = []
        self.attempt(lambda: found.extend(self.inner.fetch(self.prefix + key)))
        return found

    def delete(self, key: bytes, value: bytes) -> None:
        self.attempt(lambda: self.inner.delete(self.prefix + key, value))

    def attempt(self, action: Callable[[], None]) -> None:
        if self.lost:
            return
        try:
            action()
        except Exception as error:  # whatever a client of a database raises
            self.lost = True
            self.tell(f"the database of examples is lost ({type(error).__name__})")
