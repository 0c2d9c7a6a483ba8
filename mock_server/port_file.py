"""A file with the port of a server that answers, for programs that have started it."""

from __future__ import annotations

import os
from pathlib import Path

from mock_server.errors import SettingsError


class PortFile:
    """Comes into being whole when the server answers, and goes with it."""

    def __init__(self, path: Path) -> None:
        """Tries the place: raises SettingsError where nothing can be written."""
        self.path = path
        self.beside = path.with_name(f".{path.name}.{os.getpid()}")
        self.text = ""
        try:
            path.unlink(missing_ok=True)  # of a server that was killed
            self.beside.write_text("", encoding="ascii")
        except OSError as error:
            raise SettingsError(
                f"the port file {path} cannot be written: {error.strerror}; expected a file in a folder that exists"
            ) from None

    def write(self, port: int) -> None:
        self.text = f"{port}\n"
        self.beside.write_text(self.text, encoding="ascii")
        self.beside.replace(self.path)

    def remove(self) -> None:
        """Takes the file away, unless another server has written it since."""
        self.beside.unlink(missing_ok=True)
        if self.path.is_file() and self.path.read_text(encoding="ascii") == self.text:
            self.path.unlink()
