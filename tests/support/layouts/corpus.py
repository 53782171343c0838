"""The corpus of the benchmark: what the shelves of a company hold, in documents of 1 to 60 pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from support.layouts.genres import document

_SHARES = {
    "report": 24,
    "paper": 9,
    "manual": 18,
    "letter": 16,
    "invoice": 14,
    "statistics": 6,
    "newspaper": 3,
    "newsletter": 3,
    "book": 3,
    "slides": 6,
    "turned": 3,
    "memorandum": 8,
}
"""Documents of each genre among a hundred or so."""
_LENGTHS = {
    "report": (4, 60),
    "paper": (4, 12),
    "manual": (8, 60),
    "statistics": (3, 20),
    "newspaper": (2, 8),
    "book": (20, 60),
    "slides": (6, 30),
    "turned": (2, 12),
    "memorandum": (1, 6),
}
"""About how many pages they have; other genres are as long as they are."""
_CHARACTERS = {
    "report": 2200,
    "paper": 4300,
    "manual": 2000,
    "statistics": 1700,
    "newspaper": 6200,
    "book": 2400,
    "slides": 600,
}
"""Characters of a page, to make a document about as long as wanted."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A document of the corpus."""

    path: Path
    pages: int


def corpus(folder: Path, documents: int = 150) -> list[Stored]:
    """Write the documents; the same call writes the same bytes, and fewer documents are the first of more."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = Random(20)
    made: list[Stored] = []
    for index in range(documents):
        genre = chance.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
        characters = _length(chance, genre)
        written = document(genre, 1000 + index, characters)
        path = folder / f"document-{index:04d}-{genre}.pdf"
        path.write_bytes(written.pdf)
        made.append(Stored(path, written.pages))
    return made


def _length(chance: Random, genre: str) -> int | None:
    if genre not in _LENGTHS:
        return None
    least, most = _LENGTHS[genre]
    pages = chance.triangular(least, most, (2 * least + most) / 3)
    return round(pages * _CHARACTERS.get(genre, 2000))
