"""Everything that a check works with: the document, the target, what is live there, the ledger."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import errors as hypothesis_errors
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase

from contracts.cases.absence import Absence
from contracts.cases.ledger import Ledger
from contracts.cases.story import BlockedError, Case, Made, RefutedError, Story
from contracts.chance import Chance
from contracts.settings import MARK, Settings
from contracts.shared import CaseDatabase, phases_with
from contracts.strategies.bodies import Composer, calm_state
from contracts.surface import Surface, build_surfaces
from contracts.target.cleaning import delete_entry
from contracts.target.client import Client
from contracts.target.clock import Clock
from contracts.target.creations import Entry
from contracts.target.live import Live, Record
from contracts.target.shown import key_of, record_in
from contracts.target.wire import KEY, Exchange
from mock_server.spec.model import Document, Expression, Operation

GIVEN_BACK = 10  # records at once, the oldest


class Bench:
    """One run's tools."""

    def __init__(
        self,
        document: Document,
        client: Client,
        choices: Settings,
        database: ExampleDatabase | None = None,
    ) -> None:
        self.document = document
        self.client = client
        self.settings = choices
        self.database = database
        self.random = Chance(choices.seed)
        self.surfaces = build_surfaces(document)
        self.live = Live(client, self.surfaces)
        self.composer = Composer(
            document, self.live, client.clock, choices.recipients, MARK, self.random
        )
        self.live.make = self.make_reference
        self.ledger = Ledger(document.rules, choices.selection, choices.thorough)
        self.absence = Absence()
        self.standing: dict[object, Made] = {}
        self.refused: dict[str, dict[str, Exchange]] = {}  # resource -> mark -> refused create
        self.looked: dict[object, list[str]] = {}  # refused changes -> cases that read afterwards
        self.me: Record | None = None

    @property
    def clock(self) -> Clock:
        return self.client.clock

    def surface(self, resource: str) -> Surface:
        return self.surfaces[resource]

    def judged(self) -> list[Surface]:
        """The resources of which an operation is selected."""
        chosen = self.settings.selection.has_operation
        return [one for one in self.surfaces.values() if any(map(chosen, one.operations()))]

    def principal(self) -> Record | None:
        """The record of who calls, where the document has an operation that reads it."""
        if self.me is None:
            for operation in self.document.operations.values():
                asked = operation.record_id
                if isinstance(asked, Expression) and asked.source == "principal":
                    answer = self.client.call(operation).answer
                    if answer.accepted and isinstance(answer.body, dict):
                        self.me = answer.body
        return self.me

    def make_record(self, resource: str, credentials: str = KEY) -> Record | None:
        """A plain new record at rest; None where the target makes none."""
        create = self.surfaces[resource].create
        if create is None or self.absence.has(create):
            return None
        body = self.composer.base(create, calm_state(self.document.resources[resource]))
        if body is None:
            return None
        answer = self.client.call(create, body=body, credentials=credentials).answer
        if not answer.accepted and credentials == KEY and self.give_back(create):
            answer = self.client.call(create, body=body, credentials=credentials).answer
        self.absence.learn(create, answer.status)
        return record_in(create, answer)

    def give_back(self, create: Operation) -> bool:
        """Deletes some of what no case holds any more; whether there was any.

        A target may have only so many of them to give, such as numbers that are rented.
        """
        surface = self.surfaces[create.resource]
        if create.operation_id not in self.absence.there or surface.resource.lifecycle is not None:
            return False
        loose = self.loose(create)[-GIVEN_BACK:]
        self.delete_loose(surface, loose)
        return any(entry.closed for entry in loose)

    def unsubscribe(self, held: Collection[str]) -> None:
        """Deletes subscriptions that no case holds any more.

        A target tells each of them of everything that happens, which costs it more than the run.
        """
        for surface in self.surfaces.values():
            if surface.resource.subscription and surface.create and surface.delete:
                self.delete_loose(surface, self.loose(surface.create, held))

    def loose(self, create: Operation, held: Collection[str] = ()) -> list[Entry]:
        """What the run has made and nothing holds, the newest first."""
        resource = self.document.resources[create.resource]
        kept = {key_of(resource, one) for one in self.live.kept.get((create.resource, KEY), [])}
        # One that a case has changed is of no use to others, and may be more than a target can bear.
        kept |= {made.record_id for made in self.standing.values() if not made.spoiled}
        return [
            one
            for one in self.client.creations.open_entries()
            if one.operation_id == create.operation_id and one.credentials == KEY
            if one.record_id is not None and one.record_id not in kept and one.record_id not in held
        ]

    def delete_loose(self, surface: Surface, loose: Iterable[Entry]) -> None:
        for entry in loose:
            if not delete_entry(self.client, self.surfaces, surface, entry, {}):
                self.client.creations.close(entry)

    def make_reference(self, resource: str, credentials: str) -> Record | None:
        """A record to refer to, made where the target has none."""
        record = self.make_record(resource, credentials)
        if record is not None:
            self.live.add(resource, record, credentials)
        return record

    def database_of(self, case: Case) -> ExampleDatabase | None:
        """Where examples of a case are kept that failed; None where none are."""
        if self.database is None:
            return None
        return CaseDatabase(self.database, case.name, self.client.tell)

    def explore(
        self,
        story: Story,
        strategy: st.SearchStrategy[Any],
        attempt: Callable[[Story, Any], None],
        examples: int | None = None,
    ) -> None:
        """Tries generated values; a failing one is shrunk, and its requests become the story's."""
        failing: list[Story] = []
        tried = 0
        database = self.database_of(story.case)

        @settings(  # above the seed, which takes databases away
            max_examples=examples or self.settings.examples,
            database=database,
            deadline=None,
            phases=[*phases_with(database), Phase.shrink],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @seed(self.settings.seed)
        @given(strategy)
        def run(value: Any) -> None:
            nonlocal tried
            tried += 1
            part = Story(self, story.case)
            try:
                attempt(part, value)
            except RefutedError:
                failing.append(part)
                raise
            if part.findings:
                failing.append(part)
                raise RefutedError(part.findings[0].expected)

        try:
            with warnings.catch_warnings():
                # What it says of its own speed is of no use to who judges a target.
                warnings.simplefilter("ignore", hypothesis_errors.HypothesisWarning)
                run()
        except RefutedError:
            last = failing[-1]
            story.exchanges[:] = last.exchanges
            story.findings.extend(last.findings)
            story.used.extend(last.used)
        except hypothesis_errors.Flaky as error:
            last = failing[-1] if failing else story
            for finding in last.findings:
                self.ledger.record_flaky(finding)
            raise BlockedError("answers to one and the same request differed") from error
        except hypothesis_errors.Unsatisfiable:
            raise BlockedError("no fitting data could be generated") from None
        for _ in range(max(0, tried - 1)):
            self.ledger.count(story.case.rule_ids, refused=story.refused)
