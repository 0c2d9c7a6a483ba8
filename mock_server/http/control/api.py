"""The control API as a blueprint: its document names the calls, and each has one function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mock_server.http.control import (
    about,
    explain,
    faults,
    pages,
    provider,
    records,
    requests,
    snapshots,
    tenants,
    times,
    verify,
    views,
)
from mock_server.http.control.call import Call, Raw
from mock_server.http.control.errors import ControlError
from mock_server.http.control.guard import Guard
from mock_server.http.control.interface import (
    Outline,
    misfit,
    outlines,
    read_body,
    read_parameters,
)
from mock_server.http.wire import Lane
from mock_server.pipeline.authenticate import parse_credentials
from mock_server.pipeline.parse import DEPTH_LIMIT, depth_of, unreadable
from mock_server.pipeline.query import to_integer
from mock_server.state.tenant import Tenant

Handler = Callable[[Call], Any]
MODULES = (
    about,
    explain,
    faults,
    pages,
    provider,
    records,
    requests,
    snapshots,
    tenants,
    times,
    verify,
    views,
)
HANDLERS: Mapping[str, Handler] = {
    name: handler for module in MODULES for name, handler in module.CALLS.items()
}
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def build_control(lane: Lane, guard: Guard) -> Blueprint:
    """The control API of one application."""
    control = Blueprint("control", __name__, url_prefix="/__mock")
    for call in outlines():
        path = to_route(call)
        control.add_url_rule(
            path,
            call.operation_id,
            answerer(lane, guard, call, HANDLERS[call.operation_id]),
            methods=[call.method],
            strict_slashes=False,
        )
    return control


def to_route(call: Outline) -> str:
    """The path as Flask writes it; a number is no other word."""
    path = call.path
    for one in call.parameters:
        kind = "int:" if one.convert is to_integer else ""
        path = path.replace("{" + one.name + "}", f"<{kind}{one.name}>")
    return path


def answerer(lane: Lane, guard: Guard, call: Outline, handler: Handler) -> Callable[..., Response]:
    def answer(**path: Any) -> Response:
        try:
            guard.check(request.headers, not call.open)
            lane.steering.sweep()
            return to_response(handler(read_call(lane, guard, call, path)))
        except ControlError as error:
            return json_response(error.body(), error.status)

    return answer


def read_call(lane: Lane, guard: Guard, call: Outline, path: dict[str, str]) -> Call:
    values = read_parameters(call, path, request.args)
    body = None
    if call.body is not None:
        body = read_body(call, read_json())
    tenant = None if call.open else find_tenant(lane, guard)
    if tenant is not None and not tenant.base:
        tenant.base = request.host_url.rstrip("/") + lane.plan.base_path
    return Call(lane, tenant, values, body, request.headers)


def read_json() -> Any:
    """The body as JSON; a page of another origin cannot send that without asking first."""
    if not request.is_json:
        found = request.content_type or "no media type"
        raise ControlError(400, f"The body: found {found}; expected application/json.")
    data = request.get_data()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        (wrong,) = unreadable(data, error).violations
        fault = misfit("body", wrong.found, wrong.expected)
        raise ControlError(400, wrong.message, [fault]) from None
    if depth_of(value) > DEPTH_LIMIT:
        raise ControlError(400, f"The body is nested more than {DEPTH_LIMIT} levels deep.")
    return value


def find_tenant(lane: Lane, guard: Guard) -> Tenant:
    """The tenant that a call is about: named by a header, else by its key, else the default one."""
    named = request.headers.get("Mock-Tenant")
    if named:
        key = lane.steering.key_of(named)
        found = lane.tenants.find(key) if key is not None else None
        if found is None:
            raise ControlError(
                401,
                f'Mock-Tenant: found "{named}"; expected a key or a name of GET /__mock/tenants.',
            )
        return found
    header = request.headers.get("Authorization")
    if not header or guard.is_token(header):
        return lane.tenants.default
    credentials = parse_credentials(header)
    known = lane.tenants.find(credentials[1]) if credentials else None
    if known is None:
        raise ControlError(401, "The key in the Authorization header is unknown.")
    return known


def to_response(result: Any) -> Response:
    """What a handler returns: JSON, (JSON, status), Raw, or nothing."""
    if isinstance(result, Raw):
        return Response(result.data, result.status, {**NO_STORE, **result.headers})
    if result is None:
        return Response(b"", 204, NO_STORE)
    value, status = result if isinstance(result, tuple) else (result, 200)
    return json_response(value, status)


def json_response(value: Any, status: int) -> Response:
    try:
        data = orjson.dumps(value, default=str)
    except TypeError:  # whole numbers that are too long for it
        data = json.dumps(value, default=str).encode()
    return Response(data, status, NO_STORE, mimetype="application/json")
