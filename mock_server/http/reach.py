"""The one way out of this process: a POST to an address that the settings allow."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from mock_server.errors import BlockedError

TIMEOUT = 10.0  # seconds for a connection, and for each part of the answer
NEVER = ("is_multicast", "is_unspecified", "is_reserved")
OWN_LINK = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))


class Target(NamedTuple):
    """What a URL means: the addresses that may be connected to, and what is asked for there."""

    secure: bool
    host: str
    port: int
    addresses: tuple[str, ...]
    path: str


def find_target(url: str, allowed: Collection[str] = ()) -> Target:
    """The target of a URL; raises BlockedError where its host is not allowed.

    Loopback is, as `localhost` or as an address written in full: a name is never asked for,
    since it could mean another address each time. Hosts in `allowed` are looked up.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BlockedError("what it is sent to is no address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise BlockedError("what it is sent to is no plain http or https address")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    chosen = port or (443 if secure else 80)
    return Target(secure, host, chosen, find_addresses(host, chosen, allowed), path)


def find_addresses(host: str, port: int, allowed: Collection[str]) -> tuple[str, ...]:
    if host == "localhost":
        return "127.0.0.1", "::1"
    if is_loopback(host):
        return (host,)
    if host not in allowed and f"{host}:{port}" not in allowed:
        raise BlockedError(f"the host {host} is not allowed")
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise BlockedError(f"the host {host} is not found: {error.strerror or error}") from None
    for address in found:
        if is_strange(ipaddress.ip_address(address.partition("%")[0])):
            raise BlockedError(f"the host {host} is at {address}, which is not allowed")
    return tuple(sorted(found))


def is_strange(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether no host has this address, or only the machine's own network knows it."""
    return any(getattr(address, trait) for trait in NEVER) or any(
        address.version == network.version and address in network for network in OWN_LINK
    )


def is_loopback(host: str) -> bool:
    """Whether it is a loopback address in its usual form; other spellings of one are not."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped is None and address.is_loopback and str(address) == host


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    verify: bool = True,
    allowed: Collection[str] = (),
) -> int:
    """The status of the answer, whatever it says; redirects are not followed.

    Raises BlockedError, or OSError where there is no answer.
    """
    target = find_target(url, allowed)
    try:
        with closing(connect(target, verify)) as connection:
            connection.request("POST", target.path, body, dict(headers))
            return connection.getresponse().status
    except HTTPException as error:
        raise OSError(f"no answer that is HTTP ({type(error).__name__})") from None


def connect(target: Target, verify: bool) -> HTTPConnection:
    """A connection to the address that was judged, whatever its name means by now."""
    kind = HTTPSConnection if target.secure else HTTPConnection
    connection = kind(target.host, target.port, timeout=TIMEOUT)
    failure: OSError = OSError("no address")
    for address in target.addresses:
        try:
            stream = socket.create_connection((address, target.port), TIMEOUT)
        except OSError as error:
            failure = error
            continue
        if target.secure:
            context = ssl.create_default_context() if verify else unverified()
            stream = context.wrap_socket(stream, server_hostname=target.host)
        connection.sock = stream
        return connection
    raise failure


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


__all__ = ["find_target", "post"]
