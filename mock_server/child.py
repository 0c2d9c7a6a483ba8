"""A command that runs beside the server: what it is told, its signals, its exit code."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mock_server.errors import CommandError, SettingsError

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells have them


class Child:
    """One command, started once."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Raises CommandError where there is no such command."""
        self.command = list(command)
        self.environment = dict(environment)
        self.process: subprocess.Popen[bytes] | None = None
        check_command(command[0])

    def run(self, told: Mapping[str, str]) -> int:
        """Runs it to its end; its exit code, or 128 and the number of the signal that ended it."""
        self.process = subprocess.Popen(self.command, env={**self.environment, **told})
        code = self.process.wait()
        return 128 - code if code < 0 else code

    def obey(self, number: int) -> bool:
        """Passes a signal on; False where the command is not running."""
        process = self.process
        if process is None or process.poll() is not None:
            return False
        if number != signal.SIGINT or not is_from_terminal():
            process.send_signal(number)
        return True


def is_from_terminal() -> bool:
    """Whether Ctrl-C reaches the command by itself: the terminal sends it to the whole group."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def check_command(name: str) -> None:
    if shutil.which(name) is not None:
        return
    if os.sep in name and Path(name).exists():
        raise CommandError(
            f'the command "{name}" cannot be run; expected a program', NOT_EXECUTABLE
        )
    raise CommandError(
        f'found no command "{name}"; expected one that exists: mock-server exec [OPTIONS] -- COMMAND …',
        NOT_FOUND,
    )


def to_variables(texts: Sequence[str], told: Mapping[str, str]) -> dict[str, str]:
    """`NAME=VALUE` with {url}, {key} and {origin} filled in; raises SettingsError."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise SettingsError(
                f'the command line: found the variable "{text}"; expected NAME=VALUE, such as API_URL={{url}}'
            )
        for word, meant in told.items():
            value = value.replace("{" + word + "}", meant)
        found[name] = value
    return found
