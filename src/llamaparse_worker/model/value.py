"""Values that are made by the hundred for every page.

Where ``values.c`` was compiled, they are made by it, and else by the ``__init__`` that Python gives them: both do the
same, the former five times faster.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, make_dataclass, replace
from types import ModuleType
from typing import Protocol, TypeVar

VERSION = 4
"""Of ``values.c``: what an earlier version has left is not used."""

_Value = TypeVar("_Value")


class _Changed(Protocol):
    def __call__(self, value: _Value, /, **fields: object) -> _Value: ...


compiled: ModuleType | None = None
changed: _Changed = replace  # type: ignore[assignment] # takes any dataclass
"""Gives a value of a quick class with some fields changed; all ways give what ``dataclasses.replace`` gives."""
try:
    from llamaparse_worker.model import _values

    if _values.VERSION == VERSION:
        compiled, changed = _values, _values.changed
except ImportError:  # it was not built: there was no compiler, or no header files of Python
    pass


def is_compiled() -> bool:
    """Tell whether values are made by compiled code."""
    return compiled is not None


def quick(value: type[_Value]) -> type[_Value]:
    """Have a dataclass with slots made by compiled code, if there is any.

    Raises:
        TypeError: making one takes more than its fields, each by position or name, and their defaults.
    """
    known = fields(value)  # type: ignore[arg-type] # every one is a dataclass
    plain = all(one.init and not one.kw_only and one.default_factory is MISSING for one in known)
    if not plain or hasattr(value, "__post_init__"):
        raise TypeError(f"To make a {value.__name__} takes more than its fields.")
    if compiled is not None:
        defaults = tuple(one.default for one in known if one.default is not MISSING)
        compiled.quicken(value, tuple(one.name for one in known), defaults)
    return value


def unguarded(value: type[_Value]) -> type[_Value]:
    """Let a frozen dataclass be made as fast as one that is not: that nobody changes it, the type checker sees to.

    The interpreter's own guard costs a call for every field of every value: nine times the time of making it.
    """
    for guard in ("__setattr__", "__delattr__"):
        delattr(value, guard)
    if compiled is None:
        setattr(value, "__init__", _plain_init(value))  # noqa: B010 - mypy knows only instances to have it
    return quick(value)


def _plain_init(value: type[_Value]) -> object:
    """Give the ``__init__`` that a class would have if it were not frozen."""
    plain = make_dataclass(
        value.__name__,
        [(one.name, one.type, one) for one in fields(value)],  # type: ignore[arg-type] # every one is a dataclass
        repr=False,
        eq=False,
        match_args=False,
    )
    return vars(plain)["__init__"]
