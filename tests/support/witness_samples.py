"""Pages with the part of a document's truth that each prints.

The truth of a document is shared out over its pages by what they print; a page where that leaves a doubt, as where a
row or a formula goes over a page end, is left out.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.assemble import document_signs, page_signs, settled
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.mode.witness import Evidence, evidence_of
from llamaparse_worker.mode.witness.alignment import UNPAIRED, align
from llamaparse_worker.mode.witness.answer import parse_answer
from llamaparse_worker.mode.witness.tokens import Duty, Piece, tokens_of
from llamaparse_worker.model.options import Granularity, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.pipeline.links import with_page_links
from llamaparse_worker.pipeline.page import finished

LIMITS = ReaderLimits(1000, 40_000_000)
WITH_WORDS = ParseOptions(granular_bboxes=(Granularity.WORD,), annotate_links=True)
_CUT = re.compile(r"\s*(?:[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+)")
_LEAST_AGREED = 0.8


@dataclass(frozen=True, slots=True)
class Sample:
    """A page with the part of the truth that it prints."""

    document: str
    page: LaidOutPage
    truth: str
    own: str
    """What the mode fast makes of the page."""
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.document} {self.page.number}"


def pages_of(pdf: bytes) -> list[LaidOutPage]:
    """Lay out all pages with the places of their words, and with their links."""
    with PdfReader().open(io.BytesIO(pdf), LIMITS) as document:
        read = [
            with_page_links(document.read(number + 1), document, WITH_WORDS) for number in range(document.page_count)
        ]
    return [finished(page, WITH_WORDS) for page in read]


def samples(name: str, pages: Sequence[LaidOutPage], truth: str, languages: tuple[str, ...] = ()) -> Iterator[Sample]:
    """Share a truth out over its pages."""
    signs = document_signs(map(page_signs, pages))
    ready = [settled(page, signs) for page in pages]
    for page, part in zip(ready, shared_out(truth, list(map(evidence_of, ready))), strict=True):
        if part is not None and part.strip():
            yield Sample(name, page, part, markdown(page.blocks), languages)


def shared_out(truth: str, pages: Sequence[Evidence]) -> list[str | None]:
    """Give for each page the lines of the truth that it prints; None for a page where that is in doubt."""
    if len(pages) == 1:
        return [truth]
    answer = parse_answer(truth)
    printed = tokens_of(
        Piece(token.key, number)
        for number, page in enumerate(pages)
        for token, stand in zip(page.tokens.all, page.stands, strict=True)
        if stand.block is not None  # Words that the layout left out would be taken for those of the next page.
    )
    paired = align(answer.tokens, printed)
    by_line: defaultdict[int, list[int | None]] = defaultdict(list)
    for at, place in enumerate(paired.to_page):
        known = place != UNPAIRED and at not in paired.stray
        by_line[answer.tokens.place(at).line].append(printed.place(place) if known else None)
    return _Sharing(truth.splitlines(), by_line, list(map(_proper, pages))).shares()


class _Sharing:
    def __init__(self, lines: Sequence[str], by_line: dict[int, list[int | None]], pages: Sequence[str]) -> None:
        self._lines = lines
        self._by_line = by_line
        self._pages = pages
        self._shares: list[list[str]] = [[] for _ in pages]
        self._doubtful: set[int] = set()
        self._fence = ""
        self._head: tuple[str, str] | None = None
        self._page = 0

    def shares(self) -> list[str | None]:
        for at, line in enumerate(self._lines):
            labels = self._by_line.get(at + 1, [])
            known = [label for label in labels if label is not None]
            counted = Counter(known)
            if line.startswith(("```", "~~~")):
                self._at_fence(line, at)
            elif not known:
                self._give(self._page, line)
            elif len(counted) == 1 or counted.most_common(1)[0][1] >= len(known) - 1:
                self._in_table(line, at, counted.most_common(1)[0][0])
            else:
                self._divided(line, labels, known)
        return [None if number in self._doubtful else "\n".join(share) for number, share in enumerate(self._shares)]

    def _give(self, page: int, line: str) -> None:
        if self._fence and page != self._page:
            self._shares[self._page].append("```")
            self._shares[page].append(self._fence)
        self._page = page
        self._shares[page].append(line)

    def _at_fence(self, line: str, at: int) -> None:
        if self._fence:
            self._give(self._page, line)
            self._fence = ""
            return
        following = next((x for n in range(at + 2, at + 6) for x in self._by_line.get(n, []) if x is not None), None)
        self._page = self._page if following is None else following
        self._give(self._page, line)
        self._fence = line

    def _in_table(self, line: str, at: int, page: int) -> None:
        """Give a line; a table that goes on overleaf has its head there again."""
        is_row = line.startswith("|") and not self._fence
        following = self._lines[at + 1] if at + 1 < len(self._lines) else ""
        if is_row and following.startswith("|") and not following.strip("|-: "):
            self._head = (line, following)
            if page > self._page and self._pages[page - 1].endswith(
                _squeezed(line)
            ):  # It ends the page before, without a row, and is printed again.
                self._shares[page - 1].extend(("", *self._head))
        elif is_row and self._head is not None and page != self._page:
            if self._pages[page].startswith(_squeezed(self._head[0])):
                self._shares[page].extend(("", *self._head))
            else:
                self._page = page
                self._shares[page].extend(("", line, self._head[1]))
                return
        elif not is_row:
            self._head = None
        self._give(page, line)

    def _divided(self, line: str, labels: Sequence[int | None], known: Sequence[int]) -> None:
        """Cut a line between two pages in order; any other is in doubt."""
        first, last = min(known), max(known)
        parts = _CUT.findall(line)
        counts = [len(parse_answer(f"x {part}").tokens) - 1 for part in parts]
        if last != first + 1 or sum(counts) != len(labels) or line.lstrip().startswith(("<", "|")):
            self._doubtful.update(range(first, last + 1))
            return
        best = max(
            range(len(labels) + 1),
            key=lambda cut: (
                sum(label == first for label in labels[:cut]) + sum(label == last for label in labels[cut:])
            ),
        )
        agreed = sum(label == first for label in labels[:best]) + sum(label == last for label in labels[best:])
        if agreed < _LEAST_AGREED * len(labels):
            self._doubtful.update((first, last))
        total = at = 0
        while at < len(parts) and total < best:
            total += counts[at]
            at += 1
        self._give(first, "".join(parts[:at]))
        self._give(last, "".join(parts[at:]))


def _proper(page: Evidence) -> str:
    """Give the text of a page without its edges and without spaces."""
    own = [Piece(token.key, None) for token in page.tokens.all if token.duty is Duty.EXACT]
    tokens = tokens_of(own)
    return tokens.squeezed(0, len(tokens))


def _squeezed(line: str) -> str:
    tokens = parse_answer(line).tokens
    return tokens.squeezed(0, len(tokens))
