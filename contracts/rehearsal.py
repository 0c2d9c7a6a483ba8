"""A dry run: the whole run against the stub, under what the target would allow; the target hears nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Settings, Tally, Tell, Timepiece
from contracts.target.connect import Context, own_permissions, permissions_of
from contracts.target.system import Resolve, parse_base_url, resolve
from contracts.watch import Watch
from mock_server.spec.model import Document


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, as far as the stub can stand in for the target."""

    base: str
    tally: Tally
    result: Result

    def lines(self) -> Iterator[str]:
        yield f"dry run: nothing was sent to {self.base}"
        yield "what a run would do, rehearsed against the stub; an account of its own may change figures"
        yield f"  requests  about {self.tally.operations.total()}"
        for name, count in sorted(self.tally.operations.items()):
            yield f"    {name:<28} {count:>6}"
        yield f"  creates   {listed(self.tally.created) or 'nothing'}, and deletes it again"
        yield f"  sends     {listed(self.tally.leaving, ' to ') or 'nothing'}"
        for name, entry in self.result.ledger.entries.items():
            if entry.verdict == "not-exercised":
                yield f"  not exercised: {name}: {entry.reason}"


def listed(counts: dict[str, int], link: str = " ") -> str:
    return ", ".join(f"{count}{link}{name}" for name, count in sorted(counts.items()))


def rehearse(
    document: Document,
    choices: Settings,
    timepiece: Timepiece,
    tell: Tell = lambda text: None,
    ask: Resolve = resolve,
) -> Plan:
    """Raises CouldNotRunError for settings that the run itself would not take."""
    tally = Tally()
    permissions, base = None, "the stub"
    if choices.base_url is not None:
        address = parse_base_url(choices.base_url, ask)
        permissions = permissions_of(document, choices, address)
        base = choices.base_url
    elif choices.app is not None:
        permissions, base = own_permissions(document, choices), choices.app
    context = Context(tell=tell, permissions=permissions, tally=tally)
    alone = replace(choices, base_url=None, app=None, rate=None, database=None)
    return Plan(base, tally, judge(document, alone, {}, timepiece, Telling(tell), context=context))


class Telling(Watch):
    """Says which part of the rehearsal is under way."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def enter(self, phase: str) -> None:
        self.tell(f"rehearsing: {phase}")
