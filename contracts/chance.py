"""The judge's only source of chance: seeded, so that a run can be repeated."""

from random import Random as Chance  # noqa: TID251 - the one place that draws chances

__all__ = ["Chance"]
