"""How well the witness checks tell spoiled answers from right ones: ``python -m benchmarks.witness FOLDER ...``.

A folder holds ``files/ID.pdf`` and ``truth/ID.md``, and perhaps ``manifest.jsonl`` with ``id`` and ``lang`` of each.
A right answer is the truth of a page, the same written in another way, and what the mode fast makes of the page; a
spoiled one is the truth spoiled in one way.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio

from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.backends.ocr.decoding import UNKNOWN_DPI
from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.pipeline.page import recognised
from llamaparse_worker.settings import LocalSettings, read
from support.refusals import measure, report
from support.witness_samples import LIMITS, WITH_WORDS, Sample, pages_of, samples

_CODES = {"zh": "ch_sim"}


async def read_by_ocr(found: Sequence[Sample], pdfs: Mapping[str, bytes]) -> list[Sample]:
    """Give the same pages as OCR reads them when they are drawn, by the engine that the variables choose.

    Pages in a language that it is not installed for are left out: it would see nothing of them.
    """
    made: list[Sample] = []
    async with open_ocr(read(LocalSettings)) as ocr:
        for sample in found:
            try:
                ocr.check_languages(sample.languages)
            except InvalidOption as error:
                sys.stderr.write(f"{sample.name} is left out: {error}\n")
                continue
            with PdfReader().open(io.BytesIO(pdfs[sample.document]), LIMITS) as document:
                page = document.read(sample.page.number)
                with document.render(sample.page.number, dpi=UNKNOWN_DPI) as image:
                    words = await ocr.read(image, languages=sample.languages)
            if isinstance(page, RawPage):
                again = recognised(page, words, WITH_WORDS, joins=False)
                made.append(replace(sample, page=again, own=markdown(again.blocks)))
    return made


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
        languages = _languages(folder / "manifest.jsonl")
        for path in sorted((folder / "files").glob("*.pdf")):
            pdfs[path.stem] = path.read_bytes()
            truth = (folder / "truth" / f"{path.stem}.md").read_text()
            found += samples(path.stem, pages_of(pdfs[path.stem]), truth, languages.get(path.stem, ()))
    if args.ocr:
        found = anyio.run(read_by_ocr, found[:: args.ocr], pdfs)
    sys.stdout.write(f"{len(found)} pages\n{report(measure(found, args.rounds, told))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
