"""Sends the sequences of a report again: what earlier answers gave is taken from the new ones."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from contracts.bench import Bench
from contracts.errors import CouldNotRunError, WithheldError
from contracts.expect import is_met, listed
from contracts.moments import parse_moment
from contracts.report.redaction import VARIABLES
from contracts.report.sequence import is_telling
from contracts.settings import Keys
from contracts.wire import ABSENT, BEARER, OTHER, Answer, Request
from mock_server.spec.pointers import follow, parse_pointer

Json = Mapping[str, Any]
Outcome = Literal["still", "gone", "differs", "could not"]
FROM = re.compile(r"\$steps\.(\d+)\.response\.body(#.*)")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one sequence."""

    rule_ids: tuple[str, ...]
    finding: Json
    outcome: Outcome
    said: str


class OtherwiseError(Exception):
    """A sequence does not come to its point as it did before."""


def read_report(path: Path) -> dict[str, Any]:
    """A JSON report of a run; raises CouldNotRunError for what is none."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CouldNotRunError(
            f"{path}: found no such file; expected the JSON report of a run"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CouldNotRunError(f"{path} is no JSON report: {error}") from None
    rules = report.get("rules") if isinstance(report, dict) else None
    if not isinstance(rules, list) or not all(
        isinstance(r, dict) and "findings" in r for r in rules
    ):
        raise CouldNotRunError(
            f"{path}: found no rules with findings; expected a report of contracts run --report json"
        )
    return dict(report)


def iter_findings(
    report: Json, patterns: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Each sequence once, with the rules it speaks of: those that failed the run, or of some rules."""
    found: dict[str, tuple[list[str], Json]] = {}
    for rule in report["rules"]:
        listed = list(rule["findings"]) if rule.get("fails") else []
        if patterns:
            named = any(fnmatchcase(str(rule["id"]), pattern) for pattern in patterns)
            listed = [*rule["findings"], *rule["differences"]] if named else []
        for finding in listed:
            key = json.dumps([finding["steps"], finding["expected"]], sort_keys=True)
            found.setdefault(key, ([], finding))[0].append(str(rule["id"]))
    for rule_ids, finding in found.values():
        yield tuple(rule_ids), finding


def replay(
    bench: Bench,
    report: Json,
    patterns: tuple[str, ...] = (),
    tell: Callable[[Replayed], None] = lambda one: None,
) -> list[Replayed]:
    """Sends every sequence again; what was created is deleted whatever happens."""
    done = []
    try:
        for rule_ids, finding in iter_findings(report, patterns):
            outcome, said = replay_one(bench, finding)
            done.append(Replayed(rule_ids, finding, outcome, said))
            tell(done[-1])
    finally:
        bench.client.clean_up()
    return done


def replay_one(bench: Bench, finding: Json) -> tuple[Outcome, str]:
    take = Take(bench, finding)
    try:
        take.send_all()
        return take.judge()
    except (WithheldError, CannotError) as error:
        return "could not", str(error)
    except OtherwiseError as error:
        return "differs", str(error)


class CannotError(Exception):
    """A sequence lacks something that the target or the environment would have to give."""


@dataclass(slots=True)
class Take:
    """One sequence on its way."""

    bench: Bench
    finding: Json
    names: dict[str, str] = field(default_factory=dict)  # values of then -> values of now
    answers: list[Answer] = field(default_factory=list)

    @property
    def steps(self) -> list[Json]:
        return list(self.finding["steps"])

    def send_all(self) -> None:
        """Up to the last request; raises OtherwiseError where the way there is another."""
        last = len(self.steps) - 1
        for index, step in enumerate(self.steps):
            self.wait(float(step.get("wait") or 0))
            self.bind(index, step)
            answer = self.bench.client.send(self.request(step)).answer
            self.answers.append(answer)
            before = step["answer"]["status"]
            if index < min(last, self.finding["point"]) and answer.status // 100 != before // 100:
                raise OtherwiseError(
                    f"request {index + 1} is answered {words(answer)}; it was {before}"
                )

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.bench.clock.wait(seconds)

    # Values of now in place of those of then

    def bind(self, index: int, step: Json) -> None:
        for taken in step.get("takes", ()):
            self.names[taken["value"]] = self.taken(index, str(taken["from"]))
        for moment in step.get("moments", ()):
            self.names.setdefault(moment["value"], self.moved(moment))
        # What belongs to another record comes first, and brings that one along.
        for known in sorted(step.get("live", ()), key=lambda one: not self.owners(step, one)):
            if known["value"] not in self.names:
                self.names[known["value"]] = self.living(step, known)

    def owners(self, step: Json, known: Json) -> Mapping[str, str]:
        """By the fields of the record that a value names: those of the body that go with it."""
        operation = self.bench.document.operations.get(step["operation"])
        reference = operation.references.get(known.get("field", "")) if operation else None
        return {} if reference is None else reference.match

    def taken(self, index: int, source: str) -> str:
        found = FROM.fullmatch(source)
        if found is None:
            raise CannotError(f'the report says "{source}"; expected $steps.N.response.body#/…')
        try:
            value = follow(self.answers[int(found[1])].body, parse_pointer(found[2]))
        except (KeyError, IndexError):
            value = None
        if not isinstance(value, str):
            raise OtherwiseError(
                f"request {int(found[1]) + 1} no longer answers {found[2]}, "
                f"which request {index + 1} needs"
            )
        return value

    def moved(self, moment: Json) -> str:
        """As far from now as it was from its own request, in the same form."""
        text = str(moment["value"])
        then = parse_moment(text)
        if then is None:
            return text
        now = datetime.fromtimestamp(self.bench.clock.now(), UTC).astimezone(then.tzinfo)
        return written_as(text, now + timedelta(seconds=float(moment["after"])))

    def living(self, step: Json, known: Json) -> str:
        """The record of then where the target still has it, else one that serves as well."""
        value, live = str(known["value"]), self.bench.live
        records = live.records(known["resource"])
        if any(record.get(known["by"]) == value for record in records):
            return value
        operation = self.bench.document.operations.get(step["operation"])
        reference = operation.references.get(known.get("field", "")) if operation else None
        if reference is None:
            others = records
        elif known.get("fits", True):
            body = step.get("body") or {}
            bound = self.owners(step, known)
            free = {ours for ours in bound.values() if str(body.get(ours)) not in self.names}
            own = {name: value for name, value in self.renamed(body).items() if name not in free}
            others = live.fitting(reference, own)
        else:
            others = live.excluded(reference)
        taken = set(self.names.values())
        for record in others:
            found = record.get(known["by"])
            if isinstance(found, str) and found not in taken:
                for theirs, ours in self.owners(step, known).items():
                    named = (step.get("body") or {}).get(ours)
                    if isinstance(named, str) and isinstance(record.get(theirs), str):
                        self.names.setdefault(named, record[theirs])
                return found
        raise CannotError(f"the target has no {known['resource']} that serves as {value}")

    def renamed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, Mapping):
            return {name: self.renamed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.renamed(inner) for inner in value]
        return value

    def request(self, step: Json) -> Request:
        path = "/".join(self.segment(part) for part in step["path"].split("/"))
        body: Any = ABSENT
        if "content" in step:
            body = step["content"].encode("utf-8", "surrogateescape")
        elif "body" in step:
            body = self.renamed(step["body"])
        return Request(
            step["operation"],
            step["method"],
            path,
            tuple((name, self.renamed(value)) for name, value in step["query"]),
            body,
            credentials_of(step["credentials"], self.bench.client.keys),
        )

    def segment(self, part: str) -> str:
        value = unquote(part)
        return quote(self.names[value], safe="") if value in self.names else part

    # What it comes to

    def judge(self) -> tuple[Outcome, str]:
        """Against what was expected where the report says that as a schema, else against then."""
        expect = self.finding.get("expect")
        if expect is not None:
            return self.judge_by(expect, int(self.finding["point"]))
        for index, (step, now) in enumerate(zip(self.steps, self.answers, strict=True)):
            other = self.difference(step["answer"], now)
            if other:
                return "differs", f"request {index + 1}: {other}"
        return "still", words(self.answers[-1])

    def judge_by(self, expect: Json, point: int) -> tuple[Outcome, str]:
        """Gone where it is met; still where it is missed in the same way as then."""
        then, now = self.steps[point]["answer"], self.answers[point]
        for taken in self.finding.get("takes", ()):
            self.names[taken["value"]] = self.taken(point, str(taken["from"]))
        one = self.finding.get("record")
        old_id = None if one is None else str(one["value"])
        new_id = None if one is None else self.taken(point, str(one["from"]))
        if is_met(self.renamed(expect), now, new_id):
            return "gone", words(now)
        before, after = seen(then.get("body"), old_id), seen(now.body, new_id)
        for name in fields_of(expect):
            if self.differing(before.get(name), after.get(name), name):
                return "differs", words(now)
        return ("still" if then["status"] == now.status else "differs"), words(now)

    def difference(self, then: Json, now: Answer) -> str:
        """What is otherwise than then, but for ids and times."""
        if then["status"] != now.status:
            return f"{words(now)}; it was {then['status']}"
        if "cut" in then:
            return "too long an answer for the report to compare it"
        if "body" in then:
            return self.differing(then["body"], now.body, "the body")
        same = then.get("text", "") == now.content.decode("utf-8", "replace")
        return "" if same else "it has another body"

    def differing(self, then: Any, now: Any, place: str) -> str:
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            for name in dict.fromkeys([*then, *now]):
                if name not in then or name not in now:
                    return f"{name} {'is new' if name in now else 'is missing'}"
                found = self.differing(then[name], now[name], str(name))
                if found:
                    return found
            return ""
        if isinstance(then, list) and isinstance(now, list):
            if len(then) != len(now):
                return f"{place} has {len(now)} items; it had {len(then)}"
            pairs = zip(then, now, strict=True)
            return next((f for a, b in pairs if (f := self.differing(a, b, place))), "")
        return (
            ""
            if then == now or self.stands_for(now, then)
            else f"{place} is {now!r}; it was {then!r}"
        )

    def stands_for(self, now: Any, then: Any) -> bool:
        """Whether a value may be the id or moment of now for one of then; it is from here on."""
        if not (isinstance(then, str) and isinstance(now, str)):
            return False
        return is_telling(then) and is_telling(now) and self.names.setdefault(then, now) == now


def fields_of(expect: Json) -> list[str]:
    """The fields of a record that an expectation gives a value for."""
    fields = expect.get("properties", {}).get("body", {}).get("properties", {})
    return [name for name, schema in fields.items() if "const" in schema]


def seen(body: Any, record_id: str | None) -> Json:
    """The record that an answer shows, or that its list has under an id."""
    found = body if record_id is None else listed(body, record_id)
    return found if isinstance(found, Mapping) else {}


def written_as(text: str, moment: datetime) -> str:
    """A moment with as many digits and the same offset as another one is written with."""
    found = re.fullmatch(r"(.{10})(.)(.{8})(\.\d+)?(.*)", text)
    assert found is not None  # a moment has this form
    digits = f".{moment.microsecond:06d}"[: len(found[4])] if found[4] else ""
    return f"{moment:%Y-%m-%d}{found[2]}{moment:%H:%M:%S}{digits}{found[5]}"


def credentials_of(named: str, keys: Keys) -> str:
    """Credentials of a report with the secrets of the environment in place of their names."""
    for name, secret in zip((OTHER, BEARER), (keys.other, keys.bearer), strict=True):
        variable = VARIABLES[1] if name == OTHER else VARIABLES[2]
        if (named == OTHER == name or f"${variable}" in named) and not secret:
            raise CannotError(f"it needs {variable}")
    for variable, secret in zip(VARIABLES, (keys.key, keys.other, keys.bearer), strict=True):
        named = named.replace(f"${variable}", secret or "")
    pair = re.fullmatch(r"Basic base64\((.*)\)", named, re.DOTALL)
    return f"Basic {b64encode(pair[1].encode()).decode()}" if pair else named


def words(answer: Answer) -> str:
    text = answer.content.decode("utf-8", "replace").strip()
    return f"{answer.status} {text[:300]}{'…' if len(text) > 300 else ''}".strip()


def exit_code(done: list[Replayed]) -> int:
    """1 where something is not gone, 2 where something could not be sent, else 0."""
    outcomes = {one.outcome for one in done}
    if outcomes & {"still", "differs"}:
        return 1
    return 2 if "could not" in outcomes else 0
