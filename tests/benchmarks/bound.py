"""The bound: what PDFium alone needs to give the text of every page, shared by two processes, and nothing else.

As a program it extracts the text of the files named as arguments and prints the seconds of wall time and of CPU that
the extraction took, without those of the start of the interpreter.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Extraction:
    """The slower process's wall time, and the CPU time of all."""

    wall_s: float
    cpu_s: float


def extract(files: Sequence[Path]) -> Extraction:
    """Run the processes side by side."""
    running = [
        subprocess.Popen([sys.executable, __file__, *map(str, files[part::PROCESSES])], stdout=subprocess.PIPE)
        for part in range(PROCESSES)
    ]
    answers = [tuple(map(float, process.communicate()[0].split())) for process in running]
    return Extraction(max(wall for wall, _ in answers), sum(cpu for _, cpu in answers))


def main(files: Sequence[str]) -> None:
    # Its import is no part of the extraction; it comes without types.
    import pypdfium2  # noqa: PLC0415

    wall, cpu = time.perf_counter(), time.process_time()
    for file in files:
        with pypdfium2.PdfDocument(file) as document:
            for page in document:
                text = page.get_textpage()
                text.get_text_range()
                text.close()
                page.close()
    sys.stdout.write(f"{time.perf_counter() - wall} {time.process_time() - cpu}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
