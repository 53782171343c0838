"""How a backend is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

S = TypeVar("S", bound=BaseModel)
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Component(Generic[S, T_co]):
    """What an entry point names: how to open a backend. Components open in order and close in reverse."""

    settings: type[S]
    """A frozen model; each field is the variable of the same name in capitals."""
    open: Callable[[S], AbstractAsyncContextManager[T_co]]
