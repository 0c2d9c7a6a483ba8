"""What a run comes to, in the form that every report is made from; no secret is left in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from contracts.cases.bench import Bench
from contracts.cases.expect import is_met, listed
from contracts.cases.ledger import Entry, Ledger
from contracts.cases.story import Finding
from contracts.fuzzing.run import FuzzFinding
from contracts.options import PARTS
from contracts.report.curl import with_variables, written_credentials
from contracts.report.redaction import Redactor
from contracts.report.sequence import Surroundings, iter_leaves, origin, to_steps
from contracts.target.signing import is_authorized, needs_key, placed
from contracts.target.wire import KEY, Exchange
from contracts.target.witness import Move, Witness, moves_in
from mock_server.spec.model import Document, Lifecycle, Resource

Report = dict[str, Any]
MOST_FINDINGS = MOST_DIFFERENCES = 5  # of one rule, the smallest


@dataclass(frozen=True)
class Result:
    """A finished run."""

    bench: Bench
    witness: Witness
    started: str
    seconds: float
    fuzz_findings: tuple[FuzzFinding, ...] = ()
    notes: tuple[str, ...] = ()
    extra: Report = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return self.bench.ledger

    @property
    def base(self) -> str:
        return f"{self.bench.client.transport.origin}{self.bench.client.root}"

    @property
    def requests(self) -> int:
        return self.bench.client.count

    @property
    def failed(self) -> bool:
        # Without a rule that could name a finding, Schemathesis' word is the only one.
        return self.ledger.failed or (not self.bench.document.rules and bool(self.fuzz_findings))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of any rule that was to be judged."""
        wanted = [one for one in self.ledger.entries.values() if one.selected]
        return bool(wanted) and not any(
            one.passed or one.findings or one.differences or one.flaky for one in wanted
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """The operations that the target does not have."""
        return tuple(
            f"{one.operation_id} ({one.method} {one.path_template})"
            for one in self.bench.absence.missing()
        )

    @cached_property
    def redactor(self) -> Redactor:
        keys = self.bench.client.keys
        return Redactor(keys.secrets(), keys)

    @cached_property
    def report(self) -> Report:
        """The whole report as JSON data."""
        return build_report(self)

    def clean(self, text: str) -> str:
        return self.redactor.text(text)


def build_report(result: Result) -> Report:
    client = result.bench.client
    entries = result.ledger.entries
    report = {
        "target": client.transport.name,
        "started": result.started,
        "seconds": round(result.seconds, 3),
        "seed": result.bench.settings.seed,
        "rules": [rule_row(result, rule_id, entry) for rule_id, entry in entries.items()],
        "failed": result.failed,
        "requests": result.requests,
        "base": result.base,
        "document": document_row(result),
        "selection": selection_row(result),
        "lifecycles": list(iter_lifecycles(result)),
        "schemathesis": [fuzz_row(result, finding) for finding in result.fuzz_findings],
        "missing_operations": list(result.missing),
        "notes": [result.clean(note) for note in result.notes],
    }
    if result.bench.document.wordless:
        report["states_rules"] = False
    return {**report, **result.extra}


def document_row(result: Result) -> Report:
    document = result.bench.document
    path = document.path
    inside = path is not None and path.is_relative_to(Path.cwd())
    shown = path and str(path.relative_to(Path.cwd()) if inside else path.name)
    return {"title": document.title, "version": document.version, "path": shown}


def selection_row(result: Result) -> Report:
    """What was chosen, by the names of the options."""
    selection = result.bench.settings.selection
    chosen = {
        f"{way}-{part}": getattr(selection, f"{way}_{part.removesuffix('-id')}s")
        for part in PARTS
        for way in ("include", "exclude")
    }
    return {
        name: [result.clean(one) for one in patterns]
        for name, patterns in chosen.items()
        if patterns
    }


def rule_row(result: Result, rule_id: str, entry: Entry) -> Report:
    """One rule."""
    ordered = sorted(entry.findings, key=lambda one: (one in entry.accepted, len(one.exchanges)))
    findings = [
        {**counterexample(result, one), "known": one in entry.accepted}
        for one in ordered[:MOST_FINDINGS]
    ]
    differences = by_length(entry.differences)[:MOST_DIFFERENCES]
    return {
        "id": rule_id,
        "says": entry.rule.says,
        "certainty": entry.rule.certainty,
        "kinds": list(dict.fromkeys(place.kind for place in entry.rule.places)),
        "verdict": entry.verdict,
        "fails": entry.fails,
        "cases": entry.cases,
        "seconds": round(entry.seconds, 3),
        "reason": result.clean(entry.reason) or None,
        "counterexample": findings[0] if findings else None,
        "findings": findings,
        "more_findings": len(entry.findings) - len(findings),
        "differences": [counterexample(result, one) for one in differences],
        "more_differences": len(entry.differences) - len(differences),
        "flaky": [result.clean(one.case) for one in entry.flaky],
    }


def by_length(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: len(one.exchanges))


def counterexample(result: Result, finding: Finding) -> Report:
    """A finding: what was tried, its requests, what was expected of the last one, what came."""
    client, bench = result.bench.client, result.bench
    around = Surroundings(
        bench.document,
        result.witness,
        bench.live,
        client.keys,
        client.scheme,
        result.base,
        result.redactor,
    )
    steps = to_steps(finding.exchanges, around)
    place = place_of(finding)
    before = len(steps) - len(finding.exchanges)
    return {
        "case": result.clean(finding.case),
        "rules": list(finding.rule_ids),
        "operation": label_of(result.bench.document, finding),
        "requests": with_variables(
            [step.pop("curl") for step in steps], [step["takes"] for step in steps]
        ),
        "statuses": [step["answer"]["status"] for step in steps],
        "expected": result.clean(finding.expected),
        "came": result.clean(finding.came),
        "expect": None if place is None else result.redactor.value(finding.expect),
        "takes": taken_by(finding, before),
        "point": len(steps) - 1 if place is None else before + place.step,
        "record": listed_row(finding, place, before),
        "steps": steps,
    }


def listed_row(finding: Finding, place: Place | None, before: int) -> Report | None:
    """Which record of a list is meant: its id, and the request that made it."""
    if place is None or place.made is None:
        return None
    value = record_id(finding.exchanges[place.made])
    return {"value": value, "from": f"$steps.{before + place.made}.response.body#/id"}


def taken_by(finding: Finding, before: int) -> list[Report]:
    """The ids in an expectation that answers gave."""
    values = dict.fromkeys(leaf for _, leaf in iter_leaves(finding.expect))
    found = ((value, origin(value, list(finding.exchanges), before)) for value in values)
    return [{"value": value, "from": source} for value, source in found if source is not None]


class Place(NamedTuple):
    """Which answer is not as expected; of a list, the record that request `made` has made."""

    step: int
    made: int | None = None


def place_of(finding: Finding) -> Place | None:
    """The last answer about the same record that is not as expected; None where none says it."""
    expect, exchanges = finding.expect, finding.exchanges
    if expect is None or not exchanges:
        return None
    last = record_id(exchanges[-1])
    for index in range(len(exchanges) - 1, -1, -1):
        answer = exchanges[index].answer
        if record_id(exchanges[index]) != last or (last is None and index < len(exchanges) - 1):
            continue
        for made, exchange in enumerate(exchanges[:index]):
            own = record_id(exchange)
            if last is None and own is not None and listed(answer.body, own) is not None:
                return None if is_met(expect, answer, own) else Place(index, made)
        if not is_met(expect, answer):
            return Place(index)
    return None


def record_id(exchange: Exchange) -> Any:
    body = exchange.answer.body
    return body.get("id") if isinstance(body, dict) else None


def label_of(document: Document, finding: Finding) -> str:
    """Method and path template of the request that shows it."""
    if not finding.exchanges:
        return ""
    request = finding.exchanges[-1].request
    operation = document.operations.get(request.operation_id)
    path = operation.path_template if operation is not None else request.path
    return f"{request.method} {path}"


def fuzz_row(result: Result, finding: FuzzFinding) -> Report:
    """A finding of Schemathesis' own checks, with its request as curl."""
    path = urlsplit(finding.url)
    target = f"{path.path}?{path.query}" if path.query else path.path
    client = result.bench.client
    url = f"{client.transport.origin}{target}"
    parts = [f"curl -sS -X {finding.method}", shlex.quote(result.clean(url))]
    document = result.bench.document
    if not document.wordless or (is_authorized(document) and needs_key(document)):
        parts.append(written_credentials(KEY, client.scheme))
    parts += [f'-H "{name}: $CONTRACTS_API_KEY"' for name in placed(document, "header")]
    if finding.body is not None:
        body = result.clean(finding.body)
        parts += [f"-H 'Content-Type: {finding.media_type}'", "--data-raw", shlex.quote(body)]
    return {
        "check": finding.check,
        "operation": finding.operation,
        "label": finding.label,
        "phase": finding.phase,
        "failure": finding.failure,
        "signature": result.clean(finding.signature),
        "title": result.clean(finding.title),
        "message": result.clean(finding.message),
        "request": " ".join(parts),
        "status": finding.status,
        "came": result.clean(finding.came),
    }


# Lifecycles


def iter_lifecycles(result: Result) -> Iterator[Report]:
    """Each state machine with what was tried of it."""
    document = result.bench.document
    broken = {
        path: finding.rule_ids
        for entry in result.ledger.entries.values()
        for finding in (*entry.findings, *entry.differences)
        for path in moves_in(document, finding.exchanges)[-1:]
    }
    for resource in document.resources.values():
        if resource.lifecycle is not None:
            yield {
                "resource": resource.name,
                "title": resource.title,
                "field": resource.lifecycle.field,
                "states": list(resource.lifecycle.states),
                "initial": list(resource.lifecycle.initial),
                "final": list(resource.lifecycle.final),
                "moves": list(
                    iter_moves(result.witness.moves, resource, resource.lifecycle, broken)
                ),
            }


def iter_moves(
    moves: Mapping[tuple[str, str, str], Move],
    resource: Resource,
    lifecycle: Lifecycle,
    broken: Mapping[tuple[str, str, str], tuple[str, ...]],
) -> Iterator[Report]:
    """Every pair of states: how the document has it, what was seen, and whether that is right."""
    for source in lifecycle.states:
        for to in lifecycle.states:
            if source == to:
                continue
            ways, rules = ways_of(lifecycle, source, to)
            path = (resource.name, source, to)
            move = moves.get(path, Move())
            yield {
                "from": source,
                "to": to,
                "how": ways,
                "rules": rules,
                "asked": move.asked,
                "accepted": move.accepted,
                "refused": move.refused,
                "seen": move.seen,
                "broken": bool(set(broken.get(path, ())) & set(rules)),
            }


def ways_of(lifecycle: Lifecycle, source: str, to: str) -> tuple[list[str], list[str]]:
    """How a state follows another: on request, by time, by an event; none where it may not."""
    ways: dict[str, None] = {}
    rules: dict[str, None] = {}
    for transition in lifecycle.transitions:
        if (transition.source, transition.to) == (source, to):
            ways["time" if transition.timed else "event" if transition.event else "request"] = None
            rules.update(dict.fromkeys(transition.rule_ids))
    if "request" not in ways:
        for entry in lifecycle.closed:
            if (entry.sources is None or source in entry.sources) and (
                entry.targets is None or to in entry.targets
            ):
                rules.update(dict.fromkeys(entry.rule_ids))
    return list(ways), list(rules)
