"""What a run spares its target: cases that tell little, readings that repeat, and subscriptions."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.cases.ledger import EVERY, FIRST, Ledger
from contracts.cases.runner import LONG, Runner
from contracts.cases.story import Case, Steps, Story
from contracts.judge import judge
from contracts.report.result import Result
from contracts.settings import Selection, Settings
from contracts.target.connect import Context
from contracts.watch import Watch
from mock_server.http.app import create_app
from mock_server.spec import Document, default_document_path, load_document
from tests.unit.contracts.fake import FakeTime

DOCUMENTED, INFERRED = "sms.drafts-only", "sms.template.instead"


def document() -> Document:
    return load_document(default_document_path())


def taken(ledger: Ledger, rules: tuple[str, ...], name: str, count: int) -> int:
    return sum(ledger.takes(Case(rules, f"{name} {n}", lambda story: None)) for n in range(count))


def test_cases_of_inferred_rules_alone_are_tried_in_a_sample() -> None:
    ledger = Ledger(document().rules, Selection(), thorough=False)
    assert taken(ledger, (INFERRED,), "createSMS:", 43) == FIRST + 42 // EVERY
    assert taken(ledger, (INFERRED,), "updateSMS:", FIRST) == FIRST
    assert taken(ledger, (DOCUMENTED,), "updateSMS:", 43) == 43
    assert taken(ledger, (INFERRED, DOCUMENTED), "updateSMS:", 43) == 43


def test_a_thorough_run_tries_every_case() -> None:
    ledger = Ledger(document().rules, Selection(), thorough=True)
    assert taken(ledger, (INFERRED,), "createSMS:", 43) == 43


def test_what_is_another_accounts_is_always_tried() -> None:
    ledger = Ledger(document().rules, Selection(), thorough=False)
    case = Case((INFERRED,), "createSMS: lead_id", lambda story: None, always=True)
    assert all(ledger.takes(case) for _ in range(43))


class Clock:
    """Real time that passes only when somebody waits."""

    virtual = False
    seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.mark.parametrize(
    ("rule", "thorough", "pause", "tries"),
    [
        (INFERRED, False, LONG, 1),
        (INFERRED, True, LONG, 2),
        (INFERRED, False, LONG / 2, 2),
        (DOCUMENTED, False, LONG, 2),
    ],
)
def test_what_fails_no_run_is_not_waited_for_twice(
    rule: str, thorough: bool, pause: float, tries: int
) -> None:
    ledger = Ledger(document().rules, Selection(), thorough=thorough)
    clock = Clock()
    client = SimpleNamespace(timepiece=SimpleNamespace(monotonic=clock.now))
    bench: Any = SimpleNamespace(ledger=ledger, clock=clock, client=client)
    tried = []

    def steps(story: Story) -> Steps:
        tried.append(story)
        yield pause
        story.note(story.case.rule_ids, "something", "nothing")

    runner = Runner(bench)
    runner.run([Case((rule,), "late", steps)])
    runner.finish()
    assert len(tried) == tries
    assert len(ledger.entries[rule].findings) == 1


class Requests(Watch):
    """Counts what goes out, by method and operation."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self.open: Counter[str] = Counter()
        self.most_hooks = 0

    def begin(self, bench: Any) -> None:
        bench.client.listeners.append(self.hear)

    def hear(self, transfer: Any) -> None:
        self.seen[(transfer.method, transfer.path.split("/")[1])] += 1
        if "/webhook/" in transfer.path and transfer.answer.accepted:
            step = {"POST": 1, "DELETE": -1}.get(transfer.method, 0)
            self.open["webhook"] += step


class Hooks(Requests):
    """How many subscriptions there are when a check begins."""

    def enter(self, phase: str) -> None:
        if phase != "cleaning up":
            self.most_hooks = max(self.most_hooks, self.open["webhook"])


def run(watch: Watch, **wishes: Any) -> Result:
    time = FakeTime()
    app = create_app(document(), random_seed=1, key_prefix="peer_key")
    choices = Settings(default_document_path(), schemathesis=False, **wishes)
    return judge(
        document(),
        choices,
        {"CONTRACTS_API_KEY": "peer_key_one"},
        time.piece(),
        watch,
        app,
        Context(),
    )


@pytest.mark.whole_run
def test_subscriptions_are_gone_before_the_next_check() -> None:
    watch = Hooks()
    result = run(watch, examples=2, selection=Selection(include_rules=("webhook.*",)))
    assert not result.failed
    assert watch.seen[("POST", "webhook")] > 50
    assert watch.most_hooks < 5  # those that cases share
    assert watch.open["webhook"] == 0


def test_a_refused_change_is_looked_at_twice_for_what_is_much_alike() -> None:
    watch = Requests()
    result = run(watch, examples=2, selection=Selection(include_rules=("lead.fields.types",)))
    assert not result.failed
    refused = watch.seen[("PUT", "lead")]
    assert refused > 20
    assert watch.seen[("GET", "lead")] < refused
