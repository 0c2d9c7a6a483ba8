"""The catalogue's own examples, with values of the target in place of those of the seed.

They may lean on inferred readings, so that what they show is a difference and fails no run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import came
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Steps, Story
from contracts.moments import is_same_moment
from contracts.oracle.schema import Breach, oracle_of
from contracts.oracle.values import dig
from contracts.target.wire import ABSENT, KEY, NONE, Answer
from mock_server.spec.model import BusinessRule, Example, Operation, Step

FARTHEST = 20 * 365 * 86_400  # seconds by which a target's clock is moved at most


def cases(bench: Bench) -> Iterator[Case]:
    for rule in bench.document.rules.values():
        if not bench.ledger.wants((rule.rule_id,)) or rule.policy != "enforce":
            continue
        for accepted, examples in ((True, rule.accepts), (False, rule.rejects)):
            for number, example in enumerate(examples):
                if accepted and needs_the_stub(example):
                    continue
                word = "accepts" if accepted else "rejects"
                steps = replay(bench, rule, example, accepted)
                yield Case((rule.rule_id,), f"example {word}/{number}", steps, False)


def replay(bench: Bench, rule: BusinessRule, example: Example, accepted: bool) -> Any:
    def steps(story: Story) -> Steps:
        answers: list[Any] = []
        if any(step.headers for step in example.steps):
            story.block("its example has headers of its own, which the judge does not send")
        for number, step in enumerate(example.steps):
            last = number == len(example.steps) - 1
            if step.wait:
                if step.wait > bench.settings.max_wait and not bench.clock.virtual:
                    story.block("it would wait too long")
                if step.wait > FARTHEST:
                    story.block("it would move the clock too far")
                yield step.wait
            operation = bench.document.operations[step.operation_id]
            keep = own_fields(rule) if not accepted else frozenset()
            body = filled(story, operation, step, answers, keep)
            exchange = story.send(
                operation,
                path={n: resolve(v, answers) for n, v in step.path.items()},
                query={n: resolve(v, answers) for n, v in step.query.items()},
                body=body,
                credentials=credentials_of(step),
            )
            answer = exchange.answer
            answers.append(answer.body)
            if not last and not answer.accepted:
                story.block(f"{step.operation_id} answered {answer.status}")
            if last and accepted and not answer.accepted:
                story.refute(
                    "accepted, as in the catalogue's example", came(answer), expect.ACCEPTED
                )
            if last and not accepted and not 400 <= answer.status < 500:
                story.refute("refused, as in the catalogue's example", came(answer), expect.REFUSED)
            broken = mismatches(step, answer)
            if broken:
                expected = f"as in the catalogue's example: {broken[0].message}"
                story.refute(expected, came(answer), step.expect)

    return steps


def mismatches(step: Step, answer: Answer) -> list[Breach]:
    """Where an answer is not as the step expects; a moment may be written in any way."""
    if step.expect is None:
        return []
    whole = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    return [
        breach
        for breach in oracle_of(step.expect).breaches(whole)
        if breach.keyword != "const"
        or not is_same_moment(
            dig(whole, breach.path), dig(step.expect, tuple(breach.place.split("/")))
        )
    ]


def needs_the_stub(example: Example) -> bool:
    """Whether it is let in with credentials that only the stub knows."""
    return any(step.credentials not in ("default", "none") for step in example.steps)


def credentials_of(step: Step) -> str:
    if step.credentials == "default":
        return KEY
    return NONE if step.credentials == "none" else step.credentials


def own_fields(rule: BusinessRule) -> frozenset[str]:
    """The fields whose values are the point of a rejection."""
    return frozenset(place.field for place in rule.places if place.field is not None)


def filled(
    story: Story, operation: Operation, step: Step, answers: list[Any], keep: frozenset[str]
) -> Any:
    """The body; references that name nothing here get values of the target."""
    if not step.has_body:
        return ABSENT
    body = resolve(step.body, answers)
    if not isinstance(body, Mapping):
        return body
    changed = dict(body)
    for name, reference in operation.references.items():
        value = body.get(name)
        given = step.body.get(name) if isinstance(step.body, Mapping) else None
        if not isinstance(value, str | int) or str(given).startswith("$") or name in keep:
            continue
        known = {record.get(reference.by) for record in story.bench.live.wanted(reference)}
        if value not in known:
            own = {k: v for k, v in changed.items() if k != name}
            fitting = story.bench.live.fitting(reference, own)
            if not fitting:
                story.block(f"the target has no {reference.to} for {name}")
            changed[name] = fitting[0].get(reference.by)
    return changed


def resolve(value: Any, answers: list[Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: resolve(inner, answers) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, answers) for inner in value]
    if not isinstance(value, str) or not value.startswith("$steps."):
        return value
    head, _, pointer = value.partition("#")
    number = int(head.split(".")[1])
    tokens = tuple(
        token.replace("~1", "/").replace("~0", "~")
        for token in pointer.strip("/").split("/")
        if token
    )
    return dig(answers[number], tokens)
