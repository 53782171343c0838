"""Text of a page that nobody who looks at it sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.model.geometry import Box


class HiddenReason(StrEnum):
    """Why text is not seen."""

    NO_INK = "no_ink"
    """It is drawn in a mode that leaves no ink, on a page that is not a scan."""
    UNSEEN = "unseen"
    """It has the colour of what it stands on, or an image lies over it."""
    TINY = "tiny"
    """It is so small that nobody reads it."""
    OFF_PAGE = "off_page"
    """It stands beside the page, where a table goes on beyond its edge."""


@dataclass(frozen=True, slots=True)
class HiddenSpan:
    """Characters that follow each other in the file and are hidden for one reason."""

    text: str
    reason: HiddenReason
    box: Box


@dataclass(frozen=True, slots=True)
class HiddenText:
    """What is hidden on a page: the number of all such characters, and the first of them by spans."""

    characters: int
    spans: tuple[HiddenSpan, ...]
