"""What the parts of one compilation share: the source, the faults found, the places claimed."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.errors import Fault
from mock_server.spec.anatomy import vocabulary
from mock_server.spec.loader import Source
from mock_server.spec.model import Place
from mock_server.spec.pointers import escape, nearest, one_of, parse_pointer
from mock_server.spec.schemas import Resolver, rule_ids


class Compilation:
    """One document on its way to frozen values."""

    def __init__(self, source: Source, functions: frozenset[str]) -> None:
        self.source = source
        self.raw: dict[str, Any] = source.value
        self.functions = functions
        self.faults: list[Fault] = []
        self.resolver = Resolver(self.raw)
        self.places: dict[str, list[Place]] = {}
        self.claimed: set[str] = set()
        self.without_catalogue = False  # whether that is told already

    def report(self, pointer: str, found: str, expected: str, hint: str = "") -> None:
        self.faults.append(self.source.fault(pointer, found, expected, hint))

    def claim(self, pointer: str) -> None:
        """Marks a word as read; one that nobody reads is a fault."""
        self.claimed.add(pointer)

    def state(self, node: Any, pointer: str, place: Place) -> tuple[str, ...]:
        """Records the rules that a node names as stated at a place."""
        ids = rule_ids(node)
        if ids:
            self.claim(f"{pointer}/x-rule")
        for rule_id in ids:
            self.places.setdefault(rule_id, []).append(place)
        return ids

    def known(self, name: Any, names: Any, pointer: str, what: str) -> bool:
        """Whether a name is one of the known; reports it with the nearest spelling if not."""
        if name in names:
            return True
        self.report(pointer, f'the {what} "{name}"', one_of(names), nearest(str(name), names))
        return False

    def report_unentered(self, rule_id: str, pointer: str) -> None:
        """A place states a rule that the catalogue does not have.

        Where there is no catalogue, one fault says so for all places; none, where its word is misspelt.
        """
        entries = self.raw.get("x-rules")
        if "x-rules" not in self.raw:
            misspelt = any(nearest(word, ["x-rules"]) for word in self.raw)
            if not misspelt and not self.without_catalogue:
                found = f'the rule "{rule_id}" (and maybe more) without an entry'
                self.report(f"{pointer}/x-rule", found, "a catalogue of rules at #/x-rules")
            self.without_catalogue = True
            return
        self.report(
            f"{pointer}/x-rule",
            f'the rule "{rule_id}" without an entry',
            "an entry under #/x-rules",
            nearest(str(rule_id), entries if isinstance(entries, dict) else ()),
        )


@cache
def word_schema(word: str) -> dict[str, Any]:
    words = vocabulary()
    return {**words["words"][word], "$defs": words["$defs"]}


@cache
def word_validator(word: str) -> Draft202012Validator:
    return Draft202012Validator(word_schema(word))


def check_words(
    compilation: Compilation, pointer: str, node: dict[str, Any], standing: list[tuple[str, str]]
) -> None:
    """Holds the words of one part against the vocabulary; adds to `standing` where each stands."""
    known = vocabulary()["words"]
    for word in [key for key in node if key.startswith("x-")]:
        place = f"{pointer}/{escape(word)}"
        if word in known:
            standing.append((place, word))
            if not word_validator(word).is_valid(node[word]):
                explain_mismatch(compilation, word_schema(word), node[word], place)
        elif close_enough(word, known):
            compilation.report(
                place,
                f'the unknown word "{word}"',
                f"{one_of(known)} (or another vendor's)",
                meant(word, known, pointer),
            )


def meant(word: str, known: dict[str, Any], pointer: str) -> str:
    """The nearest of the words that stand where this one does: some stand at the root alone."""
    at_root = pointer in ("", "#")
    here = [name for name in known if known[name]["description"].startswith("Root:") == at_root]
    return nearest(word, here) or nearest(word, known)


def close_enough(word: str, known: Any) -> bool:
    """Whether an unknown word is a slip of one of ours rather than another vendor's."""
    from difflib import get_close_matches

    return bool(get_close_matches(word, list(known), n=1, cutoff=0.8))


def explain_mismatch(
    compilation: Compilation, schema: dict[str, Any], value: Any, pointer: str
) -> None:
    """Says what in a value does not fit its schema, each mismatch as a fault of its own."""
    # Imported where something is wrong: its errors are the better ones, its import the slower.
    from jsonschema import Draft202012Validator as Explainer

    for error in Explainer(schema).iter_errors(value):
        tokens = "".join(f"/{escape(str(token))}" for token in error.absolute_path)
        report_mismatch(compilation, error, f"{pointer}{tokens}")


def report_mismatch(compilation: Compilation, error: Any, pointer: str) -> None:
    found, keyword, limit = describe(error.instance), error.validator, error.validator_value
    match keyword:
        case "additionalProperties" | "unevaluatedProperties" if limit is False:
            report_unknown(compilation, error, pointer)
        case "required":
            missing = error.message.split("'")[1]
            compilation.report(pointer, f"nothing under {missing}", f'the key "{missing}"')
        case "enum":
            options = [str(option) for option in limit]
            hint = nearest(str(error.instance), options)
            compilation.report(pointer, found, one_of(options), hint)
        case "type":
            names = limit if isinstance(limit, str) else " or ".join(limit)
            compilation.report(pointer, found, f"a value of type {names}")
        case "pattern":
            compilation.report(pointer, found, f"text that matches {limit}")
        case "oneOf" if not error.context:  # it has more than one of the forms
            compilation.report(pointer, found, "one form, where this has several at once")
        case "anyOf" | "oneOf":
            closest = max(error.context, key=lambda e: (len(e.path), e.validator == "enum"))
            tokens = "".join(f"/{escape(str(token))}" for token in closest.path)
            report_mismatch(compilation, closest, f"{pointer}{tokens}")
        case _:
            compilation.report(pointer, found, f"{keyword}: {describe(limit)}")


def report_unknown(compilation: Compilation, error: Any, pointer: str) -> None:
    """The keys of an object that are none of those it may have."""
    allowed = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    for key in error.instance:
        if key in allowed or key.startswith("x-") or any(re.search(p, key) for p in patterns):
            continue
        compilation.report(
            f"{pointer}/{escape(key)}",
            f'the unknown key "{key}"',
            one_of([*allowed, *(f"what matches {pattern}" for pattern in patterns)]),
            nearest(key, allowed),
        )


def describe(value: Any) -> str:
    """A value as people see it in the file, cut to a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "…"


def is_in_faulty(compilation: Compilation, pointer: str) -> bool:
    """Whether the word around a place has a fault, so that the rest of it may not have been read."""
    around = re.match(r"(.*?/x-[^/]*)/", pointer)
    return around is not None and any(
        f"{fault.pointer}/".startswith(f"{around[1]}/") for fault in compilation.faults
    )


def check_claims(compilation: Compilation, standing: list[tuple[str, str]]) -> None:
    """A word of ours that nothing has read stands in a wrong place."""
    descriptions = vocabulary()["words"]
    unread = [(p, w) for p, w in standing if p not in compilation.claimed]
    for pointer, word in unread:
        parent = pointer.rsplit("/", 1)[0]
        if word == "x-rule" and any(parent == p for p, _ in unread):
            continue
        if is_in_faulty(compilation, pointer):
            continue
        where = descriptions[word]["description"].split(":")[0]
        place = "/".join(parse_pointer(parent)[-2:])
        compilation.report(
            pointer, f'"{word}" at {place}, where nothing reads it', f"it at: {where.lower()}"
        )
