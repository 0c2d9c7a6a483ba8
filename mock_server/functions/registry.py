"""The functions that `x-derived` and `x-effects` may call, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ValueFunction = Callable[..., Any]

FUNCTIONS: dict[str, ValueFunction] = {}


def register(name: str) -> Callable[[ValueFunction], ValueFunction]:
    """Registers a function under the name that documents use; a name is given once."""

    def decorate(function: ValueFunction) -> ValueFunction:
        if name in FUNCTIONS:
            raise ValueError(f"the function {name!r} is registered already")
        FUNCTIONS[name] = function
        return function

    return decorate
