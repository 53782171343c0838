"""How well the witness checks tell spoiled answers from right ones: ``python -m benchmarks.witness FOLDER ...``.

A folder holds ``files/ID.pdf`` with ``truth/ID.md``, or images with ``truth/ID.txt``, and perhaps ``manifest.jsonl``
with ``id`` and ``lang`` of each. The witness of an image is OCR; with ``--ocr`` it is that of PDFs too.
A right answer is the truth of a page, the same written in another way, and what the mode fast makes of the page; a
spoiled one is the truth spoiled in one way.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio

from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.backends.ocr.decoding import UNKNOWN_DPI
from llamaparse_worker.backends.reader.image import ImageReader
from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.interfaces import Ocr, OpenDocument
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.pipeline.handout import ocr_dpi, with_drawn_lines
from llamaparse_worker.pipeline.page import recognised
from llamaparse_worker.settings import LocalSettings, read
from support.refusals import measure, report
from support.witness_samples import LIMITS, WITH_WORDS, Sample, pages_of, samples

_CODES = {"zh": "ch_sim"}
_IMAGES = {".png", ".jpg", ".tif", ".tiff"}
_MARKS = re.compile(r"[\\`*_#>|~<\[\]$]|^[-+=]|(?<=^\d)[.)](?=\s)", re.MULTILINE)


async def read_by_ocr(found: Sequence[Sample], pdfs: Mapping[str, bytes]) -> list[Sample]:
    """Give the same pages as OCR reads them when they are drawn, by the engine that the variables choose.

    Pages in a language that it is not installed for are left out: it would see nothing of them.
    """
    made: list[Sample] = []
    async with open_ocr(read(LocalSettings)) as ocr:
        for sample in found:
            with PdfReader().open(io.BytesIO(pdfs[sample.document]), LIMITS) as document:
                again = await _read(document, sample.page.number, ocr, sample.name, sample.languages)
            if again is not None:
                made.append(replace(sample, page=again, own=markdown(again.blocks)))
    return made


async def read_images(folder: Path, every: int) -> list[Sample]:
    """Give the images of a folder as OCR reads them, of several every so many."""
    languages = _languages(folder / "manifest.jsonl")
    paths = sorted(path for path in (folder / "files").glob("*") if path.suffix in _IMAGES)
    made: list[Sample] = []
    async with open_ocr(read(LocalSettings)) as ocr:
        for path in paths[::every]:
            truth = folder / "truth" / f"{path.stem}.txt"
            codes = languages.get(path.stem, ())
            with path.open("rb") as file, ImageReader().open(file, LIMITS) as document:
                page = await _read(document, 1, ocr, path.stem, codes)
            if page is not None and truth.exists():
                made.append(Sample(path.stem, page, _as_markdown(truth.read_text()), markdown(page.blocks), codes))
    return made


async def _read(
    document: OpenDocument, number: int, ocr: Ocr, name: str, languages: tuple[str, ...]
) -> LaidOutPage | None:
    """Give a page as OCR reads it when it is drawn; None where it cannot."""
    try:
        ocr.check_languages(languages)
    except InvalidOption as error:
        sys.stderr.write(f"{name} is left out: {error}\n")
        return None
    page = document.read(number)
    if not isinstance(page, RawPage):
        return None
    with document.render(number, dpi=ocr_dpi(page, UNKNOWN_DPI)) as image:
        page = with_drawn_lines(page, image)
        words = await ocr.read(image, languages=languages)
    return recognised(page, words, WITH_WORDS, joins=False)


def _as_markdown(text: str) -> str:
    """Give a text, line by line, in which nothing is taken for a mark of Markdown."""
    return _MARKS.sub(r"\\\g<0>", "\n".join(line.strip() for line in text.splitlines()))


def samples_of(folder: Path) -> tuple[list[Sample], dict[str, bytes]]:
    """Give the pages of the PDFs of a folder with their truth, and the PDFs by name."""
    found: list[Sample] = []
    pdfs: dict[str, bytes] = {}
    languages = _languages(folder / "manifest.jsonl")
    for path in sorted((folder / "files").glob("*.pdf")):
        pdfs[path.stem] = path.read_bytes()
        truth = (folder / "truth" / f"{path.stem}.md").read_text()
        found += samples(path.stem, pages_of(pdfs[path.stem]), truth, languages.get(path.stem, ()))
    return found, pdfs


def _languages(manifest: Path) -> dict[str, tuple[str, ...]]:
    """Read which language each document is in, where a manifest says so."""
    if not manifest.exists():
        return {}
    rows = map(json.loads, manifest.read_text().splitlines())
    return {row["id"]: (_CODES.get(row["lang"], row["lang"]),) for row in rows if "lang" in row}


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.witness", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=2, help="spoiled answers of each kind a page; default: 2")
    parser.add_argument(
        "--ocr", type=int, default=0, metavar="N", help="draw every Nth page, and let OCR be the witness; of images: 1"
    )
    parser.add_argument("--tell", action="store_true", help="print what is judged wrongly")
    args = parser.parse_args(arguments)

    def told(kind: str, name: str, what: str) -> None:
        if args.tell:
            sys.stdout.write(f"{kind}: {name}: {what}\n")

    found: list[Sample] = []
    pdfs: dict[str, bytes] = {}
    for folder in args.folders:
        more, read_of = samples_of(folder)
        found += more
        pdfs.update(read_of)
    if args.ocr:
        found = anyio.run(read_by_ocr, found[:: args.ocr], pdfs)
    for folder in args.folders:
        found += anyio.run(read_images, folder, args.ocr or 1)
    sys.stdout.write(f"{len(found)} pages\n{report(measure(found, args.rounds, told))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
