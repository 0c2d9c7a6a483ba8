"""Where a key stands that is in no Authorization header: documents without words have schemes of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from contracts.settings import Keys
from mock_server.spec.model import Document


def needs_key(document: Document) -> bool:
    """Whether any operation asks who calls; one with words always may."""
    return not document.wordless or bool(document.security_schemes)


def is_authorized(document: Document) -> bool:
    """Whether an Authorization header is among what the document asks for."""
    schemes = document.security_schemes.values()
    return not document.wordless or any(one.place is None for one in schemes)


def placed(document: Document, location: str) -> list[str]:
    """The names under which a key stands in a header, the query or a cookie."""
    found = [one.place for one in document.security_schemes.values() if one.place is not None]
    return list(dict.fromkeys(name for where, name in found if where == location))


def sign(
    document: Document, keys: Keys, headers: Mapping[str, str], target: str
) -> tuple[dict[str, str], str]:
    """Headers and target with the key wherever a scheme of the document has it."""
    signed = dict(headers)
    if not is_authorized(document):
        signed.pop("Authorization", None)
    for name in placed(document, "header"):
        signed[name] = keys.key
    cookies = [f"{name}={keys.key}" for name in placed(document, "cookie")]
    if cookies:
        signed["Cookie"] = "; ".join(cookies)
    for name in placed(document, "query"):
        link = "&" if "?" in target else "?"
        target = f"{target}{link}{quote(name, safe='')}={quote(keys.key, safe='')}"
    return signed, target
