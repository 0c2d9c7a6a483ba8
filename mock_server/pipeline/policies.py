"""What becomes of what breaks a rule: its policy, as the catalogue says or as somebody has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mock_server.errors import SettingsError
from mock_server.settings import Chosen
from mock_server.spec.model import BusinessRule, Document, Place, Policy
from mock_server.spec.pointers import nearest

# Rules of these kinds describe answers; there is nothing that the server could let through.
FIXED_KINDS = frozenset({"record", "response"})


def decide_policies(document: Document, chosen: Mapping[str, Policy]) -> dict[str, Policy]:
    """The policy of every rule: what was chosen, else what the catalogue says."""
    faults = []
    for rule_id, policy in chosen.items():
        rule = document.rules.get(rule_id)
        place = f"{policy.place}: " if isinstance(policy, Chosen) else ""
        if rule is None:
            hint = nearest(rule_id, document.rules)
            faults.append(
                f'{place}the policy "{rule_id}={policy}" names no rule of {document.title}; {hint or "see: mock-server rules"}'
            )
        elif policy != "enforce" and all(place.kind in FIXED_KINDS for place in rule.places):
            faults.append(
                f'{place}the policy "{rule_id}={policy}" cannot be: this rule says how answers look, '
                "so there is nothing to let through; leave it out"
            )
    if faults:
        raise SettingsError(*faults)
    return {rule_id: chosen.get(rule_id, rule.policy) for rule_id, rule in document.rules.items()}


# What a request can break, which may be let through; and what the server does, which may be left out.
BREAKABLE = frozenset(
    ("schema", "parameter", "requires", "reference", "closed", "editable", "refusal", "security")
)
DONE = frozenset(
    (
        *("default", "derived", "timed", "effect"),
        *("embedded", "cascade", "log", "action", "subscription"),
    )
)
ACTING: Mapping[Policy, frozenset[str]] = {"off": BREAKABLE | DONE, "warn": BREAKABLE}
STRENGTH = ("off", "warn", "enforce")


def iter_idle(document: Document, policies: Mapping[str, Policy]) -> Iterator[str]:
    """The policies that change nothing, each with the reason."""
    together: dict[str, list[str]] = {}
    for rule in document.rules.values():
        for place in rule.places:
            together.setdefault(place.pointer, []).append(rule.rule_id)

    def stricter(place: Place, policy: Policy) -> list[str]:
        # That a reference names something, and what it names, are two things in one place.
        shared = () if place.kind == "reference" else together[place.pointer]
        return [
            other for other in shared if STRENGTH.index(policies[other]) > STRENGTH.index(policy)
        ]

    for rule_id, rule in document.rules.items():
        policy = policies[rule_id]
        if policy == "enforce":
            continue
        acting = [place for place in rule.places if place.kind in ACTING[policy]]
        if not acting:
            yield f"{rule_id} {policy}: {reason(rule)}"
        elif all(stricter(place, policy) for place in acting):
            others = dict.fromkeys(o for place in acting for o in stricter(place, policy))
            yield f"{rule_id} {policy}: the same is asked by {', '.join(others)}"


def reason(rule: BusinessRule) -> str:
    if any(place.kind in DONE for place in rule.places):
        return "it says what the server does, which no request breaks; off leaves it out"
    return "it says what is possible, and there is nothing to let through"
