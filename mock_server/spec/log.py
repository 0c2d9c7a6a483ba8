"""Logs: resources whose records tell what happened to the records of others."""

from __future__ import annotations

from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.lifecycle import ids_of
from mock_server.spec.model import Log, Place, Resource
from mock_server.spec.schemas import properties_of


def compile_log(compilation: Compilation, name: str, raw: dict[str, Any]) -> Log | None:
    """Where the changes of a resource are told, or None where they are not."""
    word = raw.get("x-logged")
    if not isinstance(word, dict):
        return None
    pointer = f"#/components/schemas/{name}/x-logged"
    compilation.claim(pointer)
    values = {
        field: compile_value(
            value, f"{pointer}/values/{field}", compilation.functions, compilation.report
        )
        for field, value in word.get("values", {}).items()
    }
    actions = word.get("actions", {})
    log = Log(word["to"], values, tuple(ids_of(word)), tuple(ids_of(actions)), pointer)
    compilation.state(word, pointer, Place("log", pointer, name, (), None, log))
    if actions:
        place = f"{pointer}/actions"
        compilation.state(actions, place, Place("action", place, name, (), None, log))
    return log


def check_logs(compilation: Compilation, resources: dict[str, Resource]) -> None:
    """Logs exist, do not tell of themselves, and have the fields that are filled in."""
    for resource in resources.values():
        log = resource.log
        if log is None or not compilation.known(log.to, resources, f"{log.pointer}/to", "resource"):
            continue
        target = resources[log.to]
        if target.log is not None:
            compilation.report(
                f"{log.pointer}/to",
                f'"{log.to}", which is logged itself',
                "a resource without x-logged",
            )
        for field in log.values:
            compilation.known(
                field, properties_of(target.schema), f"{log.pointer}/values/{field}", "field"
            )
