"""Files that nobody has sent: of the right kind and size, the same ones every time."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from hashlib import sha256
from typing import Any

from mock_server.functions.registry import register

SMALLEST, SPREAD = 2_048, 14_336  # bytes
SIDE = 48  # pixels of a picture
# The smallest picture of its kind; decoders take no notice of what follows it.
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////"
    "////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
WEBP = b64decode("UklGRiIAAABXRUJQVlA4TAYAAAAvAAAAAAfQ//73v/+BiOh/AAA=")
# How files of other kinds begin.
BEGINNINGS = {
    "audio/amr": b"#!AMR\n",
    "audio/amr-nb": b"#!AMR\n",
    "audio/basic": b".snd",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "audio/ogg": b"OggS",
    "audio/vnd.wave": b"RIFF\x00\x00\x00\x00WAVE",
    "audio/webm": b"\x1aE\xdf\xa3",
    "image/tiff": b"II*\x00\x08\x00\x00\x00",
    "video/mpeg": b"\x00\x00\x01\xba",
    "application/vnd.apple.pkpass": b"PK\x05\x06" + bytes(18),
}
ISO_KINDS = ("audio/3gpp", "audio/mp4", "video/3gpp", "video/mp4", "video/quicktime")
VCARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Placeholder\r\nNOTE:{}\r\nEND:VCARD\r\n"
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:placeholder\r\nX-NOTE:{}\r\nEND:VCALENDAR\r\n"


@register("media.content")
def content(kind: Any = None, name: Any = None) -> bytes:
    """The content of a file: its kind (a media type) and its name decide every byte."""
    kind = str(kind or "").lower()
    noise = noise_of(f"{kind} {name}", size(kind, name))
    if kind == "image/png":
        return png(noise)
    if kind.startswith("text/") or kind.endswith("vcard"):
        return written(kind, noise)
    return (begin(kind) + noise)[: len(noise)]


@register("media.size")
def size(kind: Any = None, name: Any = None) -> int:
    """How many bytes that content has."""
    first = sha256(f"{str(kind or '').lower()} {name}".encode("utf-8", "replace")).digest()
    return SMALLEST + int.from_bytes(first[:4]) % SPREAD


def noise_of(seed: str, length: int) -> bytes:
    data = seed.encode("utf-8", "replace")
    blocks = (sha256(b"%d %s" % (number, data)).digest() for number in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def begin(kind: str) -> bytes:
    """What a file of a kind is known by; a whole one, where that is short."""
    if kind == "image/gif":
        return b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    if kind == "image/bmp":
        return b"BM" + struct.pack("<IIIIiiHHIIiiII", 58, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    if kind == "image/jpeg":
        return JPEG
    if kind == "image/webp":
        return WEBP
    if kind == "application/pdf":
        return b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    if kind.startswith(ISO_KINDS):
        return b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"
    return BEGINNINGS.get(kind, b"")


def written(kind: str, noise: bytes) -> bytes:
    """A text of the length of the noise, made of its hexadecimal digits."""
    frame = CALENDAR if kind == "text/calendar" else VCARD if "card" in kind else "{}\n"
    filling = noise.hex()[: len(noise) - len(frame) + len("{}")]
    return frame.format(filling).encode("ascii")


def png(noise: bytes) -> bytes:
    """A picture in the noise's colours; a comment in it makes it as long as the noise."""
    colours = [noise[3 * number : 3 * number + 3] for number in range(4)]
    rows = [
        b"\0" + b"".join(colours[(x * 2 // SIDE) + 2 * (y * 2 // SIDE)] for x in range(SIDE))
        for y in range(SIDE)
    ]
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"".join(rows), 9))]
    end = chunk(b"IEND", b"")
    signature = b"\x89PNG\r\n\x1a\n"
    left = len(noise) - len(signature) - len(end) - sum(map(len, parts))
    filling = chunk(b"tEXt", b"Comment\0" + noise.hex().encode()[: left - 12 - 8])
    return signature + parts[0] + filling + parts[1] + end


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
