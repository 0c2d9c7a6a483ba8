"""Where answers show records, and what tells records apart: most documents say it in their own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from contracts.target.wire import Answer
from mock_server.spec.model import Document, Operation, Resource


def under_of(operation: Operation) -> str:
    """The property of a success that holds the record or the list; empty where it is all of it."""
    told = operation.improvised
    return told.success.under if told is not None else ""


def record_in(operation: Operation, answer: Answer) -> Mapping[str, Any] | None:
    """The record that an accepted answer shows."""
    body = answer.body
    if answer.accepted and isinstance(body, dict) and under_of(operation):
        body = body.get(under_of(operation))
    return body if answer.accepted and isinstance(body, dict) else None


def records_in(document: Document, operation: Operation, body: Any) -> list[Any] | None:
    """The records of a list's answer; None where it shows none."""
    return records_of(document.resources[operation.resource], operation, body)


def records_of(resource: Resource, operation: Operation, body: Any) -> list[Any] | None:
    """As `records_in`, of a list of a resource."""
    if operation.improvised is None:
        page = resource.page
        listed = body.get(page.records) if isinstance(body, dict) else None
    else:
        under = under_of(operation)
        listed = body.get(under) if under and isinstance(body, dict) else body
    return listed if isinstance(listed, list) else None


def key_of(resource: Resource, record: Any) -> str | None:
    """What names a record in a path."""
    value = record.get(resource.key) if isinstance(record, Mapping) and resource.key else None
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def created_key(resource: Resource, operation: Operation, answer: Answer) -> str | None:
    """The key of what a request has created: in the body, or else in the address that is told."""
    key = key_of(resource, record_in(operation, answer))
    location = answer.headers.get("location", "")
    if key is None and answer.accepted and operation.improvised is not None and location:
        return unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2]) or None
    return key
