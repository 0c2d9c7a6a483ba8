"""A report as a target would have it that means harm: scripts, markup, and values without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCRIPT = "</script></pre><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
SIGNS = "\x1b[2J\u202e\x00\ud800 'single' \"double\" & {{ 7 * 7 }} {% raw %} `tick` | pipe"
LONG = "W" * 500
TOLD = ("case", "expected", "came", "reason", "text", "path", "says", "message", "signature")


def hostile(report: Any) -> Any:
    """The report with all that a target or a document may say turned bad."""
    if isinstance(report, Mapping):
        return {name: spoiled(name, value) for name, value in report.items()}
    if isinstance(report, list):
        return [hostile(one) for one in report]
    return report


def spoiled(name: str, value: Any) -> Any:
    bad = f"{SCRIPT} {SIGNS} {LONG}"
    if name in TOLD and isinstance(value, str):
        return bad
    if name == "body":
        return {bad: [bad, {"deep": LONG}]}
    if name == "requests" and isinstance(value, list):
        return [bad for _ in value]
    if name == "notes":
        return [bad]
    if name == "missing_operations":
        return [bad]
    return hostile(value)
