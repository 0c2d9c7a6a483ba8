"""The application behind granian, in this process, until it is told to stop."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from granian.constants import Interfaces
from granian.server.mt import MTServer

from mock_server.errors import SettingsError
from mock_server.http.doorway import Doorway

PATIENCE = 10.0  # seconds that requests under way may take when the server is told to stop
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
Obey = Callable[[int], bool]

THREADS = 8  # a client that is slow with its body keeps one of them
MANY_THREADS = 32  # once requests are kept waiting on purpose


class InProcessServer(MTServer):
    """Granian's threaded server under a GIL: one process, one memory, one signal to stop it.

    `obey` is asked about a signal first; where it says no, the server stops.
    """

    def __init__(self, door: Doorway, host: str, port: int, obey: Obey | None = None) -> None:
        super().__init__(
            "mock_server",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            blocking_threads=THREADS,
            websockets=False,
            log_enabled=False,
            respawn_interval=0.05,
        )
        self.door = door
        self.obey = obey
        hangup = getattr(signal, "SIGHUP", None)
        self.ignored = {hangup} if hangup and signal.getsignal(hangup) is signal.SIG_IGN else set()

    def _check_gil(self) -> None:
        # One worker whose threads take turns needs no free-threaded build.
        return

    def signal_handler_interrupt(self, number: int = 0, frame: Any = None) -> None:
        if number not in self.ignored and not (self.obey is not None and self.obey(number)):
            self.stop()

    # A terminal that is closed ends what it has started; nothing else is meant by a hang-up here.
    signal_handler_reload = signal_handler_interrupt

    def widen(self) -> None:
        """Makes room for requests that are kept waiting: the worker is followed by one with more threads.

        So many threads take a fifth of the rate, so that they come when somebody asks for latency.
        Requests that are under way are answered; connections that idle are closed.
        """
        if self.blocking_threads < MANY_THREADS:
            self.blocking_threads = MANY_THREADS
            super().signal_handler_reload()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Takes no more requests and answers those under way; told twice, it leaves them."""
        if self.interrupt_signal:
            os._exit(130)
        self.door.close()
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _stop_workers(self) -> None:
        until = time.monotonic() + PATIENCE
        workers: list[Any] = self.wrks
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(max(until - time.monotonic(), 0))
        self.wrks.clear()


def find_address(host: str) -> str:
    """The address that a host means: its own, or one of its name; raises SettingsError where it has none."""
    try:
        return str(ip_address(host))
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "127.0.0.1"
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f'the host "{host}" is not found ({getattr(error, "strerror", None) or error}); '
            "expected an address such as 127.0.0.1, ::1 or 0.0.0.0, or a name that has one, such as localhost"
        ) from None
    # Clients try the older kind at the latest when the newer one does not answer.
    return str(min(rows, key=lambda row: row[0] != socket.AF_INET)[4][0])


def hold_port(host: str, port: int) -> socket.socket:
    """A socket that keeps a port for us, a free one for 0; raises SettingsError where it is taken.

    It is never listened to: it keeps other processes from the port until the server listens.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if port:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        held = socket.socket(family, socket.SOCK_STREAM)
        # What is left of a server that has just stopped is no reason not to start.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
        held.bind((host, port))
        return held
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} of {host} is taken; stop what listens there, or choose another with --port (0: any)"
            ) from None
        raise SettingsError(
            f"cannot listen on {host} port {port}: {error.strerror or error}"
        ) from None


def serve(
    door: Doorway,
    host: str,
    port: int,
    ready: Callable[[InProcessServer], None],
    obey: Obey | None = None,
) -> None:
    """Serves until SIGINT, SIGTERM or a hang-up; `ready` is called when requests are answered."""
    server = InProcessServer(door, host, port, obey)
    door.lane.steering.on_wait = server.widen
    # Records are many and hold no circles: looking for some again and again would stall requests.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()
    threading.Thread(target=announce, args=(server, ready), daemon=True).start()
    previous = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        server.serve(target_loader=lambda *args, **kwargs: door)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def announce(server: InProcessServer, ready: Callable[[InProcessServer], None]) -> None:
    """Calls `ready` as soon as a connection is taken."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.bind_addr, server.bind_addr)
    pause = threading.Event()
    for _ in range(500):
        try:
            with socket.create_connection((host, server.bind_port), timeout=1):
                break
        except OSError:
            pause.wait(0.01)
    ready(server)
