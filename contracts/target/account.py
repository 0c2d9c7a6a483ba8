"""Whose account it is: nothing is written beyond this machine before a person has named it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from contracts.errors import CouldNotRunError
from contracts.target.client import Client
from mock_server.spec.model import Expression, Operation

Ask = Callable[[str], str]


def confirm(client: Client, account: str | None, ask: Ask | None = None) -> None:
    """Raises CouldNotRunError unless `account`, or what is typed, is a name of the target's account."""
    names = account_names(client)
    shown = ", ".join(names)
    if account is None and ask is not None:
        account = ask(f"{client.transport.origin} is the account of {shown}. Type a name of it")
    if account is None:
        raise CouldNotRunError(
            f"{client.transport.origin} is the account of {shown}; "
            f'to write there, say so: --account "{names[0]}"'
        )
    if account.strip() not in names:
        raise CouldNotRunError(
            f'--account: found "{account.strip()}"; expected one of {shown}: '
            f"that is whose account {client.transport.origin} shows for this key"
        )


def account_names(client: Client) -> list[str]:
    """What the account is called, by the record of who calls; the host where there is none."""
    operation = principal_operation(client)
    answer = client.call(operation).answer if operation is not None else None
    record = answer.body if answer is not None and answer.accepted else None
    names = list(dict.fromkeys(iter_names(record))) if isinstance(record, Mapping) else []
    return names or [client.transport.origin.partition("://")[2]]


def principal_operation(client: Client) -> Operation | None:
    """The operation that reads the record of who calls."""
    return next(
        (
            one
            for one in client.document.operations.values()
            if one.does == "read"
            and isinstance(one.record_id, Expression)
            and one.record_id.source == "principal"
        ),
        None,
    )


def iter_names(record: Mapping[str, Any]) -> Iterator[str]:
    """Organizations first, then the person by name, address and id."""
    for value in record.values():
        listed = value if isinstance(value, list) else [value]
        for one in listed:
            if isinstance(one, Mapping) and isinstance(one.get("name"), str):
                yield one["name"].strip()
    parts = [record.get("first_name"), record.get("last_name")]
    full = " ".join(part for part in parts if isinstance(part, str) and part)
    for text in (record.get("display_name"), record.get("name"), full):
        if isinstance(text, str) and text.strip():
            yield text.strip()
    for name in ("email", "id"):
        if isinstance(record.get(name), str):
            yield record[name].strip()
