"""Who calls: a credential names a principal and the tenant it belongs to."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from functools import lru_cache

from mock_server.pipeline.exchange import Exchange
from mock_server.problems import Problem, Violation
from mock_server.spec.model import SecurityScheme


@lru_cache(maxsize=4_096)
def parse_credentials(header: str) -> tuple[str, str, str | None] | None:
    """(scheme, key, password) of an Authorization header; None where it is malformed."""
    scheme, _, rest = header.partition(" ")
    kind = scheme.lower()
    token = rest.strip()
    if not token:
        return None
    if kind == "bearer":
        return None if " " in token else (kind, token, None)
    if kind != "basic":
        return None
    try:
        text = b64decode(token, validate=True).decode("utf-8")
    except ValueError:  # not of base64, or not of UTF-8
        return None
    key, colon, password = text.partition(":")
    return (kind, key, password) if colon and key else None


def authenticate(exchange: Exchange) -> Problem | None:
    """Finds the tenant and the principal, or refuses the caller."""
    schemes = exchange.operation.schemes
    header = exchange.request.authorization
    reason = "no credentials" if not header else "malformed credentials"
    credentials = parse_credentials(header) if header else None
    if credentials is not None:
        kind, key, password = credentials
        reason = "unknown credentials"
        for scheme in schemes:
            if scheme.kind != kind:
                continue
            if scheme.empty_password and password:
                reason = "a password beside the key"
                continue
            tenant = exchange.tenants.find(key)
            if tenant is not None:
                exchange.tenant = tenant
                exchange.key = key
                exchange.principal = tenant.principals[key]
                return None
    if not schemes or exchange.plan.optional_auth:
        tenants = exchange.tenants
        # Where nobody is asked who calls, a key that is shown says all the same whose world is meant.
        shown = None if schemes or credentials is None else tenants.find(credentials[1])
        exchange.tenant = shown or tenants.default
        exchange.key = credentials[1] if shown and credentials else tenants.default_key
        exchange.principal = exchange.tenant.principals[exchange.key]
        if schemes:
            exchange.violations.append(
                unnamed(schemes, reason)
            )  # its policy says what becomes of it
        return None
    violation = unnamed(schemes, reason)
    return Problem(401, f"Found {reason}. {violation.message}", (violation,))


def unnamed(schemes: Collection[SecurityScheme], reason: str) -> Violation:
    """That a request does not name its caller in any of the ways there are."""
    ids = tuple(dict.fromkeys(rule_id for scheme in schemes for rule_id in scheme.rule_ids))
    ways = " or ".join(dict.fromkeys(scheme.shown for scheme in schemes))
    return Violation(ids, "/headers/authorization", None, f"{ways} are needed.", reason, ways)
