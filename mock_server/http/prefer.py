"""`Prefer: code=, example=, dynamic=, wait=`: an answer of the document in place of a judged one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mock_server.functions.guess import guess_text
from mock_server.ids import Chance, IdFactory
from mock_server.pipeline.exchange import OperationPlan, Plan
from mock_server.pipeline.respond import JSON, Answer, refuse
from mock_server.problems import Problem
from mock_server.spec.model import Document, Response
from mock_server.spec.pointers import follow, one_of, parse_pointer
from mock_server.spec.samples import WORDS, sample
from mock_server.spec.schemas import keyword_of, properties_of

APPLIED = "Preference-Applied"
LONGEST = 600.0  # seconds
PREFERENCE = re.compile(r'\s*([A-Za-z_-]+)\s*=\s*("[^"]*"|[^,;]*)\s*')


@dataclass(frozen=True, slots=True)
class Preference:
    """What a request prefers; None where it does not say."""

    code: int | None = None
    example: str | None = None
    dynamic: bool | None = None
    wait: float | None = None

    @property
    def answers(self) -> bool:
        """Whether an answer of the document is wanted."""
        return self.code is not None or self.example is not None or self.dynamic is not None

    def __str__(self) -> str:
        shown = (
            ("code", self.code),
            ("example", self.example),
            ("dynamic", self.dynamic),
            ("wait", self.wait),
        )
        return ", ".join(
            f"{name}={str(value).lower() if isinstance(value, bool) else value if not isinstance(value, float) else f'{value:g}'}"
            for name, value in shown
            if value is not None
        )


def parse_prefer(header: str) -> Preference | str:
    """The preferences of a header, or what is wrong with it; those of others are not ours."""
    found: dict[str, Any] = {}
    for part in re.split(r"[,;]", header):
        match = PREFERENCE.fullmatch(part)
        if match is None or match[1].lower() not in READ:
            continue
        name, text = match[1].lower(), match[2].strip().strip('"')
        value = READ[name](text)
        if value is None:
            return f"Prefer: found {name}={text}; expected {EXPECTED[name]}."
        found[name] = value
    return Preference(**found)


def read_code(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[2-5][0-9][0-9]", text) else None


def read_wait(text: str) -> float | None:
    known = re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)
    return float(text) if known and float(text) <= LONGEST else None


READ = {
    "code": read_code,
    "example": lambda text: text or None,
    "dynamic": lambda text: {"true": True, "false": False}.get(text.lower()),
    "wait": read_wait,
}
EXPECTED = {
    "code": "a status from 200 to 599",
    "example": "the name of an example",
    "dynamic": "true or false",
    "wait": f"seconds, at most {LONGEST:g}",
}


def preferred(
    document: Document, plan: Plan, operation: OperationPlan, wish: Preference, chance: Chance
) -> Answer:
    """The documented answer that a request prefers; one that the document lacks is a 400."""
    responses = operation.operation.responses
    code = wish.code or operation.operation.success
    response = (
        responses.get(str(code)) or responses.get(f"{code // 100}XX") or responses.get("default")
    )
    if response is None:
        if code >= 400:
            applied = ((APPLIED, str(wish)),)
            return refuse(plan, Problem(code, "This answer was preferred.", headers=applied))
        return unknown(plan, f"code={code}", responses)
    media = media_of(document, response)
    examples = {name: node.get("value") for name, node in media.get("examples", {}).items()}
    if wish.example is not None and wish.example not in examples:
        return unknown(plan, f"example={wish.example}", examples)
    if not media:
        return Answer(code, [(APPLIED, str(wish))], b"")
    if wish.example is not None:
        body = examples[wish.example]
    elif wish.dynamic:
        drawn = sample(response.schema, chance, leaving="writeOnly")
        prefixes = {name: one.prefix for name, one in document.resources.items()}
        body = plausible(response.schema, drawn, chance, prefixes)
    elif "example" in media:
        body = media["example"]
    else:
        body = next(iter(examples.values()), None) or sample(
            response.schema, None, leaving="writeOnly"
        )
    return Answer(code, [JSON, (APPLIED, str(wish))], orjson.dumps(body))


def plausible(
    schema: Any,
    value: Any,
    chance: Chance,
    prefixes: Mapping[str, str],
    own: str = "",
    name: str = "",
) -> Any:
    """What was drawn, with likelier texts where any word was as good: ids, examples, names that tell.

    `prefixes` are those of ids by resource, `own` the one of the record around the value.
    """
    if isinstance(schema, dict) and not properties_of(schema):
        # One of several forms was drawn: the first, as samples are.
        schema = next((schema[word][0] for word in ("oneOf", "anyOf") if schema.get(word)), schema)
    if isinstance(value, dict):
        word = keyword_of(schema, "x-resource")
        own = word.get("prefix", "") if isinstance(word, dict) else own
        known = properties_of(schema)
        return {
            key: plausible(known.get(key), one, chance, prefixes, own, key)
            for key, one in value.items()
        }
    if isinstance(value, list):
        items = keyword_of(schema, "items")
        return [plausible(items, one, chance, prefixes, own, name) for one in value]
    if value not in WORDS:
        return value
    reference, derived = (keyword_of(schema, word) for word in ("x-reference", "x-derived"))
    if isinstance(reference, dict) and reference.get("by", "id") == "id":
        return IdFactory(chance.noise(8).hex()).new(prefixes.get(reference["to"], ""))
    if isinstance(derived, dict) and derived.get("value") == "$id":
        return IdFactory(chance.noise(8).hex()).new(own)
    listed = keyword_of(schema, "examples")
    texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return chance.pick(texts) if texts else guess_text(name) or value


def unknown(plan: Plan, found: str, known: Mapping[str, Any]) -> Answer:
    expected = one_of(known) if known else "none, for this answer has no named ones"
    return refuse(plan, Problem(400, f"Prefer: found {found}; expected {expected}."))


def media_of(document: Document, response: Response) -> dict[str, Any]:
    """The JSON content of a response as the document has it."""
    node = resolved(document, follow(document.raw, parse_pointer(response.pointer)))
    for name, media in node.get("content", {}).items():
        if name.partition(";")[0].strip().endswith("json"):
            listed = media.get("examples", {})
            return {**media, "examples": {n: resolved(document, one) for n, one in listed.items()}}
    return {}


def resolved(document: Document, node: Any) -> Any:
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        node = follow(document.raw, parse_pointer(node["$ref"]))
    return node
