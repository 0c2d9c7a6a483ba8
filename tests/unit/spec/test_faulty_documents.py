"""Every fault in a document stops its compilation, and says where, what, and what was expected."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_server.errors import DocumentError
from mock_server.spec import compile_source, load_document
from mock_server.spec.loader import parse_source

LOCKERS = Path(__file__).parents[2] / "documents" / "lockers.yaml"
TEXT = LOCKERS.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Slip:
    """A slip of the pen: `old` becomes `new`; the report names the line of `new` and says `says`."""

    name: str
    old: str
    new: str
    says: tuple[str, ...]
    line_of: str = ""  # where the report points, if not at the first line of `new`


def test_a_catalogue_that_is_misspelt_is_one_fault() -> None:
    with pytest.raises(DocumentError) as refused:
        compile_source(parse_source(TEXT.replace("\nx-rules:", "\nx-rulez:"), LOCKERS))
    (fault,) = refused.value.faults
    assert (fault.found, fault.hint) == ('the unknown word "x-rulez"', 'did you mean "x-rules"?')


def test_a_catalogue_that_is_not_there_is_one_fault() -> None:
    text = TEXT.replace("\nx-rules:", "\nx-vendor-extra:")
    with pytest.raises(DocumentError) as refused:
        compile_source(parse_source(text, LOCKERS))
    (fault,) = refused.value.faults
    assert fault.expected == "a catalogue of rules at #/x-rules"


SLIPS = [
    Slip(
        "a view with an unknown happening",
        "event: handed-in, facts: {to: to}",
        "event: handed-on, facts: {to: to}",
        ("/x-view/compose/1/event", 'did you mean "handed-in"?'),
    ),
    Slip(
        "a view with an unknown fact",
        "event: handed-in, facts: {to: to}",
        "event: handed-in, facts: {too: to}",
        ("/x-view/compose/1/facts/too", 'did you mean "to"?'),
    ),
    Slip(
        "a view with an unknown field of a fact",
        "event: handed-in, facts: {to: to}",
        "event: handed-in, facts: {to: too}",
        ("/x-view/compose/1/facts/to", 'the field "too"'),
    ),
    Slip(
        "a view that writes by an event without facts",
        "event: handed-in, facts: {to: to}",
        "event: handed-in",
        ("/x-view/compose/1", 'expected the key "facts"'),
    ),
    Slip(
        "a view that writes by an operation and an event",
        "event: handed-in, facts: {to: to}",
        "event: handed-in, operation: announceParcel, facts: {to: to}",
        ("/x-view/compose/1/operation", "both operation and event"),
    ),
    Slip("yaml syntax", "info: {title", "info: {title: [", ("expected", "valid YAML or JSON")),
    Slip(
        "a key twice",
        "tags: [{name: Parcels}",
        "openapi: 3.1.0\ntags: [{name: Parcels}",
        ('the key "openapi" a second time',),
    ),
    Slip("another OpenAPI", "openapi: 3.1.0", "openapi: 3.0.3", ("#/openapi", "3.0.3")),
    Slip("no version", ', version: "3"', "", ("#/info", 'expected the key "version"'), "info:"),
    Slip(
        "a reference to nothing",
        "'#/components/schemas/Announcement'",
        "'#/components/schemas/Anouncement'",
        ("Anouncement", "points nowhere"),
    ),
    Slip(
        "a misspelt word",
        "      x-lifecycle:",
        "      x-lifecyle:",
        ('the unknown word "x-lifecyle"', 'did you mean "x-lifecycle"?'),
    ),
    Slip(
        "a misspelt key",
        "        transitions:",
        "        transitons:",
        ("/x-lifecycle/transitons", 'did you mean "transitions"?'),
    ),
    Slip(
        "a misspelt key of a transition",
        "after: patience,",
        "aftr: patience,",
        ("/transitions/2/aftr", 'did you mean "after"?'),
    ),
    Slip(
        "a word where nothing reads it",
        "  /boxes:\n    get:",
        "  /boxes:\n    get:\n      x-resource: {collection: odd}",
        ("/x-resource", "where nothing reads it"),
        "x-resource: {collection: odd}",
    ),
    Slip(
        "an unknown function",
        "function: first.word",
        "function: first.wrd",
        ('the function "first.wrd"', 'did you mean "first.word"?'),
    ),
    Slip(
        "a refusal without a response",
        "status: 409, body:",
        "status: 410, body:",
        ("the status 410, which the operation has no response for",),
    ),
    Slip(
        "an item where there is no list",
        "x-derived: {value: $record.locker#/street}",
        "x-derived: {value: $item#/street}",
        ('"$item#/street" where there is no list',),
    ),
    Slip(
        "each of something that is no list of the request",
        "each: $request.body#/remarks",
        "each: $record#/remarks",
        ("/each", "a list such as $request.body#/field"),
    ),
    Slip(
        "an embedded record that does not refer back",
        "x-embedded: {of: Parcel, by: locker,",
        "x-embedded: {of: Parcel, by: label,",
        ('the field "label", which does not refer to Locker',),
    ),
    Slip(
        "a log that is none",
        "x-logged: {to: Entry,",
        "x-logged: {to: Entri,",
        ('the resource "Entri"', 'did you mean "Entry"?'),
    ),
    Slip(
        "a log of itself",
        "x-logged: {to: Entry,",
        "x-logged: {to: Parcel,",
        ('"Parcel", which is logged itself',),
    ),
    Slip(
        "an entry with an unknown field",
        "values: {to: $record#/to}, actions:",
        "values: {too: $record#/to}, actions:",
        ('the field "too"', 'did you mean "to"?'),
    ),
    Slip(
        "a happening that is no operation",
        "    operation: announceParcel\n    query: {express: true}",
        "    operation: announceParcl\n    query: {express: true}",
        ('the operation "announceParcl"', 'did you mean "announceParcel"?'),
    ),
    Slip(
        "a happening with an unknown field",
        "body: {to: $event#/to, weight",
        "body: {two: $event#/to, weight",
        ('the field "two"', "#/x-provider/handed-in/body/two"),
    ),
    Slip(
        "a search among nothing",
        "{find: Locker, by: size,",
        "{find: Lockr, by: size,",
        ('the resource "Lockr"', 'did you mean "Locker"?'),
    ),
    Slip(
        "a search for nothing",
        "is: $event#/size, take: code}",
        "is: $event#/size}",
        ("nothing under take",),
    ),
    Slip(
        "magic that nothing comes of",
        "event: vanishes, facts",
        "event: vanish, facts",
        ('the event "vanish"', 'did you mean "vanishes"?'),
    ),
    Slip(
        "magic upon an unknown happening",
        "event: handed-in, facts",
        "event: handed-out, facts",
        ('the happening "handed-out"', 'did you mean "handed-in"?'),
    ),
    Slip(
        "a subscription to no log",
        "        to: Entry\n        url: at",
        "        to: Notice\n        url: at",
        ('the log "Notice"', "one of Entry"),
    ),
    Slip(
        "a subscription without an address",
        "        to: Entry\n        url: at",
        "        to: Entry\n        url: att",
        ('the field "att"', "x-subscription/url"),
    ),
    Slip(
        "a subscription that wants an unknown field",
        "wants: {in: to, fields: {what: what}}",
        "wants: {in: to, fields: {what: whatever}}",
        ('the field "whatever"',),
    ),
    Slip(
        "a thread of an unknown field",
        "thread: [locker, to]",
        "thread: [lockr, to]",
        ("/x-view/thread/0", 'the field "lockr"', 'did you mean "locker"?'),
    ),
    Slip(
        "a view without a text",
        "        text: label\n",
        "",
        ("/x-view", 'expected the key "text"'),
        "      x-view:",
    ),
    Slip(
        "a misspelt key of a view",
        "carries: [locker]",
        "caries: [locker]",
        ("/x-view/caries", 'did you mean "carries"?'),
    ),
    Slip(
        "a side by an unknown field",
        "side: {field: stage,",
        "side: {field: stag,",
        ("/x-view/side/field", 'did you mean "stage"?'),
    ),
    Slip(
        "an unknown field beside the text",
        "shows: [remark]",
        "shows: [remarks]",
        ("/x-view/shows/0", 'did you mean "remark"?'),
    ),
    Slip(
        "what is beside the text without an item",
        "shows: [remark]",
        "shows: [{field: remark}]",
        ("/x-view/shows/0",),
    ),
    Slip(
        "items of a field that is no list of objects",
        "shows: [remark]",
        "shows: [{field: remark, item: name}]",
        ("/x-view/shows/0/field", "a field that is a list of objects"),
    ),
    Slip(
        "an unknown property of a field's items",
        "shows: [remark]",
        "shows: [{field: parcels, item: name}]",
        ("/x-view/shows/0/field", 'the field "parcels"'),
    ),
    Slip(
        "a label through a field that is no reference",
        "label: [$record.locker#/street,",
        "label: [$record.to#/street,",
        ("/x-view/label/0", "through a field that is no reference"),
    ),
    Slip(
        "a view that writes by no operation",
        "label: Announce, operation: announceParcel",
        "label: Announce, operation: anounceParcel",
        ("/compose/0/operation", 'did you mean "announceParcel"?'),
    ),
    Slip(
        "a view that writes by an operation that creates nothing",
        "label: Announce, operation: announceParcel",
        "label: Announce, operation: changeParcel",
        ("/compose/0/operation", "to update Parcel", "an operation that creates Parcel"),
    ),
    Slip(
        "a view that writes an unknown field",
        "body: {weight: 1}, query: {express: true}",
        "body: {wait: 1}, query: {express: true}",
        ("/compose/0/body/wait", 'the field "wait"'),
    ),
    Slip(
        "a view that asks for an unknown field",
        "asks: [to]",
        "asks: [too]",
        ("/compose/0/asks/0", 'did you mean "to"?'),
    ),
    Slip(
        "a view with an unknown parameter",
        "query: {express: true}, asks",
        "query: {expres: true}, asks",
        ("/compose/0/query/expres", 'did you mean "express"?'),
    ),
    Slip(
        "a rule without entry",
        "x-rule: parcel.store,",
        "x-rule: parcel.stor,",
        ('the rule "parcel.stor" without an entry', 'did you mean "parcel.store"?'),
    ),
    Slip(
        "an entry never stated",
        "x-rules:\n",
        "x-rules:\n  parcel.odd: {says: Odd., source: none, certainty: inferred}\n",
        ("#/x-rules/parcel.odd", "which no place states"),
        "parcel.odd:",
    ),
    Slip(
        "an unknown certainty",
        "    source: handbook 1\n    certainty: documented",
        "    source: handbook 1\n    certainty: certain",
        ("#/x-rules/courier.known/certainty", '"certain"', "documented"),
        "certainty: certain",
    ),
    Slip(
        "an entry without its sentence",
        "    says: A courier shows a token.\n",
        "",
        ("#/x-rules/courier.known", 'the key "says"'),
        "courier.known:",
    ),
    Slip(
        "a state that nothing leads to",
        "{from: stored, to: collected, x-rule: parcel.collect}",
        "{from: returned, to: collected, x-rule: parcel.collect}",
        ('a transition out of the final state "returned"',),
    ),
    Slip(
        "an island of states",
        "initial: [announced]",
        "initial: [collected]",
        ('the state "announced", which nothing reaches',),
        "- {from: announced, to: stored",
    ),
    Slip(
        "an unknown state",
        "{from: announced, to: stored, x-rule",
        "{from: announced, to: stowed, x-rule",
        ('the state "stowed"', 'did you mean "stored"?'),
    ),
    Slip(
        "a transition twice",
        "{from: stored, to: collected, x-rule: parcel.collect}",
        "{from: announced, to: stored, x-rule: parcel.collect}",
        ('a second transition from "announced" to "stored"',),
    ),
    Slip(
        "two causes of one transition",
        "at: until, x-rule",
        "at: until, after: patience, x-rule",
        ("at and after together",),
    ),
    Slip(
        "a second timed transition",
        "{from: stored, to: returned, after",
        "{from: announced, to: returned, after",
        ('a second timed transition out of "announced"',),
        "- {from: announced, to: forgotten",
    ),
    Slip(
        "a reference to no resource",
        "x-reference: {to: Locker, by: code, where",
        "x-reference: {to: Loker, by: code, where",
        ('the resource "Loker"', 'did you mean "Locker"?'),
    ),
    Slip(
        "a reference by no field",
        "x-reference: {to: Locker, by: code, where",
        "x-reference: {to: Locker, by: cod, where",
        ('the field "cod"', 'did you mean "code"?'),
    ),
    Slip(
        "an effect on no resource",
        "create: Notice",
        "create: Notise",
        ('the resource "Notise"', 'did you mean "Notice"?'),
    ),
    Slip(
        "an effect on no field",
        "values: {parcel: $record#/id",
        "values: {parsel: $record#/id",
        ('the field "parsel"', 'did you mean "parcel"?'),
    ),
    Slip(
        "an expression of no form",
        "value: $principal#/name",
        "value: $principle#/name",
        ('the expression "$principle#/name"', "$principal#/field"),
    ),
    Slip(
        "an expression on no field",
        "{function: first.word, of: [$record#/to]}",
        "{function: first.word, of: [$record#/too]}",
        ('the field "too"', 'did you mean "to"?'),
    ),
    Slip(
        "an expression through no reference",
        "value: $record.locker#/street",
        "value: $record.label#/street",
        ("through a field that is no reference",),
    ),
    Slip(
        "values in a circle",
        "value: {function: first.word, of: [$record#/to]}",
        "value: $record#/label",
        ("values that need each other: first_name, label",),
        "label: {type",
    ),
    Slip(
        "an example of no operation",
        "accepts: [{operation: listParcels}]",
        "accepts: [{operation: listParcel}]",
        ('the operation "listParcel"', 'did you mean "listParcels"?'),
    ),
    Slip(
        "a filter on no field",
        "x-query: {does: filter, field: weight, op: gt}",
        "x-query: {does: filter, field: wait, op: gt}",
        ('the field "wait"',),
    ),
    Slip(
        "a query word of no kind",
        "x-query: {does: limit}",
        "x-query: {does: limt}",
        ('"limt"', 'did you mean "limit"?'),
    ),
    Slip(
        "an operationId twice",
        "operationId: listLockers",
        "operationId: listParcels",
        ('the operationId "listParcels" again',),
        "operationId: listParcels\n      tags: [Lockers]",
    ),
    Slip(
        "a path parameter that nobody declares",
        "    parameters: [{name: number, in: path",
        "    parameters: [{name: numbr, in: path",
        ('"{number}" in the path without a parameter',),
        "    get:\n      operationId: showParcel",
    ),
    Slip(
        "an unknown security scheme",
        "security: [{Courier: []}]",
        "security: [{Currier: []}]",
        ('the security scheme "Currier"', 'did you mean "Courier"?'),
    ),
    Slip(
        "a principal of no resource",
        "x-principal: {to: Courier",
        "x-principal: {to: Carrier",
        ('the resource "Carrier"',),
    ),
    Slip(
        "a seed that is not there",
        "x-seed: [lockers.seed.yaml]",
        "x-seed: [lockers.sede.yaml]",
        ("lockers.sede.yaml",),
    ),
    Slip(
        "an operation of no resource",
        "  /notices:\n    get:",
        "  /notices:\n    put:",
        ("the word x-handler",),
        "    put:\n      operationId: listNotices",
    ),
    Slip(
        "a collection twice",
        "x-resource: {collection: notices,",
        "x-resource: {collection: lockers,",
        ('the collection "lockers" again',),
        "x-resource: {collection: lockers, title: notice",
    ),
    Slip(
        "an order by no field",
        "order: announced_at",
        "order: anounced_at",
        ('the field "anounced_at"', 'did you mean "announced_at"?'),
    ),
    Slip(
        "an unknown condition of time",
        "x-derived: {value: $now, when: create}",
        "x-derived: {value: $now, when: created}",
        ('"created"', 'did you mean "create"?'),
    ),
    Slip(
        "no info",
        "info: {title",
        "x-info: {title",
        ('expected the key "info"',),
        "openapi: 3.1.0",
    ),
    Slip(
        "a timed way out of a final state",
        "{from: announced, to: forgotten, at: until",
        "{from: collected, to: forgotten, at: until",
        ('a transition out of the final state "collected"',),
    ),
    Slip(
        "a handler of no resource",
        "x-handler: {does: read, resource: Courier",
        "x-handler: {does: read, resource: Currier",
        ("/x-handler/resource", 'the resource "Currier"', 'did you mean "Courier"?'),
    ),
    Slip(
        "a handler that does nothing known",
        "x-handler: {does: read,",
        "x-handler: {does: reed,",
        ("/x-handler/does", '"reed"', 'did you mean "read"?'),
    ),
    Slip(
        "an event beside a moment",
        "event: vanishes,",
        "event: vanishes, at: until,",
        ("at and event together",),
    ),
    Slip(
        "a match of no field",
        "where: {properties: {in_service: {const: true}}}",
        "match: {in_servise: to}",
        ('the field "in_servise"', 'did you mean "in_service"?'),
    ),
    Slip(
        "an unknown state where records may be edited",
        "editable: {in: [announced]",
        "editable: {in: [anounced]",
        ('the state "anounced"', 'did you mean "announced"?'),
    ),
    Slip(
        "an example that is no step",
        "accepts: [{operation: listParcels}]",
        "accepts: [{operaton: listParcels}]",
        ("/accepts/0", 'did you mean "operation"?'),
    ),
    Slip(
        "a status laid out twice",
        'x-error: {statuses: ["404"]',
        'x-error: {statuses: ["401"]',
        ('the status "401" again',),
        "Missing: {",
    ),
    Slip(
        "an event's facts where there is no event",
        "sets: {returned_at: $now,",
        "sets: {returned_at: $event#/message,",
        ("$event#/message",),
    ),
    Slip(
        "a where that is no schema",
        "where: {properties: {in_service: {const: true}}}",
        "where: {properties: {in_service: {type: 5}}}",
        ("/where", "type"),
    ),
    Slip(
        "an example's path without its parameter",
        "{operation: dropParcel, path: {number: P-nothing}",
        "{operation: dropParcel, path: {numbr: P-nothing}",
        ("numbr",),
    ),
    Slip(
        "a value of an answer that is not yet there",
        "{operation: dropParcel, path: {number: P-nothing}",
        "{operation: dropParcel, path: {number: $steps.3.response.body#/id}",
        ("$steps.3",),
    ),
    Slip(
        "a type that is none",
        "schema: {type: integer, default: 10, minimum: 1}",
        "schema: {type: integr, default: 10, minimum: 1}",
        ("/schema", "integr"),
    ),
    Slip(
        "a default that its schema refuses",
        "schema: {type: integer, default: 10, minimum: 1}",
        "schema: {type: integer, default: ten, minimum: 1}",
        ("/default", "ten"),
    ),
    Slip(
        "a pattern that is none",
        "to: {type: string, x-rule: parcel.recipient, minLength: 1}",
        "to: {type: string, x-rule: parcel.recipient, pattern: '['}",
        ("/pattern",),
    ),
    Slip(
        "a requirement that is no schema",
        "schema: {x-rule: parcel.stored.needs-locker, required: [locker],",
        "schema: {x-rule: parcel.stored.needs-locker, required: locker,",
        ("/requires/0/schema/required",),
    ),
    Slip(
        "a condition of an effect that is no schema",
        "if: {properties: {query: {properties: {express: {const: true}}",
        "if: {properties: {query: {properties: {express: {type: 7}}",
        ("/x-effects/0/if",),
    ),
    Slip(
        "a misspelt keyword of an operation",
        "requestBody: {required",
        "requestBdy: {required",
        ("/post/requestBdy", 'did you mean "requestBody"?'),
    ),
    Slip(
        "a misspelt keyword of a schema",
        "x-rule: parcel.recipient, minLength: 1}\n        weight",
        "x-rule: parcel.recipient, minLenght: 1}\n        weight",
        ("/to/minLenght", 'did you mean "minLength"?'),
    ),
    Slip(
        "a misspelt format",
        'until: {type: [string, "null"], format: date-time}',
        'until: {type: [string, "null"], format: datetime}',
        ("/until/format", 'did you mean "date-time"?'),
    ),
    Slip(
        "an operationId that is no text",
        "operationId: dropParcel",
        "operationId: 5",
        ("/delete/operationId", "found 5", "type string"),
    ),
    Slip(
        "a response that refers to a schema",
        "'422': {$ref: '#/components/responses/Bad'}",
        "'422': {$ref: '#/components/schemas/Notice'}",
        ("which is no response",),
    ),
    Slip(
        "a schema that refers to a response",
        "schema: {$ref: '#/components/schemas/Announcement'}",
        "schema: {$ref: '#/components/responses/Bad'}",
        ("which is no schema",),
    ),
    Slip(
        "a reference into another file",
        "schema: {$ref: '#/components/schemas/Announcement'}",
        "schema: {$ref: 'other.yaml#/Announcement'}",
        ('"other.yaml#/Announcement", which is not in this document',),
    ),
    Slip(
        "two references that only refer to each other",
        "    Change:\n      type: object",
        "    One: {$ref: '#/components/schemas/Two'}\n    Two: {$ref: '#/components/schemas/One'}\n"
        "    Change:\n      type: object",
        ("which comes back here",),
    ),
    Slip(
        "a schema that is a part of itself",
        "    Change:\n      type: object",
        "    Endless: {anyOf: [{type: string}, {$ref: '#/components/schemas/Endless'}]}\n"
        "    Change:\n      type: object",
        ("which comes back here",),
    ),
    Slip(
        "two outcomes of one event",
        "{from: stored, to: lost, event: vanishes, sets",
        "{from: stored, to: returned, event: vanishes}\n"
        "          - {from: stored, to: lost, event: vanishes, sets",
        ('a second outcome of the event "vanishes" in "stored"',),
    ),
    Slip(
        "a loop in which only time passes",
        "- {from: announced, to: forgotten, at: until, x-rule: parcel.forgotten}",
        "- {from: announced, to: forgotten, at: until, x-rule: parcel.forgotten}\n"
        "          - {from: forgotten, to: announced, after: patience}",
        ("a loop in which only time passes: announced, forgotten, announced",),
    ),
    Slip(
        "a closed change that is a transition",
        "closed: [{x-rule: parcel.stages}]",
        "closed: [{x-rule: parcel.stages}, {from: [announced], to: [stored]}]",
        ("/closed/1", "closed changes that are all transitions"),
    ),
    Slip(
        "a moment that is none",
        "at: until, x-rule",
        "at: locker, x-rule",
        ("/transitions/3/at", '"locker", which is no moment'),
    ),
    Slip(
        "seconds that are no number",
        "after: patience,",
        "after: locker,",
        ("/transitions/2/after", "no number of seconds"),
    ),
    Slip(
        "a value that its field refuses",
        "sets: {returned_at: $now,",
        "sets: {returned_at: 5,",
        ("/sets/returned_at", "found 5"),
    ),
    Slip(
        "a request's body where time passes",
        "sets: {returned_at: $now,",
        "sets: {returned_at: $request.body#/to,",
        ('"$request.body#/to" where only time passes',),
    ),
    Slip(
        "a caller where an event happens",
        "sets: {remark: $event#/message}",
        "sets: {remark: $principal#/name}",
        ('"$principal#/name" where nobody calls',),
    ),
    Slip(
        "an unknown field of who calls",
        "value: $principal#/name",
        "value: $principal#/nam",
        ('the field "nam"', 'did you mean "name"?'),
    ),
    Slip(
        "an unknown field of the body",
        "value: $principal#/name",
        "value: $request.body#/patienc",
        ('the field "patienc"', 'did you mean "patience"?'),
    ),
    Slip(
        "an unknown parameter",
        "value: $principal#/name",
        "value: $request.query.expres",
        ('the query parameter "expres"', 'did you mean "express"?'),
    ),
    Slip(
        "a handler's id from a path without parameters",
        "id: $principal#/id",
        "id: $request.path.number",
        ("/x-handler/id", 'the path parameter "number"'),
    ),
    Slip(
        "a record that nothing names",
        "resource: Courier, id: $principal#/id}",
        "resource: Courier}",
        ("read of a record that nothing names",),
        "    get:\n      operationId: showCourier",
    ),
    Slip(
        "a where about no field",
        "where: {properties: {in_service: {const: true}}}",
        "where: {properties: {in_servise: {const: true}}}",
        ("/where/properties/in_servise", 'did you mean "in_service"?'),
    ),
    Slip(
        "a where that requires no field",
        "where: {properties: {in_service: {const: true}}}",
        "where: {required: [in_servise]}",
        ("/where/required/0", 'did you mean "in_service"?'),
    ),
    Slip(
        "an effect's condition about nothing",
        "if: {properties: {query: {properties: {express: {const: true}}",
        "if: {properties: {qery: {properties: {express: {const: true}}",
        ("/x-effects/0/if/properties/qery", 'did you mean "query"?'),
    ),
    Slip(
        "an effect's condition about no parameter",
        "if: {properties: {query: {properties: {express: {const: true}}",
        "if: {properties: {query: {properties: {expres: {const: true}}",
        ("/properties/query/properties/expres", 'did you mean "express"?'),
    ),
    Slip(
        "a limit that is no number",
        "schema: {type: integer, default: 10, minimum: 1}, x-query: {does: limit}",
        "schema: {type: string}, x-query: {does: limit}",
        ("limit of type string",),
    ),
    Slip(
        "an order by one unknown field",
        "enum: [weight, -weight]",
        "enum: [wieght, -weight]",
        ('the field "wieght"', 'did you mean "weight"?'),
    ),
    Slip(
        "a parameter twice",
        "- {name: express, in: query, schema: {type: boolean}}",
        "- {name: express, in: query, schema: {type: string}}\n"
        "        - {name: express, in: query, schema: {type: boolean}}",
        ('"express" in query again',),
    ),
    Slip(
        "two paths that are one",
        "  /boxes:\n",
        "  /parcels/{id}: {parameters: [{name: id, in: path, required: true, schema: {}}]}\n  /boxes:\n",
        ("which only names its parameters differently",),
    ),
    Slip(
        "a path with an open brace",
        "  /parcels/{number}:",
        "  /parcels/{number:",
        ('the path "/parcels/{number"',),
    ),
    Slip(
        "a kind of invention that there is not",
        "x-invented: person",
        "x-invented: persn",
        ("/x-invented", "persn", "person"),
    ),
    Slip(
        "an invention out of nothing",
        "x-invented: {each: Parcel}",
        "x-invented: {each: Parsel}",
        ("/x-invented/each", 'did you mean "Parcel"?'),
    ),
    Slip(
        "an invention that takes what is not there",
        "x-invented: {from: parcel, take: to}",
        "x-invented: {from: parcel, take: two}",
        ("/x-invented/take", 'the field "two"', 'did you mean "to"?'),
    ),
    Slip(
        "an invention from a field that picks nothing",
        "x-invented: {from: parcel, take: to}",
        "x-invented: {from: id, take: to}",
        ("/x-invented/from", 'the field "id", which picks no record'),
    ),
    Slip(
        "content of a list",
        "x-handler: {does: read, resource: Parcel}",
        "x-handler: {does: list, resource: Parcel}",
        ("/x-content", "an operation that does list", "one that reads a record"),
        "x-content:",
    ),
    Slip(
        "content of a field that is not there",
        "of: [text/plain, $record#/to]",
        "of: [text/plain, $record#/too]",
        ("/x-content/data", 'the field "too"', 'did you mean "to"?'),
    ),
    Slip(
        "a misspelt placeholder of a limit",
        "$remaining of",
        "$remaning of",
        ("#/x-limits/headers/Parcels-Left", 'did you mean "$remaining"?'),
    ),
    Slip(
        "a limit's placeholder in another error",
        "{problem: {text: $message}}}}",
        "{problem: {text: $message, wait: $pause}}}}",
        ('the placeholder "$pause"', "#/components/responses/Unknown/x-error/body/problem/wait"),
    ),
    Slip(
        "a header that cannot be",
        "Parcels-Left:",
        '"Parcels Left":',
        ("#/x-limits/headers",),
    ),
    Slip(
        "a misspelt placeholder",
        "texts: $messages,",
        "texts: $mesages,",
        ('the placeholder "$mesages"', 'did you mean "$messages"?'),
    ),
    Slip(
        "a default of a record that its field refuses",
        "default: 604800",
        "default: week",
        ("/patience/default", '"week"'),
    ),
    Slip(
        "a default under a condition that its field refuses",
        "then: {properties: {days: {default: 3}}}",
        "then: {properties: {days: {default: 0}}}",
        ("/then/properties/days/default", "minimum: 1"),
    ),
    Slip(
        "a rule where no rule is read",
        "  /boxes:\n",
        "  /boxes:\n    x-rule: parcel.lost\n",
        ('"x-rule" at paths//boxes, where nothing reads it',),
        "    x-rule: parcel.lost\n",
    ),
    Slip(
        "a record without an id",
        "        id: {type: string, x-derived: {value: $id, when: create}}\n        parcel",
        "        parcel",
        ("a stored record without an id",),
        "    Notice:\n",
    ),
    Slip(
        "an example's query without its parameter",
        "{operation: listLockers, query: {size: S}",
        "{operation: listLockers, query: {sise: S}",
        ('the query parameter "sise"', 'did you mean "size"?'),
    ),
    Slip(
        "an example's body where none is taken",
        "{operation: listLockers, query: {size: S}",
        "{operation: listLockers, body: {}, query: {size: S}",
        ("a body for listLockers, which takes none",),
    ),
    Slip(
        "an expectation that is no schema",
        "expect: {properties: {body: {properties: {label: {const",
        "expect: {properties: {body: {properties: {label: {cnst",
        ("/label/cnst", 'did you mean "const"?'),
    ),
    Slip(
        "a number that JSON does not have",
        "exclusiveMinimum: 0, maximum: 20",
        "exclusiveMinimum: 0, maximum: 1e999",
        ("a number that is too large",),
    ),
    Slip(
        "an alias of what it stands in",
        "  responses:\n    Bad:",
        "  x-endless: &endless {again: *endless}\n  responses:\n    Bad:",
        ("#/components/x-endless/again", "an alias of what it stands in"),
    ),
    Slip(
        "a tag for what JSON does not have",
        "default: 604800",
        "default: !!binary aGk=",
        ('a value of type "binary"',),
    ),
]


PAGES = "        pages: {type: array, items: {properties: {name: {}, seen: {type: string}}}}\n"


def write(folder: Path, text: str) -> Path:
    (folder / "lockers.seed.yaml").write_text("{}", encoding="utf-8")
    path = folder / "slip.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_reported_where_it_is(slip: Slip, tmp_path: Path) -> None:
    assert slip.old in TEXT
    text = TEXT.replace(slip.old, slip.new, 1)
    path = write(tmp_path, text)
    with pytest.raises(DocumentError) as raised:
        load_document(path)
    report = str(raised.value)
    for words in slip.says:
        assert words in report
    marker = slip.line_of or slip.new
    line = text[: text.index(marker)].count("\n") + 1
    lines = {line + offset for offset in range(marker.count("\n") + 1)}
    assert any(f"slip.yaml:{number}: " in report for number in lines), report


def test_several_faults_are_reported_together(tmp_path: Path) -> None:
    text = TEXT.replace("transitions:", "transitons:").replace(
        "x-derived: {value: $now", "x-derived: {valu: $now"
    )
    with pytest.raises(DocumentError) as raised:
        load_document(write(tmp_path, text))
    assert len(raised.value.faults) >= 3
    assert [fault.line for fault in raised.value.faults] == sorted(
        fault.line for fault in raised.value.faults
    )


def test_a_picture_is_a_property_of_what_is_shown(tmp_path: Path) -> None:
    text = TEXT.replace("        remark: {", PAGES + "        remark: {", 1)
    text = text.replace("shows: [remark]", "shows: [{field: pages, item: name, picture: sen}]", 1)
    with pytest.raises(DocumentError) as raised:
        load_document(write(tmp_path, text))
    (fault,) = raised.value.faults
    assert "/x-view/shows/0/picture" in str(fault)
    assert 'did you mean "seen"?' in str(fault)


def test_a_fault_of_one_kind_hides_none_of_another(tmp_path: Path) -> None:
    text = (
        TEXT.replace("'#/components/schemas/Announcement'", "'#/components/schemas/Anouncement'")
        .replace("function: join.words", "function: join.wods")
        .replace("x-rule: parcels.pages", "x-rule: parcels.pags")
        .replace("x-resource: {collection: lockers", "x-resource: {colection: lockers")
        .replace("{from: announced, to: stored, x-rule", "{from: announced, to: collected, x-rule")
        .replace("x-rules:\n", "x-rules:\n  parcel.unsaid: {says: No., source: Nowhere.}\n")
    )
    with pytest.raises(DocumentError) as raised:
        load_document(write(tmp_path, text))
    said = str(raised.value)
    for slip in ("Anouncement", "join.wods", "parcels.pags", "colection", "parcel.unsaid"):
        assert slip in said
    assert 'the state "stored", which nothing reaches' in said
    assert 'did you mean "join.words"?' in said
    assert 'did you mean "parcels.pages"?' in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("field: stage", "field: stege"),
        ("operationId: changeParcel", "operationId: listParcels"),
        ("value: {function: join.words, of", "value: {function: join.wrds, of"),
    ],
)
def test_one_slip_is_one_fault(old: str, new: str, tmp_path: Path) -> None:
    """What follows from it is not told as well."""
    assert old in TEXT
    with pytest.raises(DocumentError) as raised:
        load_document(write(tmp_path, TEXT.replace(old, new, 1)))
    assert len(raised.value.faults) == 1


def test_another_vendors_words_pass(tmp_path: Path) -> None:
    text = TEXT.replace("x-seed:", "x-tagGroups: [{name: All}]\nx-logo: {url: none}\nx-seed:")
    assert load_document(write(tmp_path, text)).title == "Parcel Lockers"


@pytest.mark.parametrize("content", ["", "[]", "just words", "5", "null"])
def test_what_is_no_document_is_said_to_be_none(content: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="expected an OpenAPI"):
        load_document(write(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        load_document(tmp_path / "nothing.yaml")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00openapi")
    with pytest.raises(DocumentError, match="UTF-8"):
        load_document(path)


def test_a_parameter_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    text = TEXT.replace(
        "parameters: [{name: number, in: path", "parameters: [1, {name: number, in: path", 1
    )
    with pytest.raises(DocumentError, match="found 1; expected a value of type object"):
        load_document(write(tmp_path, text))


LINES = TEXT.splitlines(keepends=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_damage_makes_compiling_crash(data: st.DataObject) -> None:
    """A document with lines lost, doubled or changed compiles, or is refused with faults."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["lose", "double", "null", "list", "text"]))
        key = lines[at].split(":")[0]
        changed = {"lose": "", "double": lines[at] * 2, "null": f"{key}: null\n"}
        changed |= {"list": f"{key}: [1, x]\n", "text": f"{key}: words\n"}
        lines[at] = changed[what]
    source = parse_source("".join(lines), LOCKERS)
    with suppress(DocumentError):
        compile_source(source)


@pytest.mark.parametrize(
    ("text", "found"), [("", "nothing"), ("null", "nothing"), ("- 1", "[1]"), ("words", '"words"')]
)
def test_what_is_no_mapping_is_no_document(text: str, found: str) -> None:
    with pytest.raises(DocumentError, match=r"expected an OpenAPI 3\.1 mapping") as refused:
        compile_source(parse_source(text))
    assert refused.value.faults[0].found == found
