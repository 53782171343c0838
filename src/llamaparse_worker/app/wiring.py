"""Makes the worker of a daemon out of what is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from llamaparse_worker.app.backends import Backends
from llamaparse_worker.app.documents import Documents
from llamaparse_worker.interfaces import SourceFetcher
from llamaparse_worker.model.job import Job, TenantLimit
from llamaparse_worker.pipeline.checkpoints import CheckpointPolicy
from llamaparse_worker.pipeline.job import JobLimits, JobPipeline
from llamaparse_worker.pipeline.page_cache import CachePolicy, PageCache
from llamaparse_worker.pipeline.quota import SpoolQuota
from llamaparse_worker.settings import WorkerSettings
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.deliveries import Deliveries
from llamaparse_worker.worker.loop import Worker
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.policy import TENANT_PAUSE_S, AttemptPolicy
from llamaparse_worker.worker.ranges import RangeAttempts
from llamaparse_worker.worker.settlement import RetryPolicy
from llamaparse_worker.worker.upkeep import Upkeep
from llamaparse_worker.worker.webhooks import WebhookCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is open when the worker is made."""

    documents: Documents
    backends: Backends
    sources: SourceFetcher
    webhooks: WebhookCalls
    cache: PageCache | None


def page_cache(settings: WorkerSettings, documents: Documents, backends: Backends) -> PageCache | None:
    """Give the cache of refined pages, where models can be asked and the operator wants one."""
    if not documents.router or not settings.page_cache_hours:
        return None
    policy = CachePolicy(
        prefix=settings.page_cache_prefix,
        max_age_s=settings.page_cache_hours * 3600,
        max_bytes=settings.page_cache_max_bytes,
    )
    return PageCache(backends.objects, policy, models=documents.models)


def wired(
    settings: WorkerSettings,
    opened: Opened,
    metrics: Metrics,
    running: anyio.CapacityLimiter,
    *,
    on_consuming: Callable[[], None],
) -> Worker:
    """Make the worker; ``running`` counts its jobs, ``on_consuming`` is told each time that it begins to take some."""
    backends, documents, webhooks = opened.backends, opened.documents, opened.webhooks

    def observe_stage(job: Job, stage: str, seconds: float) -> None:
        metrics.stage_ended(stage, seconds, source=job.source.kind)

    def tell(job: Job) -> None:
        upkeep.wake()
        if job.webhooks:
            webhooks.wake()

    upkeep = Upkeep(
        backends.broker,
        backends.jobs,
        interval_s=settings.sweep_interval_seconds,
        on_dead_letter=metrics.message_dead_lettered,
        on_letter_refused=metrics.dead_letter_refused,
        on_bug=lambda: metrics.background_error("upkeep"),
    )
    pipeline = JobPipeline(
        sources=opened.sources,
        objects=backends.objects,
        documents=documents.parser,
        spool_dir=settings.spool_dir,
        limits=JobLimits(
            max_document_bytes=settings.max_document_bytes,
            fetch_timeout_s=settings.fetch_timeout_seconds,
            store_timeout_s=settings.store_timeout_seconds,
            split_pages=settings.split_pages,
            quota=SpoolQuota(job_bytes=settings.spool_max_job_bytes, total_bytes=settings.spool_max_bytes),
        ),
        checkpoints=CheckpointPolicy(every_s=settings.checkpoint_seconds, reading=documents.reading),
        cache=opened.cache,
        observe_stage=observe_stage,
    )
    retry = RetryPolicy(settings.job_max_attempts, settings.job_retry_delay_seconds)
    tenant_limit = TenantLimit(settings.tenant_concurrency, TENANT_PAUSE_S) if settings.tenant_concurrency else None
    policy = AttemptPolicy(lease_s=settings.job_lease_seconds, retry=retry, tenant_limit=tenant_limit)
    company = Company(running)
    deliveries = Deliveries(
        Attempts(
            backends.jobs,
            pipeline,
            policy,
            metrics,
            company=company,
            on_event=tell,
            on_split=upkeep.look,
            outage=documents.router.outage if documents.router else lambda _mode: None,
        ),
        RangeAttempts(backends.jobs, pipeline, policy, metrics, company=company, on_ended=upkeep.look),
    )
    return Worker(
        backends.broker,
        deliveries,
        upkeep,
        slots=settings.pdf_job_queue_concurrency,
        grace_s=settings.grace_period,
        max_jobs=settings.max_jobs_before_restart,
        on_consuming=on_consuming,
    )
