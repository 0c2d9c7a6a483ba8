"""Changes, noted when they happen and told when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mock_server.rules.values import NOTHING, Compute, Context, build_value
from mock_server.spec.model import Log, Resource
from mock_server.state.store import Record


class Change(NamedTuple):
    """That a record was created, changed or deleted: references only, nothing is worked out yet.

    A store keeps it as a plain tuple: most of them nobody ever reads.
    """

    resource: str
    action: str
    before: Record | None
    after: Record | None
    now: str
    principal: Mapping[str, Any]
    origin: Any

    @property
    def record(self) -> Record:
        """The record as it is now, or as it last was."""
        found = self.after or self.before
        assert found is not None  # nothing happens to no record
        return found


class PreparedLog:
    """Which resource tells the changes, and what it holds besides what happened.

    `names_actions`: a transition with a name of its own is told by that name as well.
    """

    __slots__ = ("names_actions", "to", "values")

    def __init__(
        self,
        log: Log,
        resource: Resource,
        resources: Mapping[str, Resource],
        names_actions: bool = True,
    ) -> None:
        self.to = log.to
        self.names_actions = names_actions
        self.values: list[tuple[str, Compute]] = [
            (field, build_value(value, resource, resources)) for field, value in log.values.items()
        ]

    def given(self, context: Context, change: Change) -> dict[str, Any]:
        """The entry's values that the document states for this resource."""
        context.record = change.record.data
        return {field: compute(context) for field, compute in self.values}


def facts_of(change: Change) -> dict[str, Any]:
    """What an entry may read of a change as `$change`."""
    data = change.record.data
    before = change.before.data if change.before is not None else NOTHING
    both = change.before is not None and change.after is not None
    fields = [name for name in data if data[name] != before.get(name)] if both else []
    return {
        "action": change.action,
        "id": change.record.record_id,
        "record": data,
        "fields": fields,
        "previous": {name: before.get(name) for name in fields},
    }
