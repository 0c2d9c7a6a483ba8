"""What happens at the provider's side, where the target's control API can make it happen."""

from __future__ import annotations

from typing import Any

from contracts.target.client import Client
from contracts.target.wire import Answer


def cause(client: Client, event: str, facts: dict[str, Any]) -> Answer:
    """Asks for an event; `facts` hold the `id` of the record that it happens to."""
    return client.control(f"events/{event}", facts)
