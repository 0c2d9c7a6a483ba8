"""How far a run is: a table on a terminal, now and then a line in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from contracts.cases.bench import Bench
from contracts.report.visible import shorten, visible
from contracts.watch import Watch

# Requests of each part in a run over the SMS document; they only feed the estimate of what is left.
USUAL = {
    "schemathesis: probing": 0,
    "schemathesis: schema_analysis": 0,
    "schemathesis: auth_bootstrap": 0,
    "schemathesis: examples": 150,
    "schemathesis: coverage": 1600,
    "schemathesis: fuzzing": 500,
    "schemathesis: stateful": 150,
    "timed": 40,
    "auth": 140,
    "schema": 1250,
    "reference": 150,
    "lifecycle": 300,
    "defaults": 80,
    "derived": 210,
    "effect": 50,
    "echo": 240,
    "shape": 20,
    "notfound": 40,
    "listing": 40,
    "parameters": 10,
    "examples": 150,
    "waiting": 60,
    "explore": 390,
    "races": 130,
    "refusal": 20,
    "cleaning up": 300,
}
PAUSE = 15.0  # seconds between two lines of a log
ROOM = 6  # lines of a terminal that are not rows of the table


@dataclass(slots=True)
class Part:
    """One part of a run: its cases, and the requests before it."""

    name: str
    before: int
    steps: int = 0
    requests: int = 0
    done: bool = False


class Progress(Watch):
    """Counts what a run does; `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.started = now()
        self.bench: Bench | None = None
        self.parts: list[Part] = []

    def begin(self, bench: Bench) -> None:
        self.bench = bench

    def enter(self, phase: str) -> None:
        self.close_part()
        self.parts.append(Part(phase, self.requests))

    def step(self) -> None:
        if self.parts:
            self.parts[-1].steps += 1

    def close_part(self) -> None:
        if self.parts:
            last = self.parts[-1]
            last.done, last.requests = True, self.requests - last.before

    @property
    def requests(self) -> int:
        return self.bench.client.count if self.bench is not None else 0

    @property
    def seconds(self) -> float:
        return self.now() - self.started

    @property
    def share(self) -> float:
        """How much of a usual run is behind, from 0 to 1."""
        whole = sum(USUAL.values())
        if self.bench is not None and not self.bench.settings.schemathesis:
            whole -= sum(n for name, n in USUAL.items() if name.startswith("schemathesis"))
        behind = float(sum(USUAL.get(part.name, 0) for part in self.parts if part.done))
        if self.parts and not self.parts[-1].done:
            last = self.parts[-1]
            usual = USUAL.get(last.name, 0)
            behind += usual * min(0.95, (self.requests - last.before) / usual) if usual else 0
        return min(1.0, behind / whole)

    @property
    def left(self) -> float | None:
        """Seconds that are probably left; None as long as nothing can be said."""
        share = self.share
        return self.seconds * (1 - share) / share if share > 0.02 else None

    @property
    def broken(self) -> list[tuple[str, str]]:
        """Rules found broken so far, with the case that shows it."""
        entries = self.bench.ledger.entries if self.bench is not None else {}
        return [(name, e.findings[0].case) for name, e in entries.items() if e.findings and e.fails]

    def summary(self) -> str:
        entries = self.bench.ledger.entries.values() if self.bench is not None else ()
        met = sum(entry.cases > 0 for entry in entries)
        left = self.left
        told = f", about {left_words(left)} left" if left is not None else ""
        return (
            f"{met} of {len(entries)} rules met, {len(self.broken)} broken; "
            f"{self.requests:,} requests, {self.seconds:.0f} s{told}"
        )


def left_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"


class LogProgress(Progress):
    """A line when the target is reached, and one now and then in a long run."""

    def __init__(self, now: Callable[[], float], console: Console) -> None:
        super().__init__(now)
        self.console = console
        self.said = self.started

    def __enter__(self) -> LogProgress:
        return self

    def __exit__(self, *ended: object) -> None:
        return None

    def begin(self, bench: Bench) -> None:
        super().begin(bench)
        self.console.print(Text(heading(bench)), soft_wrap=True)

    def enter(self, phase: str) -> None:
        super().enter(phase)
        self.tick()

    def step(self) -> None:
        super().step()
        self.tick()

    def say(self, text: str) -> None:
        self.tick(visible(text))

    def tick(self, more: str = "") -> None:
        """One line, where the last one is long enough ago."""
        now = self.now()
        if self.bench is not None and now - self.said >= PAUSE:
            self.said = now
            phase = more or (self.parts[-1].name if self.parts else "connecting")
            self.console.print(Text(f"  {phase}: {self.summary()}"), soft_wrap=True)


class LiveProgress(Progress):
    """A table that is drawn again a few times a second, and gone at the end."""

    def __init__(self, now: Callable[[], float], console: Console) -> None:
        super().__init__(now)
        self.console = console
        self.live = Live(
            console=console,
            get_renderable=self.draw,
            refresh_per_second=6,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveProgress:
        self.live.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self.live.stop()
        if self.bench is not None and ended[0] is None:
            self.console.print(Text(heading(self.bench)), soft_wrap=True)

    def draw(self) -> RenderableType:
        """The view; reads what another thread counts, and changes nothing."""
        if self.bench is None:
            return Text("connecting", style="dim")
        width = min(self.console.width, 100)
        rows = max(3, self.console.height - ROOM - min(3, len(self.broken)))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, width=5)
        table.add_column(no_wrap=True, min_width=30)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        shown = [part for part in self.parts if not part.done or part.steps or part.requests]
        for part in shown[-rows:]:
            requests = part.requests if part.done else self.requests - part.before
            style = "dim" if part.done else "bold"
            word = "done" if part.done else "now"
            table.add_row(
                Text(word, "green" if part.done else "cyan"),
                Text(part.name, style),
                Text(f"{part.steps:,} cases" if part.steps else "", style),
                Text(f"{requests:,} requests" if requests else "", style),
            )
        lines: list[RenderableType] = [
            Text(heading(self.bench), "bold", overflow="ellipsis", no_wrap=True),
            table,
        ]
        for name, case in self.broken[-3:]:
            line = Text.assemble(
                ("broken ", "bold red"), name, ("  " + visible(shorten(case, 200)), "dim")
            )
            line.overflow, line.no_wrap = "ellipsis", True
            lines.append(line)
        bar = Table.grid()
        bar.add_row(ProgressBar(total=1.0, completed=self.share, width=width))
        lines.append(bar)
        lines.append(Text(self.summary(), overflow="ellipsis", no_wrap=True))
        return Group(*lines)


def can_redraw(console: Console) -> bool:
    """Whether lines can be drawn again; colours that are forced make no terminal of a file."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


@contextmanager
def spinner(
    console: Console, now: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str], None]]:
    """One line that says what is being done; without a terminal a plain one now and then."""
    if can_redraw(console):
        with console.status("starting") as status:
            yield lambda text: status.update(Text(visible(text)))
        return
    said = now()

    def tell(text: str) -> None:
        nonlocal said
        at = now()
        if at - said >= PAUSE:
            said = at
            console.print(Text(f"  {visible(text)}"), soft_wrap=True)

    yield tell


def heading(bench: Bench) -> str:
    client = bench.client
    base = f"{client.transport.origin}{client.root}"
    where = "the stub in this process" if client.transport.name == "stub" else base
    if client.transport.name.startswith("app "):
        where = f"{client.transport.name} in this process"
    return visible(f"{bench.document.title}: {stated(bench)}, judged on {where}")


def stated(bench: Bench) -> str:
    return "no rules stated" if bench.document.wordless else f"{len(bench.ledger.entries)} rules"
