"""What a document compiles to: frozen values, looked up and never interpreted again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Json = Any
Schema = Mapping[str, Any]
Certainty = Literal["documented", "inferred"]
Policy = Literal["enforce", "warn", "off"]
Does = Literal["create", "list", "read", "update", "delete", "answer"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A runtime expression: where a value comes from.

    `$now`, `$id`, `$principal#/id`, `$request.body#/a`, `$request.query.a`, `$request.path.a`,
    `$record#/a` (a field), `$record.a` (the record that field `a` refers to),
    `$record.a#/b` (a field of that record), `$event#/a`, `$item#/a` (of the list's item at hand),
    `$change#/a` (of what a log tells), `$method` and `$path` (of the request), `$request.id`,
    `$base` (where callers reach this API).
    """

    text: str
    source: str  # now | id | principal | body | query | path | record | follow | event | item | change | method | url | request | base
    name: str = ""  # parameter name, or the field that is followed
    tokens: tuple[str, ...] = ()  # reference tokens of the JSON Pointer behind "#"


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal JSON value."""

    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A registered value function, with the values it reads."""

    function: str
    of: tuple[Expression | Constant, ...] = ()
    named: Mapping[str, Expression | Constant] = field(default_factory=dict)


Value = Expression | Constant | Call


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field by which records of a resource are found."""

    to: str
    by: str


@dataclass(frozen=True, slots=True)
class Find:
    """A field of the record that is found by a value; null where there is none."""

    lookup: Lookup
    value: Value
    take: str


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a catalogue example.

    Strings that begin with `$steps.N.response.body#/…` take a value from an earlier answer.
    `credentials`: "default" (the key in use), "none", or a whole Authorization header value.
    `wait`: seconds of the API's time that pass before the request.
    """

    operation_id: str
    path: Mapping[str, Json]
    query: Mapping[str, Json]
    headers: Mapping[str, str]
    body: Json
    has_body: bool
    credentials: str
    wait: float
    expect: Schema | None  # over {"status", "headers", "body"}


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence of requests; the last one is the point."""

    steps: tuple[Step, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the document states a rule.

    `kind`: schema, default, parameter, response, security, record, reference, derived, embedded,
    cascade, editable, transition, timed, event, closed, final, requires, effect, refusal, log, subscription.
    `detail` is the compiled value of that place (Reference, Transition, Derived, …) or None.
    """

    kind: str
    pointer: str
    resource: str | None = None
    operation_ids: tuple[str, ...] = ()
    field: str | None = None
    detail: Any = None


@dataclass(frozen=True, slots=True)
class BusinessRule:
    """One entry of the catalogue."""

    rule_id: str
    says: str
    source: str
    certainty: Certainty
    policy: Policy
    note: str
    accepts: tuple[Example, ...]
    rejects: tuple[Example, ...]
    pointer: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that names a record of another resource.

    `by` is the field of the other record that the value equals.
    `where` is a JSON Schema that the other record satisfies.
    `match` maps fields of the other record to fields of this one that, when not null, are equal.
    A list names a record with each of its items.
    `open` is a JSON Schema of records of which the document does not say whether they serve.
    `cascade`: this record goes when the other one is deleted, by `cascade_rules`.
    """

    field: str
    to: str
    by: str
    where: Schema | None
    match: Mapping[str, str]
    rule_ids: tuple[str, ...]
    pointer: str
    cascade: bool = False
    cascade_rules: tuple[str, ...] = ()
    open: Schema | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """A move of a lifecycle: asked for (`at`, `after` and `event` None), timed, or caused by an event."""

    source: str
    to: str
    at: str | None  # field with the moment
    after: str | None  # field with seconds since the state was entered; null means at once
    event: str | None  # name of a happening at the provider's side
    sets: Mapping[str, Value]
    external: bool  # its effect leaves the system (a message is really sent)
    rule_ids: tuple[str, ...]
    pointer: str
    action: str = ""  # what the log calls it besides a change
    label: str = ""  # what people call it, where they ask for it

    @property
    def timed(self) -> bool:
        return self.at is not None or self.after is not None


@dataclass(frozen=True, slots=True)
class Closed:
    """Refused changes of the lifecycle's field: all but the transitions; None matches every state."""

    sources: tuple[str, ...] | None
    targets: tuple[str, ...] | None
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a record satisfies when it is created in, enters, or is changed in one of these states."""

    states: tuple[str, ...]
    schema: Schema  # carries its x-rule words inside
    pointer: str


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state machine of a resource."""

    field: str
    initial: tuple[str, ...]
    states: tuple[str, ...]
    editable: tuple[str, ...]
    editable_rules: tuple[str, ...]
    transitions: tuple[Transition, ...]
    closed: tuple[Closed, ...]
    final: tuple[str, ...]
    requires: tuple[Requirement, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A property that the server works out; a value given by the client wins where it may be given.

    `on`: "create" (once), "change" (at every change, timed ones included), or a tuple of fields:
    when one of them changes and the request does not give the property itself.
    `values`: the first that is not null. `condition`: a JSON Schema over the record.
    `inside`: the list whose items have this property, where it is not the record's own.
    `unique`: it is worked out again while another record has the value, as chance is another then.
    """

    field: str
    on: str | tuple[str, ...]
    values: tuple[Value, ...]
    condition: Schema | None
    rule_ids: tuple[str, ...]
    pointer: str
    inside: str | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """A property that shows the records of another resource whose field `by` names this record."""

    field: str
    of: str
    by: str
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Default:
    """A value for a body property that is absent or null, perhaps under a condition over the body."""

    field: str
    value: Json
    condition: Schema | None
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A record of another resource, created when a condition over {query, body, record} holds.

    `each`: the list for each of whose items one is created.
    `into`: the field of the record (or of the item) that names what is created, which then comes first.
    """

    creates: str
    condition: Schema | None
    values: Mapping[str, Value]
    rule_ids: tuple[str, ...]
    pointer: str
    each: Value | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused with an answer of its own: `status` and `body`, once nothing else is against it.

    `condition`: a JSON Schema over {query, body, record}; where it holds, nothing is changed.
    """

    condition: Schema
    status: int
    body: Json
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class QueryWord:
    """What a query parameter does to a collection."""

    does: Literal["limit", "skip", "fields", "order", "filter", "cursor"]
    field: str
    op: Literal["eq", "in", "gt", "gte", "lt", "lte"]
    any: Json  # a value that means "do not filter"
    unless: str = ""  # another parameter; where that is given, this one's default does not count


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    location: Literal["path", "query", "header", "cookie"]
    required: bool
    schema: Schema
    default: Json
    query: QueryWord | None
    rule_ids: tuple[str, ...]
    pointer: str
    style: str = ""
    explode: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """The names of a list answer's envelope."""

    records: str
    more: str | None
    total: str | None
    next: str | None = None  # the cursor of the page that follows
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """What the provider does: a request that comes in. `facts`: a JSON Schema over what is told of it.

    `body`: for each field the first value that is not null.
    """

    name: str
    says: str
    facts: Schema
    operation_id: str
    query: Mapping[str, Json]
    body: Mapping[str, tuple[Value | Find, ...]]
    pointer: str


@dataclass(frozen=True, slots=True)
class Magic:
    """A value of a field that makes the provider do something, `after` so many seconds.

    With `state`: the happening `event` follows once a record is in that state.
    Else the timed transition out of the record's state is put off, or `event` comes in its place.
    """

    field: str
    value: Json
    says: str
    event: str
    state: str | None
    after: float
    facts: Mapping[str, Value]
    pointer: str


@dataclass(frozen=True, slots=True)
class Log:
    """Where every change of a record is told: a record of `to`, with `values` read from the record.

    `action_rules` speak of the transitions that are told by a name of their own as well.
    """

    to: str
    values: Mapping[str, Value]
    rule_ids: tuple[str, ...]
    action_rules: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Retry:
    """When a delivery is tried again: after `first` seconds, then `factor` times the last pause, at most `most`.

    After `limit` seconds it is given up.
    """

    first: float
    factor: float
    most: float
    limit: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """A record that has entries of the log `to` delivered to the address in its field `url`.

    Wanted is an entry for which an item of the list `list_field` has equal values in `fields`
    (item's field -> entry's field) and, where the item has a `filter`, `function` says so.
    `condition`: a JSON Schema over the record, for as long as it wants anything at all.
    `gives_up`: what changes in the record when a delivery is given up.
    """

    to: str
    url: str
    verify: str | None  # field: whether certificates are checked
    condition: Schema | None
    list_field: str
    fields: Mapping[str, str]
    filter: str | None
    function: str | None
    body: Value
    headers: Mapping[str, Value]
    retry: Retry
    gives_up: Mapping[str, Json]
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Invented:
    """How a field is made up: by a `kind`, as one of `options`, as a list with one item of `items`,
    with what is taken of a record of another resource that is picked (or of the one that the field
    `source` has picked), or by the value of the field `source` (`cases`).
    """

    pointer: str
    kind: str = ""
    options: tuple[Json, ...] = ()
    items: Mapping[str, Invented] = field(default_factory=dict)
    pick: str = ""  # resource
    each: bool = False  # there is one for each of the resource that is picked
    where: Schema | None = None
    take: str = "id"
    source: str = ""
    cases: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """A stored record's schema. `hidden` fields are stored and never returned (writeOnly)."""

    name: str
    title: str
    collection: str
    prefix: str
    schema: Schema
    fields: tuple[str, ...]
    hidden: frozenset[str]
    date_times: frozenset[str]
    order: str
    descending: bool
    page: Page
    references: Mapping[str, Reference]
    lifecycle: Lifecycle | None
    derived: tuple[Derived, ...]
    rule_ids: tuple[str, ...]
    pointer: str
    embedded: tuple[Embedded, ...] = ()
    dates: frozenset[str] = frozenset()  # of date_times: those that may be a date alone
    log: Log | None = None
    magic: tuple[Magic, ...] = ()
    subscription: Subscription | None = None
    invented: Mapping[str, Invented] = field(default_factory=dict)
    key: str = "id"  # the property that tells records apart; empty where none shows it


@dataclass(frozen=True, slots=True)
class Response:
    status: str
    schema: Schema | None
    rule_ids: tuple[str, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is not JSON: its media type, and its bytes."""

    type: Value
    data: Value
    pointer: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a document without words: its media type (none: it is empty), its schema, and
    a body made of the document's examples, schemas and names of fields.

    `under`: the property of the body that holds the record or the list of records.
    `own`: the body says nothing of a record, and stays as it is.
    """

    media_type: str
    body: Json
    schema: Schema | None = None
    under: str = ""
    own: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Improvised:
    """What an operation of a document without words answers, and what it takes.

    `takes`: the media types of its body.
    `asks`: query parameters that page or filter a list (name -> limit, skip, page, or a field).
    `above`: what earlier parameters of its path name (parameter -> resource).
    `replaces`: what a change leaves out is gone.
    """

    success: Reply
    errors: Mapping[str, Reply]  # by status
    takes: tuple[str, ...] = ()
    asks: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. `body_schema` and response schemas carry no `$ref` any more."""

    operation_id: str
    method: str
    path_template: str  # without the base path
    does: Does
    resource: str
    record_id: Value
    parameters: tuple[Parameter, ...]
    body_schema: Schema | None
    body_required: bool
    body_fields: tuple[str, ...]
    references: Mapping[str, Reference]  # of body fields
    defaults: tuple[Default, ...]
    effects: tuple[Effect, ...]
    responses: Mapping[str, Response]
    success: int
    security: tuple[str, ...]
    tags: tuple[str, ...]
    summary: str
    pointer: str
    refusals: tuple[Refusal, ...] = ()
    revealed: frozenset[str] = frozenset()  # hidden fields that its answer shows all the same
    content: Content | None = None
    improvised: Improvised | None = None  # in a document without words
    media_types: tuple[str, ...] = ()  # of its body


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """How a credential names a principal: the record of `to` whose field `by` holds it.

    `place` is where a key stands that is in no Authorization header (header, query or cookie, and
    its name).
    """

    name: str
    kind: Literal["basic", "bearer"]
    to: str
    by: str
    empty_password: bool
    rule_ids: tuple[str, ...]
    pointer: str
    place: tuple[str, str] | None = None

    @property
    def shown(self) -> str:
        """What callers are told of it."""
        if self.place is None:
            return f"{self.kind.capitalize()} credentials"
        return f"a key in the {self.place[0]} {self.place[1]}"


@dataclass(frozen=True, slots=True)
class ErrorLayout:
    """An error body: `$message`, `$messages`, `$fields` and `$resource` stand for what happened.

    `strip` is an ending taken off the names of reference fields.
    """

    statuses: tuple[str, ...]
    body: Json
    strip: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Compose:
    """A way to write a record in a view: what its request holds beside what a person types.

    `asks` are fields of the body that the person is asked for. With an `event` it happens at the
    provider's side instead, and `facts` names the field that tells each fact.
    """

    label: str
    operation_id: str
    body: Mapping[str, Json]
    query: Mapping[str, Json]
    asks: tuple[str, ...]
    event: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beside:
    """A field that a view shows beside the text; of a list of objects, the property `item` of each.

    `picture` is the property that says where a picture of it is, at an operation with content.
    """

    field: str
    item: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A resource as a conversation: records with the same thread, by time, on one of two sides.

    `thread` and `time`: the first of these fields that is not null. `label`: what a thread is
    called, the first value that is not null. `own`: values of the side's field that stand for
    this side. `carries`: fields that a new record takes over from its thread. `shows`: fields
    that stand beside the text where they have a value.
    """

    resource: str
    title: str
    thread: tuple[str, ...]
    label: tuple[Value, ...]
    text: str
    side: str | None
    own: tuple[Json, ...]
    time: tuple[str, ...]
    carries: tuple[str, ...]
    compose: tuple[Compose, ...]
    pointer: str
    shows: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is said of limits on requests, and how many times a key's all of a tenant's share."""

    headers: Mapping[str, str]  # name -> layout
    times: int = 0  # nothing is shared
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A compiled document."""

    path: Path | None
    title: str
    version: str
    base_path: str
    seeds: tuple[Path, ...]
    rules: Mapping[str, BusinessRule]
    operations: Mapping[str, Operation]
    resources: Mapping[str, Resource]
    security_schemes: Mapping[str, SecurityScheme]
    errors: Mapping[str, ErrorLayout]  # by status
    raw: Mapping[str, Any]
    happenings: Mapping[str, Happening] = field(default_factory=dict)
    views: Mapping[str, View] = field(default_factory=dict)
    limits: Limits = field(default_factory=lambda: Limits({}))
    files: tuple[Path, ...] = ()  # what it was read from: the document, and what lies over it
    wordless: bool = False  # it has no word of ours; what it does is inferred
    plain: Mapping[str, Operation] = field(default_factory=dict)  # those that store nothing
    planted: Mapping[str, tuple[Mapping[str, Json], ...]] = field(default_factory=dict)  # examples

    def iter_operations(self) -> Iterator[Operation]:
        """Every operation that is answered."""
        yield from self.operations.values()
        yield from self.plain.values()
