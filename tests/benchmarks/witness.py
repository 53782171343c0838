"""How well the witness checks tell spoiled answers from right ones: ``python -m benchmarks.witness FOLDER ...``.

A folder holds ``files/ID.pdf`` and ``truth/ID.md``. The truth of a document is shared out over its pages by what they
print; a page where that leaves a doubt (a table of HTML or a formula over a page end) is left out. A right answer is
the truth of a page, and what the mode fast makes of it; a spoiled one is the truth spoiled in one way.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import anyio

from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.backends.ocr.decoding import UNKNOWN_DPI
from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.assemble import document_signs, page_signs, settled
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.mode.witness import Check, Evidence, Finding, Severity, Source, evidence_of, judge
from llamaparse_worker.mode.witness.alignment import UNPAIRED, align
from llamaparse_worker.mode.witness.answer import parse_answer
from llamaparse_worker.mode.witness.tokens import Duty, Piece, tokens_of
from llamaparse_worker.model.options import Granularity, ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.pipeline.page import finished, recognised
from llamaparse_worker.settings import LocalSettings, read
from support.corruptions import KINDS, PROMISED
from support.variations import VARIATIONS

_LIMITS = ReaderLimits(1000, 40_000_000)
_OPTIONS = ParseOptions(granular_bboxes=(Granularity.WORD,))
_CUT = re.compile(r"\s*(?:[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+)")
RIGHT = ("right: truth", "right: fast")
VARIED = tuple(f"right: {name}" for name in VARIATIONS)
_LEAST_AGREED = 0.8


@dataclass(frozen=True, slots=True)
class Sample:
    """A page with the part of the truth that it prints."""

    document: str
    page: LaidOutPage
    truth: str
    own: str
    """What the mode fast makes of the page."""

    @property
    def name(self) -> str:
        return f"{self.document} {self.page.number}"


@dataclass
class Tally:
    """How many answers were refused, and by which checks."""

    judged: int = 0
    refused: int = 0
    checks: Counter[Check] = field(default_factory=Counter)


def pages_of(pdf: bytes) -> list[LaidOutPage]:
    """Lay out all pages with the places of their words."""
    with PdfReader().open(io.BytesIO(pdf), _LIMITS) as document:
        return [finished(document.read(number), _OPTIONS) for number in range(1, document.page_count + 1)]


def samples(name: str, pages: Sequence[LaidOutPage], truth: str) -> Iterator[Sample]:
    """Share a truth out over its pages."""
    signs = document_signs(map(page_signs, pages))
    ready = [settled(page, signs) for page in pages]
    for page, part in zip(ready, shared_out(truth, list(map(evidence_of, ready))), strict=True):
        if part is not None and part.strip():
            yield Sample(name, page, part, markdown(page.blocks))


async def read_by_ocr(found: Sequence[Sample], pdfs: Mapping[str, bytes]) -> list[Sample]:
    """Give the same pages as OCR reads them when they are drawn, by the engine that the variables choose."""
    made: list[Sample] = []
    async with open_ocr(read(LocalSettings)) as ocr:
        for sample in found:
            with PdfReader().open(io.BytesIO(pdfs[sample.document]), _LIMITS) as document:
                page = document.read(sample.page.number)
                with document.render(sample.page.number, dpi=UNKNOWN_DPI) as image:
                    words = await ocr.read(image, languages=())
            if isinstance(page, RawPage):
                again = recognised(page, words, _OPTIONS, joins=False)
                made.append(replace(sample, page=again, own=markdown(again.blocks)))
    return made


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


def measure(
    found: Iterable[Sample], rounds: int, told: Callable[[str, str, str], None] = lambda *_: None
) -> dict[str, Tally]:
    """Judge right and spoiled answers of each page."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for sample in found:
        page = evidence_of(sample.page)
        if page.source is Source.NOBODY:
            continue
        known = _count(tallies["right: truth"], sample, sample.truth, page, told, "right: truth")
        _count(tallies["right: fast"], sample, sample.own, page, told, "right: fast")
        for name, vary in VARIATIONS.items():
            again = vary(sample.truth, Random(f"{sample.name} {name}"))
            if again != sample.truth:
                _count(tallies[f"right: {name}"], sample, again, page, told, f"right: {name}", "", known)
        for kind, spoil in KINDS.items():
            for number in range(rounds):
                made = spoil(sample.truth, Random(f"{sample.name} {kind} {number}"))
                if made is not None:
                    _count(tallies[kind], sample, made.markdown, page, told, kind, made.text, known)
    return tallies


def _count(
    tally: Tally,
    sample: Sample,
    answer: str,
    page: Evidence,
    told: Callable[[str, str, str], None],
    kind: str,
    wrong: str = "",
    known: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Judge an answer; gives what speaks against it. What is ``known`` to speak against the truth is no detection."""
    judgement = judge(answer, page)
    tally.judged += 1
    errors = [
        finding for finding in judgement.findings if finding.severity is Severity.ERROR and _what(finding) not in known
    ]
    tally.refused += bool(errors)
    tally.checks.update({finding.check for finding in errors})
    if bool(errors) == kind.startswith("right"):
        told(kind, sample.name, f"{wrong!r}  " + " ".join(f"[{one.check}] {one.sentence}" for one in errors[:4]))
    return frozenset(map(_what, errors))


def _what(finding: Finding) -> str:
    """Tell a finding from others, wherever it stands: lines move."""
    return f"{finding.check} {finding.answer_text} / {finding.page_text}"


def report(tallies: dict[str, Tally]) -> str:
    """Give the table, and the two figures that are promised."""
    lines = [f"{'answers':28} {'judged':>7} {'refused':>8} {'share':>8}  by"]
    for kind, tally in tallies.items():
        by = ", ".join(f"{check} {count}" for check, count in tally.checks.most_common(4))
        lines.append(f"{kind:28} {tally.judged:7} {tally.refused:8} {tally.refused / tally.judged:8.2%}  {by}")
    for title, kinds in (("promised kinds", PROMISED), ("right answers", RIGHT), ("right answers, varied", VARIED)):
        judged = sum(tallies[kind].judged for kind in kinds if kind in tallies)
        refused = sum(tallies[kind].refused for kind in kinds if kind in tallies)
        lines.append(f"{title:28} {judged:7} {refused:8} {refused / max(1, judged):8.2%}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.witness", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=2, help="spoiled answers of each kind a page; default: 2")
    parser.add_argument(
        "--ocr", type=int, default=0, metavar="N", help="draw every Nth page, and let OCR be the witness"
    )
    parser.add_argument("--tell", action="store_true", help="print what is judged wrongly")
    args = parser.parse_args(arguments)

    def told(kind: str, name: str, what: str) -> None:
        if args.tell:
            sys.stdout.write(f"{kind}: {name}: {what}\n")

    found: list[Sample] = []
    pdfs: dict[str, bytes] = {}
    for folder in args.folders:
        for path in sorted((folder / "files").glob("*.pdf")):
            pdfs[path.stem] = path.read_bytes()
            truth = (folder / "truth" / f"{path.stem}.md").read_text()
            found += samples(path.stem, pages_of(pdfs[path.stem]), truth)
    if args.ocr:
        found = anyio.run(read_by_ocr, found[:: args.ocr], pdfs)
    sys.stdout.write(f"{len(found)} pages\n{report(measure(found, args.rounds, told))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
