"""The catalogue of rules: what the API promises, each with its examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.model import BusinessRule, Example, Step
from mock_server.spec.pointers import escape, nearest


def compile_rules(compilation: Compilation, operation_ids: set[str]) -> dict[str, BusinessRule]:
    """Every entry with the places that state it."""
    entries = compilation.raw.get("x-rules") or {}
    compilation.claim("#/x-rules")
    if not isinstance(entries, dict):
        return {}
    for rule_id, places in compilation.places.items():
        if rule_id not in entries:
            for place in dict.fromkeys(place.pointer for place in places):
                compilation.report_unentered(rule_id, place)
    if compilation.faults:
        check_unstated(compilation)
    return {
        rule_id: compile_rule(compilation, rule_id, entry, operation_ids)
        for rule_id, entry in entries.items()
        if isinstance(entry, dict)
    }


def report_unstated(compilation: Compilation, rule_id: str, stated: Iterable[str]) -> None:
    compilation.report(
        f"#/x-rules/{escape(rule_id)}",
        f'the entry "{rule_id}", which no place states',
        "an x-rule with this id somewhere in the document",
        nearest(rule_id, [known for known in stated if known != rule_id]),
    )


def check_unstated(compilation: Compilation) -> None:
    """Reports entries whose ids stand nowhere, not even under a misspelt word."""
    entries = compilation.raw.get("x-rules")
    if not isinstance(entries, dict):
        return
    rest = {key: part for key, part in compilation.raw.items() if key != "x-rules"}
    texts = set(iter_texts(rest))
    for rule_id in entries:
        if rule_id not in texts:
            report_unstated(compilation, str(rule_id), ())


def iter_texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from iter_texts(child)


def compile_rule(
    compilation: Compilation, rule_id: str, entry: dict[str, Any], operation_ids: set[str]
) -> BusinessRule:
    pointer = f"#/x-rules/{rule_id}"
    places = tuple(compilation.places.get(rule_id, []))
    if not places and not compilation.faults:  # else nothing may have come to read its place
        report_unstated(compilation, rule_id, compilation.places)
    return BusinessRule(
        rule_id,
        str(entry.get("says", "")),
        str(entry.get("source", "")),
        entry.get("certainty", "documented"),
        entry.get("policy", "enforce"),
        str(entry.get("note", "")),
        compile_examples(compilation, entry, "accepts", pointer, operation_ids),
        compile_examples(compilation, entry, "rejects", pointer, operation_ids),
        pointer,
        places,
    )


def compile_examples(
    compilation: Compilation, entry: dict[str, Any], key: str, pointer: str, operation_ids: set[str]
) -> tuple[Example, ...]:
    listed = entry.get(key, [])
    if not isinstance(listed, list):
        return ()
    examples = []
    for position, written in enumerate(listed):
        place = f"{pointer}/{key}/{position}"
        steps = written if isinstance(written, list) else [written]
        examples.append(
            Example(
                tuple(
                    compile_step(
                        compilation,
                        step,
                        f"{place}/{number}" if isinstance(written, list) else place,
                        operation_ids,
                    )
                    for number, step in enumerate(steps)
                    if isinstance(step, dict)
                ),
                place,
            )
        )
    return tuple(examples)


def compile_step(
    compilation: Compilation, step: dict[str, Any], pointer: str, operation_ids: set[str]
) -> Step:
    operation_id = step.get("operation", "")
    if not any(fault.pointer.endswith("/operationId") for fault in compilation.faults):
        compilation.known(operation_id, operation_ids, f"{pointer}/operation", "operation")
    return Step(
        operation_id,
        step.get("path", {}),
        step.get("query", {}),
        step.get("headers", {}),
        step.get("body"),
        "body" in step,
        step.get("credentials", "default"),
        float(step.get("wait", 0)),
        step.get("expect"),
    )
