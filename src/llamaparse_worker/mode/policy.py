"""What tells the modes that ask models apart."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.mode.asking import Caps
from llamaparse_worker.model.options import ModeName


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a mode does with a page."""

    mode: ModeName
    caps: Caps
    sees: bool
    """Whether models are shown the page, with a part of its text; else they are given all of its text."""
    repairs: int
    """How many rounds of repair an answer may have."""
    by_region: bool = False
    """Whether repairs look at parts of the page where they can."""
