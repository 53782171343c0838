"""How long faults last, and how many there are: the variable FAULTS is ``short`` (the default) or ``full``."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FULL = {"short": False, "full": True}[os.environ.get("FAULTS", "short")]


def scaled(*, short: T, full: T) -> T:
    """Choose by the form that is run."""
    return full if FULL else short
