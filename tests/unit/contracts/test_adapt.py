"""Requests of Schemathesis that are made to fit the account."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.fuzzing.adapt import Adapter
from mock_server.spec import Document


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        # Wrong in nothing but its state: it is right now, and so it has to fit.
        ({"status": False, "text": "Hello"}, {"status": "draft", "text": "Hello", "fits": True}),
        ({"status": "outbox", "text": False}, {}),
    ],
)
def test_what_may_not_be_sent_becomes_calm_and_fits(
    document: Document, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], becomes: Any
) -> None:
    client = SimpleNamespace(may_send=lambda *request: False)
    adapter = Adapter(cast(Any, SimpleNamespace(document=document, client=client)))
    monkeypatch.setattr(
        adapter, "fitting_body", lambda operation, body, stored: {**body, "fits": True}
    )
    case = cast(Any, SimpleNamespace(body=body, path_parameters={}))
    adapter.calm_down(document.operations["createSMS"], case, None)
    assert case.body == becomes
