"""The mock server inside tests: records, a clock and a client of their own, no socket unless asked for."""

from mock_server.testing.clock import MockClock
from mock_server.testing.remote import RemoteServer
from mock_server.testing.server import MockServer
from mock_server.testing.state import MockState

__all__ = ["MockClock", "MockServer", "MockState", "RemoteServer"]
