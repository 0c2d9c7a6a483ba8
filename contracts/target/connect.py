"""From settings to a client that is known to reach the API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from contracts.chance import Chance
from contracts.errors import CouldNotRunError, EndedError
from contracts.moments import format_moment
from contracts.oracle.schema import oracle_of
from contracts.settings import Keys, Settings, Tally, Tell, Timepiece
from contracts.target.account import Ask, confirm
from contracts.target.client import Client
from contracts.target.clock import (
    CONTROL,
    Clock,
    ControlledClock,
    OwnTime,
    RealClock,
    header_skew,
)
from contracts.target.creations import Creations, Place, mark_of, own_path
from contracts.target.inprocess import AppTransport
from contracts.target.pace import Pace, Stop
from contracts.target.safety import Guard, Permissions, address_fields, sending_states
from contracts.target.signing import needs_key
from contracts.target.system import (
    Address,
    EndpointTransport,
    Resolve,
    StubTransport,
    Transport,
    WsgiApp,
    parse_base_url,
    resolve,
)
from contracts.target.wire import Answer
from mock_server.http.app import create_app
from mock_server.spec.model import Document, Operation
from mock_server.spec.schemas import properties_of

LACKING = (404, 405, 501)
STUB_PREFIX = "api_test_"
SECRETS = ("CONTRACTS_API_KEY", "CONTRACTS_OTHER_API_KEY", "CONTRACTS_BEARER_TOKEN")


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a run: who is told and asked, who may end it, and how hosts are reached.

    `permissions` are held against the stub of a rehearsal; `transport` stands in for the socket.
    """

    tell: Tell = lambda text: None
    ask: Ask | None = None
    stop: Stop | None = None
    resolve: Resolve = resolve
    transport: Transport | None = None
    permissions: Permissions | None = None
    tally: Tally | None = None


def connect(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    app: WsgiApp | None = None,
    context: Context | None = None,
) -> Client:
    """A client of the endpoint, or of an application in this process; raises CouldNotRunError."""
    context = context or Context()
    try:
        if choices.app is not None:
            assert app is not None  # whoever reads the setting opens it
            return connect_own(document, choices, environment, timepiece, app, context)
        if choices.base_url is None:
            return connect_app(document, choices, environment, timepiece, app, context)
        return connect_endpoint(document, choices, environment, timepiece, context)
    except EndedError as error:
        raise CouldNotRunError(error.reason) from None


def connect_app(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    app: WsgiApp | None,
    context: Context,
) -> Client:
    """The stub where no other application is given; it opens an account for any test key."""
    random = Chance(choices.seed)
    keys = Keys(*(f"{STUB_PREFIX}{random.getrandbits(64):016x}" for _ in range(2)))
    told = timepiece
    if app is None:
        own = OwnTime(timepiece.now())
        told = replace(timepiece, now=own.now)
        app = create_app(document, random_seed=choices.seed, time_source=own.tick)
    else:
        keys = keys_of(environment, keys)
    permissions = context.permissions or Permissions(write=True, send=True)
    guard = Guard(document, permissions)
    pace = build_pace(choices, timepiece, context)
    transport = StubTransport(app)
    client = Client(document, transport, guard, keys, timepiece, pace, None, context.tell)
    client.tally = context.tally or client.tally
    client.clock = find_clock(client, told)
    check_key(client)
    return client


def connect_own(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    app: WsgiApp,
    context: Context,
) -> Client:
    """An application of whoever runs it: what may be done is as on this machine's loopback."""
    assert choices.app is not None
    made_up = Keys(f"{STUB_PREFIX}{Chance(choices.seed).getrandbits(64):016x}")
    keys = keys_of(environment, made_up)
    check_keys(keys)
    transport = AppTransport(app, choices.app)
    guard = Guard(document, own_permissions(document, choices))
    pace = build_pace(choices, timepiece, context)
    client = Client(document, transport, guard, keys, timepiece, pace, None, context.tell)
    try:
        find_root(client, Address(transport.origin, "", True))
    except CouldNotRunError as error:
        hint = "; found none in CONTRACTS_API_KEY, so one was made up" if keys is made_up else ""
        raise CouldNotRunError(f"--app {choices.app}: {error}{hint}") from None
    client.clock = find_clock(client, timepiece)
    return client


def own_permissions(document: Document, choices: Settings) -> Permissions:
    """What may be done on this machine: everything but sending, which has to be asked for."""
    check_recipients(document, choices.recipients)
    return Permissions(True, "send" in choices.allow, frozenset(choices.recipients) or None)


def connect_endpoint(
    document: Document,
    choices: Settings,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    context: Context,
) -> Client:
    assert choices.base_url is not None
    address = parse_base_url(choices.base_url, context.resolve)
    keys = keys_of(environment, None if needs_key(document) else Keys("none"))
    check_keys(keys)
    permissions = permissions_of(document, choices, address)
    guard = Guard(document, permissions)
    transport = context.transport or endpoint_of(address.origin, choices, timepiece, guard)
    pace = build_pace(choices, timepiece, context)
    creations = Creations(*place_of_ledger(choices, timepiece))
    # What is on this machine is in the same power cut, and a wait for the disk takes milliseconds.
    creations.outlives_machine = not address.loopback
    client = Client(document, transport, guard, keys, timepiece, pace, creations, context.tell)
    if context.stop is not None:
        context.stop.remedy = f"contracts cleanup --ledger {creations.path}"
    find_root(client, address)
    mark = mark_of(keys.key)
    creations.place = Place(address.origin, client.root, client.scheme, mark)
    if permissions.strict and permissions.write:
        confirm(client, choices.account, context.ask)
    client.clock = find_clock(client, timepiece)
    return client


def endpoint_of(
    origin: str, choices: Settings, timepiece: Timepiece, guard: Guard
) -> EndpointTransport:
    if choices.proxy is not None and (
        "@" in choices.proxy or urlsplit(choices.proxy).scheme not in ("http", "https")
    ):
        raise CouldNotRunError("--proxy: expected http://HOST:PORT, without credentials")
    return EndpointTransport(origin, timepiece, guard.check, choices.proxy, choices.ca_bundle)


def build_pace(choices: Settings, timepiece: Timepiece, context: Context) -> Pace:
    return Pace(timepiece, choices.max_requests, choices.max_seconds, choices.rate, context.stop)


def place_of_ledger(choices: Settings, timepiece: Timepiece) -> tuple[Path, bool, str]:
    """Where creations are written down, whether the file is this run's own, and the run's name."""
    at = format_moment(timepiece.now())
    run = f"{at}-{os.getpid()}"
    if choices.ledger_path is None:
        return own_path(at), True, run
    return choices.ledger_path, False, run


def find_clock(client: Client, timepiece: Timepiece) -> Clock:
    """The control API's clock where the target has one and may be written to, else real time."""
    health = client.carry("GET", f"{CONTROL}/health", {}, None)
    if health.status == 200 and b"mock-server" in health.content and health.body is not None:
        client.guard.is_stub = True
        if client.guard.permissions.write:
            moved = client.control("clock", {"advance": 0})
            if moved.accepted:
                return ControlledClock(lambda body: client.control("clock", body), timepiece, moved)
    paced = Timepiece(timepiece.now, client.pace.sleep, timepiece.monotonic)
    return RealClock(paced, header_skew(health, timepiece))


def check_keys(keys: Keys) -> None:
    for secret in keys.secrets():
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            raise CouldNotRunError(
                "found a key with blanks or unprintable characters; expected none"
            )


def keys_of(environment: Mapping[str, str], instead: Keys | None = None) -> Keys:
    """The credentials that the environment holds; raises CouldNotRunError where there are none."""
    key, other, bearer = (environment.get(name, "") for name in SECRETS)
    if not key and instead is not None:
        return instead
    if not key:
        raise CouldNotRunError(
            "found no key for the target; expected one in the environment variable CONTRACTS_API_KEY"
        )
    return Keys(key, other or None, bearer or None)


def permissions_of(document: Document, choices: Settings, address: Address) -> Permissions:
    """On this machine writing is allowed; elsewhere nothing is that was not asked for.

    Behind a proxy no address is known to be this machine's.
    """
    if address.loopback and choices.proxy is None:
        return own_permissions(document, choices)
    send = "send" in choices.allow
    recipients = frozenset(choices.recipients) or None
    check_recipients(document, choices.recipients)
    if send and recipients is None:
        raise CouldNotRunError(
            "--allow send: found no --recipient; expected at least one beyond this machine, "
            "the only addresses that anything may be sent to"
        )
    return Permissions("write" in choices.allow, send, recipients or frozenset(), strict=True)


def check_recipients(document: Document, recipients: tuple[str, ...]) -> None:
    """Raises CouldNotRunError for what no field of the document takes as an address."""
    schemas = [
        properties_of(operation.body_schema)[name]
        for operation in document.operations.values()
        if sending_states(document.resources[operation.resource])
        for name in address_fields(operation)
    ]
    for recipient in recipients:
        if schemas and not any(oracle_of(schema).is_valid(recipient) for schema in schemas):
            raise CouldNotRunError(
                f'--recipient: found "{recipient}"; expected an address as the document has it, '
                "such as +16505550100"
            )


def find_root(client: Client, address: Address) -> None:
    """The base URL may have the document's base path or not; the one that answers is right."""
    base = client.document.base_path
    bare = address.path.removesuffix(base) if base and address.path.endswith(base) else address.path
    tried = []
    for root in dict.fromkeys((f"{bare}{base}", address.path)):
        client.root = root
        if client.document.wordless and not plain_reads(client.document):
            return  # nothing can be asked before there is something to name
        tried.append(f"{address.origin}{root}/")
        if answers(client):
            check_key(client)
            return
    operation = first_listing(client.document)
    shown = operation.path_template if operation is not None else "/"
    raise CouldNotRunError(
        f"found nothing of this API at {' or '.join(tried)} ({shown} is not there); "
        "expected --base-url to be the address below which the document's paths begin"
    )


def first_listing(document: Document) -> Operation | None:
    return next(iter(plain_reads(document)), None)


def plain_reads(document: Document) -> list[Operation]:
    """Reading operations without path values; resources with a lifecycle come first."""
    found = [
        one
        for one in document.iter_operations()
        if one.method == "GET" and "{" not in one.path_template
    ]
    return sorted(found, key=lambda one: not has_lifecycle(document, one))


def has_lifecycle(document: Document, operation: Operation) -> bool:
    resource = document.resources.get(operation.resource)
    return resource is not None and resource.lifecycle is not None


def answers(client: Client) -> bool:
    """Whether any reading operation is there."""
    for operation in plain_reads(client.document):
        answer = client.call(operation).answer
        if 300 <= answer.status < 400:
            raise CouldNotRunError(
                f"{client.transport.origin}{client.root} redirects to "
                f"{answer.headers.get('location', 'another place')}; "
                "expected the final address as --base-url"
            )
        if answer.status not in LACKING:
            return True
    return False


def check_answers(client: Client, statuses: list[int], strange: Answer | None) -> None:
    """Raises CouldNotRunError where nothing that was read is an answer of an API."""
    if strange is not None:
        kind = strange.headers.get("content-type", "no media type").partition(";")[0]
        raise CouldNotRunError(
            f"{client.transport.origin}{client.root} answers {kind} to what is read there; "
            "expected JSON: is it the address of the API itself?"
        )
    if statuses and min(statuses) >= 500 and client.document.rules:
        listed = ", ".join(map(str, dict.fromkeys(statuses)))
        raise CouldNotRunError(
            f"{client.transport.origin}{client.root} answers {listed} to whatever is read there; "
            "nothing can be judged"
        )


def check_key(client: Client) -> None:
    """Raises CouldNotRunError where no operation takes the key, by whichever scheme."""
    known = client.document.security_schemes.values()
    schemes = {scheme.kind for scheme in known if scheme.place is None} or {"basic"}
    statuses: list[int] = []
    strange: Answer | None = None
    reads = plain_reads(client.document)
    if client.document.wordless:
        # What asks for no key tells nothing of it.
        reads = [one for one in reads if one.security]
        client.scheme = "basic" if "basic" in schemes else "bearer"
        if not reads:
            return
    for scheme in ("basic", "bearer"):
        if scheme not in schemes:
            continue
        client.scheme = scheme
        for operation in reads:
            answer = client.call(operation).answer
            if answer.status in LACKING:
                continue
            statuses.append(answer.status)
            if answer.accepted and (answer.body is not None or client.document.wordless):
                return
            strange = strange or (answer if answer.accepted else None)
    client.scheme = "basic"
    check_answers(client, statuses, strange)
    if statuses and not set(statuses) & {401, 403}:
        return
    name = "the key" if client.transport.name == "stub" else "CONTRACTS_API_KEY"
    raise CouldNotRunError(
        f"{client.transport.origin} refuses {name} "
        f"({', '.join(map(str, dict.fromkeys(statuses)))}); expected a key that it knows"
    )
