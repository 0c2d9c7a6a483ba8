"""A client's own tests as a command: run, timed, and stopped where they do not end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from contracts.errors import CouldNotRunError
from contracts.settings import Timepiece

LAST_LINES = 25


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the suite; `code` is None where it did not end in time."""

    code: int | None
    seconds: float
    output: str

    @property
    def green(self) -> bool:
        return self.code == 0


def run_suite(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    timepiece: Timepiece,
) -> Ran:
    """Runs the command to its end; raises CouldNotRunError where there is no such command."""
    started = timepiece.now()
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CouldNotRunError(
            f'found "{command[0]}", which cannot be run ({error.strerror}); '
            "expected the command of a test suite behind --"
        ) from None
    try:
        output, _ = process.communicate(timeout=timeout)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        stop(process)
        output, code = "", None
    except BaseException:
        stop(process)
        raise
    lines = output.strip().splitlines()[-LAST_LINES:]
    return Ran(code, timepiece.now() - started, "\n".join(lines))


def stop(process: subprocess.Popen[str]) -> None:
    """Ends the command and whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment_of(
    origin: str, base_path: str, key: str, more: Sequence[str], inherited: Mapping[str, str]
) -> dict[str, str]:
    """The variables by which a suite finds the stub; `more` are NAME=VALUE with {url} and the like."""
    told = {"url": f"{origin}{base_path}/", "key": key, "origin": origin}
    found = dict(inherited)
    found.update({f"MOCK_SERVER_{name.upper()}": value for name, value in told.items()})
    for pair in more:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CouldNotRunError(f'--env: found "{pair}"; expected NAME=VALUE')
        for word, text in told.items():
            value = value.replace(f"{{{word}}}", text)
        found[name] = value
    return found
