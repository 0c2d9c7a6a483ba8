"""Takes secrets out of answers as they come in, in every form in which they go over the wire."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 6  # shorter ones stand by chance in answers, which must stay what they are


def redact_bytes(content: bytes, secrets: Iterable[str]) -> bytes:
    """What an answer holds, without any secret: plain, escaped, or as credentials."""
    for form in forms_of(tuple(one for one in secrets if len(one) >= SHORTEST)):
        content = content.replace(form.encode(), HIDDEN.encode())
    return content


@lru_cache(maxsize=64)
def forms_of(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Every spelling of every secret, the longest first."""
    found = {form for secret in secrets if secret for form in iter_forms(secret)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def iter_forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret).replace("/", "\\/")[1:-1]
    yield repr(secret)[1:-1]
    yield escape(secret)
    for pair in (f"{secret}:", secret, f":{secret}"):
        yield from base64_forms(pair.encode())


def base64_forms(content: bytes) -> Iterator[str]:
    """Base64 as it begins, whatever follows the secret; too short a form would hide other words."""
    whole = len(content) - len(content) % 3
    for encode in (b64encode, urlsafe_b64encode):
        for form in (encode(content).decode(), encode(content[:whole]).decode()):
            bare = form.rstrip("=")
            if len(bare) > 8:
                yield form
                yield bare
