"""Counts what the worker does, in its own words, for Prometheus.

Names with the prefix ``llamaparse_`` alone are those that dashboards for the original deployment query; ours begin with
``llamaparse_worker_``. No label ever holds a job id, a file name or free text.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from anyio import CapacityLimiter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from llamaparse_worker.interfaces import PoolUse, QueueDepth
from llamaparse_worker.model.job import SourceKind
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.parsers.pool import ParserStatistics
from llamaparse_worker.throttle.tally import RouterUse
from llamaparse_worker.worker.gauges import SCRAPED, Family, ScrapedGauges
from llamaparse_worker.worker.model_gauges import MODEL_FAMILIES, ModelGauges

DURATION_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

M = TypeVar("M", bound=MetricWrapperBase)


class JobOutcome(StrEnum):
    """How one delivery of a job ended on this worker."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    """Back in the queue, to be tried again later."""
    POSTPONED = "postponed"
    """Put off, because its tenant has as many jobs running as it may."""
    SPLIT = "split"
    """Handed over to its page ranges."""
    RELEASED = "released"
    """Given back unfinished by a drain."""
    REFUSED = "refused"
    """Nothing to do: finished before, held by another worker, or malformed."""


class RangeOutcome(StrEnum):
    """How one delivery of a page range ended on this worker."""

    READ = "read"
    LEFT = "left"
    """It met an error: the attempt that assembles the job reads its pages."""
    LOST = "lost"
    """Each of its attempts ended with its worker: its pages have failed."""
    CANCELLED = "cancelled"
    """Its job ended from outside."""
    RETRIED = "retried"
    RELEASED = "released"
    """Given back unfinished by a drain."""
    REFUSED = "refused"
    """Nothing to do: ended before, held by another worker, or malformed."""


_STATUS_OF_OUTCOME = {
    JobOutcome.COMPLETED: "success",
    JobOutcome.FAILED: "error",
    JobOutcome.CANCELLED: "cancelled",
}
"""The original's ``status`` label; the other outcomes end no job."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """The metrics as text, and its MIME type."""

    body: bytes
    content_type: str


class Metrics:
    """All metrics of one worker, in a registry of their own. Methods are cheap and safe on any thread."""

    def __init__(self, version: str, limits: Mapping[str, CapacityLimiter]) -> None:
        """Begin at zero. ``limits`` are read at each scrape, as are processes and memory."""
        self._registry = CollectorRegistry()
        self._families: list[Family] = []
        self._scraped = ScrapedGauges(version, limits)
        self._registry.register(self._scraped)
        self._models = ModelGauges()
        self._registry.register(self._models)
        self._declare_original()
        self._declare_original_stages()
        self._declare_jobs()
        self._declare_worker()

    def families(self) -> tuple[Family, ...]:
        """Describe every metric: what the documentation's table is checked against."""
        return (*self._families, *SCRAPED, *MODEL_FAMILIES)

    def job_taken(self) -> None:
        """A delivery came in; ``job_ended`` follows for each, exactly once."""
        self._consumed.inc()
        self._being_processed.inc()
        self._in_progress.inc()

    def job_ended(self, mode: ModeName | None, outcome: JobOutcome, seconds: float) -> None:
        """A delivery is settled; ``mode`` is None when the message could not be read."""
        self._being_processed.dec()
        self._in_progress.dec()
        self._jobs.labels(mode or "unknown", outcome).inc()
        if outcome in _STATUS_OF_OUTCOME:
            self._done.labels(_STATUS_OF_OUTCOME[outcome]).inc()
            self._pipeline_duration.observe(seconds)
            self._job_duration.observe(seconds)

    def range_ended(self, outcome: RangeOutcome) -> None:
        """A delivery of a page range is settled."""
        self._ranges.labels(outcome).inc()

    def stage_ended(self, stage: str, seconds: float, *, source: SourceKind | None = None) -> None:
        """A stage of a job is over; ``source`` says where the stage ``fetch`` fetched from."""
        self._stage_duration.labels(stage).observe(seconds)
        if stage == "fetch" and source is not None:
            remote = source is SourceKind.HTTPS
            (self._download_duration if remote else self._load_duration).observe(seconds)
        elif stage in self._original_stages:
            self._original_stages[stage].observe(seconds)

    def pages_ended(self, mode: ModeName, pages: Sequence[PageSummary]) -> None:
        """The pages of a document are parsed or have failed."""
        # Counted here first: a counter has a lock, and a document thousands of pages.
        for (engine, status), count in Counts((page.engine or "none", page.status) for page in pages).items():
            self._pages.labels(mode, engine, status).inc(count)
        self._pages_parsed.inc(sum(page.status is PageStatus.PARSED for page in pages))
        for page in pages:
            if page.error is not None:
                self.error(page.error.code)

    def ocr_ended(self, engine: str, seconds: float, *, read: bool, pixels: int = 0) -> None:
        """The OCR engine answered for one page, or failed (``read`` is False)."""
        self._ocr_pages.labels(engine, "read" if read else "failed").inc()
        self._ocr_call_duration.observe(seconds)
        self._ocr_pixels.inc(pixels)
        if read:
            self._ocr_done.inc()

    def markdown_written(self, size_bytes: int) -> None:
        """A ``result.md`` of this size was stored."""
        self._markdown_length.inc(size_bytes)

    def error(self, code: str) -> None:
        """Something failed with this documented code."""
        self._errors.labels(code).inc()

    def message_malformed(self) -> None:
        """A message was no job."""
        self._malformed.inc()

    def message_dead_lettered(self, code: str) -> None:
        """A message went to the dead letters."""
        self._dead_letters.labels(code).inc()

    def dead_letter_refused(self, code: str) -> None:
        """A message could not go to the dead letters, and stays where it was."""
        self._dead_letters_refused.labels(code).inc()

    def webhook_called(self, outcome: str) -> None:
        """A call of a webhook was tried: ``sent``, ``failed`` or ``given_up``."""
        self._webhooks.labels(outcome).inc()

    def webhooks_waiting(self, count: int) -> None:
        """So many calls of webhooks are owed, by all workers together."""
        self._webhooks_waiting.set(count)

    def background_error(self, task: str) -> None:
        """What runs beside jobs met an error that nobody expected, and goes on."""
        self._background_errors.labels(task).inc()

    def worker_started(self) -> None:
        """The start is finished."""
        self._starts.inc()

    def drain_started(self) -> None:
        """The worker takes no more jobs."""
        self._drains.inc()

    def loop_lagged(self, seconds: float) -> None:
        """The event loop ran a timer this late."""
        self._lag.observe(seconds)

    def queues_seen(self, depths: Sequence[QueueDepth]) -> None:
        """Remember the queue depths for the next scrape; empty when they are not known."""
        self._scraped.depths = tuple(depths)

    def watch_parsers(self, read: Callable[[], ParserStatistics]) -> None:
        """Ask the pool of parser processes at each scrape; ``read`` may be called in a thread."""
        self._scraped.read_parsers = read

    def watch_ocr(self, read: Callable[[], PoolUse]) -> None:
        """Ask the OCR pool of this process at each scrape; ``read`` may be called in a thread."""
        self._scraped.read_ocr = read

    def watch_models(self, read: Callable[[], RouterUse]) -> None:
        """Ask who has models called at each scrape; ``read`` may be called in a thread."""
        self._models.read = read

    def ocr_answered(self, status: int) -> None:
        """The OCR service answered a request for a page with this HTTP status."""
        self._ocr_requests.labels(str(status)).inc()

    def render(self, accept: str = "") -> Exposition:
        """Write all metrics in the form that ``accept`` asks for. Takes milliseconds: call it off the event loop."""
        encode, content_type = choose_encoder(accept)
        return Exposition(encode(_WithoutCreated(self._registry)), content_type)

    def _declare_original(self) -> None:
        self._being_processed = self._gauge("llamaparse_job_being_processed_total", "Jobs in work")
        self._consumed = self._counter("llamaparse_job_consumed_total", "Jobs taken from the queue")
        self._done = self._counter("llamaparse_done_total", "Jobs finished: success, error or cancelled", "status")
        for status in _STATUS_OF_OUTCOME.values():
            self._done.labels(status)  # an alert on errors needs the zero
        self._pipeline_duration = self._histogram("llamaparse_pipeline_duration_seconds", "Whole job")
        self._ocr_done = self._counter("llamaparse_ocr_done_total", "Pages read by OCR")
        self._ocr_pixels = self._counter("llamaparse_ocr_pixels_total", "Pixels given to OCR")
        self._pages_parsed = self._counter("llamaparse_pages_parsed_total", "Pages parsed")
        self._markdown_length = self._counter("llamaparse_markdown_length_total", "Markdown written, in bytes")

    def _declare_original_stages(self) -> None:
        self._load_duration = self._histogram("llamaparse_load_s3_file_duration_seconds", "Fetching from storage")
        self._download_duration = self._histogram(
            "llamaparse_download_from_url_duration_seconds", "Fetching from a URL"
        )
        self._ocr_call_duration = self._histogram("llamaparse_ocr_call_duration_seconds", "OCR of one page")
        self._original_stages = {
            "inspect": self._histogram("llamaparse_preprocessing_duration_seconds", "Opening the document"),
            "ocr": self._histogram("llamaparse_ocr_duration_seconds", "OCR of a job in all"),
            "llm": self._histogram("llamaparse_llm_duration_seconds", "Language model stage"),
            "multimodal": self._histogram("llamaparse_multimodal_duration_seconds", "Multimodal stage"),
            "multimodal_llm_call": self._histogram(
                "llamaparse_multimodal_llm_calls_duration_seconds", "Model calls of the multimodal stage"
            ),
        }

    def _declare_jobs(self) -> None:
        prefix = "llamaparse_worker_"
        self._jobs = self._counter(f"{prefix}jobs_total", "Deliveries settled", "mode", "outcome")
        self._ranges = self._counter(f"{prefix}page_ranges_total", "Deliveries of page ranges settled", "outcome")
        self._in_progress = self._gauge(f"{prefix}jobs_in_progress", "Jobs in work")
        self._pages = self._counter(f"{prefix}pages_total", "Pages ended", "mode", "engine", "outcome")
        self._errors = self._counter(f"{prefix}errors_total", "Failures of jobs and pages", "code")
        self._job_duration = self._histogram(f"{prefix}job_duration_seconds", "From taking a job to its end")
        self._stage_duration = self._histogram(f"{prefix}stage_duration_seconds", "One stage of a job", "stage")
        self._ocr_pages = self._counter(f"{prefix}ocr_pages_total", "Pages given to OCR", "engine", "outcome")
        self._ocr_requests = self._counter(
            f"{prefix}ocr_requests_total", "Pages that others sent to the OCR service", "status"
        )
        self._dead_letters = self._counter(f"{prefix}dead_letters_total", "Messages dead-lettered", "code")
        self._dead_letters_refused = self._counter(
            f"{prefix}dead_letters_refused_total", "Attempts to dead-letter a message that failed; it is kept", "code"
        )
        self._malformed = self._counter(f"{prefix}malformed_messages_total", "Messages that were no job")

    def _declare_worker(self) -> None:
        prefix = "llamaparse_worker_"
        self._starts = self._counter(f"{prefix}starts_total", "Finished starts of this process")
        self._drains = self._counter(f"{prefix}drains_total", "Drains begun")
        self._webhooks = self._counter(
            f"{prefix}webhook_calls_total", "Calls of webhooks: sent, failed (tried again) or given_up", "outcome"
        )
        self._webhooks_waiting = self._gauge(
            f"{prefix}webhook_calls_waiting", "Calls of webhooks that are owed, by all workers together"
        )
        self._background_errors = self._counter(
            f"{prefix}background_errors_total", "Unexpected errors of what runs beside jobs; the log has them", "task"
        )
        name, text = f"{prefix}event_loop_lag_seconds", "How late the event loop runs its timers"
        self._lag = self._histogram(name, text, buckets=LAG_BUCKETS)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._declared(name, "counter", Counter(name, text, labels, registry=self._registry), labels, text)

    def _gauge(self, name: str, text: str) -> Gauge:
        return self._declared(name, "gauge", Gauge(name, text, registry=self._registry), (), text)

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = DURATION_BUCKETS) -> Histogram:
        metric = Histogram(name, text, labels, registry=self._registry, buckets=buckets)
        return self._declared(name, "histogram", metric, labels, text)

    def _declared(self, name: str, kind: str, metric: M, labels: tuple[str, ...], text: str) -> M:
        self._families.append(Family(name, kind, labels, text))
        return metric


class _WithoutCreated(Collector):
    """Leaves out the ``_created`` series, which nothing here needs and which triple what is stored."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
