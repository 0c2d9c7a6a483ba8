"""The whole search for drift: both sides, all sequences, each difference once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from contracts.cases.bench import Bench
from contracts.drift.compare import Difference
from contracts.drift.cover import covering_rules
from contracts.drift.generate import Generator
from contracts.drift.plan import Plan
from contracts.drift.play import FORM, Played, Players
from contracts.drift.shrink import is_alike, shrink
from contracts.errors import CouldNotRunError, EndedError
from contracts.judge import told_withheld
from contracts.settings import Settings, Tell, Timepiece
from contracts.target.connect import Context, connect
from contracts.target.system import WsgiApp
from contracts.target.wire import Exchange
from mock_server.spec.model import Document


@dataclass(frozen=True, slots=True)
class Drifted:
    """A difference with its smallest sequence as each side was sent it, and the rules that cover it."""

    difference: Difference
    rule_ids: tuple[str, ...]
    left: tuple[Exchange, ...]
    right: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """What a search comes to."""

    target: str
    base: str
    found: tuple[Drifted, ...]
    sequences: int
    skipped: Mapping[str, int]  # how many sequences could not be played, by reason
    requests: int
    seconds: float
    seed: int
    secrets: tuple[str, ...]
    notes: tuple[str, ...]


def drift(
    document: Document,
    choices: Settings,
    sequences: int,
    environment: Mapping[str, str],
    timepiece: Timepiece,
    tell: Tell = lambda text: None,
    app: WsgiApp | None = None,
    context: Context | None = None,
) -> Drift:
    """Holds an endpoint against the stub; raises CouldNotRunError. What was created is deleted.

    `app` stands for an endpoint in this process.
    """
    started = timepiece.now()
    right = connect(document, choices, environment, timepiece, app, context or Context(tell=tell))
    here = replace(choices, base_url=None, app=None, max_requests=None, max_seconds=None, rate=None)
    left = connect(document, here, {}, timepiece)
    players = Players(document, Bench(document, left, here), Bench(document, right, choices))
    search = Search(document, players, tell)
    notes = []
    try:
        search.run(sequences)
    except EndedError as error:
        if error.lost or right.pace.stop.reason is not None:
            raise CouldNotRunError(error.reason) from None
        notes.append(f"the search ended early: {error.reason}")
    finally:
        tell("deleting what was created")
        stayed = right.clean_up()
    if stayed:
        notes.append(f"{stayed} records that were created could not be deleted")
    if right.withheld:
        notes.append(told_withheld(right))
    return Drift(
        right.transport.name,
        f"{right.transport.origin}{right.root}",
        tuple(search.found.values()),
        search.played,
        search.skipped,
        right.count,
        timepiece.now() - started,
        choices.seed,
        right.keys.secrets(),
        tuple(notes),
    )


class Search:
    """Plays sequences and keeps each difference once."""

    def __init__(self, document: Document, players: Players, tell: Tell) -> None:
        self.document = document
        self.players = players
        self.tell = tell
        self.found: dict[object, Drifted] = {}
        self.known: set[object] = set()
        self.missing: set[str] = set()
        self.played = 0
        self.skipped: Counter[str] = Counter()

    def run(self, sequences: int) -> None:
        right = self.players.right.client
        generator = Generator(
            self.players.left, right.guard.permissions.write, self.players.moves_time
        )
        plans = [plan for plan in generator.plans() if self.is_wanted(plan)][:sequences]
        for number, plan in enumerate(plans):
            self.tell(f"{number + 1} of {len(plans)} sequences, {len(self.found)} differences")
            if any(step.operation_id in self.missing for step in plan):
                continue
            self.attempt(plan)

    def is_wanted(self, plan: Plan) -> bool:
        """Whether a sequence keeps to the operations that are selected."""
        chosen = self.players.right.settings.selection.has_operation
        return all(chosen(self.document.operations[step.operation_id]) for step in plan)

    def attempt(self, plan: Plan) -> None:
        played = self.players.play(plan)
        if played.skipped:
            self.skipped[played.skipped] += 1
        else:
            self.played += 1
        for difference in played.differences:
            self.note(plan, played, difference)
            if difference.kind in FORM:
                self.players.passed.add(difference)

    def note(self, plan: Plan, played: Played, difference: Difference) -> None:
        """Shrinks a difference that is new, and keeps it where its smallest form is new too."""
        if difference.kind == "operation":
            self.missing.add(difference.operation_id)
        rough = rough_key(plan, played, difference)
        if rough in self.known:
            return
        self.known.add(rough)
        least, again = shrink(plan, difference, self.players.play)
        shown = next((one for one in again.differences if is_alike(one, difference)), None)
        if shown is None:
            return  # it did not come again
        rules = covering_rules(self.document, shown, least, again)
        selection = self.players.right.settings.selection
        if selection.include_rules and not any(map(selection.has_rule, rules)):
            return
        key = fine_key(shown, rules, least)
        self.known.add(rough_key(least, again, shown))
        self.found.setdefault(key, Drifted(shown, rules, tuple(again.left), tuple(again.right)))


def rough_key(plan: Plan, played: Played, difference: Difference) -> object:
    """What tells differences apart before they are shrunk."""
    step = plan[played.step]
    place = (difference.operation_id, difference.kind, difference.place)
    if difference.kind != "status":
        return (
            *place,
            *(() if difference.kind == "value" else (difference.left, difference.right)),
        )
    told = played.left[-1].answer.headers.get("mock-broken-rules", "")
    asked = (frozenset(step.changes), frozenset(name for name, _ in step.query))
    return (*place, difference.left, difference.right, told, *(asked if not told else ()))


def fine_key(difference: Difference, rules: Iterable[str], plan: Plan) -> object:
    """What tells differences apart once they are shrunk."""
    place = (difference.operation_id, difference.kind, difference.place)
    if difference.kind != "status":
        return place
    named = frozenset(plan[-1].changes) if difference.left < "400" else frozenset()
    return (*place, difference.left, difference.right, frozenset(rules), named)
