"""The stages of a document without words: what its schemas say is held, what its paths tell is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import orjson

from mock_server.messages import say
from mock_server.pipeline.exchange import Exchange, OperationPlan
from mock_server.pipeline.parse import is_json, parse_body, too_large
from mock_server.pipeline.respond import JSON, Answer, lay_out
from mock_server.pipeline.script import Reader, Script, read_form, read_xml
from mock_server.problems import Problem, Violation
from mock_server.rules.improvised import Improvised
from mock_server.rules.schema import iter_violations
from mock_server.spec.inference import is_form, plain_name
from mock_server.spec.model import ErrorLayout, Parameter, Reply, Resource
from mock_server.spec.model import Improvised as Improvising
from mock_server.spec.schemas import (
    every_property,
    keyword_of,
    properties_of,
    required_of,
    stripped,
)
from mock_server.state.store import Keyed, Record

TOTALS = ("total", "totalcount", "count", "totalitems", "totalresults", "size")
MORE = ("hasmore", "hasnext", "more")
NOTHING: Any = object()


# Who calls


# What is asked


def take_in(exchange: Exchange) -> Problem | None:
    """Reads parameters and body, and holds the parameters against their schemas."""
    texts = texts_of(exchange)
    for reader in script_of(exchange).readers:
        parameter = reader.parameter
        found = texts[parameter.location].get(name_of(parameter))
        if found is None:
            if parameter.required:
                exchange.violations.append(refused(reader, None, "required", None))
            continue
        value = reader.read(found)
        error = next(iter(reader.validator.iter_errors(value)), None)
        if error is not None:
            exchange.violations.append(
                refused(reader, ",".join(found), error.kind.name, error.kind.value)
            )
        elif parameter.location == "query":
            exchange.query[parameter.name] = value
    takes = told_of(exchange).takes
    return take_body(exchange, takes) if takes else None


def told_of(exchange: Exchange) -> Improvising:
    """What the document tells of the operation."""
    told = exchange.operation.operation.improvised
    assert told is not None  # these stages are for no other documents
    return told


def script_of(exchange: Exchange) -> Script:
    script = exchange.operation.script
    assert script is not None
    return script


def name_of(parameter: Parameter) -> str:
    return parameter.name.lower() if parameter.location == "header" else parameter.name


def texts_of(exchange: Exchange) -> dict[str, dict[str, list[str]]]:
    """What a request says, by the place and the name of parameters."""
    query: dict[str, list[str]] = {}
    for name, text in parse_qsl(exchange.request.query, keep_blank_values=True, errors="replace"):
        query.setdefault(name.removesuffix("[]") if name not in query else name, []).append(text)
    environ: Mapping[str, Any] = getattr(exchange.request, "headers", {})
    headers = {
        name[5:].replace("_", "-").lower(): [text]
        for name, text in environ.items()
        if name.startswith("HTTP_") and isinstance(text, str)
    }
    cookies = {name: [text] for name, text in cookies_of(environ.get("HTTP_COOKIE", "")).items()}
    path = {name: [text] for name, text in exchange.path.items()}
    return {"query": query, "header": headers, "cookie": cookies, "path": path}


def cookies_of(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def refused(reader: Reader, found: str | None, keyword: str, limit: object) -> Violation:
    message, expected = say(keyword, limit)
    return Violation((), reader.place, reader.parameter.name, message, found, expected)


def take_body(exchange: Exchange, takes: Sequence[str]) -> Problem | None:
    media_type = exchange.request.content_type.partition(";")[0].strip().lower()
    known = [one.partition(";")[0].strip().lower() for one in takes]
    is_known = any(fnmatchcase(media_type, one) for one in known)
    if media_type and is_known and not is_json(media_type):
        return take_other(exchange, media_type)
    if not any(is_json(one) or "*" in one for one in known):
        if not media_type and exchange.request.content_length in (None, 0):
            return take_other(exchange, "")
        return Problem(415, f"The media type must be {' or '.join(known)}.")
    return parse_body(exchange, known)


def take_other(exchange: Exchange, media_type: str) -> Problem | None:
    """A body that is no JSON: forms and XML are read, everything else is only taken."""
    limit = exchange.plan.body_limit
    data = exchange.raw_body = exchange.request.read(limit + 1)
    if len(data) > limit:
        return too_large(exchange, f"more than {limit} bytes")
    if not data and exchange.operation.needs_body:
        message = "A body is needed."
        exchange.violations.append(Violation((), "/body", None, message, None, "a body"))
    schema = exchange.operation.operation.body_schema
    if not data or schema is None:
        return None
    if is_form(media_type):
        exchange.body = read_form(data, exchange.request.content_type, schema)
    elif media_type.endswith("xml"):
        exchange.body = read_xml(data, schema)
        if exchange.body is None:
            return Problem(400, "The body is not valid XML.")
    return None


# What is done


def improvise(exchange: Exchange) -> Problem | None:
    """Holds the body against its schema, then creates, reads, lists, changes, deletes or answers."""
    plan = exchange.operation
    problem = find_record(exchange)
    if problem is not None:
        return problem
    validator, body = plan.body_validator, exchange.body
    if validator is not None and body is not None and not validator.is_valid(body):
        schema = plan.operation.body_schema or {}
        exchange.violations += iter_violations(validator, schema, body, "/body", {})
    if exchange.violations:
        exchange.broken = tuple(exchange.violations)
        return Problem(refusal_of(exchange), "The request breaks the schema.", exchange.broken)
    exchange.given = writable(body, plan.operation.body_schema)
    exchange.status = plan.status
    return ACTS[plan.operation.does](exchange)


def refusal_of(exchange: Exchange) -> int:
    """A path that names nothing possible is not found where no other refusal is documented."""
    plan = exchange.operation
    only_path = all(one.pointer.startswith("/path/") for one in exchange.violations)
    if only_path and not is_documented(plan, plan.refusal) and is_documented(plan, 404):
        return 404
    return plan.refusal


def is_documented(plan: OperationPlan, status: int) -> bool:
    return bool({str(status), f"{status // 100}XX", "default"} & plan.operation.responses.keys())


def find_record(exchange: Exchange) -> Problem | None:
    """Finds the record that the path names, and those above it."""
    plan, store = exchange.operation, exchange.tenant.store
    told = told_of(exchange)
    path = {name: unquote(text) for name, text in exchange.path.items()}
    for parameter, name in told.above.items():
        other = exchange.plan.prototypes[name]
        if store.get(other.collection, path[parameter]) is None and is_documented(plan, 404):
            return not_found(other.resource, path[parameter])
    if plan.operation.does not in ("read", "update", "delete"):
        return None
    key = list(path.values())[-1]
    stored = store.get(plan.prototype.collection, key)
    if stored is None or not is_below(stored, path):
        return not_found(plan.prototype.resource, key)
    exchange.stored = stored
    return None


def not_found(resource: Resource, key: str) -> Problem:
    return Problem(404, f"{resource.title} {key} is not found.", (), resource.title)


def is_below(record: Record, path: Mapping[str, str]) -> bool:
    """Whether a record was made below what a path names."""
    above = record.above if isinstance(record, Keyed) else {}
    return all(path.get(name, value) == value for name, value in above.items())


def above_of(exchange: Exchange) -> dict[str, str]:
    """The values of the path but for the record's own."""
    single = exchange.operation.operation.does in ("read", "update", "delete")
    named = list(exchange.path.items())[: -1 if single else None]
    return {name: unquote(text) for name, text in named}


def writable(body: Any, schema: Any) -> dict[str, Any]:
    """The fields of a body that a client may give."""
    if not isinstance(body, dict):
        return {}
    properties = properties_of(schema)
    return {
        name: value
        for name, value in body.items()
        if keyword_of(properties.get(name), "readOnly") is not True
    }


def prototype_of(exchange: Exchange) -> Improvised:
    prototype = exchange.operation.prototype
    assert isinstance(prototype, Improvised)
    return prototype


def answer(exchange: Exchange) -> None:
    exchange.answer = NOTHING


def create(exchange: Exchange) -> Problem | None:
    prototype, store = prototype_of(exchange), exchange.tenant.store
    record = prototype.make(exchange.context, exchange.given, exchange.now, above_of(exchange))
    taken = store.get(prototype.collection, record.record_id)
    if taken is not None:
        if is_documented(exchange.operation, 409):
            title = prototype.resource.title
            return Problem(409, f"There is a {title} {record.record_id} already.", (), title)
        record = prototype.again(taken, {**record.data, **record.hidden})
    store.put(prototype.collection, record)
    exchange.record = record
    exchange.answer = record.data
    return None


def read(exchange: Exchange) -> None:
    assert exchange.stored is not None
    exchange.record = exchange.stored
    exchange.answer = exchange.stored.data


def update(exchange: Exchange) -> None:
    prototype, stored = prototype_of(exchange), exchange.stored
    assert stored is not None
    given = {n: v for n, v in exchange.given.items() if n != prototype.resource.key}
    if told_of(exchange).replaces:
        record = prototype.replace(exchange.context, stored, given)
    else:
        record = prototype.change(exchange.context, stored, given, exchange.now)
    exchange.changes = given
    exchange.tenant.store.put(prototype.collection, record)
    exchange.record = record
    exchange.answer = record.data


def delete(exchange: Exchange) -> None:
    prototype, stored = prototype_of(exchange), exchange.stored
    assert stored is not None
    exchange.tenant.store.delete(prototype.collection, stored.record_id)
    exchange.answer = stored.data


def list_(exchange: Exchange) -> None:
    told = told_of(exchange)
    path = above_of(exchange)
    held = exchange.tenant.store.iter_records(exchange.operation.prototype.collection)
    records = sorted((one for one in held if is_below(one, path)), key=lambda one: one.sequence)
    asked = {"$limit": None, "$skip": 0, "$page": 1}
    for name, verb in told.asks.items():
        value = exchange.query.get(name)
        if value is None:
            continue
        if verb in asked:
            asked[verb] = value if isinstance(value, int) else asked[verb]
        else:
            wanted = value if isinstance(value, list) else [value]
            records = [one for one in records if one.data.get(verb) in wanted]
    limit, skip, page = asked["$limit"], asked["$skip"] or 0, asked["$page"] or 1
    first = max(0, skip + (max(page, 1) - 1) * (limit or 0))
    last = None if limit is None else first + max(limit, 0)
    exchange.answer = [one.data for one in records[first:last]]
    exchange.tentative = {"total": len(records), "more": last is not None and last < len(records)}


ACTS: dict[str, Callable[[Exchange], Problem | None]] = {
    "answer": answer,
    "create": create,
    "read": read,
    "update": update,
    "delete": delete,
    "list": list_,
}


# What is answered


def respond_improvised(exchange: Exchange) -> Answer:
    """The answer to a request that went through, laid out as its response."""
    told = told_of(exchange)
    reply = told.success
    headers = [(name, text) for name, text in reply.headers.items() if name.lower() != "location"]
    headers += location_of(exchange, reply)
    if not reply.media_type or exchange.status in (204, 304):
        return Answer(exchange.status, headers, b"")
    headers.append(("Content-Type", reply.media_type))
    if isinstance(reply.body, bytes):
        return Answer(exchange.status, headers, reply.body)
    body = laid_out(reply, exchange)
    script = script_of(exchange)
    if script.veiled:
        body = stripped(body, reply.schema, "writeOnly")
    fits = script.fits
    if fits is not None and not reply.own and not fits.is_valid(body):
        body = mended(reply.schema, reply.body, body)
    return Answer(exchange.status, headers, orjson.dumps(body))


def location_of(exchange: Exchange, reply: Reply) -> list[tuple[str, str]]:
    name = next((one for one in reply.headers if one.lower() == "location"), None)
    if name is None:
        return []
    if exchange.operation.operation.does != "create" or exchange.record is None:
        return [(name, reply.headers[name])]
    key = quote(exchange.record.record_id, safe="")
    return [(name, f"{exchange.request.path.rstrip('/')}/{key}")]


def laid_out(reply: Reply, exchange: Exchange) -> Any:
    """The record or the list where the response has it."""
    if reply.own or exchange.answer is NOTHING:
        return reply.body
    if not reply.under:
        return exchange.answer
    around = reply.body if isinstance(reply.body, dict) else {}
    body = {**around, reply.under: exchange.answer}
    if isinstance(exchange.answer, list):
        for name, value in around.items():
            plain = plain_name(name)
            if plain in TOTALS and type(value) is int:
                body[name] = exchange.tentative["total"]
            elif plain in MORE and isinstance(value, bool):
                body[name] = exchange.tentative["more"]
    return body


def mended(schema: Any, shown: Any, value: Any) -> Any:
    """A value with what its schema demands and without what it excludes."""
    if isinstance(value, list):
        items, example = (
            keyword_of(schema, "items"),
            shown[0] if isinstance(shown, list) and shown else {},
        )
        return [mended(items, example, one) for one in value]
    if not isinstance(value, dict) or not isinstance(schema, dict):
        return value
    properties = every_property(schema)
    is_closed = any(
        keyword_of(schema, f"{word}Properties") is False for word in ("additional", "unevaluated")
    )
    kept = {n: v for n, v in value.items() if n in properties or not is_closed}
    for name, inner in kept.items():
        if isinstance(inner, list) and name in properties:
            example = shown.get(name) if isinstance(shown, dict) else None
            kept[name] = mended(properties[name], example, inner)
    for name in required_of(schema) - kept.keys():
        if isinstance(shown, dict) and name in shown:
            kept[name] = shown[name]
    return kept


def refuse_improvised(exchange: Exchange, problem: Problem) -> Answer:
    """The answer to a request that is refused, in the shape that its operation documents."""
    told = told_of(exchange)
    errors, status = told.errors, str(problem.status)
    reply = errors.get(status) or errors.get(f"{status[0]}XX") or errors.get("default")
    headers = [*problem.headers]
    if problem.status == 401:
        headers += [
            ("WWW-Authenticate", f'{kind.capitalize()} realm="{exchange.plan.title}"')
            for kind in dict.fromkeys(one.kind for one in exchange.operation.schemes)
        ]
    message = (
        "; ".join(f"{one.pointer}: {one.message}" for one in problem.violations) or problem.message
    )
    if reply is None or not reply.media_type:
        return Answer(problem.status, [JSON, *headers], orjson.dumps(lay_out(None, problem)))
    headers += [(name, text) for name, text in reply.headers.items()]
    headers.append(("Content-Type", reply.media_type))
    if not isinstance(reply.body, dict | list | str):
        return Answer(problem.status, headers, message.encode())
    words = {"$status": problem.status}
    layout = ErrorLayout((), reply.body, "", "")
    told_once = Problem(problem.status, message, (), problem.title, words=words)
    return Answer(problem.status, headers, orjson.dumps(lay_out(layout, told_once)))


__all__ = ["improvise", "refuse_improvised", "respond_improvised", "take_in"]
