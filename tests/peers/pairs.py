"""Faults of two features: each alone is right, and beside the other one it is not.

Every pair of fields of a request makes two: a value that is lost where the other is given, and one
of a wrong type that is taken there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.peers.bends import Bend, Call

# What a request may hold that answers must show again; another value than without it.
SHOWN = ("activity_at", "direction", "remote_phone", "source", "text", "user_id")
# What may stand beside: a field with any value, or with this one.
BESIDE: tuple[tuple[str, Any], ...] = (
    *((name, None) for name in ("activity_at", "attachments", "contact_id", "date_created")),
    *((name, None) for name in ("date_scheduled", "lead_id", "remote_phone", "send_in", "user_id")),
    *(("status", state) for state in ("inbox", "draft", "scheduled", "outbox", "sent")),
    ("template_id", None),
)
KINDS = {"POST": "creating", "PUT": "changing"}


def is_beside(body: dict[str, Any], name: str, value: Any) -> bool:
    return body.get(name) is not None if value is None else body.get(name) == value


def without(
    method: str, field: str, beside: tuple[str, Any], wrong: bool
) -> Callable[[Call], None]:
    """Takes a field out of a request that has the other, where it is right, or where it is wrong."""

    def before(call: Call) -> None:
        if call.method != method or not isinstance(call.body, dict):
            return
        value = call.body.get(field)
        if is_beside(call.body, *beside) and value is not None and isinstance(value, str) != wrong:
            call.body = {n: v for n, v in call.body.items() if n != field}

    return before


def iter_pairs() -> Iterator[tuple[str, Bend]]:
    for method, doing in KINDS.items():
        for field in SHOWN:
            for name, value in BESIDE:
                if name == field or (field == "text" and name == "template_id"):
                    continue
                if method == "PUT" and not is_changed(field, name, value):
                    continue
                word = name if value is None else f"{name}={value}"
                lost = without(method, field, (name, value), wrong=False)
                says = f"{doing} loses {field} beside {word}"
                yield f"{method}-{field}-lost-{word}", Bend(("sms.response.echo",), says, lost)
                taken = without(method, field, (name, value), wrong=True)
                says = f"{doing} takes a {field} of any type beside {word}"
                yield f"{method}-{field}-taken-{word}", Bend(("sms.fields.types",), says, taken)


def is_changed(field: str, name: str, value: Any) -> bool:
    """Whether a change takes both, and of states one that a draft may be asked to take."""
    kept = {"direction", "source", "date_created"}
    return kept.isdisjoint((field, name)) and value in (None, "scheduled", "outbox")


PAIRS = dict(iter_pairs())
