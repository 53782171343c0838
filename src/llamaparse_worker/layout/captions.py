"""What tells the caption of a figure from a sentence that speaks of it."""

from __future__ import annotations

import re

_CAPTION = re.compile(
    r"(?:fig(?:ure|ura|\.)?|image|photo(?:graph)?|plate|chart|diagram|illustration|abb(?:ildung|\.)?|bild|图|図)"
    r"\s*(?:\d+(?:[.-]\d+)*[a-z]?|[ivx]+)\b[^\w]*",
    re.IGNORECASE,
)


def is_caption(text: str) -> bool:
    """Tell whether a text names a figure and says what it shows: a verb that follows would be written small."""
    found = _CAPTION.match(text)
    if found is None:
        return False
    follows = text[found.end() : found.end() + 1]
    return not follows.islower() or found[0].rstrip()[-1] in ".:)]|\u2013\u2014"
