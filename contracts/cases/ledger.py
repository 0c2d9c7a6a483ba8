"""What is known of each rule: cases tried, findings, differences, and why something was not tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from contracts.cases.story import Case, Finding
from contracts.settings import Selection
from mock_server.spec.model import BusinessRule, ErrorLayout

Verdict = Literal["kept", "broken", "not-exercised"]
ENOUGH = 3  # findings after which a rule needs no more cases
FIRST, EVERY = 2, 6  # cases of inferred rules alone, in each group: the first ones, then a sample
BESIDE = 12  # cases of an inferred rule that is not selected, for what they say of refusals
NOT_SELECTED = "not selected"


@dataclass(slots=True)
class Entry:
    """One rule's account."""

    rule: BusinessRule
    selected: bool = True
    cases: int = 0
    passed: int = 0  # cases that nothing was found in
    refused: int = 0  # those of them in which something was refused
    withheld: bool = False  # whether safety has kept cases back
    met: int = 0  # cases, whether the rule is selected or not
    seconds: float = 0.0  # its part of the time that cases took, without their pauses
    findings: list[Finding] = field(default_factory=list)
    differences: list[Finding] = field(default_factory=list)
    blocked: Counter[str] = field(default_factory=Counter)
    flaky: list[Finding] = field(default_factory=list)
    accepted: list[Finding] = field(default_factory=list)  # those of `findings` in a baseline

    @property
    def verdict(self) -> Verdict:
        if self.findings:
            return "broken"
        return "kept" if self.passed and not self.half else "not-exercised"

    @property
    def half(self) -> bool:
        """Whether it was seen to let through, and what it refuses was kept back by safety."""
        return self.withheld and bool(self.rule.rejects) and not self.refused

    @property
    def fails(self) -> bool:
        """Whether this fails the run: only what is documented does, and is not accepted."""
        return self.has_new and self.rule.certainty == "documented"

    @property
    def has_new(self) -> bool:
        return len(self.findings) > len(self.accepted)

    @property
    def reason(self) -> str:
        if not self.selected:
            return NOT_SELECTED
        if self.rule.policy != "enforce" and self.verdict == "not-exercised":
            return f"its policy is {self.rule.policy}: a target may do either"
        listed = [reason for reason, _ in self.blocked.most_common()]
        if self.passed and self.half:
            listed.insert(0, "what it refuses was not tried")
        if self.differences and not self.refused and self.verdict != "kept":
            listed.insert(0, "it was met in inferred readings alone, and differs in them")
        if self.verdict == "not-exercised":
            return "; ".join(listed[:3]) or "nothing in the document lets it be tried"
        if listed:
            return f"in part: {listed[0]}"
        return ""

    @property
    def counterexample(self) -> Finding | None:
        """The finding with the fewest requests."""
        found = self.findings or self.differences
        return min(found, key=lambda one: len(one.exchanges), default=None)


class Ledger:
    """The accounts of all rules."""

    def __init__(
        self,
        rules: Mapping[str, BusinessRule],
        selection: Selection,
        thorough: bool = True,
    ) -> None:
        self.thorough = thorough
        self.offered: Counter[object] = Counter()
        self.told: Counter[object] = Counter()  # differences, by rules and what was expected
        self.accepts: Callable[[str, Finding], bool] = lambda rule_id, finding: False
        self.entries = {
            rule_id: Entry(rule, selection.has_rule(rule_id)) for rule_id, rule in rules.items()
        }
        self.faults: list[str] = []
        # Rules of refusals as such are judged beside every case that is about a refusal.
        self.beside = [e for i, e in self.entries.items() if is_of_refusals(rules[i])]

    def wants(self, rule_ids: Iterable[str]) -> bool:
        """Whether a case for these rules could still tell something."""
        own = [*self.iter_entries(rule_ids)]
        if any(is_open(entry) for entry in own):
            return True
        told = any(
            one.selected or one.rule.certainty == "documented" or one.met < BESIDE for one in own
        )
        return told and any(is_open(entry) for entry in self.beside)

    def takes(self, case: Case) -> bool:
        """Whether a case is tried: of those for inferred rules alone a sample, unless thorough.

        No such rule can fail a run, and a reading of the page needs less than what it says.
        """
        if case.always or self.can_fail(case.rule_ids):
            return True
        group = (case.rule_ids, case.name.partition(" ")[0])
        count = self.offered[group]
        self.offered[group] += 1
        return count < FIRST or count % EVERY == 0

    def can_fail(self, rule_ids: Iterable[str]) -> bool:
        """Whether any of these rules is worth all the effort: one that can fail a run, or any if thorough."""
        return self.thorough or any(
            entry.rule.certainty == "documented" for entry in self.iter_entries(rule_ids)
        )

    def has_heard(self, rule_ids: Iterable[str], certain: bool) -> bool:
        """Whether there is as much against each of these rules already, of those that are judged."""
        return all(
            entry.findings or (entry.differences and not certain)
            for entry in self.iter_entries(rule_ids)
            if entry.selected
        )

    def iter_entries(self, rule_ids: Iterable[str]) -> Iterable[Entry]:
        return (self.entries[i] for i in rule_ids if i in self.entries)

    def count(
        self, rule_ids: Iterable[str], refuted: Collection[str] = (), refused: bool = False
    ) -> None:
        """A case has come to its point, which does not hold for the rules that it has refuted.

        `refused`: something was to be refused in it.
        """
        for entry in self.iter_entries(rule_ids):
            has_passed = entry.selected and entry.rule.rule_id not in refuted
            entry.cases += entry.selected
            entry.passed += has_passed
            entry.refused += has_passed and refused
            entry.met += 1

    def spend(self, rule_ids: Iterable[str], seconds: float) -> None:
        """Some time went to a case, to each of its rules alike."""
        entries = [*self.iter_entries(rule_ids)]
        for entry in entries:
            entry.seconds += seconds / len(entries)

    def block(self, rule_ids: Iterable[str], reason: str, withheld: bool = False) -> None:
        for entry in self.iter_entries(rule_ids):
            entry.blocked[reason] += 1
            entry.withheld = entry.withheld or withheld

    def fault(self, case: Case, error: Exception) -> None:
        """The judge itself failed at a case: that is said, and is nobody else's fault."""
        shown = f"{type(error).__name__}: {error}"[:200]
        self.faults.append(f"the judge failed at a case ({case.name}): {shown}")
        self.block(case.rule_ids, "the judge failed at a case of it; see the notes")

    def knows(self, finding: Finding) -> bool:
        """Whether the same difference was told often enough: one more would tell nothing."""
        return not finding.certain and self.told[finding.rule_ids, finding.expected] >= ENOUGH

    def record(self, finding: Finding) -> None:
        self.told[finding.rule_ids, finding.expected] += not finding.certain
        for entry in self.iter_entries(finding.rule_ids):
            if not entry.selected:
                continue
            (entry.findings if finding.certain else entry.differences).append(finding)
            if finding.certain and self.accepts(entry.rule.rule_id, finding):
                entry.accepted.append(finding)

    def record_flaky(self, finding: Finding) -> None:
        for entry in self.iter_entries(finding.rule_ids):
            entry.flaky.append(finding)

    @property
    def failed(self) -> bool:
        return any(entry.fails for entry in self.entries.values())


def is_open(entry: Entry) -> bool:
    """Whether more could be found against a rule."""
    return entry.selected and len(entry.findings) - len(entry.accepted) < ENOUGH


def is_of_refusals(rule: BusinessRule) -> bool:
    """Whether a rule speaks of refused requests, whatever they are refused for."""
    return any(
        place.kind == "response"
        and isinstance(place.detail, ErrorLayout)
        and not {"401", "404", "429"} & set(place.detail.statuses)
        for place in rule.places
    )
