"""A request becomes a test in Python, with the requests before it that made what it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pprint import pformat
from typing import Any
from urllib.parse import unquote

from mock_server.clock import SECOND, format_instant
from mock_server.http.control.call import Call
from mock_server.http.control.sending import NO_KEY, refused_key
from mock_server.http.control.texts import WRONG_KEY, faults_of, preference_of, target
from mock_server.http.journal import Entry
from mock_server.http.redaction import covered, to_value, without_secrets
from mock_server.pipeline.exchange import Plan
from mock_server.spec import default_document_path

FIXTURE, CLOCK = "mock_server", "mock_clock"
PASSED = SECOND  # between two requests: less makes no difference
MOMENT = re.compile(r"\d{4}-\d\d-\d\d")
NO_TEST = """\
# No test is made of {method} {path}: its answer ({status}) was not the API's own.
# It was made by {fault}, see GET /__mock/faults.
# Remove the fault and send the request again for a test; or add the fault in a test of your own.
"""


class Name:
    """An expression in the place of a value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def test_of(entry: Entry, call: Call) -> str:
    """A test that sends the request and expects the answer that it had."""
    told = re.sub(r"[^a-z0-9]+", "_", f"{entry.operation_id or entry.method}".lower()).strip("_")
    faults = faults_of(entry)
    if faults:
        return NO_TEST.format(
            method=entry.method,
            path=entry.path,
            status=entry.answer.status,
            fault=" and ".join(faults),
        )
    plan = call.lane.plan
    names: dict[str, str] = {}  # id -> the variable that holds its record
    lines = []
    steps, lost = steps_before(entry, call)
    for name in lost:
        lines.append(f"    # What made {name} is in the journal no more: make it here.")
    moments = moments_of([*steps, entry], call)
    for before, moment in zip(steps, moments, strict=False):
        lines += moment
        made = made_by(before)
        variable = ""
        if made:
            variable = names[made] = variable_for(before, names.values())
        sent = request_line(before, names, plan)
        lines.append(f"    {variable} = {sent}.json()" if made else f"    {sent}")
    lines += moments[-1]
    lines += [f"    answer = {request_line(entry, names, plan)}", *expected(entry, names, plan)]
    mark = mark_of(call)
    fixtures = f"{FIXTURE}, {CLOCK}" if any(moments) else FIXTURE
    return "\n".join(
        [
            *(["import pytest", "", "", mark] if mark else []),
            f"def test_{told}_is_answered_with_{entry.answer.status}({fixtures}):",
            *lines,
            "",
        ]
    )


def moments_of(steps: list[Entry], call: Call) -> list[list[str]]:
    """For each request the line that makes it the time that it was asked at, where that may matter.

    That is where time has passed between two of them, where a clock was moved, and where a request
    names a moment.
    """
    passed = [abs(after.instant - one.instant) >= PASSED for one, after in pairwise(steps)]
    clock = call.tenant.clock
    moved = clock.frozen is not None or clock.offset != 0
    timed = moved or any(passed) or any(map(names_moment, steps))
    return [
        [f"    {CLOCK}.set({format_instant(step.instant)!r})"] if wanted else []
        for step, wanted in zip(steps, [timed, *passed], strict=True)
    ]


def names_moment(entry: Entry) -> bool:
    return any(MOMENT.search(unquote(text)) for text in iter_words(entry))


def steps_before(entry: Entry, call: Call) -> tuple[list[Entry], list[str]]:
    """The requests that made, or changed, the records that a request names: the oldest first.

    And the ids of records that the journal no longer has the making of.
    """
    seed, store = call.tenant.planting.store, call.tenant.store
    held = {name for kept in seed.collections() for name in ids_in(seed.iter_records(kept))}
    there = {name for kept in store.collections() for name in ids_in(store.iter_records(kept))}
    before_it = [
        one
        for one in call.tenant.journal
        if one.number < entry.number and one.method != "GET" and one.answer.status < 400
        # An answer that was asked for, or a fault, stands for no change.
        if not preference_of(one) and not faults_of(one)
    ]
    ids = held | there | {made_by(one) for one in before_it}
    ids.discard("")
    wanted = ids & set(iter_words(entry))
    steps: list[Entry] = []
    for before in reversed(before_it):
        if made_by(before) in wanted or any(part in wanted for part in before.path.split("/")):
            steps.insert(0, before)
            wanted |= ids & set(iter_words(before))
    made = {made_by(one) for one in steps}
    return steps, sorted(wanted - held - made)


def ids_in(records: Iterable[Any]) -> Iterator[str]:
    return (record.record_id for record in records)


def iter_words(entry: Entry) -> Iterator[str]:
    """The texts of a request that may be ids."""
    yield from (part for part in entry.path.split("/") if part)
    yield from re.split("[=&,]", entry.query)
    yield from iter_texts(to_value(entry.body))


def iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from iter_texts(child)


def made_by(entry: Entry) -> str:
    """The id of the record that a request has made, or nothing."""
    answer = to_value(entry.answer.body)
    made = answer.get("id") if entry.method == "POST" and isinstance(answer, dict) else None
    return made if isinstance(made, str) else ""


def variable_for(entry: Entry, taken: Iterable[str]) -> str:
    """A name after what stands last in the path, such as `thing`."""
    parts = re.findall(r"[a-z]+", entry.path.lower())
    name = parts[-1] if parts else "made"
    name = (
        f"{name}_made" if name in (FIXTURE, "answer", "pytest") or not name.isidentifier() else name
    )
    return next(one for one in iter_names(name) if one not in taken)


def iter_names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def request_line(entry: Entry, names: Mapping[str, str], plan: Plan) -> str:
    path = with_names(target(entry, plan), names)
    sent, headers = "", dict[str, str]()
    if entry.body:
        body = covered(to_value(entry.body), plan)
        if isinstance(body, dict | list) and (entry.media_type or "").endswith("json"):
            sent = f", json={literal(replaced(body, names))}"
        else:
            headers = {"Content-Type": entry.media_type} if entry.media_type else {}
            sent = f", data={written(without_secrets(entry.body, plan))}"
    if preference_of(entry):
        headers["Prefer"] = preference_of(entry)
    if headers:
        sent += f", headers={headers!r}"
    sent += login(entry)
    return f"{FIXTURE}.client.request({entry.method!r}, {path}{sent})"


def written(body: bytes) -> str:
    """Bytes as Python has them: a text where they are one."""
    try:
        return f"{literal(body.decode())}.encode()"
    except UnicodeDecodeError:
        return repr(body)


def login(entry: Entry) -> str:
    """What replaces the client's own key where the request had none, or a wrong one."""
    found = refused_key(entry)
    if not found:
        return ""
    return ", auth=lambda sent: sent" if found == NO_KEY else f", auth=({WRONG_KEY!r}, '')"


def with_names(text: str, names: Mapping[str, str]) -> str:
    """A text as Python has it, with the ids of records that the test makes taken from them."""
    found = [one for one in names if one in text]
    if not found:
        return repr(text)
    shown = text.replace("{", "{{").replace("}", "}}")
    for one in found:
        shown = shown.replace(one, "{" + names[one] + "['id']}")
    return "f" + json.dumps(shown)


def replaced(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: replaced(child, names) for key, child in value.items()}
    if isinstance(value, list):
        return [replaced(child, names) for child in value]
    return Name(f"{names[value]}['id']") if isinstance(value, str) and value in names else value


def expected(entry: Entry, names: Mapping[str, str], plan: Plan) -> Iterator[str]:
    """What of the answer will be so again."""
    yield f"    assert answer.status_code == {entry.answer.status}"
    rules = sorted({rule_id for one in entry.broken for rule_id in one.rule_ids})
    body, answer = to_value(entry.body), to_value(entry.answer.body)
    if rules:
        shown = "{" + ", ".join(map(repr, rules)) + "}"
        yield f"    assert set(answer.headers['Mock-Broken-Rules'].split(', ')) == {shown}"
    elif isinstance(answer, dict) and isinstance(body, dict):
        for key, value in answer.items():
            if key in body and value == body[key] == covered(value, plan, key):
                yield f"    assert answer.json()[{key!r}] == {literal(replaced(value, names))}"


def mark_of(call: Call) -> str:
    """The mark that has the test served by the same document and policies, where they are not the usual."""
    document, wishes = call.lane.document, dict[str, Any]()
    if document.files and document.files[0] != default_document_path():
        wishes["document"] = str(document.files[0])
    if len(document.files) > 1:
        wishes["overlay"] = [str(file) for file in document.files[1:]]
    policies = {
        rule_id: policy
        for rule_id, policy in call.lane.plan.policies.items()
        if policy != document.rules[rule_id].policy
    }
    if policies:
        wishes["rules"] = policies
    told = ", ".join(f"{name}={literal(value)}" for name, value in wishes.items())
    return f"@pytest.mark.mock_server({told})" if told else ""


def literal(value: Any) -> str:
    return pformat(value, width=10_000, sort_dicts=False)
