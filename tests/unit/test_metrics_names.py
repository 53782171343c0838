from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.job import SourceKind
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.parsers.control import Mechanism, Safeguard
from llamaparse_worker.parsers.outcome import EndReason
from llamaparse_worker.parsers.pool import ParserStatistics
from llamaparse_worker.worker.gauges import ScrapedGauges
from llamaparse_worker.worker.metrics import JobOutcome, Metrics
from llamaparse_worker.worker.resources import Capacity, ProcessTree

ORIGINAL = {
    "llamaparse_job_being_processed_total": "gauge",
    "llamaparse_job_consumed_total": "counter",
    "llamaparse_done_total": "counter",
    "llamaparse_pipeline_duration_seconds": "histogram",
    "llamaparse_llm_duration_seconds": "histogram",
    "llamaparse_preprocessing_duration_seconds": "histogram",
    "llamaparse_load_s3_file_duration_seconds": "histogram",
    "llamaparse_download_from_url_duration_seconds": "histogram",
    "llamaparse_multimodal_duration_seconds": "histogram",
    "llamaparse_multimodal_llm_calls_duration_seconds": "histogram",
    "llamaparse_ocr_duration_seconds": "histogram",
    "llamaparse_ocr_call_duration_seconds": "histogram",
    "llamaparse_ocr_done_total": "counter",
    "llamaparse_ocr_pixels_total": "counter",
    "llamaparse_pages_parsed_total": "counter",
    "llamaparse_markdown_length_total": "counter",
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3", Limits({"jobs": 4}))


def text_of(metrics: Metrics) -> str:
    return metrics.render().body.decode()


def value(metrics: Metrics, series: str) -> float:
    return next(
        float(line.rpartition(" ")[2]) for line in text_of(metrics).splitlines() if line.startswith(series + " ")
    )


def types(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.MULTILINE))


def test_every_name_of_the_original_dashboard_is_exposed_with_its_type(metrics: Metrics) -> None:
    found = types(text_of(metrics))
    assert {name: found.get(name) for name in ORIGINAL} == ORIGINAL


def test_the_documentation_lists_every_metric_and_no_other(metrics: Metrics) -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| `(llamaparse_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", page, flags=re.MULTILINE)
    expected = {
        (family.name, family.kind, ", ".join(f"`{label}`" for label in family.labels) or "–", family.meaning)
        for family in metrics.families()
    }
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_what_is_described_is_what_is_exposed(metrics: Metrics) -> None:
    assert {family.name: family.kind for family in metrics.families()} == types(text_of(metrics))


def test_openmetrics_is_served_when_it_is_asked_for(metrics: Metrics) -> None:
    exposition = metrics.render("application/openmetrics-text; version=1.0.0")
    assert exposition.content_type.startswith("application/openmetrics-text; version=1.0.0")
    families: list[Metric] = list(
        read_openmetrics(exposition.body.decode())  # type: ignore[no-untyped-call]  # the package types half of itself
    )
    assert len(families) == len(metrics.families())


def test_no_series_tells_when_it_was_created(metrics: Metrics) -> None:
    metrics.stage_ended("parse", 1)
    assert "_created" not in text_of(metrics)


def test_a_finished_job_is_counted_in_both_vocabularies(metrics: Metrics) -> None:
    metrics.job_taken()
    assert value(metrics, "llamaparse_job_being_processed_total") == 1
    metrics.job_ended(ModeName.FAST, JobOutcome.FAILED, 2.0)
    assert value(metrics, "llamaparse_job_being_processed_total") == 0
    assert value(metrics, "llamaparse_worker_jobs_in_progress") == 0
    assert value(metrics, 'llamaparse_done_total{status="error"}') == 1
    assert value(metrics, 'llamaparse_worker_jobs_total{mode="fast",outcome="failed"}') == 1
    assert value(metrics, 'llamaparse_pipeline_duration_seconds_bucket{le="2.5"}') == 1


@pytest.mark.parametrize("outcome", [JobOutcome.RETRIED, JobOutcome.RELEASED, JobOutcome.REFUSED])
def test_a_delivery_that_ends_no_job_is_not_done(metrics: Metrics, outcome: JobOutcome) -> None:
    metrics.job_taken()
    metrics.job_ended(None, outcome, 1.0)
    assert value(metrics, "llamaparse_pipeline_duration_seconds_count") == 0
    done = [
        sample.value
        for family in read_text(text_of(metrics))
        if family.name == "llamaparse_done"
        for sample in family.samples
    ]
    assert done == [0, 0, 0]


def test_a_failed_page_counts_as_error_with_its_code(metrics: Metrics) -> None:
    error = ErrorReport("PAGE_UNREADABLE", "text that no label may hold")
    metrics.pages_ended(ModeName.FAST, [PageSummary(1, PageStatus.FAILED, error=error)])
    assert value(metrics, 'llamaparse_worker_errors_total{code="PAGE_UNREADABLE"}') == 1
    assert value(metrics, 'llamaparse_worker_pages_total{engine="none",mode="fast",outcome="failed"}') == 1
    assert value(metrics, "llamaparse_pages_parsed_total") == 0
    assert "no label" not in text_of(metrics)


@pytest.mark.parametrize(("source", "name"), [(SourceKind.S3, "load_s3_file"), (SourceKind.HTTPS, "download_from_url")])
def test_fetching_counts_by_where_it_came_from(metrics: Metrics, source: SourceKind, name: str) -> None:
    metrics.stage_ended("fetch", 0.2, source=source)
    counts = [
        value(metrics, f"llamaparse_{one}_duration_seconds_count") for one in ("load_s3_file", "download_from_url")
    ]
    assert value(metrics, f"llamaparse_{name}_duration_seconds_count") == 1
    assert sum(counts) == 1
    assert value(metrics, 'llamaparse_worker_stage_duration_seconds_count{stage="fetch"}') == 1


async def holds(metrics: Metrics, limits: Limits) -> None:
    async with limits["jobs"]:
        assert value(metrics, 'llamaparse_worker_limit_in_use{limit="jobs"}') == 1
        assert value(metrics, 'llamaparse_worker_utilisation_ratio{resource="jobs"}') == 0.25


@pytest.mark.anyio
async def test_limits_are_read_at_the_scrape() -> None:
    limits = Limits({"jobs": 4})
    metrics = Metrics("1", limits)
    await holds(metrics, limits)
    assert value(metrics, 'llamaparse_worker_limit_in_use{limit="jobs"}') == 0


def test_the_pool_of_parser_processes_is_read_at_the_scrape(metrics: Metrics) -> None:
    crashed = {EndReason.CRASHED: 2}
    pool = ParserStatistics(4, 3, 1, 0, starts=9, restarts=crashed, idle_peak_resident_bytes=(), image_bytes=0)
    metrics.watch_parsers(lambda: pool)
    assert value(metrics, "llamaparse_worker_child_starts_total") == 9
    assert value(metrics, 'llamaparse_worker_child_restarts_total{reason="crashed"}') == 2
    assert value(metrics, 'llamaparse_worker_limit_size{limit="parser"}') == 4
    assert value(metrics, 'llamaparse_worker_utilisation_ratio{resource="parser"}') == 0.75


def test_what_confines_parser_processes_is_read_at_the_scrape(metrics: Metrics) -> None:
    assert "sandbox_enforced{" not in text_of(metrics)
    found = (
        Safeguard(Mechanism.LANDLOCK, enforced=False, detail="the kernel has none"),
        Safeguard(Mechanism.SECCOMP, enforced=True, detail=""),
    )
    metrics.watch_parsers(lambda: ParserStatistics(1, 0, 0, 0, 0, {}, (), 0, safeguards=found))
    assert value(metrics, 'llamaparse_worker_sandbox_enforced{mechanism="landlock"}') == 0
    assert value(metrics, 'llamaparse_worker_sandbox_enforced{mechanism="seccomp"}') == 1


def test_queues_that_are_not_known_any_more_vanish(metrics: Metrics) -> None:
    metrics.queues_seen([QueueDepth("parse_raw_file_job", 7, None, 1)])
    assert value(metrics, 'llamaparse_worker_queue_messages_ready{queue="parse_raw_file_job"}') == 7
    assert "queue_messages_unacked{" not in text_of(metrics)
    metrics.queues_seen(())
    assert "queue_messages_ready{" not in text_of(metrics)


def test_cpu_seconds_never_go_back_when_a_child_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    trees = iter([ProcessTree(2, 100, 50), ProcessTree(2, 110, 50), ProcessTree(1, 30, 50), ProcessTree(1, 35, 50)])
    gauges = ScrapedGauges("1", Limits({}), read_tree=lambda: next(trees), capacity=Capacity(2, 100))

    def read(name: str, **labels: str) -> float:
        samples = [sample for family in gauges.collect() for sample in family.samples]
        return next(one.value for one in samples if one.name == name and one.labels == labels)

    assert read("llamaparse_worker_utilisation_ratio", resource="cpu") == 0.5
    assert read("llamaparse_worker_cpu_seconds_total") == 110
    assert read("llamaparse_worker_cpu_seconds_total") == 115
