"""Subscriptions: records that have the entries of a log delivered to an address."""

from __future__ import annotations

from typing import Any

from mock_server.spec.compilation import Compilation
from mock_server.spec.expressions import compile_value
from mock_server.spec.lifecycle import ids_of
from mock_server.spec.model import Place, Resource, Retry, Subscription, Value
from mock_server.spec.schemas import properties_of


def compile_subscription(
    compilation: Compilation, name: str, raw: dict[str, Any]
) -> Subscription | None:
    """How entries are delivered, or None where a resource is no subscription."""
    word = raw.get("x-subscription")
    if not isinstance(word, dict):
        return None
    pointer = f"#/components/schemas/{name}/x-subscription"
    compilation.claim(pointer)

    def value(written: Any, place: str) -> Value:
        return compile_value(
            written, f"{pointer}/{place}", compilation.functions, compilation.report
        )

    wants, retry = word["wants"], word["retry"]
    compilation.known(
        wants.get("function", "always"),
        {*compilation.functions, "always"},
        f"{pointer}/wants/function",
        "function",
    )
    subscription = Subscription(
        word["to"],
        word["url"],
        word.get("verify"),
        compilation.resolver.schema(word["if"]) if "if" in word else None,
        wants["in"],
        wants["fields"],
        wants.get("filter"),
        wants.get("function"),
        value(word["body"], "body"),
        {
            header: value(written, f"headers/{header}")
            for header, written in word.get("headers", {}).items()
        },
        Retry(retry["first"], retry["factor"], retry["most"], retry["for"]),
        word.get("gives-up", {}),
        tuple(ids_of(word)),
        pointer,
    )
    compilation.state(word, pointer, Place("subscription", pointer, name, (), None, subscription))
    return subscription


def check_subscriptions(compilation: Compilation, resources: dict[str, Resource]) -> None:
    """What is subscribed to is a log, and the fields that are named exist."""
    logs = {one.log.to for one in resources.values() if one.log is not None}
    for resource in resources.values():
        one = resource.subscription
        if one is None:
            continue
        if compilation.known(one.to, logs, f"{one.pointer}/to", "log"):
            fields = properties_of(resources[one.to].schema)
            for theirs, ours in one.fields.items():
                compilation.known(ours, fields, f"{one.pointer}/wants/fields/{theirs}", "field")
        own = {"url": one.url, "wants/in": one.list_field, "verify": one.verify or one.url}
        own |= {f"gives-up/{field}": field for field in one.gives_up}
        for place, field in own.items():
            compilation.known(field, resource.fields, f"{one.pointer}/{place}", "field")
