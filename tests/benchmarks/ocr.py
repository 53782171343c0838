"""Scans: speed and word F1 of our engines, by command line and daemon, and of others on the same pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import ocr_peers, whole_way
from benchmarks.figures import Figure, Target, at_least, at_most
from benchmarks.scans import SLIPS, Scan, bundle, scans, word_f1, words
from benchmarks.tree import run_watched
from support.daemon import environment
from support.layouts.corpus import Stored

OPENVINO, TESSERACT = "openvino", "tesseract"
_RAPIDOCR, _TESSERACT_COMMAND = "rapidocr with its defaults", "the command tesseract, two threads"
_TARGET_RATE = {TESSERACT: at_least(140)}
_LIMIT_S, _SLOWEST_S = 900, 5
_DISTINCT, _BUNDLED = 20, 50
_SLOTS = 8


def speed_and_accuracy(services: whole_way.Services, pages: int, state: Path) -> Iterator[Figure]:
    """Read the same pages with everybody."""
    made = scans(state / "scans", pages)
    found = [figure for engine in (OPENVINO, TESSERACT) for figure in _ours(engine, services, made, state)]
    for name, read in ((_RAPIDOCR, ocr_peers.rapidocr), (_TESSERACT_COMMAND, ocr_peers.tesseract)):
        work = read([page.image for page in made], state)
        found += _figures(_scenario(name, made), made, work)
    yield from found
    yield from _ratios(found)


def growth(pages: int, state: Path) -> Iterator[Figure]:
    """Read many receipts in one process: memory should not grow with the pages."""
    made = scans(state / "slips", _DISTINCT, SLIPS)
    sizes = [_BUNDLED] * (pages // _BUNDLED) + [pages % _BUNDLED] * (pages % _BUNDLED > 0)
    files = [bundle(made, size, state / f"bundle-{index}.pdf") for index, size in enumerate(sizes)]
    command = _command(files, state / "growth")
    usage = run_watched(
        command, _variables(OPENVINO, state), state / "growth.log", limit_s=_LIMIT_S + pages * _SLOWEST_S
    )
    scenario = f"OCR growth: parse of {pages:,} receipts with {OPENVINO}"
    samples = usage.main_rss_mb
    for share in (0.1, 0.25, 0.5, 1.0):
        name = f"RSS of the command's process after {share:.0%} of the time"
        yield Figure(scenario, name, samples[max(0, round(share * len(samples)) - 1)], "MB", at_most(900))
    yield Figure(scenario, "CPU", usage.cpu_s / pages, "s/page")
    yield Figure(scenario, "peak PSS of the tree", usage.peak_pss_mb, "MB")


def _ours(engine: str, services: whole_way.Services, made: Sequence[Scan], state: Path) -> Iterator[Figure]:
    output = state / f"parsed-{engine}"
    command = _command([page.pdf for page in made], output)
    usage = run_watched(command, _variables(engine, state), state / f"{engine}.log", limit_s=_LIMIT_S)
    texts = tuple((output / page.pdf.name / "result.txt").read_text() for page in made)
    scenario = _scenario(f"parse with {engine}, start included", made)
    yield from _figures(scenario, made, ocr_peers.Work(texts, usage.wall_s, usage.cpu_s))
    yield Figure(scenario, "peak PSS of the tree", usage.peak_pss_mb, "MB")
    yield Figure(scenario, "peak RSS of the tree", usage.peak_rss_mb, "MB")

    load = whole_way.Load([Stored(page.pdf, 1) for page in made])
    folder = state / f"queue-{engine}"
    folder.mkdir()
    passage = whole_way.file_store(services, load, slots=_SLOTS, state=folder, more={"OCR_ENGINE": engine})
    scenario = _scenario(f"queue to stored result with {engine}", made)
    rate = 60 * load.pages / passage.wall_s
    yield Figure(scenario, "throughput", rate, "pages/min", _TARGET_RATE.get(engine))
    yield Figure(scenario, "CPU", passage.daemon.cpu_s / load.pages, "s/page")
    yield Figure(scenario, "event loop lag, p99", passage.lag_p99_s * 1000, "ms", at_most(50))
    yield Figure(scenario, "peak PSS of the tree", passage.daemon.peak_pss_mb, "MB")
    yield Figure(scenario, "peak RSS of the daemon process", max(passage.daemon.main_rss_mb), "MB", at_most(900))


def _figures(scenario: str, made: Sequence[Scan], work: ocr_peers.Work) -> Iterator[Figure]:
    yield Figure(scenario, "throughput", 60 * len(made) / work.wall_s, "pages/min")
    yield Figure(scenario, "CPU", work.cpu_s / len(made), "s/page")
    yield Figure(scenario, "word F1", word_f1([words(text) for text in work.texts], made), "")


def _ratios(found: Sequence[Figure]) -> Iterator[Figure]:
    """Compare each engine of ours with the peer that has the same models."""
    wanted = {OPENVINO: at_least(3.5)}
    for engine, peer in ((OPENVINO, _RAPIDOCR), (TESSERACT, _TESSERACT_COMMAND)):
        for scenario in dict.fromkeys(figure.scenario for figure in found if f"with {engine}" in figure.scenario):
            target = wanted.get(engine) if scenario.startswith("queue") else None
            yield from _ratio(found, scenario, peer, target)


def _ratio(found: Sequence[Figure], scenario: str, peer: str, target: Target | None) -> Iterator[Figure]:
    values = {(figure.scenario.split(";")[0], figure.name): figure.value for figure in found}
    ours = scenario.split(";", maxsplit=1)[0]
    speed = values[ours, "throughput"] / values[peer, "throughput"]
    yield Figure(scenario, f"throughput, as a multiple of {peer}", speed, "x", target)
    yield Figure(scenario, f"CPU, as a share of {peer}", values[ours, "CPU"] / values[peer, "CPU"], "x")


def _scenario(who: str, made: Sequence[Scan]) -> str:
    return f"{who}; {len(made)} scans at 200 dpi"


def _command(files: Sequence[Path], output: Path) -> list[str]:
    return [sys.executable, "-m", "llamaparse_worker", "parse", *map(str, files), "--output", str(output), "--json"]


def _variables(engine: str, state: Path) -> dict[str, str]:
    return environment(state, {"OCR_ENGINE": engine})
