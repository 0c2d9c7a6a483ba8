"""Nothing about the API stands in the engine's code: its words are the document's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mock_server
from mock_server.spec import Document

PACKAGE = Path(mock_server.__file__).parent
# The one registered place for fields of knowledge that documents may name.
EXEMPT = PACKAGE / "functions"
# Words that the document's names have in common with any program about HTTP and JSON, by the reason
# why the engine has them too. None may stand here idle: see the last test.
GENERIC: dict[str, tuple[str, ...]] = {
    "verbs of every API": ("create", "created", "delete", "get", "list", "send", "sent", "update", "updated"),
    "HTTP's": (
        "accept", "action", "address", "api", "content", "error", "html", "image", "internal", "label",
        "local", "media", "message", "reason", "remote", "request", "status",
    ),
    "a limit's on requests": ("limit", "rate", "reset", "window"),
    "OpenAPI's and JSON Schema's": (
        "description", "email", "field", "name", "number", "object", "template", "title", "type", "url", "webhook",
    ),
    "Python's and its libraries'": (
        "action", "complete", "config", "data", "date", "enabled", "event", "extra", "filename", "filter", "future", "group", "iso",
        "key", "mode", "prefix", "previous", "sequence", "size", "ssl", "subscription", "text", "verify", "with",
    ),
    "plain English in comments": (
        "bound", "caller", "changed", "due", "first", "greeting", "has", "last", "moment", "next", "plain",
        "selected", "shared", "source", "view", "wanted", "was",
    ),
}  # fmt: skip
ALLOWED = frozenset(word for words in GENERIC.values() for word in words)


def words_of(text: str) -> set[str]:
    """Its words of three letters and more, in lower case and in the singular."""
    text = text.replace("Draft202012Validator", "")  # a library's name for a version of JSON Schema
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]{2,}(?![a-z])", text)
    return {singular(part.lower()) for part in parts if len(part) >= 3}


def singular(word: str) -> str:
    word = re.sub(r"(?<=us)es$", "", word)  # statuses
    return word if word.endswith("ss") else re.sub(r"(?<=[a-z]{3})s$", "", word)


def iter_properties(node: Any) -> Iterator[str]:
    """The names of all properties of all schemas, however deep."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "properties" and isinstance(value, dict):
            yield from value
        if isinstance(value, dict | list):
            yield from iter_properties(value)


def words_of_the_document(document: Document) -> set[str]:
    """What the document calls its schemas, resources, fields, states, operations and paths."""
    names = {*document.raw["components"]["schemas"]}
    names |= {*iter_properties({"schemas": document.raw["components"]["schemas"]})}
    for resource in document.resources.values():
        names |= {resource.name, resource.collection, *resource.fields}
        names |= set(resource.lifecycle.states if resource.lifecycle else ())
    for operation in document.operations.values():
        names |= {operation.operation_id, operation.path_template, *operation.body_fields}
    return set().union(*(words_of(name) for name in names))


def words_of_the_engine() -> Iterator[tuple[str, str]]:
    """Every word of the engine's code, with where it stands."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if EXEMPT in path.parents:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for word in words_of(line):
                yield word, f"{path.relative_to(PACKAGE)}:{number}"


def test_the_document_has_words_of_its_own(document: Document) -> None:
    own = words_of_the_document(document) - {singular(word) for word in ALLOWED}
    assert {"sms", "phone", "lead", "contact", "task", "user", "organization"} <= own
    assert {"inbox", "outbox", "draft", "scheduled", "attachment"} <= own


def test_no_word_of_the_domain_stands_in_the_engine(document: Document) -> None:
    domain = words_of_the_document(document) - {singular(word) for word in ALLOWED}
    assert [f"{place}: {word}" for word, place in words_of_the_engine() if word in domain] == []


def test_no_generic_word_stands_idle(document: Document) -> None:
    """A word that the engine or the document no longer has would only hide a slip."""
    needed = words_of_the_document(document) & {word for word, _ in words_of_the_engine()}
    assert {word for word in ALLOWED if singular(word) not in needed} == set()
