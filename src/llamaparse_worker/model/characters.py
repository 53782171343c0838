"""How the characters of a page are set: typefaces, traits, and the document's own structure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from llamaparse_worker.model.value import unguarded


@dataclass(frozen=True, slots=True)
class Font:
    """A typeface as the document names it."""

    name: str
    bold: bool = False
    italic: bool = False
    monospaced: bool = False


@unguarded
@dataclass(frozen=True, slots=True)
class Element:
    """An element of the document's own structure, as tagged PDFs have them: what a part of the page is."""

    role: str
    """A standard structure type of ISO 32000, such as ``P``, ``H2``, ``TD``."""
    parent: int = -1
    """Index of the element around it, which stands earlier in the table; -1 for the outermost."""
    continued: bool = False
    """Whether it began on an earlier page."""
    row_span: int = 1
    column_span: int = 1


class Trait(IntFlag):
    """How a character is drawn, beyond its font."""

    DOWNWARD = 1
    """Reads downward; together with ``BACKWARD`` upward."""
    BACKWARD = 2
    """Stands on its head."""
    DIAGONAL = 4
    """Reads in no direction of the page's sides."""
    HIDDEN = 8
    """Drawn without ink, as the text behind a scan is."""
    UNMAPPED = 16
    """The font does not say which character this is; it stands as a space."""
    CROPPED = 32
    """Lies on the sheet, outside of the part of it that is shown."""
    UNSEEN = 64
    """Drawn with ink that changes nothing: in the colour of what it stands on, or beneath an image."""


TURNS = Trait.DOWNWARD | Trait.BACKWARD
"""As a number: the clockwise quarter turns in which a character reads."""
