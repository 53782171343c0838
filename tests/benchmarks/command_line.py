"""``llamaparse-worker parse``: throughput over the corpus, start-up with one page, and growth with the page count."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import ROUNDS, Figure, at_most
from benchmarks.tree import Usage, run_watched
from support.daemon import environment
from support.documents import make, mixed_pages

FURTHER_PAGE = "CPU of each page but the first"
"""What is left without the start of the program, which a bound does not have."""
ALL_RESULTS = "markdown,text,json"
_REPEATS = 5


def throughput(files: Sequence[Path], pages: int, state: Path, one_page_cpu_s: float) -> list[Figure]:
    """Parse the whole corpus with one command."""
    usage = _best(files, state)
    scenario = f"parse, {len(files)} documents with {pages} pages, best of {ROUNDS}"
    return [
        *_over_corpus(scenario, usage, pages, one_page_cpu_s),
        Figure(scenario, "peak PSS of the tree", usage.peak_pss_mb, "MB"),
        Figure(scenario, "peak RSS of the tree", usage.peak_rss_mb, "MB"),
    ]


def text_alone(files: Sequence[Path], pages: int, state: Path, one_page_cpu_s: float) -> list[Figure]:
    """Parse the whole corpus for its text alone."""
    usage = _best(files, state, results="text")
    scenario = f"parse for text alone, {len(files)} documents with {pages} pages, best of {ROUNDS}"
    return _over_corpus(scenario, usage, pages, one_page_cpu_s)


def _best(files: Sequence[Path], state: Path, *, results: str = ALL_RESULTS) -> Usage:
    return min((parse(files, state, results=results) for _ in range(ROUNDS)), key=lambda usage: usage.wall_s)


def _over_corpus(scenario: str, usage: Usage, pages: int, one_page_cpu_s: float) -> list[Figure]:
    return [
        Figure(scenario, "throughput", pages / usage.wall_s * 60, "pages/min"),
        Figure(scenario, "CPU of the tree", usage.cpu_s / pages * 1000, "ms/page"),
        Figure(scenario, FURTHER_PAGE, (usage.cpu_s - one_page_cpu_s) / (pages - 1) * 1000, "ms/page"),
    ]


def one_page(state: Path) -> list[Usage]:
    """Parse one page several times, from the start of the process to its end."""
    file = state / "one.pdf"
    file.write_bytes(make(*mixed_pages(0, 1)))
    return [parse([file], state) for _ in range(_REPEATS)]


def start(runs: Sequence[Usage]) -> list[Figure]:
    """Tell what one page takes."""
    scenario, name = "parse of one page", f"median of {len(runs)}"
    return [
        Figure(scenario, f"wall, {name}", median(run.wall_s for run in runs), "s", at_most(0.7)),
        Figure(scenario, f"CPU, {name}", median(run.cpu_s for run in runs), "s"),
    ]


def growth(page_counts: Sequence[int], state: Path) -> list[Figure]:
    """Parse single documents of more and more pages: neither cost per page nor memory should grow with them."""
    found: list[Figure] = []
    (state / "long").mkdir()
    for count in page_counts:
        file = state / "long" / f"{count}.pdf"
        file.write_bytes(make(*mixed_pages(0, count)))
        usage = parse([file], state)
        scenario = f"parse of one document, {count:,} pages"
        found += [
            Figure(scenario, "wall", usage.wall_s, "s"),
            Figure(scenario, "CPU", usage.cpu_s / count * 1000, "ms/page"),
            Figure(scenario, "peak PSS of the tree", usage.peak_pss_mb, "MB"),
            Figure(scenario, "peak RSS of the tree", usage.peak_rss_mb, "MB", at_most(700)),
            Figure(scenario, "cores busy, start and end included", usage.cpu_s / usage.wall_s, "cores"),
        ]
    return found


def parse(files: Sequence[Path], state: Path, *, results: str = ALL_RESULTS) -> Usage:
    """Run the command over files that lie in one folder."""
    output = state / "output"
    command = [sys.executable, "-m", "llamaparse_worker", "parse", str(files[0].parent), "--output", str(output)]
    if len(files) == 1:
        command[4] = str(files[0])
    usage = run_watched(
        [*command, "--results", results, "--json"],
        environment(state, {"OCR_ENGINE": "off"}),
        state / "parse.log",
    )
    written = len(list(output.glob("*/manifest.json")))
    shutil.rmtree(output)
    if written != len(files):
        raise RuntimeError(f"{written} results of {len(files)} documents")
    return usage
