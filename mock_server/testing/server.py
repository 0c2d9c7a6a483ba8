"""The mock server as a test has it: one account of a stub, in process and on a socket, one state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from io import StringIO
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mock_server.http.journal import Entry, to_json
from mock_server.http.log import RequestLog
from mock_server.settings import to_policies
from mock_server.spec import Document
from mock_server.state.tenant import Tenant
from mock_server.testing.clock import MockClock
from mock_server.testing.interception import Answering
from mock_server.testing.state import MockState
from mock_server.testing.stub import Stub

if TYPE_CHECKING:
    from mock_server.testing.httpx_transport import InProcessTransport
    from mock_server.testing.requests_adapter import Client, InProcessAdapter

INSIDE = "http://mock-server.test"  # where the client believes to be; nothing listens there
RUN = token_hex(4)  # no two runs have keys in common
numbers = count(1)


def several(paths: Path | str | Sequence[Path | str]) -> Sequence[Path | str]:
    """One path is a list of one."""
    return [paths] if isinstance(paths, Path | str) else paths


class MockServer(Answering):
    """A mock server with records, a clock and a journal of its own.

    `with MockServer() as server:` is all that it needs; close() does what leaving does.
    Raises DocumentError, SeedError or SettingsError.
    """

    def __init__(
        self,
        document: Document | Path | str | None = None,
        *,
        overlay: Path | str | Sequence[Path | str] = (),
        seed: Path | str | Sequence[Path | str] = (),
        rules: Mapping[str, Any] | None = None,
        random_seed: int | None = None,
        stub: Stub | None = None,
        key: str | None = None,
    ) -> None:
        self.owned = stub is None
        policies = to_policies(rules, "rules") if rules is not None else None
        self.stub = stub or Stub(document, several(seed), policies, random_seed, several(overlay))
        tenants = self.stub.lane.tenants
        self.key = key or f"{tenants.prefix}{RUN}_{next(numbers)}"
        found = tenants.find(self.key)
        if found is None:
            raise ValueError(
                f'found the key "{self.key}"; expected one that begins with {tenants.prefix}'
            )
        self.tenant: Tenant = found
        nobodys = self.stub.lane.journal
        self.before = nobodys[-1].number if nobodys else 0

    @property
    def origin(self) -> str:
        """Scheme, host and port of the socket, which is opened when this is first asked for."""
        return self.stub.origin

    @property
    def url(self) -> str:
        """The API's base URL on a socket, with a slash at its end."""
        return f"{self.origin}{self.stub.document.base_path}/"

    @cached_property
    def client(self) -> Client:
        """A `requests` session with the key; its paths are relative to the API's base."""
        from mock_server.testing.requests_adapter import Client

        kinds = {scheme.kind for scheme in self.stub.document.security_schemes.values()}
        base = self.stub.document.base_path
        return Client(self.adapter(), INSIDE, base, self.key, kinds)

    @cached_property
    def clock(self) -> MockClock:
        return MockClock(self.tenant, self.stub.lane.plan)

    @cached_property
    def state(self) -> MockState:
        return MockState(self.tenant, self.stub.lane.plan, self.stub.lane.tenants)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked and answered, oldest first, each with its explanation.

        With what was asked in this process since then without a key that is known.
        """
        lane = self.stub.lane
        return [to_json(entry, lane.plan, lane.coverage) for entry in self.entries()]

    def log(self) -> str:
        """The same as lines to read."""
        log = RequestLog(stream=StringIO())
        plan = self.stub.lane.plan
        return "".join(log.as_text(entry, plan) for entry in self.entries()).rstrip()

    def entries(self) -> list[Entry]:
        nobodys = [one for one in tuple(self.stub.lane.journal) if one.number > self.before]
        return sorted((*tuple(self.tenant.journal), *nobodys), key=lambda entry: entry.number)

    def adapter(self) -> InProcessAdapter:
        """What a `requests` session sends by: no socket."""
        from mock_server.testing.requests_adapter import InProcessAdapter

        return InProcessAdapter(self.stub)

    @cached_property
    def transport(self) -> InProcessTransport:
        """For `httpx.Client(transport=…)` and `httpx.AsyncClient(transport=…)`."""
        from mock_server.testing.httpx_transport import InProcessTransport

        return InProcessTransport(self.stub)

    def close(self) -> None:
        """Forgets the account; a server of its own stops listening."""
        if "client" in self.__dict__:
            self.client.close()
        self.stub.lane.tenants.drop(self.key)
        if self.owned:
            self.stub.close()
