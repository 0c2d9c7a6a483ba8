"""Subscriptions: who wants which entry of a log, and what is sent for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mock_server.functions import FUNCTIONS
from mock_server.rules.schema import build_condition
from mock_server.rules.values import Compute, Context, build_value
from mock_server.spec.model import Resource, Retry, Subscription
from mock_server.state.store import Record


class PreparedSubscription:
    """A subscription's decisions, prepared."""

    __slots__ = ("body", "collection", "headers", "holds", "judge", "retry", "subscription")

    def __init__(
        self, subscription: Subscription, resource: Resource, resources: Mapping[str, Resource]
    ) -> None:
        self.subscription = subscription
        self.collection = resource.collection
        self.holds: Callable[[Any], bool] = build_condition(subscription.condition)
        name = subscription.function
        self.judge: Callable[..., Any] | None = FUNCTIONS[name] if name else None
        self.body = build_value(subscription.body, resource, resources)
        self.headers: list[tuple[str, Compute]] = [
            (header, build_value(value, resource, resources))
            for header, value in subscription.headers.items()
        ]
        self.retry: Retry = subscription.retry

    def wants(self, record: Record, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of the log is to be delivered to a subscriber."""
        listed = record.data.get(self.subscription.list_field)
        if not isinstance(listed, list):
            return False
        return self.holds(record.data) and any(self.fits(item, entry) for item in listed)

    def fits(self, item: Any, entry: Mapping[str, Any]) -> bool:
        fields = self.subscription.fields
        if not isinstance(item, dict) or any(
            item.get(theirs) != entry.get(ours) for theirs, ours in fields.items()
        ):
            return False
        more = item.get(self.subscription.filter or "")
        return self.judge is None or more is None or bool(self.judge(more, entry))

    def headers_for(self, context: Context, record: Record, body: bytes) -> dict[str, str]:
        """The headers of one attempt; `$request.body` is the text that is sent."""
        context.record = {**record.data, **record.hidden}
        context.body = body.decode()  # type: ignore[assignment]
        return {header: str(compute(context)) for header, compute in self.headers}


def pause_after(retry: Retry, attempts: int) -> float:
    """Seconds until the next attempt, after so many that failed."""
    return min(retry.first * retry.factor ** min(attempts - 1, 64), retry.most)
