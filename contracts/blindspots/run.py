"""A client's suite against stubs that are wrong in one rule: where it stays green, it is blind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.audit.catalogue import build_mutants
from contracts.audit.mutant import Mutant
from contracts.audit.plant import plant
from contracts.audit.trial import RIGHT
from contracts.blindspots.changes import changes_of
from contracts.blindspots.coverage import Met, read_coverage
from contracts.blindspots.server import serving
from contracts.blindspots.suite import Ran, environment_of, run_suite
from contracts.errors import CouldNotRunError
from contracts.settings import Selection, Tell, Timepiece
from contracts.target.connect import STUB_PREFIX
from mock_server.errors import MockServerError
from mock_server.spec.model import Document

Verdict = Literal["seen", "blind", "not changed"]
KEY = f"{STUB_PREFIX}blindspots"
LEAST_TIMEOUT = 30.0
PATIENCE = 10  # so many times as long as the first run may another one take


@dataclass(frozen=True, slots=True)
class Wish:
    """How the suite is run: rules, changes tried for each, its port, its variables, its time."""

    selection: Selection
    changes: int = 3
    port: int = 0
    variables: tuple[str, ...] = ()
    timeout: float | None = None
    quick: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sight:
    """What the suite makes of one rule: the change that it saw, or those that it did not."""

    rule_id: str
    verdict: Verdict
    met: str
    tried: tuple[str, ...]
    saw: str = ""


@dataclass(frozen=True, slots=True)
class Blindspots:
    """A whole run. `first` is the suite against the right stub."""

    command: tuple[str, ...]
    sights: tuple[Sight, ...]
    met: Met
    first: Ran
    runs: int
    seconds: float

    @property
    def blind(self) -> list[Sight]:
        return [sight for sight in self.sights if sight.verdict == "blind"]


Play = Callable[[Mutant], Ran]


def find_blindspots(
    document: Document,
    command: Sequence[str],
    wish: Wish,
    inherited: Mapping[str, str],
    timepiece: Timepiece,
    tell: Tell = lambda text: None,
) -> Blindspots:
    """Raises CouldNotRunError where the suite is red, or asks nothing, against the right stub."""
    started, runs = timepiece.now(), 0
    with serving(wish.port) as (switch, origin):
        environment = environment_of(origin, document.base_path, KEY, wish.variables, inherited)
        timeout = wish.timeout

        def play(mutant: Mutant) -> Ran:
            nonlocal runs
            switch.app = plant(document, mutant, wish.seed)
            runs += 1
            return run_suite(command, environment, timeout or 3600.0, timepiece)

        tell("the suite against the right stub")
        switch.gone = Met()
        first = play(RIGHT)
        assert switch.app is not None
        met = read_coverage(switch.app, switch.gone)
        switch.gone = None
        check_first(first, met, origin)
        timeout = timeout or max(LEAST_TIMEOUT, PATIENCE * first.seconds)
        sights = look(document, wish, met, play, tell)
    return Blindspots(tuple(command), sights, met, first, runs, timepiece.now() - started)


def check_first(first: Ran, met: Met, origin: str) -> None:
    if first.code is None:
        raise CouldNotRunError("the suite did not end against the right stub; give it a --timeout")
    if not first.green:
        raise CouldNotRunError(
            f"the suite is red (exit code {first.code}) against the right stub at {origin}; "
            f"expected it green before a rule is changed. Its last lines:\n{first.output}"
        )
    if not met.operations.total():
        raise CouldNotRunError(
            f"the suite asked the stub nothing; expected requests to MOCK_SERVER_URL with the key "
            f"in MOCK_SERVER_KEY (--env NAME={{url}} gives it another name; the fixture "
            f"`mock_server` finds it by itself, unless a mark has it serve something else). "
            f"Its last lines:\n{first.output}"
        )


def look(document: Document, wish: Wish, met: Met, play: Play, tell: Tell) -> tuple[Sight, ...]:
    mutants = build_mutants(document)
    chosen = [rule_id for rule_id in document.rules if wish.selection.has_rule(rule_id)]
    sights = []
    for number, rule_id in enumerate(chosen):
        tell(f"{number + 1} of {len(chosen)} rules: {rule_id}")
        changes = changes_of(mutants, rule_id, wish.changes)
        sights.append(look_at(rule_id, changes, met, play, wish.quick))
    return tuple(sights)


def look_at(rule_id: str, changes: list[Mutant], met: Met, play: Play, quick: bool) -> Sight:
    """Changes a rule in one way after another, until the suite turns red."""
    word, tried = met.word(rule_id), []
    if quick and changes and word == "never":
        return Sight(rule_id, "blind", word, ())
    for mutant in changes:
        try:
            ran = play(mutant)
        except MockServerError:
            continue  # a document that contradicts itself is no server
        tried.append(mutant.says)
        if not ran.green:
            return Sight(rule_id, "seen", word, tuple(tried), mutant.says)
    return Sight(rule_id, "blind" if tried else "not changed", word, tuple(tried))
