"""Generated documents of every kind are read as their truth says: no kind may fall below what it has reached.

A few small ones are compared with Markdown that a person has read and approved; after a wanted change:
``UPDATE_GOLDEN=1 pytest tests/golden``, read the difference, commit it.

To look at one: ``PYTHONPATH=tests python -m support.layouts FOLDER GENRE`` writes it with its truth.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pytest

from support.agreement import Agreement, agreement, read
from support.layouts.corpus import corpus
from support.layouts.genres import GENRES, document
from support.layouts.truth_markdown import truth_text

SEEDS = range(1, 5)
APPROVED = Path(__file__).parent / "layouts"
SMALL = {
    "paper": (32, 4500),
    "manual": (4, 2000),
    "statistics": (21, 2000),
    "newsletter": (12, 2000),
    "report": (3, 2000),
    "book": (6, 2000),
}
"""Seeds and characters of the documents that a person has read."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Floor:
    """The least mean over the seeds of a kind."""

    markdown: float
    text: float
    headings: float = 0.96
    tables: float = 0.96


FLOORS = {
    "report": Floor(0.98, 0.98),
    "paper": Floor(0.98, 0.98, headings=0.9),
    "newspaper": Floor(0.98, 0.98),
    "letter": Floor(0.99, 0.99),
    "manual": Floor(0.98, 0.98, headings=0.9),
    "invoice": Floor(0.97, 0.97, headings=0.88, tables=0.93),
    "statistics": Floor(0.9, 0.97, tables=0.82),
    "newsletter": Floor(0.98, 0.98),
    "book": Floor(0.98, 0.98),
    "slides": Floor(0.98, 0.98),
    "turned": Floor(0.98, 0.98),
    "memorandum": Floor(0.98, 0.98, headings=0.72),
}


@pytest.fixture(scope="module")
def agreements() -> dict[str, list[Agreement]]:
    documents = {genre: [document(genre, seed) for seed in SEEDS] for genre in GENRES}
    return {genre: [agreement(read(made.pdf), made.truth) for made in several] for genre, several in documents.items()}


@pytest.mark.parametrize("genre", GENRES)
def test_a_kind_of_document_is_read_as_well_as_ever(genre: str, agreements: dict[str, list[Agreement]]) -> None:
    floor, reached = FLOORS[genre], agreements[genre]
    assert mean(one.markdown for one in reached) >= floor.markdown
    assert mean(one.text for one in reached) >= floor.text
    assert mean(one.headings for one in reached) >= floor.headings
    assert mean(one.tables for one in reached) >= floor.tables


@pytest.mark.parametrize("genre", GENRES)
def test_what_the_truth_says_is_printed(genre: str) -> None:
    made = document(genre, 1)
    printed = Counter(_WORD.findall(" ".join(page.text for page in read(made.pdf))))
    wanted = Counter(_WORD.findall(truth_text(made.truth)))
    assert (printed & wanted).total() >= 0.97 * wanted.total()


@pytest.mark.parametrize("genre", GENRES)
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(genre: str) -> None:
    assert document(genre, 5).pdf == document(genre, 5).pdf
    assert document(genre, 5).pdf != document(genre, 6).pdf


def test_the_corpus_of_the_benchmark_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    once, again = corpus(tmp_path / "once", 4), corpus(tmp_path / "again", 3)
    assert [stored.path.name for stored in once[:3]] == [stored.path.name for stored in again]
    for stored, other in zip(once, again, strict=False):
        assert stored.path.read_bytes() == other.path.read_bytes()
        assert len(read(stored.path.read_bytes())) == stored.pages


@pytest.mark.parametrize("genre", SMALL)
def test_a_small_document_reads_as_approved(genre: str) -> None:
    approved = APPROVED / f"{genre}.md"
    made = document(genre, *SMALL[genre])
    found = "\n\n".join(page.markdown for page in read(made.pdf) if page.markdown) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        approved.write_text(found)
    assert found == approved.read_text()
