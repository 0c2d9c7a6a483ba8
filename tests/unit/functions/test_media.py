"""Invented files: of their kind, of their size, the same every time."""

from __future__ import annotations

import pytest

from mock_server.functions.media import content, size
from mock_server.spec import Document

KINDS = [
    "application/pdf",
    "application/vcard",
    "application/vnd.apple.pkpass",
    "audio/amr",
    "audio/mpeg",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/calendar",
    "text/plain",
    "video/mp4",
    "video/H264",
]


@pytest.mark.parametrize("kind", KINDS)
def test_content_has_its_size_and_repeats(kind: str) -> None:
    for number in range(30):
        made = content(kind, f"file {number}")
        assert len(made) == size(kind, f"file {number}")
        assert made == content(kind, f"file {number}")
    assert content(kind, "a") != content(kind, "b")


@pytest.mark.parametrize(
    ("kind", "beginning", "end"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
        ("image/gif", b"GIF89a", b""),
        ("image/jpeg", b"\xff\xd8\xff", b""),
        ("application/pdf", b"%PDF-", b""),
        ("text/vcard", b"BEGIN:VCARD", b"END:VCARD\r\n"),
        ("text/calendar", b"BEGIN:VCALENDAR", b"END:VCALENDAR\r\n"),
        ("audio/amr", b"#!AMR", b""),
    ],
)
def test_content_is_known_by_its_first_bytes(kind: str, beginning: bytes, end: bytes) -> None:
    made = content(kind, "https://files.example/a")
    assert made.startswith(beginning)
    assert made.endswith(end)


def test_every_kind_of_the_document_has_content(document: Document) -> None:
    attachment = document.raw["components"]["schemas"]["Attachment"]
    kinds = attachment["properties"]["content_type"]["enum"]
    assert len(kinds) == len(set(kinds)) == 41
    for kind in kinds:
        assert len(content(kind, "a")) == size(kind, "a") > 0


def test_nothing_is_content_too() -> None:
    assert len(content(None, None)) == size(None, None)
    assert len(content("text/plain", "\ud800 emoji \U0001f600")) > 0
