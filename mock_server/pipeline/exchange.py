"""One request on its way through the stages, and what each stage needs prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.pipeline.script import Script
from mock_server.problems import Problem, Violation
from mock_server.rules.effect import PreparedEffect
from mock_server.rules.happening import PreparedHappening
from mock_server.rules.record import Prototype
from mock_server.rules.reference import CheckReference
from mock_server.rules.refusal import PreparedRefusal
from mock_server.rules.subscription import PreparedSubscription
from mock_server.rules.values import NOTHING, Compute, Context
from mock_server.spec.model import (
    BusinessRule,
    ErrorLayout,
    Operation,
    Parameter,
    Policy,
    Reference,
    Schema,
    SecurityScheme,
)
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant, Tenants


@dataclass(frozen=True, slots=True)
class ParameterPlan:
    """A query parameter: how its text becomes a value, and what the value does."""

    parameter: Parameter
    convert: Callable[[str], Any]
    validator: Draft202012Validator


@dataclass(frozen=True, slots=True)
class Fixed:
    """Fields that a record's creation takes and its change leaves as they are, with their types."""

    fields: frozenset[str]
    schema: Schema
    validator: Draft202012Validator


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """An operation with all that the document decides about it already decided."""

    operation: Operation
    prototype: Prototype
    body_validator: Draft202012Validator | None
    parameters: tuple[ParameterPlan, ...]
    fill: Callable[[dict[str, Any]], None] | None
    # Each reference with its field, the fields whose change may part it from its record, and the
    # states that a record enters only while it holds.
    references: tuple[tuple[str, CheckReference, frozenset[str], frozenset[str]], ...]
    wanted: Mapping[str, str]  # what the fields of references are to name
    effects: tuple[PreparedEffect, ...]
    record_id: Compute
    writable: frozenset[str]
    nullable: frozenset[str]  # writable fields for which null means blank
    schemes: tuple[SecurityScheme, ...]
    needs_body: bool
    empty_success: bool
    status: int
    refusal: int  # the status of what breaks a rule
    refusals: tuple[PreparedRefusal, ...] = ()
    beforehand: tuple[PreparedEffect, ...] = ()  # effects whose records the new one names
    revealed: tuple[str, ...] = ()  # hidden fields that the answer shows
    tells: bool = False  # it reads a log, which must be told first
    # Lists of the body whose items have fields that the server adds: list -> those fields.
    added: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Fields of the record that a body may hold and that are not taken from it.
    ignored: frozenset[str] = frozenset()
    fixed: Fixed | None = None  # of a change
    # Fields from which another one follows, where a change says nothing of that: (field, the other).
    followed: tuple[tuple[str, str], ...] = ()
    content: tuple[Compute, Compute] | None = None  # media type and bytes of an answer without JSON
    script: Script | None = None  # in a document without words


@dataclass(frozen=True, slots=True)
class Plan:
    """A document and its policies, ready to answer."""

    title: str
    base_path: str
    rules: Mapping[str, BusinessRule]
    policies: Mapping[str, Policy]
    prototypes: Mapping[str, Prototype]
    operations: tuple[OperationPlan, ...]
    errors: Mapping[str, ErrorLayout]
    schemes: Mapping[str, SecurityScheme]
    optional_auth: bool
    body_limit: int
    subscriptions: Mapping[str, PreparedSubscription] = field(default_factory=dict)
    happenings: Mapping[str, tuple[PreparedHappening, OperationPlan]] = field(default_factory=dict)
    # Who goes with a deleted record: its resource -> (theirs, by which reference).
    dependents: Mapping[str, tuple[tuple[str, Reference], ...]] = field(default_factory=dict)
    wordless: bool = False  # the document has no word of ours
    plain: tuple[OperationPlan, ...] = ()  # operations that store nothing
    # Fields that nobody is to read in a log; looked for in the document when they are first asked for.
    secrets: Callable[[], frozenset[str]] = frozenset


NO_HEADERS: Mapping[str, Any] = {}


class Request:
    """What came in, before anything is made of it."""

    __slots__ = (
        "authorization",
        "content_length",
        "content_type",
        "headers",
        "host",
        "method",
        "path",
        "query",
        "read",
        "scheme",
    )

    headers: Mapping[str, Any]  # those that came, as a WSGI environment has them

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        authorization: str | None,
        content_type: str,
        content_length: int | None,
        read: Callable[[int], bytes],
        scheme: str = "",
        host: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.authorization = authorization
        self.content_type = content_type
        self.content_length = content_length
        self.read = read
        self.scheme = scheme
        self.host = host  # under which it came in
        self.headers = NO_HEADERS


class Exchange:
    """A request and what the stages have found out about it so far."""

    __slots__ = (
        "answer",
        "body",
        "broken",
        "changes",
        "context",
        "given",
        "headers",
        "key",
        "now",
        "now_text",
        "operation",
        "path",
        "plan",
        "principal",
        "query",
        "raw_body",
        "record",
        "request",
        "status",
        "stored",
        "tenant",
        "tenants",
        "tentative",
        "violations",
        "warned",
    )

    tenant: Tenant
    context: Context

    def __init__(
        self,
        plan: Plan,
        tenants: Tenants | None,  # None where nobody is to be authenticated
        operation: OperationPlan,
        request: Request,
        path: dict[str, str],
    ) -> None:
        self.plan = plan
        self.tenants: Tenants = tenants  # type: ignore[assignment]
        self.operation = operation
        self.request = request
        self.path = path
        self.key = ""
        self.principal: Mapping[str, Any] = NOTHING
        self.query: dict[str, Any] = {}
        self.raw_body = b""
        self.body: Any = None
        self.given: dict[str, Any] = {}
        self.changes: dict[str, Any] = {}
        self.stored: Record | None = None
        self.record: Record | None = None
        self.tentative: dict[str, Any] = {}
        self.violations: list[Violation] = []
        self.broken: tuple[Violation, ...] = ()
        self.warned: tuple[Violation, ...] = ()
        self.now = 0
        self.now_text = ""
        self.status = 0
        self.answer: Any = None
        self.headers: list[tuple[str, str]] = []


Stage = Callable[[Exchange], Problem | None]
