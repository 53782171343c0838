"""What others need for the same files in the same run, shared by two processes: a bound and a peer.

The bound is what PDFium alone needs to give the text of every page. The peer is the liteparse package, which makes
Markdown without OCR. As a program this module works on the files named as arguments and prints the seconds of wall time
and of CPU that the work took, without those of the start of the interpreter.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PROCESSES = 2


class Yardstick(StrEnum):
    """Who works on the files."""

    PDFIUM = "pdfium"
    LITEPARSE = "liteparse"


@dataclass(frozen=True, slots=True)
class Work:
    """The slower process's wall time, and the CPU time of all."""

    wall_s: float
    cpu_s: float


def measured(yardstick: Yardstick, pages: Mapping[Path, int]) -> Work:
    """Run the processes side by side on files with their numbers of pages."""
    running = [
        subprocess.Popen([sys.executable, __file__, yardstick, *map(str, files)], stdout=subprocess.PIPE)
        for files in _dealt(pages)
    ]
    answers = [tuple(map(float, process.communicate()[0].split())) for process in running]
    return Work(max(wall for wall, _ in answers), sum(cpu for _, cpu in answers))


def _dealt(pages: Mapping[Path, int]) -> Sequence[Sequence[Path]]:
    """Share files out so that every process has about as many pages: the longest first, each to who has fewest."""
    hands: list[list[Path]] = [[] for _ in range(PROCESSES)]
    for file in sorted(pages, key=pages.__getitem__, reverse=True):
        min(hands, key=lambda hand: sum(map(pages.__getitem__, hand))).append(file)
    return hands


def _pdfium() -> Callable[[str], None]:
    import pypdfium2  # noqa: PLC0415 - the import is no part of the work

    def extract(file: str) -> None:
        with pypdfium2.PdfDocument(file) as document:
            for page in document:
                text = page.get_textpage()
                text.get_text_range()
                text.close()
                page.close()

    return extract


def _liteparse() -> Callable[[str], None]:
    from liteparse import LiteParse  # noqa: PLC0415 - as above

    parser = LiteParse(ocr_enabled=False, output_format="markdown", quiet=True)

    def parse(file: str) -> None:
        parser.parse(file)

    return parse


def main(arguments: Sequence[str]) -> None:
    work = {Yardstick.PDFIUM: _pdfium, Yardstick.LITEPARSE: _liteparse}[Yardstick(arguments[0])]()
    wall, cpu = time.perf_counter(), time.process_time()
    for file in arguments[1:]:
        work(file)
    sys.stdout.write(f"{time.perf_counter() - wall} {time.process_time() - cpu}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
