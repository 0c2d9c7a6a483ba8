"""Operations that a target does not have: each is said once, and is no rule's fault."""

from __future__ import annotations

from mock_server.spec.model import Operation

NOT_THERE = frozenset({405, 501})


class Absence:
    """What the answers tell of operations that are not there.

    405 and 501 say so themselves; 404 does where the path names no record.
    An operation that has answered otherwise once is there.
    """

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.suspected: dict[str, Operation] = {}

    def learn(self, operation: Operation, status: int) -> None:
        if is_not_there(operation, status):
            self.suspected.setdefault(operation.operation_id, operation)
        elif status not in (401, 403, 404, 429) and status < 500:
            self.there.add(operation.operation_id)

    def suspect(self, operation: Operation) -> None:
        """A record that can be read is not found by an operation that has never worked."""
        if operation.operation_id not in self.there:
            self.suspected.setdefault(operation.operation_id, operation)

    def has(self, operation: Operation) -> bool:
        name = operation.operation_id
        return name in self.suspected and name not in self.there

    def missing(self) -> list[Operation]:
        return [one for one in self.suspected.values() if self.has(one)]


def is_not_there(operation: Operation, status: int) -> bool:
    return status in NOT_THERE or (status == 404 and "{" not in operation.path_template)
