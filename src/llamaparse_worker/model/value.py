"""Values that are made by the hundred for every page."""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import TypeVar

_Value = TypeVar("_Value")


def unguarded(value: type[_Value]) -> type[_Value]:
    """Let a frozen dataclass be made as fast as one that is not: that nobody changes it, the type checker sees to.

    The interpreter's own guard costs a call for every field of every value: nine times the time of making it.
    """
    plain = make_dataclass(
        value.__name__,
        [(one.name, one.type, one) for one in fields(value)],  # type: ignore[arg-type] # every one is a dataclass
        repr=False,
        eq=False,
        match_args=False,
    )
    for guard in ("__setattr__", "__delattr__"):
        delattr(value, guard)
    setattr(value, "__init__", vars(plain)["__init__"])  # noqa: B010 - mypy knows only instances to have it
    return value
