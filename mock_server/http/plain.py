"""Requests to a document without words: a key may stand where its security schemes have it."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from mock_server.http.wire import Lane, to_request
from mock_server.pipeline.exchange import Request
from mock_server.spec.model import SecurityScheme


class PlainLane(Lane):
    """Answers as a lane does, once a key in a header, the query or a cookie is read as credentials."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.to_request = self.read

    def read(self, environ: dict[str, Any]) -> Request:
        """The request, once it is signed."""
        self.sign(environ)
        return to_request(environ)

    def sign(self, environ: dict[str, Any]) -> None:
        """Puts the key where every other part of the server looks for it."""
        method = environ["REQUEST_METHOD"]
        found = self.router.find(environ["PATH_INFO"])
        operation = found[0].get("GET" if method == "HEAD" else method) if found else None
        if operation is None:
            return
        asked = operation.schemes
        schemes = asked or tuple(self.plan.schemes.values())
        key = next(filter(None, (key_in(environ, one) for one in schemes)), None)
        if key is not None:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        elif asked and all(one.place is not None for one in asked):
            environ.pop("HTTP_AUTHORIZATION", None)


def key_in(environ: dict[str, Any], scheme: SecurityScheme) -> str | None:
    """The key that a request shows where a scheme has it."""
    if scheme.place is None:
        return None
    location, name = scheme.place
    if location == "header":
        value: str | None = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
    else:
        pairs = pairs_in(environ) if location == "query" else cookies_in(environ)
        value = next((text for known, text in pairs if known == name), None)
    return value if value and " " not in value else None


def pairs_in(environ: dict[str, Any]) -> Iterable[tuple[str, str]]:
    return parse_qsl(environ.get("QUERY_STRING", ""), errors="replace")


def cookies_in(environ: dict[str, Any]) -> Iterable[tuple[str, str]]:
    try:
        return [(n, one.value) for n, one in SimpleCookie(environ.get("HTTP_COOKIE", "")).items()]
    except CookieError:
        return []
