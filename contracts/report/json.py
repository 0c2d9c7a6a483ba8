"""The JSON report: what every other one is made from, and what `contracts replay` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def to_json(report: dict[str, Any]) -> bytes:
    """UTF-8; lone surrogates stay escaped, as JSON has them."""
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")


def write_json(report: dict[str, Any], path: Path) -> None:
    path.write_bytes(to_json(report))
