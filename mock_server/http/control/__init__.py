"""The control API under /__mock: look at the server, steer it, ask it why."""

from mock_server.http.control.api import build_control
from mock_server.http.control.guard import Guard

__all__ = ["Guard", "build_control"]
