"""Names of the document in what a caller asks for: a misspelt one would be looked for in vain."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mock_server.http.control.errors import ControlError
from mock_server.http.control.interface import misfit
from mock_server.http.wire import Lane
from mock_server.spec.pointers import nearest, one_of


def check_names(lane: Lane, wishes: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises ControlError for operations and rules that there are not; `wishes` by where they stand."""
    operations = {**lane.document.operations, **lane.document.plain}
    faults = [
        fault
        for place, wish in wishes.items()
        for word, known in (("operation", operations), ("rule", lane.plan.rules))
        for fault in unknown(f"{place}{word}", wish.get(word), known)
    ]
    if faults:
        raise ControlError(404, "The document has no such name.", faults)


def unknown(place: str, named: Any, known: Collection[str]) -> list[dict[str, Any]]:
    names = [named] if isinstance(named, str) else named or ()
    return [
        misfit(place, name, nearest(name, known) or one_of(known))
        for name in names
        if name not in known
    ]
