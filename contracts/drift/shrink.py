"""The smallest sequence that still shows a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from contracts.drift.compare import Difference
from contracts.drift.plan import LEFT_OUT, Made, Plan, Step
from contracts.drift.play import Played

MOST_TRIES = 80

Play = Callable[[Plan], Played]


def shrink(plan: Plan, difference: Difference, play: Play) -> tuple[Plan, Played]:
    """Takes out steps, changes and fields one at a time, as long as the same difference comes last."""
    plan, played = settle(plan, difference, play)
    tries = 0
    shorter = True
    while shorter and tries < MOST_TRIES:
        shorter = False
        for candidate in smaller(plan):
            tries += 1
            again = play(candidate)
            if shows(again, difference, len(candidate)):
                plan, played, shorter = candidate, again, True
                break
            if tries >= MOST_TRIES:
                break
    return plan, played


def settle(plan: Plan, difference: Difference, play: Play) -> tuple[Plan, Played]:
    """The sequence up to the difference, played once more."""
    played = play(plan)
    return plan[: played.step + 1] if played.step >= 0 else plan, played


def shows(played: Played, difference: Difference, length: int) -> bool:
    return played.step == length - 1 and any(
        is_alike(one, difference) for one in played.differences
    )


def is_alike(one: Difference, other: Difference) -> bool:
    """The same place and kind; what exactly stood there may be of the sequence."""
    first = (one.operation_id, one.kind, one.place)
    if first != (other.operation_id, other.kind, other.place):
        return False
    return one.kind in ("value", "operation") or (one.left, one.right) == (other.left, other.right)


def smaller(plan: Plan) -> Iterator[Plan]:
    """Sequences with one thing less, the greatest first."""
    for number in range(len(plan) - 1):
        less = without_step(plan, number)
        if less is not None:
            yield less
    for number, step in enumerate(plan):
        for lighter in lighter_steps(step):
            yield (*plan[:number], lighter, *plan[number + 1 :])


def lighter_steps(step: Step) -> Iterator[Step]:
    if step.wait:
        yield replace(step, wait=0.0)
    for index in range(len(step.query)):
        yield replace(step, query=step.query[:index] + step.query[index + 1 :])
    for name in step.changes:
        yield step.without_change(name)
    for name in step.plain or {}:
        if name not in step.changes:
            yield step.without_plain(name)
    for name, value in step.changes.items():
        if value is LEFT_OUT and name in (step.plain or {}):
            yield step.without_plain(name).without_change(name)


def without_step(plan: Plan, number: int) -> Plan | None:
    """The sequence without a step that no other one needs."""
    rest = []
    for place, step in enumerate(plan):
        if place == number:
            continue
        moved = renumbered(step, number)
        if moved is None:
            return None
        rest.append(moved)
    return tuple(rest)


def renumbered(step: Step, gone: int) -> Step | None:
    """The step with the numbers of steps that come later by one less; None where it needs the gone one."""

    def moved(value: object) -> object:
        if isinstance(value, Made) and value.step > gone:
            return Made(value.step - 1)
        return value

    values = [step.path, *(value for _, value in step.query)]
    if any(isinstance(value, Made) and value.step == gone for value in values):
        return None
    path = moved(step.path)
    assert path is None or isinstance(path, Made | str)
    return replace(step, path=path, query=tuple((name, moved(v)) for name, v in step.query))
