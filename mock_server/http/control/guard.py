"""Who may use the control API: the token beyond loopback, and never a page of another origin."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from mock_server.http.control.errors import ControlError

# Names that nobody can register, so that no foreign page can come in under one of them.
PRIVATE_ENDINGS = (".localhost", ".test", ".internal", ".local", ".example", ".invalid")


@dataclass(frozen=True, slots=True)
class Guard:
    """Without a token everybody on this machine may; with one, whoever shows it."""

    token: str | None = None

    def check(self, headers: Headers, needs_token: bool) -> None:
        """Raises ControlError where a caller may not."""
        origin = headers.get("Origin")
        host = headers.get("Host", "")
        if origin is not None and urlsplit(origin).netloc != host:
            raise ControlError(
                403, f"The control API is not for pages of other origins; found {origin}."
            )
        if self.token is None:
            if not is_private(host):
                raise ControlError(
                    403,
                    f'The control API answers under this machine\'s own names; found the host "{host}". '
                    "Use 127.0.0.1, or set a control token.",
                )
        elif needs_token and not self.shown(headers):
            raise ControlError(
                401,
                "The control token is needed: Authorization: Bearer TOKEN, or Mock-Control-Token: TOKEN.",
            )

    def shown(self, headers: Headers) -> bool:
        """Whether a caller shows the token, in either header."""
        token = self.token or ""
        scheme, _, shown = headers.get("Authorization", "").partition(" ")
        given = [headers.get("Mock-Control-Token", "")]
        if scheme.lower() == "bearer":
            given.append(shown.strip())
        return any(hmac.compare_digest(one.encode(), token.encode()) for one in given)

    def is_token(self, header: str) -> bool:
        """Whether an Authorization header holds the token, and so names no tenant."""
        scheme, _, shown = header.partition(" ")
        return (
            self.token is not None
            and scheme.lower() == "bearer"
            and hmac.compare_digest(shown.strip().encode(), self.token.encode())
        )


def is_private(host: str) -> bool:
    """Whether a Host header names this machine by an address or a name that no stranger owns."""
    name = re.sub(r":\d+$", "", host).strip("[]").lower().rstrip(".")
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(PRIVATE_ENDINGS)
    return True
