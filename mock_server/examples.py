"""The catalogue's examples, run against the server itself on a clock that stands still."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jsonschema_rs import Draft202012Validator

from mock_server.clock import system_now
from mock_server.http.app import MockServer, create_app
from mock_server.spec.model import BusinessRule, Document, Example, Step
from mock_server.spec.pointers import follow, parse_pointer
from mock_server.state.seed import Seed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one example went; `fault` is empty where it did what it says."""

    rule_id: str
    kind: str  # accepts | rejects
    example: Example
    fault: str


class Reply:
    """An answer as examples look at it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


def run_examples(
    document: Document, seeds: Sequence[Path | Seed] | None = None
) -> Iterator[Outcome]:
    """Every example of every rule, each in a tenant of its own; raises what the start would raise."""
    for rule in document.rules.values():
        if not rule.accepts and not rule.rejects:
            continue
        app = create_app(
            document,
            seeds=seeds,
            policies=strict(rule),
            random_seed=1,
            time_source=still(),
            send=nowhere,
        )
        for number, example in enumerate(rule.accepts):
            yield Outcome(
                rule.rule_id,
                "accepts",
                example,
                try_example(app, rule, example, f"a{number}", True),
            )
        for number, example in enumerate(rule.rejects):
            yield Outcome(
                rule.rule_id,
                "rejects",
                example,
                try_example(app, rule, example, f"r{number}", False),
            )


def nowhere(url: str, body: bytes, headers: Mapping[str, str], verify: bool) -> int:
    """What examples deliver goes nowhere, and arrives there."""
    return 204


def strict(rule: BusinessRule) -> dict[str, Any]:
    """A rule that only warns by default is enforced where its own examples run."""
    return {} if rule.policy == "enforce" else {rule.rule_id: "enforce"}


def still() -> Any:
    start = system_now()
    return lambda: start


def try_example(
    app: MockServer, rule: BusinessRule, example: Example, name: str, accepted: bool
) -> str:
    """What is wrong with an example, or nothing."""
    key = f"{app.lane.tenants.prefix}example_{name}"
    replies: list[Reply] = []
    for number, step in enumerate(example.steps):
        last = number == len(example.steps) - 1
        try:
            reply = send(app, step, key, replies)
        except LookupError as error:
            return f"step {number}: {error.args[0]}"
        replies.append(reply)
        fault = judge(rule, step, reply, accepted or not last)
        if fault:
            return f"step {number}: {fault}" if len(example.steps) > 1 else fault
    return ""


def judge(rule: BusinessRule, step: Step, reply: Reply, accepted: bool) -> str:
    if accepted and not 200 <= reply.status < 300:
        return f"{step.operation_id} answered {reply.status}: {json.dumps(reply.body)}"
    if not accepted:
        named = reply.headers.get("mock-broken-rules", "")
        if not 400 <= reply.status < 500:
            return f"{step.operation_id} answered {reply.status} instead of refusing"
        if (
            rule.rule_id not in named.split(", ")
            and rule.places
            and not is_plain(rule, reply.status)
        ):
            return f"{step.operation_id} was refused by {named or 'no rule'}, not by {rule.rule_id}"
    if step.expect is not None:
        seen = {"status": reply.status, "headers": reply.headers, "body": reply.body}
        error = next(iter(Draft202012Validator(dict(step.expect)).iter_errors(seen)), None)
        if error is not None:
            place = "/".join(str(token) for token in error.instance_path)
            return f"{step.operation_id}: {place}: {error.message}"
    return ""


def is_plain(rule: BusinessRule, status: int) -> bool:
    """Whether the rule only says which status a refusal has."""
    statuses = {
        status
        for place in rule.places
        if place.kind == "response"
        for status in (
            getattr(place.detail, "statuses", None) or (getattr(place.detail, "status", ""),)
        )
    }
    return str(status) in statuses


def send(app: MockServer, step: Step, key: str, replies: list[Reply]) -> Reply:
    """One request of an example, in-process; raises LookupError for a value that is not there."""
    operation = app.document.operations[step.operation_id]
    path = operation.path_template
    for name, value in step.path.items():
        path = path.replace("{" + name + "}", quote(str(fill(value, replies)), safe=""))
    query = {name: text_of(fill(value, replies)) for name, value in step.query.items()}
    headers = dict(step.headers)
    if step.credentials == "default":
        headers["Authorization"] = authorization(app.document, step.operation_id, key)
    elif step.credentials != "none":
        headers["Authorization"] = step.credentials
    if step.wait:
        tenant = app.lane.tenants.find(key)
        if tenant is not None:
            tenant.clock.advance(step.wait)
    data = json.dumps(fill(step.body, replies)).encode() if step.has_body else b""
    with app.test_client() as client:
        answer = client.open(
            f"{app.document.base_path}{path}?{urlencode(query)}",
            method=operation.method,
            headers=headers,
            data=data,
            content_type="application/json" if step.has_body else None,
        )
        return Reply(answer.status_code, dict(answer.headers), answer.get_json(silent=True))


def authorization(document: Document, operation_id: str, key: str) -> str:
    """A header in the first scheme that the operation takes."""
    names = document.operations[operation_id].security
    kinds = [document.security_schemes[name].kind for name in names]
    if kinds and kinds[0] == "bearer":
        return f"Bearer {key}"
    return "Basic " + b64encode(f"{key}:".encode()).decode()


def text_of(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def fill(value: Any, replies: list[Reply]) -> Any:
    """A value with `$steps.N.response.body#/…` replaced by what that answer held."""
    if isinstance(value, dict):
        return {name: fill(inner, replies) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, replies) for inner in value]
    if not isinstance(value, str) or not value.startswith("$steps."):
        return value
    head, _, pointer = value.partition("#")
    parts = head.split(".")
    if len(parts) != 4 or not parts[1].isdigit() or parts[2:] != ["response", "body"]:
        raise LookupError(f"found {value}; expected $steps.N.response.body#/…")
    if int(parts[1]) >= len(replies):
        raise LookupError(f"{value} names a step that has not been")
    try:
        return follow(replies[int(parts[1])].body, parse_pointer(pointer))
    except KeyError:
        raise LookupError(f"{value} is not in the answer") from None


__all__ = ["Outcome", "run_examples"]
