"""What a replay says of each sequence."""

from __future__ import annotations

from rich.console import Console

from contracts.cases.bench import Bench
from contracts.replay.run import Outcome, Replayed
from contracts.report.redaction import Redactor
from contracts.report.table import say
from contracts.report.visible import shorten, visible

STYLES: dict[Outcome, str] = {
    "still": "bold red",
    "differs": "yellow",
    "gone": "green",
    "could not": "bold yellow",
}
LABELS: dict[Outcome, str] = {"still": "now", "differs": "now", "gone": "now", "could not": "why"}


def print_replayed(one: Replayed, bench: Bench, console: Console) -> None:
    """A sequence in a few lines; of what is gone only that."""
    keys = bench.client.keys
    said = Redactor(keys.secrets(), keys).text(one.said)
    rules = ", ".join(one.rule_ids)
    case = visible(shorten(str(one.finding["case"]), 200))
    say(console, (f"{one.outcome:<9}", STYLES[one.outcome]), "  ", (rules, "bold"), f"  {case}")
    if one.outcome != "gone":
        expected = visible(shorten(str(one.finding["expected"]), 400))
        say(console, ("           expected  ", "dim"), expected)
        say(console, (f"           {LABELS[one.outcome]:<8}  ", "dim"), visible(shorten(said, 400)))


def print_replay_summary(done: list[Replayed], bench: Bench, console: Console) -> None:
    client = bench.client
    if not done:
        say(console, "nothing to send again: the report has no such finding")
        return
    counts = {word: sum(one.outcome == word for one in done) for word in STYLES}
    listed = ", ".join(f"{n} {word}" for word, n in counts.items() if n or word == "still")
    word = "sequence" if len(done) == 1 else "sequences"
    say(
        console,
        f"{len(done)} {word}: {listed}; {client.count:,} requests to {client.transport.origin}",
    )
