"""The pages for people, with their files; nothing of theirs comes from another host."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from mock_server.http.control.call import Call, Raw
from mock_server.http.control.errors import missing

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# A page may load what this server has and nothing else, and nobody may frame it.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@cache
def names() -> frozenset[str]:
    return frozenset(one.name for one in files("mock_server.http").joinpath("static").iterdir())


@cache
def page(name: str) -> Raw:
    data = files("mock_server.http").joinpath("static", name).read_bytes()
    kind = MEDIA_TYPES[name.rpartition(".")[2]]
    return Raw(
        data,
        200,
        {"Content-Type": kind, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"},
    )


def console(call: Call) -> Any:
    return page("console.html")


def docs(call: Call) -> Any:
    return page("docs.html")


def asset(call: Call) -> Any:
    name = call.values["asset"]
    if name not in names() or name.endswith(".html"):
        raise missing("file", name, "see /__mock/")
    return page(name)


CALLS = {"console": console, "docs": docs, "asset": asset}
