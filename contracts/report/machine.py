"""A lifecycle, drawn: states in columns from where records begin, moves with what was seen of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
WIDTH, HEIGHT = 124, 42  # of a state
GAP_X, GAP_Y = 130, 52
EDGE = 24
LONGEST_NAME = 15  # characters of a state that its box has room for


@dataclass(frozen=True, slots=True)
class State:
    """A box, by its upper left corner."""

    name: str
    x: float
    y: float
    column: int
    initial: bool
    final: bool

    @property
    def label(self) -> str:
        return self.name if len(self.name) <= LONGEST_NAME else f"{self.name[: LONGEST_NAME - 1]}…"


@dataclass(frozen=True, slots=True)
class Edge:
    """A move: its line, where its arrow ends (x, y, degrees), and where its count stands."""

    path: str
    arrow: tuple[float, float, int]
    middle: tuple[float, float]
    how: str  # request, time, event, or forbidden
    count: int
    broken: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, and the same in words."""

    width: float
    height: float
    states: tuple[State, ...]
    edges: tuple[Edge, ...]
    words: str


def draw(lifecycle: Json) -> Drawing:
    """What may happen, and of what may not what was broken."""
    moves = [move for move in lifecycle["moves"] if move["how"] or move["broken"]]
    at = place(lifecycle, [(move["from"], move["to"]) for move in moves if move["how"]])
    pairs = {(move["from"], move["to"]) for move in moves}
    edges = tuple(
        to_edge(move, at[move["from"]], at[move["to"]], (move["to"], move["from"]) in pairs)
        for move in moves
    )
    words = "; ".join(
        f"{move['from']} to {move['to']} {how_of(move)}: {count_of(move)}"
        + (", broken" if move["broken"] else "")
        for move in moves
    )
    return Drawing(
        max((one.x for one in at.values()), default=0) + WIDTH + EDGE,
        max((one.y for one in at.values()), default=0) + HEIGHT + EDGE,
        tuple(at.values()),
        edges,
        words or "no moves",
    )


def how_of(move: Json) -> str:
    """How a move comes about, in words."""
    return " and ".join(HOW[way] for way in move["how"]) or "forbidden"


HOW = {"request": "by request", "time": "by time", "event": "by an event"}


def count_of(move: Json) -> int:
    """How often a move happened, asked for or by itself."""
    return int(move["accepted"] + move["seen"])


def place(lifecycle: Json, pairs: Iterable[tuple[str, str]]) -> dict[str, State]:
    """Where each state stands; its column is how many moves away from a beginning it is."""
    rank = ranks(lifecycle["states"], lifecycle["initial"], list(pairs))
    columns: dict[int, list[str]] = {}
    for name in lifecycle["states"]:
        columns.setdefault(rank[name], []).append(name)
    most = max(map(len, columns.values()), default=0)
    return {
        name: State(
            name,
            EDGE + column * (WIDTH + GAP_X),
            EDGE + (row + (most - len(columns[column])) / 2) * (HEIGHT + GAP_Y),
            column,
            name in lifecycle["initial"],
            name in lifecycle["final"],
        )
        for name in lifecycle["states"]
        for column in (rank[name],)
        for row in (columns[column].index(name),)
    }


def ranks(
    states: Iterable[str], initial: Iterable[str], pairs: list[tuple[str, str]]
) -> dict[str, int]:
    """Columns: beginnings that nothing leads to, else the first that leads on; then what follows."""
    names = list(states)
    rank: dict[str, int] = {}
    sources = {source for source, _ in pairs}
    entered = {to for _, to in pairs}
    begins = [name for name in names if name in set(initial)]
    linked = [name for name in begins if name in sources]
    first = [name for name in linked if name not in entered] or linked[:1]
    alone = [name for name in names if name not in sources | entered]
    wave = first or names[:1]
    while len(rank) < len(names) - len(alone):
        # What no beginning leads to begins a column of its own.
        wave = wave or [next(name for name in names if name not in rank and name not in alone)]
        depth = 0
        while wave:
            rank.update((name, depth) for name in wave if name not in rank)
            wave = list(
                dict.fromkeys(to for source, to in pairs if source in wave and to not in rank)
            )
            depth += 1
    return {**rank, **dict.fromkeys(alone, 0)}


def to_edge(move: Json, a: State, b: State, both: bool) -> Edge:
    """A line from box to box; of two that run both ways each keeps to its side."""
    if a.column == b.column:
        x = a.x + WIDTH / 2
        down = b.y > a.y
        y1, y2 = (a.y + HEIGHT, b.y) if down else (a.y, b.y + HEIGHT)
        far = abs(b.y - a.y) > HEIGHT + GAP_Y + 1  # past the boxes between them
        bend = (WIDTH * 0.95 if far else 30 if both else 0) * (1 if down else -1)
        path = f"M {x:g} {y1:g} Q {x + bend:g} {(y1 + y2) / 2:g} {x:g} {y2:g}"
        middle = (x + bend / 2, (y1 + y2) / 2)
        arrow = (x, y2, 90 if down else -90)
    else:
        right = b.column > a.column
        x1, x2 = (a.x + WIDTH, b.x) if right else (a.x, b.x + WIDTH)
        shift = (-9 if right else 9) if both else 0
        y1, y2 = a.y + HEIGHT / 2 + shift, b.y + HEIGHT / 2 + shift
        half = (x2 - x1) / 2
        path = f"M {x1:g} {y1:g} C {x1 + half:g} {y1:g} {x2 - half:g} {y2:g} {x2:g} {y2:g}"
        # Counts on lines that run beside or across each other stand apart.
        part = (0.72 if right else 0.5) if both else 0.38 if y1 != y2 else 0.5
        middle = bezier((x1, y1), (x1 + half, y1), (x2 - half, y2), (x2, y2), part)
        arrow = (x2, y2, 0 if right else 180)
    how = move["how"][0] if move["how"] else "forbidden"
    return Edge(path, arrow, middle, how, count_of(move), bool(move["broken"]))


Point = tuple[float, float]


def bezier(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """The point of a cubic curve at `t`."""
    u = 1 - t
    weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    x, y = (
        sum(w * point[axis] for w, point in zip(weights, (a, b, c, d), strict=True))
        for axis in (0, 1)
    )
    return round(x, 1), round(y, 1)
