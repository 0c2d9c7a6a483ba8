"""A request becomes a test in Python, with the requests before it that made what it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pprint import pformat
from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.search import to_value
from mock_server.http.control.texts import target
from mock_server.http.journal import Entry
from mock_server.spec import default_document_path

MOST = 20  # requests before it
FIXTURE = "mock_server"


class Name:
    """An expression in the place of a value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def test_of(entry: Entry, call: Call) -> str:
    """A test that sends the request and expects the answer that it had."""
    told = re.sub(r"[^a-z0-9]+", "_", f"{entry.operation_id or entry.method}".lower()).strip("_")
    names: dict[str, str] = {}  # id -> the variable that holds its record
    lines = []
    for before in steps_before(entry, call):
        made = made_by(before)
        variable = ""
        if made:
            variable = names[made] = variable_for(before, names.values())
        sent = request_line(before, names)
        lines.append(f"    {variable} = {sent}.json()" if made else f"    {sent}")
    lines += [f"    answer = {request_line(entry, names)}", *expected(entry, names)]
    mark = mark_of(call)
    return "\n".join(
        [
            *(["import pytest", "", "", mark] if mark else []),
            f"def test_{told}_is_answered_with_{entry.answer.status}({FIXTURE}):",
            *lines,
            "",
        ]
    )


def steps_before(entry: Entry, call: Call) -> list[Entry]:
    """The requests that made, or changed, the records that a request names: the oldest first."""
    seed = call.tenant.planting.store
    held = {name for kept in seed.collections() for name in ids_in(seed.iter_records(kept))}
    wanted = set(iter_words(entry)) - held
    steps: list[Entry] = []
    for before in reversed([one for one in call.tenant.journal if one.number < entry.number]):
        if before.method == "GET" or before.answer.status >= 400 or len(steps) == MOST:
            continue
        named = made_by(before)
        if named in wanted or any(part in wanted for part in before.path.split("/")):
            steps.insert(0, before)
            wanted |= set(iter_words(before)) - held
    return steps


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


def request_line(entry: Entry, names: Mapping[str, str]) -> str:
    path = with_names(target(entry), names)
    sent = ""
    if entry.body:
        body = to_value(entry.body)
        if isinstance(body, dict | list) and (entry.media_type or "").endswith("json"):
            sent = f", json={literal(replaced(body, names))}"
        else:
            headers = {"Content-Type": entry.media_type} if entry.media_type else {}
            text = entry.body.decode("utf-8", "replace")
            sent = f", data={literal(text)}.encode(), headers={headers!r}"
    return f"{FIXTURE}.client.request({entry.method!r}, {path}{sent})"


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


def expected(entry: Entry, names: Mapping[str, str]) -> Iterator[str]:
    """What of the answer will be so again."""
    yield f"    assert answer.status_code == {entry.answer.status}"
    rules = sorted({rule_id for one in entry.broken for rule_id in one.rule_ids})
    body, answer = to_value(entry.body), to_value(entry.answer.body)
    if rules:
        shown = "{" + ", ".join(map(repr, rules)) + "}"
        yield f"    assert set(answer.headers['Mock-Broken-Rules'].split(', ')) == {shown}"
    elif isinstance(answer, dict) and isinstance(body, dict):
        for key, value in answer.items():
            if key in body and value == body[key]:
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
