"""The HAR report: everything that went over the wire, written as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import harfile

from contracts.cases.bench import Bench
from contracts.report.redaction import Redactor
from contracts.target.wire import Transfer
from contracts.watch import Watch

LONGEST = 100_000  # characters of one body


class HarTape(Watch):
    """Records a run; the file is whole only after `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.har: harfile.HarFile | None = None
        self.redactor = Redactor(())
        self.base = ""

    def begin(self, bench: Bench) -> None:
        client = bench.client
        self.redactor = Redactor(client.keys.secrets(), client.keys)
        self.base = f"{client.transport.origin}{client.root}"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("w", encoding="utf-8")
        creator = harfile.Creator(name="contracts", version=version("mock-server-kit"))
        self.har = harfile.HarFile(self.file, creator=creator)
        client.listeners.append(self.hear)

    def hear(self, transfer: Transfer) -> None:
        assert self.har is not None
        seconds = max(0.0, transfer.came - transfer.sent)
        self.har.add_entry(
            startedDateTime=datetime.fromtimestamp(transfer.sent, UTC),
            time=round(seconds * 1000, 3),
            request=self.request(transfer),
            response=self.response(transfer),
            timings=harfile.Timings(send=0, wait=round(seconds * 1000, 3), receive=0),
        )

    def close(self) -> None:
        if self.har is not None and not self.har.closed:
            self.har.close()
            self.file.close()

    def request(self, transfer: Transfer) -> harfile.Request:
        query = parse_qsl(transfer.path.partition("?")[2], keep_blank_values=True)
        content = transfer.content
        body = None
        if content is not None:
            kind = transfer.headers.get("Content-Type", "")
            body = harfile.PostData(mimeType=kind, text=self.text(content))
        return harfile.Request(
            method=transfer.method,
            url=self.redactor.text(f"{self.base}{transfer.path}"),
            httpVersion="HTTP/1.1",
            headers=self.headers(transfer.headers),
            queryString=[self.record(name, value) for name, value in query],
            postData=body,
            bodySize=len(content or b""),
        )

    def response(self, transfer: Transfer) -> harfile.Response:
        answer = transfer.answer
        known = answer.status in HTTPStatus._value2member_map_
        content = harfile.Content(
            size=len(answer.content),
            mimeType=answer.headers.get("content-type", ""),
            text=self.text(answer.content),
        )
        return harfile.Response(
            status=answer.status,
            statusText=HTTPStatus(answer.status).phrase if known else "",
            httpVersion="HTTP/1.1",
            headers=self.headers(answer.headers),
            content=content,
            redirectURL=self.redactor.text(answer.headers.get("location", "")),
            bodySize=len(answer.content),
        )

    def headers(self, headers: Mapping[str, Any]) -> list[harfile.Record]:
        return [
            self.record(name, self.redactor.credentials(str(value)))
            if name.lower() == "authorization"
            else self.record(name, str(value))
            for name, value in headers.items()
        ]

    def record(self, name: str, value: str) -> harfile.Record:
        return harfile.Record(name=self.redactor.text(name), value=self.redactor.text(value))

    def text(self, content: bytes) -> str:
        return self.redactor.text(content.decode("utf-8", "replace"))[:LONGEST]
