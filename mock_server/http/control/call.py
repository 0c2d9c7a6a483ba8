"""One call of the control API, read and held against the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers

from mock_server.http.wire import Lane
from mock_server.state.tenant import Tenant


class Call:
    """What a handler needs: the server, whose world it is about, and what was asked."""

    __slots__ = ("body", "found", "headers", "lane", "values")

    def __init__(
        self,
        lane: Lane,
        tenant: Tenant | None,
        values: Mapping[str, Any],
        body: Any,
        headers: Headers,
    ) -> None:
        self.lane = lane
        self.found = tenant
        self.values = values  # parameters by name
        self.body = body
        self.headers = headers

    @property
    def tenant(self) -> Tenant:
        assert self.found is not None  # only calls that are open to all are about nobody
        return self.found


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not JSON."""

    data: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
