"""Measures the worker on this machine: ``python -m benchmarks [FIGURES.json] [--quick] [--only NAME ...]``."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import structlog

from benchmarks import command_line, cores, models, ocr, start, starvation, whole_way
from benchmarks.figures import ROUNDS, Figure, table, write_json
from benchmarks.yardsticks import Yardstick, measured
from support.layouts.corpus import corpus
from support.services import postgres_cluster, rabbitmq_node, s3_server

YARDSTICKS = {
    "bound": f"bound: text extraction by PDFium alone, two processes, best of {ROUNDS}",
    "peer": f"peer: Markdown by liteparse, OCR off, two processes, best of {ROUNDS}",
}
S3_SHARE = 5
"""The stand-in for S3 is slow: a part of the corpus tells enough."""


@dataclass(slots=True)
class Run:
    """One run of the benchmark with what its parts share."""

    folder: Path
    documents: int
    long_documents: tuple[int, ...]
    scans: int
    """Pages for the parts of OCR."""
    scans_in_a_row: int
    """Pages of the part ``ocr-growth``."""
    stack: ExitStack
    services: whole_way.Services | None = None
    corpus: whole_way.Load | None = None

    @property
    def load(self) -> whole_way.Load:
        if self.corpus is None:
            self.corpus = whole_way.Load(corpus(self.folder / "corpus", self.documents))
        return self.corpus

    def running_services(self) -> whole_way.Services:
        if self.services is None:
            rabbitmq, postgres = self.stack.enter_context(rabbitmq_node()), self.stack.enter_context(postgres_cluster())
            self.services = whole_way.Services(rabbitmq, postgres)
        return self.services

    def state(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path


def bound(run: Run) -> Iterator[Figure]:
    """PDFium alone."""
    return _yardstick(run, Yardstick.PDFIUM, YARDSTICKS["bound"])


def peer(run: Run) -> Iterator[Figure]:
    """The liteparse package."""
    return _yardstick(run, Yardstick.LITEPARSE, YARDSTICKS["peer"])


def _yardstick(run: Run, yardstick: Yardstick, scenario: str) -> Iterator[Figure]:
    load = run.load
    pages = {document.path: document.pages for document in load.documents}
    done = [measured(yardstick, pages) for _ in range(ROUNDS)]
    yield Figure(scenario, "throughput", load.pages / min(work.wall_s for work in done) * 60, "pages/min")
    yield Figure(scenario, "CPU of the tree", min(work.cpu_s for work in done) / load.pages * 1000, "ms/page")


def start_up(run: Run) -> Iterator[Figure]:
    """Start-up and idle memory, with embedded parts and with servers."""
    yield from start.start_and_idle("embedded parts", {}, run.folder / "idle-embedded")
    services = run.running_services()
    variables = services.variables(services.postgres.database())
    yield from start.start_and_idle("RabbitMQ and PostgreSQL", variables, run.folder / "idle-servers")


def through_queue(run: Run) -> Iterator[Figure]:
    """The whole way, one job at a time and eight."""
    services, load = run.running_services(), run.load
    what = f"{len(load.files)} documents with {load.pages} pages"
    for slots in (1, 8):
        name = f"queue to stored result, {what}, {slots} at once, best of {ROUNDS}"
        states = [run.state(f"queue-{slots}-{at}") for at in range(ROUNDS)]
        passages = [whole_way.file_store(services, load, slots=slots, state=state) for state in states]
        yield from whole_way.figures(name, min(passages, key=lambda one: one.wall_s), load, targets=slots == 8)


def through_s3(run: Run) -> Iterator[Figure]:
    """The whole way with objects in a stand-in for S3."""
    services, load = run.running_services(), run.load
    part = whole_way.Load(load.documents[: max(2, len(load.documents) // S3_SHARE)])
    with s3_server() as s3:
        passage = whole_way.s3_store(services, s3, part, slots=8, state=run.state("queue-s3"))
    name = f"the same with objects in a stand-in for S3, {len(part.files)} documents, 8 at once"
    yield from whole_way.figures(name, passage, part, targets=False)


def second_core(run: Run) -> Iterator[Figure]:
    """The whole way and the command line with one parser process and with two."""
    state = run.state("cores")
    yield from cores.through_queue(run.running_services(), run.load, state)
    yield from cores.by_command(run.load, state)


def parse(run: Run) -> Iterator[Figure]:
    """The command line over the corpus and one page."""
    load = run.load
    runs = command_line.one_page(run.state("parse-one"))
    one_page_cpu_s = median(one.cpu_s for one in runs)
    yield from command_line.throughput(load.files, load.pages, run.state("parse"), one_page_cpu_s)
    yield from command_line.text_alone(load.files, load.pages, run.state("parse-text"), one_page_cpu_s)
    yield from command_line.start(runs)


def growth(run: Run) -> Iterator[Figure]:
    """One document of more and more pages."""
    yield from command_line.growth(run.long_documents, run.state("growth"))


def ask_models(run: Run) -> Iterator[Figure]:
    """The modes that ask models, with a slow provider."""
    yield from models.figures(run.running_services(), run.state("models"))


def read_scans(run: Run) -> Iterator[Figure]:
    """Scans, by us and by others."""
    yield from ocr.speed_and_accuracy(run.running_services(), run.scans, run.state("ocr"))


def starved(run: Run) -> Iterator[Figure]:
    """Fast jobs, probes and the event loop while OCR is saturated."""
    yield from starvation.figures(run.running_services(), run.load, run.state("ocr-starvation"))


def read_many_scans(run: Run) -> Iterator[Figure]:
    """Memory over many scans."""
    yield from ocr.growth(run.scans_in_a_row, run.state("ocr-growth"))


PARTS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "bound": bound,
    "peer": peer,
    "start": start_up,
    "queue": through_queue,
    "cores": second_core,
    "s3": through_s3,
    "parse": parse,
    "growth": growth,
    "models": ask_models,
    "ocr": read_scans,
    "ocr-starvation": starved,
    "ocr-growth": read_many_scans,
}


def ratios(figures: Sequence[Figure], yardstick: str) -> Iterator[Figure]:
    """Give throughput and CPU of every scenario as a multiple of a yardstick's."""
    scenarios = set(YARDSTICKS.values())
    marks = {figure.name: figure.value for figure in figures if figure.scenario == YARDSTICKS[yardstick]}
    marks[command_line.FURTHER_PAGE] = marks["CPU of the tree"]  # a yardstick has no start
    for figure in figures:
        if figure.unit in {"pages/min", "ms/page"} and figure.name in marks and figure.scenario not in scenarios:
            name = f"{figure.name}, as a multiple of the {yardstick}"
            yield Figure(figure.scenario, name, figure.value / marks[figure.name], "x")


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table and write the JSON; a missed target is a figure, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the worker on this machine.")
    parser.add_argument("figures", nargs="?", type=Path, help="JSON file to write; default: in a temporary folder")
    parser.add_argument("--quick", action="store_true", help="12 documents instead of 150, 8 scans of 32, none long")
    parser.add_argument(
        "--scans-in-a-row", type=int, default=100, metavar="N", help="pages of ocr-growth; default: 100"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="measure these parts alone")
    args = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        long_documents = (10, 100) if args.quick else (10, 100, 1000, 10_000)
        scans = 8 if args.quick else 32
        run = Run(folder, 12 if args.quick else 150, long_documents, scans, args.scans_in_a_row, stack)
        for name in args.only:
            sys.stderr.write(f"measuring: {name}\n")
            figures += PARTS[name](run)
        load = run.load
    for yardstick in YARDSTICKS:
        if yardstick in args.only:
            figures += ratios(figures, yardstick)
    sys.stdout.write(f"{table(figures)}\n")
    path = args.figures or Path(tempfile.mkdtemp(prefix="bench-figures-")) / "figures.json"
    write_json(figures, path, documents=len(load.documents), pages=load.pages)
    missed = sum(1 for figure in figures if figure.target and not figure.target.met(figure.value))
    sys.stdout.write(f"{missed} targets missed; figures in {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
