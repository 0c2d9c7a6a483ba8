"""Throughput, start and memory of the stub beside a peer, in one run; prints ratios, judges nothing.

Needs Linux, `wrk` (Debian's package) and, for the peer, `npm install --prefix DIR @stdy/cli`:

    python tests/benchmarks/compare.py --peer DIR/node_modules/.bin/steady --rounds 5

The servers take turns on the first processor, wrk has the second. On a machine that others use too,
the processor time of a request is the steadier figure: what others take from both counts for none.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
KEY = "api_test_bench"
AUTHORIZATION = "Basic " + b64encode(f"{KEY}:".encode()).decode()
VALID = {
    "status": "inbox",
    "text": "hi",
    "local_phone": "+16505550100",
    "remote_phone": "+16505550101",
    "direction": "inbound",
}
REFUSED = {**VALID, "status": "nonsense"}
RECORDS = 10_000


@dataclass(frozen=True)
class Server:
    name: str
    command: list[str]
    path: str


@dataclass(frozen=True)
class Round:
    start: float  # seconds until the first answer
    rate: float  # requests a second
    cost: float  # microseconds of processor time a request
    refused_rate: float
    memory: float  # MB with RECORDS records


def post(url: str, body: dict[str, str]) -> int:
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Authorization": AUTHORIZATION, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(4_000):
        try:
            post(url, VALID)
            return
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None:
                break
            time.sleep(0.005)
    sys.exit(f"{url} never answered:\n{log.read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def script(folder: Path, body: dict[str, str]) -> Path:
    path = folder / "post.lua"
    path.write_text(
        'wrk.method = "POST"\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "{AUTHORIZATION}"\n'
        f"wrk.body = [[{json.dumps(body)}]]\n"
    )
    return path


def load(url: str, folder: Path, body: dict[str, str], seconds: int) -> tuple[float, int]:
    """Requests a second, and how many there were."""
    wrk = ["wrk", "-t1", "-c16", f"-d{seconds}", "-s", str(script(folder, body)), url]
    command = ["taskset", "-c", "1", *wrk]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", shown)
    count = re.search(r"([0-9]+) requests in", shown)
    assert rate is not None
    assert count is not None
    return float(rate[1]), int(count[1])


def stats(session: int) -> list[list[str]]:
    """What the kernel counts of each process of a session, from its state on."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(fields)
    return found


def memory(session: int) -> float:
    """Resident megabytes of a session."""
    return sum(int(fields[21]) for fields in stats(session)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_time(session: int) -> float:
    """Seconds that a session has spent on processors."""
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in stats(session))
    return ticks / os.sysconf("SC_CLK_TCK")


def play(server: Server, port: int, seconds: int) -> Round:
    url = f"http://127.0.0.1:{port}{server.path}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "log").open("w") as log:
            began = time.perf_counter()
            process = subprocess.Popen(
                ["taskset", "-c", "0", *server.command],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for(url, process, folder / "log")
                start = time.perf_counter() - began
                for _ in range(RECORDS):
                    post(url, VALID)
                held = memory(process.pid)
                load(url, folder, VALID, 1)
                before = processor_time(process.pid)
                rate, count = load(url, folder, VALID, seconds)
                cost = (processor_time(process.pid) - before) / count * 1e6
                return Round(start, rate, cost, load(url, folder, REFUSED, 2)[0], held)
            finally:
                # A peer may be a script that starts another process.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                while stats(process.pid):
                    time.sleep(0.01)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peer", default=shutil.which("steady"), help="the peer's command")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    chosen = parser.parse_args()
    for command in ("wrk", "taskset"):
        if shutil.which(command) is None:
            parser.exit(
                2, f"{command} is not here; install it (Debian: apt install wrk util-linux)\n"
            )
    port = free_port()
    ours = [sys.executable, "-m", "mock_server", "--port", str(port)]
    servers = [Server("mock-server", ours, "/api/v1/activity/sms/")]
    if chosen.peer:
        document = str(HERE / "peer.yaml")
        peer = [chosen.peer, "--port", str(port), document]
        servers.append(Server("peer", peer, "/activity/sms/"))
    os.environ["NO_COLOR"] = "1"
    rounds: dict[str, list[Round]] = {server.name: [] for server in servers}
    for number in range(chosen.rounds):
        for server in servers:
            one = play(server, port, chosen.seconds)
            rounds[server.name].append(one)
            print(
                f"round {number + 1} {server.name:12} start {one.start:5.2f} s  {one.rate:8.0f} rps  {one.cost:5.0f} µs  "
                f"refused {one.refused_rate:8.0f} rps  {one.memory:6.0f} MB with {RECORDS} records",
                flush=True,
            )
    if "peer" in rounds:
        for word in ("start", "rate", "cost", "refused_rate", "memory"):
            mine = median(getattr(one, word) for one in rounds["mock-server"])
            theirs = median(getattr(one, word) for one in rounds["peer"])
            print(f"{word:13} {mine / theirs:5.2f} times the peer's")


if __name__ == "__main__":
    main()
