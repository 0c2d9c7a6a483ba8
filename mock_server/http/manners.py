"""What HTTP's clients expect around any answer: CORS for configured origins, gzip for who asks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from types import GeneratorType
from typing import Any

PACK_FROM = 1_024  # bytes; what is smaller is not worth the work
FAST = 1  # of zlib's levels: nearly all of the saving for a third of the time
GZIP = 31  # zlib's window for a gzip header, which then holds no time
VARY = ("Vary", "Accept-Encoding")
PREFLIGHT_LASTS = 600  # seconds
# Headers that a page may read without being told.
READABLE = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "pragma"}
)
PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"

Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Later:
    """Keeps what an answer begins with, until it is clear how it goes on."""

    arguments: tuple[str, Headers]

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> None:
        self.arguments = (status, headers)


class Manners:
    """Around an application: lets pages of some origins in, and packs what is asked for packed."""

    __slots__ = ("origins",)

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self.origins = tuple(origins)  # `*` stands for any, `:*` at the end for any port

    def __call__(
        self, application: Application, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        later = Later()
        sent = application(environ, later)
        status, headers = later.arguments
        if is_preflight(environ) and self.allows(environ["HTTP_ORIGIN"]):
            start_response("204 No Content", permission(environ, headers))
            return [b""]
        # Within a process nothing travels; who calls there sends that header without reading it.
        if "SERVER_SOFTWARE" in environ and packs(environ.get("HTTP_ACCEPT_ENCODING", "")):
            headers, sent = packed(environ, status, headers, sent)
        if self.origins:
            headers = self.opened(environ.get("HTTP_ORIGIN"), headers)
        start_response(status, headers)
        return sent

    def allows(self, origin: str) -> bool:
        return any(
            origin == one or one == "*" or (one.endswith(":*") and fnmatchcase(origin, one))
            for one in self.origins
        )

    def opened(self, origin: str | None, headers: Headers) -> Headers:
        """The headers with which a page of an allowed origin may read the answer."""
        headers = varied(headers, "Origin")
        if origin is None or not self.allows(origin):
            return headers
        others = [name for name, _ in headers if name.lower() not in READABLE | {"vary"}]
        shown = [("Access-Control-Expose-Headers", ", ".join(dict.fromkeys(others)))]
        return [*headers, *grant(origin), *(shown if others else [])]


def grant(origin: str) -> Headers:
    # Named, never `*`: only so may a page send credentials.
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
    ]


def is_preflight(environ: dict[str, Any]) -> bool:
    asked = {"HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"}
    return environ["REQUEST_METHOD"] == "OPTIONS" and asked <= environ.keys()


def permission(environ: dict[str, Any], headers: Headers) -> Headers:
    """What a preflight is told: the methods of its path, and every header that it asks about.

    A path that is not there is granted too, so that the page can read the refusal.
    """
    asked = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
    methods = next((value for name, value in headers if name == "Allow"), asked)
    found = [
        *grant(environ["HTTP_ORIGIN"]),
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Max-Age", str(PREFLIGHT_LASTS)),
        ("Vary", "Origin, Access-Control-Request-Headers"),
    ]
    wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
    if wanted:
        found.append(("Access-Control-Allow-Headers", wanted))
    if environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
        found.append((PRIVATE_NETWORK, "true"))
    return found


@lru_cache(64)
def packs(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    shares = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        match = re.fullmatch(r"\s*q\s*=\s*([0-9.]+)\s*", weight)
        shares[name.strip()] = match is None or match[1].strip("0.") != ""
    return shares.get("gzip", shares.get("*", False))


def packed(
    environ: dict[str, Any], status: str, headers: Headers, sent: Iterable[bytes]
) -> tuple[Headers, Iterable[bytes]]:
    """The answer under gzip, where it is whole and worth it."""
    known = {name.lower(): value for name, value in headers}
    length = known.get("content-length", "")
    if (
        not length.isdecimal()
        or int(length) < PACK_FROM
        or {"content-encoding", "content-range", "etag"} & known.keys()
        or status.startswith("206")
    ):
        return headers, sent
    kept = [pair for pair in headers if pair[0].lower() != "content-length"]
    kept = [*varied(kept, "Accept-Encoding"), ("Content-Encoding", "gzip")]
    if environ["REQUEST_METHOD"] == "HEAD":
        return kept, sent  # the length that GET's answer would have is left out, as HTTP allows
    if sent.__class__ is GeneratorType:  # a body that breaks off on purpose
        return headers, sent
    body = zlib.compress(b"".join(sent), FAST, GZIP)
    getattr(sent, "close", lambda: None)()
    return [*kept, ("Content-Length", str(len(body)))], [body]


def varied(headers: Headers, name: str) -> Headers:
    """The headers with one more name in Vary."""
    before = [value for key, value in headers if key.lower() == "vary"]
    if any(name.lower() in value.lower() for value in before):
        return headers
    kept = [pair for pair in headers if pair[0].lower() != "vary"]
    return [*kept, ("Vary", ", ".join([*before, name]))]
