"""How a mode that asks models is offered: beside its settings it is opened with whoever has calls answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from llamaparse_worker.interfaces import Mode

if TYPE_CHECKING:  # a mode that asks nobody needs nothing of it
    from llamaparse_worker.throttle.router import Router

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelMode(Generic[S]):
    """What an entry point of the seam ``mode`` names, unless that is a ``Component``: a mode without models."""

    settings: type[S]
    """A frozen model; each field is the variable of the same name in capitals."""
    sees: bool
    """Whether it needs models that take images."""
    open: Callable[[S, Router], AbstractAsyncContextManager[Mode]]
