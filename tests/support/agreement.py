"""How far what was read of a document agrees with its truth: text in order, nesting of headings, cells of tables."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.model.blocks import Heading, Table
from llamaparse_worker.model.page import FailedPage, ParsedPage
from support.layouts import truth as true
from support.layouts.truth_markdown import truth_markdown, truth_text

_LIMITS = ReaderLimits(100, 4_000_000)
_SPACE = re.compile(r"\s+")
_ALIKE = 0.8
Cells = Counter[tuple[int, int, str]]
Level = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares between 0 and 1; where there is nothing to be found and nothing was found, 1."""

    markdown: float
    """Similarity of the Markdown."""
    text: float
    """Similarity of the plain text."""
    headings: float
    """Headings found below the right heading, among the headings of the truth and those invented."""
    tables: float
    """F1 of the cells by row, column and text; cells of tables found or lost as a whole count too."""


def read(pdf: bytes) -> list[ParsedPage]:
    """Read all pages of a document as the worker does, with their links."""
    with PdfReader().open(io.BytesIO(pdf), _LIMITS) as document:
        numbers = range(1, document.page_count + 1)
        pages = [lay_out(replace(document.read(number), links=tuple(document.links(number)))) for number in numbers]
    finished = list(finish(pages, document_signs(map(page_signs, pages))))
    return [page for page in finished if not isinstance(page, FailedPage)]


def agreement(pages: Sequence[ParsedPage], truth: true.Truth) -> Agreement:
    """Compare what was read with the truth."""
    blocks = [block for page in pages for block in page.blocks]
    headings = [(block.level, block.text) for block in blocks if isinstance(block, Heading)]
    tables = [_cells(block.rows) for block in blocks if isinstance(block, Table) and block.rows]
    return Agreement(
        markdown=similarity("\n\n".join(page.markdown for page in pages), truth_markdown(truth)),
        text=similarity("\n\n".join(page.text for page in pages), truth_text(truth)),
        headings=nested(headings, [(heading.level, heading.text) for heading in truth.headings]),
        tables=cell_f1(tables, [_true_cells(table) for table in truth.tables]),
    )


def similarity(one: str, other: str) -> float:
    """Give 2 LCS / (length of both), over characters with white space evened out.

    The longest common subsequence is found by bits: Hyyrö, "Bit-parallel LCS-length computation revisited", 2004.
    """
    one, other = _SPACE.sub(" ", one).strip(), _SPACE.sub(" ", other).strip()
    if not one and not other:
        return 1.0
    places: dict[str, int] = {}
    for place, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << place
    mask = (1 << len(one)) - 1
    row = mask
    for letter in other:
        common = row & places.get(letter, 0)
        row = ((row + common) | (row - common)) & mask
    return 2 * (len(one) - row.bit_count()) / (len(one) + len(other))


def nested(found: Sequence[Level], wanted: Sequence[Level]) -> float:
    """Give the share of headings that are found and stand below the right one, of those that either side has.

    Headings are paired by text, in order; a heading stands below the nearest earlier paired one of a higher rank.
    """
    pairs = _paired(found, wanted)
    count = len(found) + len(wanted) - len(pairs)
    if not count:
        return 1.0
    found_parents = _parents([found[place] for place, _ in pairs])
    true_parents = _parents([wanted[place] for _, place in pairs])
    return sum(one == other for one, other in zip(found_parents, true_parents, strict=True)) / count


def _paired(found: Sequence[Level], wanted: Sequence[Level]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    start = 0
    for place, (_, text) in enumerate(found):
        alike = (
            at for at in range(start, len(wanted)) if similarity(text.casefold(), wanted[at][1].casefold()) >= _ALIKE
        )
        at = next(alike, None)
        if at is not None:
            pairs.append((place, at))
            start = at + 1
    return pairs


def _parents(headings: Sequence[Level]) -> list[int | None]:
    parents: list[int | None] = []
    for place, (level, _) in enumerate(headings):
        parents.append(next((at for at in range(place - 1, -1, -1) if headings[at][0] < level), None))
    return parents


def cell_f1(found: Sequence[Cells], wanted: Sequence[Cells]) -> float:
    """Pair the tables so that the most cells agree, the best first, and give F1 over all cells."""
    total = sum(map(Counter.total, found)) + sum(map(Counter.total, wanted))
    if not total:
        return 1.0
    common = sorted(
        (((one & other).total(), i, j) for i, one in enumerate(found) for j, other in enumerate(wanted)), reverse=True
    )
    agreed = 0
    seen: set[tuple[str, int]] = set()
    for cells, i, j in common:
        if not seen & {("found", i), ("wanted", j)}:
            seen |= {("found", i), ("wanted", j)}
            agreed += cells
    return 2 * agreed / total


def _cells(rows: Iterable[Iterable[str]]) -> Cells:
    """Count the cells that have text."""
    return Counter(
        (y, x, " ".join(text.split())) for y, row in enumerate(rows) for x, text in enumerate(row) if text.strip()
    )


def _true_cells(table: true.Table) -> Cells:
    return _cells([cell.text if cell else "" for cell in row] for row in table.rows)
