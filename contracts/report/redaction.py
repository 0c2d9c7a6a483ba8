"""What a report may show: no secret in any form, and only data that every writer can write."""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import unquote_plus

from contracts.settings import Keys
from contracts.target.wire import BEARER as BEARER_TOKEN
from contracts.target.wire import KEY, NONE, OTHER

HIDDEN = "***"
VARIABLES = ("CONTRACTS_API_KEY", "CONTRACTS_OTHER_API_KEY", "CONTRACTS_BEARER_TOKEN")
DEEPEST = 60
WIDE = str.maketrans("-_", "+/")
ESCAPED = re.compile(r"(?<!\S)[^\s%\\&]*+[%\\&]\S*")  # what may hold an escape, in linear time


class Redactor:
    """Takes secrets out of texts and values; in credentials their names stay."""

    def __init__(self, secrets: Iterable[str], keys: Keys | None = None) -> None:
        written = (keys.key, keys.other, keys.bearer) if keys is not None else ()
        self.names = {
            secret: f"${name}" for secret, name in zip(written, VARIABLES, strict=False) if secret
        }
        self.secrets = sorted({*filter(None, secrets), *self.names}, key=len, reverse=True)
        shortest = len(self.secrets[-1]) * 4 // 3 if self.secrets else 4
        self.base64 = re.compile(rf"[A-Za-z0-9+/_-]{{{max(4, shortest)},}}={{0,2}}")
        self.cores = tuple(core for secret in self.secrets for core in iter_cores(secret))

    def text(self, text: str) -> str:
        """The text without any secret: plain, escaped, or as base64."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        if not self.secrets:
            return text
        wide = text.translate(WIDE)
        if any(core in wide for core in self.cores):
            text = self.base64.sub(lambda found: self.token(found[0]), text)
        return ESCAPED.sub(lambda found: HIDDEN if self.is_told(found[0]) else found[0], text)

    def token(self, token: str) -> str:
        """What could be base64, hidden where it says a secret."""
        wide = token.replace("-", "+").replace("_", "/").rstrip("=")
        return HIDDEN if any(self.is_in(text) for text in iter_decoded(wide)) else token

    def is_told(self, run: str) -> bool:
        """Whether text without blanks says a secret in an escaped form."""
        plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), run)
        forms = (unquote_plus(run), unescape(run), plain, re.sub(r"\\(.)", r"\1", plain))
        return any(self.is_in(form) for form in forms)

    def is_in(self, text: str) -> bool:
        return any(secret in text for secret in self.secrets)

    def value(self, value: Any, depth: int = 0) -> Any:
        """JSON data without secrets; what JSON cannot write becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if not isinstance(value, Mapping | list | tuple):
            return value
        if depth >= DEEPEST:
            return "… (nested deeper)"
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.value(v, depth + 1) for k, v in value.items()}
        return [self.value(item, depth + 1) for item in value]

    def credentials(self, written: str) -> str:
        """A name stays; a whole Authorization value names the secrets that it holds."""
        if written in (KEY, OTHER, BEARER_TOKEN, NONE):
            return written
        scheme, _, token = written.partition(" ")
        if scheme == "Basic" and self.token(token) == HIDDEN:
            said = next(text for text in iter_decoded(token.rstrip("=")) if self.is_in(text))
            return f"Basic base64({self.named(said)})"
        return self.text(self.named(written))

    def named(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, self.names.get(secret, HIDDEN))
        return text


def iter_cores(secret: str) -> Iterator[str]:
    """What any base64 has in it that says a secret, for each of the places where it may begin."""
    data = secret.encode()
    for before in range(3):
        written = b64encode(bytes(before) + data).decode()
        yield written[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def iter_decoded(token: str) -> Iterator[str]:
    """What a text says as base64, from wherever it may begin."""
    for start in range(min(4, len(token))):
        part = token[start:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        try:
            yield b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
        except (NoBase64, ValueError):
            continue
