"""Accepted findings: a file in the format of Schemathesis' baseline, with rules as its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from schemathesis.baseline.model import Baseline, BaselineEntry, Identity

from contracts.cases.bench import Bench
from contracts.cases.ledger import NOT_SELECTED
from contracts.cases.story import Finding
from contracts.errors import CouldNotRunError
from contracts.report.result import Result, label_of
from contracts.watch import Watch
from mock_server.spec.model import Document

BROKEN = "BrokenRule"


@dataclass(slots=True)
class Accepted(Watch):
    """What a run may find without failing; with `update` that is everything."""

    path: Path
    update: bool
    prune: bool
    today: date
    baseline: Baseline
    document: Document | None = None
    entries: dict[Identity, BaselineEntry] = field(default_factory=dict)

    def begin(self, bench: Bench) -> None:
        self.document = bench.document
        self.entries = {entry.identity: entry for entry in self.baseline.entries}
        bench.ledger.accepts = self.accepts

    def accepts(self, rule_id: str, finding: Finding) -> bool:
        assert self.document is not None
        return self.update or self.is_known(identity_of(self.document, rule_id, finding))

    def is_known(self, identity: Identity) -> bool:
        entry = self.entries.get(identity)
        return entry is not None and not entry.is_expired(self.today)

    def settle(self, result: Result) -> None:
        """Compares a finished run with the file, changes the file where asked, and says so."""
        seen = dict.fromkeys(iter_identities(result))
        known = [self.entries[one] for one in seen if self.is_known(one)]
        new = [one for one in seen if not self.is_known(one)]
        gone = [
            entry
            for entry in self.entries.values()
            if entry.identity not in seen and was_tried(result, entry)
        ]
        result.extra["baseline"] = {
            "path": self.path.name,
            "known": len(known),
            "new": len(new),
            "known_ids": [entry.id for entry in known],
            "gone": [entry.to_dict() for entry in gone],
            "unobserved": len(self.entries.keys() - seen.keys()),
            "expired_ids": [e.id for e in self.entries.values() if e.is_expired(self.today)],
            "recorded": self.record(known, new) if self.update else None,
            "pruned_ids": self.drop(gone) if self.prune else None,
        }
        if self.update or self.prune:
            self.save()

    def record(self, known: list[BaselineEntry], new: list[Identity]) -> int:
        today = self.today.isoformat()
        for entry in known:
            entry.last_seen = today
        for identity in new:
            self.entries[identity] = BaselineEntry(*identity, first_seen=today, last_seen=today)
        return len(new)

    def drop(self, gone: list[BaselineEntry]) -> list[str]:
        for entry in gone:
            del self.entries[entry.identity]
        return [entry.id for entry in gone]

    def save(self) -> None:
        try:
            Baseline(list(self.entries.values())).save(self.path)
        except OSError as error:
            raise CouldNotRunError(
                f"the baseline cannot be written to {self.path}: {error.strerror}"
            ) from None


def read_accepted(chosen: Mapping[str, Any], today: date) -> Accepted | None:
    """The baseline that options name; raises CouldNotRunError where it cannot be read."""
    path, update, prune = (chosen[f"baseline{part}"] for part in ("", "_update", "_prune"))
    if path is None:
        if update or prune:
            raise CouldNotRunError(
                f"--baseline-{'update' if update else 'prune'}: found no --baseline; "
                "expected the file that it is about"
            )
        return None
    if not path.exists() and not update:
        raise CouldNotRunError(
            f"--baseline: found no file {path}; expected one that --baseline-update has written"
        )
    try:
        baseline = Baseline.load(path)
    except (OSError, ValueError) as error:
        raise CouldNotRunError(f"--baseline: {path} cannot be read: {error}") from None
    return Accepted(path, update, prune, today, baseline)


def identity_of(document: Document, rule_id: str, finding: Finding) -> Identity:
    """What makes two findings the same: operation, rule, and the case that shows it."""
    return label_of(document, finding), rule_id, BROKEN, finding.case


def iter_identities(result: Result) -> Iterator[Identity]:
    for rule_id, entry in result.ledger.entries.items():
        for finding in entry.findings:
            yield identity_of(result.bench.document, rule_id, finding)
    for fuzz in result.fuzz_findings:
        yield fuzz.label, fuzz.check, fuzz.failure, fuzz.signature


def was_tried(result: Result, entry: BaselineEntry) -> bool:
    """Whether a run could have found an entry again."""
    own = result.ledger.entries.get(entry.check)
    if own is None:
        return result.bench.settings.schemathesis
    return own.cases > 0 and own.reason != NOT_SELECTED
