"""`contracts cleanup`: deletes what an earlier run has left behind, from what it wrote on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import CouldNotRunError
from contracts.settings import Settings, Timepiece
from contracts.target.cleaning import Left, clean
from contracts.target.client import Client
from contracts.target.connect import Context, build_pace, check_keys, endpoint_of, keys_of
from contracts.target.creations import (
    FOLDER,
    Creations,
    Entry,
    Place,
    mark_of,
    open_file,
    read_creations,
)
from contracts.target.safety import Guard, Permissions
from contracts.target.system import parse_base_url
from mock_server.spec.model import Document


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What came of one run's records."""

    path: Path
    place: Place
    found: int
    left: tuple[Left, ...]


def find_ledgers(chosen: Path | None) -> list[Path]:
    """The files to clean up after; raises CouldNotRunError for one that is not there."""
    if chosen is None or chosen.is_dir():
        return sorted((chosen or FOLDER).glob("created-*.jsonl"))
    if not chosen.is_file():
        raise CouldNotRunError(f"--ledger: found no file {chosen}")
    return [chosen]


def open_runs(path: Path) -> list[Creations]:
    """The runs of a file that have left something."""
    return [run for run in read_creations(path) if run.open_entries()]


def clean_up(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    context: Context,
) -> Iterator[Cleaned]:
    """Deletes what the files tell of; raises CouldNotRunError."""
    for path in find_ledgers(choices.ledger_path):
        for run in open_runs(path):
            run.file = open_file(path, False)
            client = connect_again(document, choices, environment, timepiece, context, run)
            found = len(run.open_entries())
            assert run.place is not None
            yield Cleaned(path, run.place, found, tuple(clean(client)))
        if path.parent.name == FOLDER.name and not open_runs(path):
            path.unlink(missing_ok=True)


def connect_again(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    context: Context,
    run: Creations,
) -> Client:
    """A client of the run's target that may delete what the run has made, and nothing else."""
    if run.place is None:
        raise CouldNotRunError(f"{run.path} does not say where the records are")
    address = parse_base_url(f"{run.place.origin}{run.place.root}", context.resolve)
    if not address.loopback:
        confirm_origin(choices, context, address.origin)
    keys = keys_of(environment)
    check_keys(keys)
    if run.place.mark not in ("", mark_of(keys.key)):
        # What another account has is a 404 to this one, which is what is deleted looks like.
        raise CouldNotRunError(
            f"{run.path}: the records were made with another key than that in CONTRACTS_API_KEY; "
            "nothing was deleted; set the key of that run"
        )
    guard = Guard(document, Permissions(write=True, send=False, strict=True))
    transport = context.transport or endpoint_of(address.origin, choices, timepiece, guard)
    pace = build_pace(choices, timepiece, context)
    client = Client(document, transport, guard, keys, timepiece, pace, run, context.tell)
    client.root, client.scheme = run.place.root, run.place.scheme
    return client


def confirm_origin(choices: Settings, context: Context, origin: str) -> None:
    """A file must not decide alone to whom a key is shown."""
    if choices.base_url is not None:
        named = parse_base_url(choices.base_url, context.resolve).origin
    elif context.ask is not None:
        named = context.ask(f"The records are at {origin}. Type that address to delete them there")
    else:
        named = ""
    if named.rstrip("/") != origin:
        raise CouldNotRunError(
            f"the records are at {origin}, and the key would be shown to it; "
            f"to delete them there, say so: --base-url {origin}"
        )


def iter_entries(path: Path) -> Iterator[tuple[Place | None, Entry]]:
    """What is still there, for a dry run."""
    for run in open_runs(path):
        for entry in run.open_entries():
            yield run.place, entry
