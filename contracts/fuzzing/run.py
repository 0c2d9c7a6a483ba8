"""Schemathesis' own run: all of its phases and checks, through the guard, over a live account.

What it finds is shown as it is. Where a finding speaks of a documented rule, the judge tries it
again with a case of its own, so that one mechanism decides what fails a run.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis.errors import Unsatisfiable, UnsatisfiedAssumption
from schemathesis.config import ProjectConfig, SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.schemas import BaseSchema

from contracts.cases.acts import expect_refused, standing
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.checks.schema import judge
from contracts.checks.shape import hold
from contracts.fuzzing.adapt import Adapter
from contracts.fuzzing.gateway import Gateway, without_socket_settings
from contracts.strategies.bodies import calm_state
from contracts.target.client import path_of
from contracts.target.signing import is_authorized, needs_key, placed
from contracts.target.wire import KEY, authorization, parse_json
from contracts.watch import Watch
from mock_server.spec.model import Operation

MOST_SHOWN = 40
NOT_SENT = (UnsatisfiedAssumption, Unsatisfiable)  # what safety keeps back comes to these


@dataclass(frozen=True, slots=True)
class FuzzFinding:
    """A failure of one of Schemathesis' checks."""

    check: str
    operation: str
    phase: str
    title: str
    message: str
    method: str
    url: str
    body: str | None
    status: int
    came: str
    label: str = ""
    failure: str = ""  # Schemathesis' own name and signature of it
    signature: str = ""
    media_type: str = "application/json"  # of the body


def run_schemathesis(
    bench: Bench, watch: Watch
) -> tuple[tuple[FuzzFinding, ...], list[Case], list[str]]:
    """What it found, cases that try it again, and why parts of it could not run."""
    adapter = Adapter(bench)
    findings: dict[tuple[str, str], FuzzFinding] = {}
    cases: dict[tuple[str, str], Case] = {}
    errors: dict[str, None] = {}
    for event in iter_events(bench, adapter):
        if isinstance(event, events.PhaseStarted):
            watch.enter(f"schemathesis: {event.phase.name.value}")
        elif isinstance(event, events.NonFatalError):
            if isinstance(event.value, NOT_SENT):
                continue
            errors[f"schemathesis: {event.label}: {event.info.message}"] = None
        elif isinstance(event, events.FatalError):
            errors[f"schemathesis: {event.exception}"] = None
        elif isinstance(event, events.ScenarioFinished):
            watch.step()
            for finding, case in iter_failures(adapter, event):
                key = (finding.check, finding.operation)
                findings.setdefault(key, finding)
                if case is not None:
                    cases.setdefault(key, case)
    bench.client.pace.check()
    return tuple(findings.values())[:MOST_SHOWN], list(cases.values()), list(errors)


def iter_events(bench: Bench, adapter: Adapter) -> Iterator[events.EngineEvent]:
    GLOBAL_HOOK_DISPATCHER.register_hook_with_name(adapter.before_call, "before_call")
    bench.client.listeners.append(adapter.unlearn)
    try:
        with without_socket_settings():
            yield from from_schema(build_schema(bench)).execute()
    finally:
        bench.client.listeners.remove(adapter.unlearn)
        GLOBAL_HOOK_DISPATCHER.unregister(adapter.before_call)


def build_schema(bench: Bench) -> BaseSchema:
    """The document as Schemathesis knows it, with a configuration file of its own where there is one."""
    choices = bench.settings
    config = SchemathesisConfig.discover()
    config.update(seed=choices.seed, max_failures=None)
    # A copy: Schemathesis (4.32.5) puts what `$ref` names in its place, in the mapping it is given.
    raw = copy.deepcopy(dict(bench.document.raw))
    schema = schemathesis.openapi.from_dict(raw, config=config)
    schema.config.update(headers=sign_all(bench, schema.config), workers=1)
    schema.config.generation.update(max_examples=choices.fuzz_examples)
    schema.config.generation.database = "none"
    schema.app = Gateway(bench.client)
    chosen = {
        (one.method, one.path_template)
        for one in bench.document.iter_operations()
        if choices.selection.has_operation(one)
        and (one.method == "GET" or bench.client.guard.permissions.write)
    }
    return schema.include(lambda at: (at.operation.method.upper(), at.operation.path) in chosen)


def sign_all(bench: Bench, config: ProjectConfig) -> dict[str, str]:
    """The headers that show the key; what shows it elsewhere is set in the configuration."""
    document, keys = bench.document, bench.client.keys
    header = authorization(KEY, keys, bench.client.scheme) or ""
    if not document.wordless:
        return {"Authorization": header}
    elsewhere = {
        name: {"api_key": keys.key}
        for name, one in document.security_schemes.items()
        if one.place is not None and one.place[0] != "header"
    }
    if elsewhere:
        config.auth = type(config.auth)(openapi=elsewhere)
    named = dict.fromkeys(placed(document, "header"), keys.key)
    return named | (
        {"Authorization": header} if is_authorized(document) and needs_key(document) else {}
    )


def iter_failures(
    adapter: Adapter, event: events.ScenarioFinished
) -> Iterator[tuple[FuzzFinding, Case | None]]:
    recorder = event.recorder
    for case_id, nodes in recorder.checks.items():
        for node in nodes:
            if node.status != Status.FAILURE or node.failure_info is None:
                continue
            interaction = recorder.interactions[case_id]
            response = interaction.response
            if response is None:
                continue
            failure, case = node.failure_info.failure, recorder.cases[case_id].value
            if is_expected(
                adapter.bench, node.name, response.status_code, case, interaction.request.headers
            ):
                continue
            operation = adapter.operation_of(case)
            content = bytes(response.content or b"")
            body = interaction.request.body
            finding = FuzzFinding(
                node.name,
                recorder.label if operation is None else operation.operation_id,
                event.phase.value,
                failure.title,
                failure.message,
                interaction.request.method,
                interaction.request.uri,
                body.decode("utf-8", "replace") if isinstance(body, bytes) else None,
                response.status_code,
                content.decode("utf-8", "replace")[:300],
                failure.operation or "",
                type(failure).__name__,
                failure._unique_key,
                media_type_of(interaction.request.headers),
            )
            again = None
            if operation is not None:
                again = retrial(adapter.bench, operation, node.name, body)
            yield finding, again


def is_expected(
    bench: Bench, check: str, status: int, case: Any, headers: Mapping[str, list[str]]
) -> bool:
    """Whether it is the 401 that an operation's security means, listed among its responses or not.

    Only for requests without the key: with it a 401 is what it seems.
    """
    if not bench.document.wordless or (check, status) != ("status_code_conformance", 401):
        return False
    place = (case.operation.method.upper(), case.operation.path)
    secured = any(
        one.security
        for one in bench.document.iter_operations()
        if (one.method, one.path_template) == place
    )
    key = bench.client.keys.key
    shown = [authorization(KEY, bench.client.keys, bench.client.scheme) or key, key]
    return secured and not any(value in shown for values in headers.values() for value in values)


def media_type_of(headers: Mapping[str, list[str]]) -> str:
    named = (value for name, value in headers.items() if name.lower() == "content-type")
    return next((one[0].partition(";")[0] for one in named if one), "application/json")


# The judge's own word on what was found


def retrial(bench: Bench, operation: Operation, check: str, raw: Any) -> Case | None:
    """A case that tries the finding again; None where no rule speaks of it."""
    body = parse_json(raw) if isinstance(raw, bytes) else None
    if check in ("negative_data_rejection", "not_a_server_error") and isinstance(body, dict):
        if operation.does not in ("create", "update"):
            return None
        valid, ids = judge(bench.document.rules, bench.composer.breaches(operation, body))
        if not valid and ids:
            name = f"{operation.operation_id}: a body that Schemathesis made"
            return Case(ids, name, refused_again(operation, body))
    if check == "response_schema_conformance" and operation.does in ("create", "list"):
        success = operation.responses.get(str(operation.success))
        ids = tuple(success.rule_ids) if success is not None else ()
        if ids:
            name = f"{operation.operation_id}: the answer to a request that Schemathesis made"
            return Case(ids, name, held_again(bench, operation, body))
    return None


def refused_again(operation: Operation, body: dict[str, Any]) -> Any:
    def steps(story: Story) -> None:
        made = None
        path: dict[str, str] = {}
        if operation.does == "update":
            resource = story.bench.document.resources[operation.resource]
            made = standing(story, operation.resource, calm_state(resource))
            path = path_of(operation, made.record_id)
        exchange = story.send(operation, path=path, body=body)
        expect_refused(story, operation, exchange, "the body breaks the schema", made)

    return steps


def held_again(bench: Bench, operation: Operation, body: Any) -> Any:
    def steps(story: Story) -> None:
        surface = bench.surface(operation.resource)
        if operation.does == "create":
            exchange = story.send(operation, body=body)
        else:
            exchange = story.send(operation)
        hold(story, surface, operation, exchange)

    return steps
