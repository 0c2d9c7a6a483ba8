"""One line for each request on standard error, as text or JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from mock_server.clock import format_instant, system_now
from mock_server.http.journal import Entry, found_in, ignored_by, violations_of
from mock_server.http.redaction import covered, without_keys
from mock_server.pipeline.exchange import Plan

SILENT = 100  # above every level
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
COLOURS = {2: "32", 3: "36", 4: "33", 5: "31"}


class RequestLog:
    """Writes lines at or above a level: refused requests are warnings, failures errors."""

    __slots__ = ("colour", "form", "level", "stream")

    def __init__(
        self,
        level: str = "info",
        form: str = "text",
        colour: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self.form = form
        self.colour = colour
        self.stream = stream or sys.stderr
        # A process that was started without a standard error has nobody to tell.
        self.level = SILENT if self.stream is None else LEVELS[level]

    def write(self, entry: Entry, plan: Plan) -> None:
        status = entry.answer.status
        level = 20 if status < 400 else 30 if status < 500 else 40
        if level < self.level:
            return
        line = (
            self.as_json(entry, plan, level) if self.form == "json" else self.as_text(entry, plan)
        )
        self.put(line)

    def put(self, text: str) -> None:
        """Writes a text; nothing more once nobody reads any longer: that is no request's fault."""
        try:
            self.stream.write(text)
        except (OSError, ValueError):
            self.level = SILENT

    def say(self, level: str, message: str) -> None:
        """A line about the server itself."""
        if LEVELS[level] >= self.level:
            row = {"at": format_instant(system_now()), "level": level, "message": message}
            text = json.dumps(row, ensure_ascii=False) if self.form == "json" else message
            self.put(f"{text}\n")

    def as_text(self, entry: Entry, plan: Plan) -> str:
        status: Any = entry.answer.status
        if self.colour:
            status = f"\x1b[{COLOURS.get(status // 100, '0')}m{status}\x1b[0m"
        query = without_keys(entry.query, plan)
        query = f"?{query}" if query else ""
        line = f"{entry.method} {printable(entry.path)}{printable(query)} {status}\n"
        for word, violations in (("refused", entry.broken), ("warned", entry.warned)):
            for violation in violations:
                ids = f" by {', '.join(violation.rule_ids)}" if violation.rule_ids else ""
                facts = "".join(
                    f"; {name} is {json.dumps(value, default=str)}"
                    for name, value in covered(dict(violation.facts), plan).items()
                )
                value = found_in(violation, plan, entry.body)
                found = json.dumps(value, ensure_ascii=False, default=str)
                found = found if len(found) <= 80 else found[:77] + "…"
                line += (
                    f"  {word}{ids} at {printable(violation.pointer)}: {printable(violation.message)}"
                    f" Found {printable(found)}{printable(facts)}; accepted: {printable(violation.expected)}\n"
                )
        for one in ignored_by(entry, plan):
            line += f"  ignored {printable(one['pointer'])}: {printable(one['reason'])}\n"
        return line

    def as_json(self, entry: Entry, plan: Plan, level: int) -> str:
        names = {value: name for name, value in LEVELS.items()}
        row = {
            "at": format_instant(entry.instant),
            "level": names[level],
            "request": entry.number,
            "method": entry.method,
            "path": entry.path,
            "query": without_keys(entry.query, plan),
            "operation": entry.operation_id or None,
            "status": entry.answer.status,
            "violations": violations_of(entry, plan),
            "ignored": ignored_by(entry, plan),
        }
        return json.dumps(row, ensure_ascii=False, default=str) + "\n"


def printable(text: str) -> str:
    """Text that cannot steer a terminal or break the line."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    )
