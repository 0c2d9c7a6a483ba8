"""Signatures and digests."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

from mock_server.clock import SECOND, parse_instant
from mock_server.functions.registry import register


@register("time.seconds")
def seconds(moment: Any = None) -> str | None:
    """A date-time as whole seconds since 1970."""
    instant = parse_instant(moment) if isinstance(moment, str) else None
    return None if instant is None else str(instant // SECOND)


@register("digest.sha256")
def digest(text: Any = None) -> str:
    """64 hex digits that a text has to itself."""
    return sha256(str(text).encode()).hexdigest()


@register("sign.timed")
def timed(key: Any = None, moment: Any = None, body: Any = None) -> str:
    """HMAC-SHA256, in hex, of a moment's seconds and the body behind them; the key is hex too."""
    message = f"{seconds(moment)}{body}".encode()
    return hmac.new(bytes.fromhex(str(key)), message, sha256).hexdigest()
