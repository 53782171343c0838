"""The variables of the worker itself; each backend has its own model beside it."""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from llamaparse_worker.settings.fields import DefaultText, ImpliedBy, Size

_COMPONENT = r"^(broker|jobs|objects|reader|ocr|genai|mode|writer):[A-Za-z0-9_.-]+$"
_MIB = 1024**2


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look; ``auto`` is ``console`` on a terminal and ``json`` elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _spool() -> Path:
    return Path(tempfile.gettempdir()) / f"llamaparse-worker-{os.getuid()}"


class _Variables(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ComponentVariables(_Variables):
    """Which components are used."""

    broker: Annotated[str, ImpliedBy("rabbitmq", ("JOB_QUEUE_ENDPOINT", "JOB_QUEUE_CONNECTION_STRING"))] = Field(
        default="embedded",
        description="The queue: `embedded`, `rabbitmq`, or an enabled plugin. "
        "`rabbitmq` by itself when JOB_QUEUE_ENDPOINT or JOB_QUEUE_CONNECTION_STRING is set.",
    )
    jobs: Annotated[str, ImpliedBy("postgres", ("DATABASE_URL",))] = Field(
        default="sqlite",
        description="The job store: `sqlite`, `postgres`, or an enabled plugin. "
        "`postgres` by itself when DATABASE_URL is set.",
    )
    objects: Annotated[str, ImpliedBy("s3", ("S3_ENDPOINT_URL", "S3_*_BUCKET", "S3_*_BUCKET_NAME"))] = Field(
        default="filesystem",
        description="The object store: `filesystem`, `s3`, or an enabled plugin. "
        "`s3` by itself when S3_ENDPOINT_URL or a bucket (`S3_..._BUCKET`) is set.",
    )
    plugins: tuple[Annotated[str, Field(pattern=_COMPONENT, examples=["reader:csv"])], ...] = Field(
        default=(),
        description="The installed plugin components that may be used, as `seam:name`, such as `reader:csv`. "
        "To install a plugin does not enable it; the built-in components need no entry.",
    )


class OcrVariables(_Variables):
    """OCR."""

    ocr_engine: Annotated[str, ImpliedBy("remote", ("OCR_SERVER_URL",))] = Field(
        default="openvino",
        description="The engine that reads pages without a usable text layer: `openvino`, `tesseract`, `remote`, an "
        "enabled plugin, or `off`. `remote` by itself when OCR_SERVER_URL is set.",
    )
    ocr_concurrency: int = Field(
        default=8,
        ge=1,
        le=10_000,
        description="Pages of all jobs that may be in or wait for OCR at once. "
        "The OCR service answers 429 to whoever brings more.",
    )


class ModelVariables(_Variables):
    """Model concurrency.

    It keeps each mode within the quotas of its provider.
    """

    accurate_mode_llm_concurrency: int = Field(
        default=250, ge=1, le=100_000, description="Calls at once in the mode balanced (`parse_page_with_llm`)."
    )
    multimodal_model_concurrency: int = Field(
        default=50, ge=1, le=100_000, description="Calls at once in the mode multimodal (`parse_page_with_lvm`)."
    )
    premium_mode_model_concurrency: int = Field(
        default=25, ge=1, le=100_000, description="Calls at once in the mode agentic (`parse_page_with_agent`)."
    )
    prefered_premium_mode_model: str | None = Field(
        default=None,
        description="The model that the mode agentic asks before all others, by any of its names (docs/providers), "
        "such as `claude sonnet`; the others are asked where it cannot take a call.",
    )

    job_max_cost: float | None = Field(
        default=None,
        gt=0,
        description="What the calls of models for a document may cost, in the currency of GENAI_PRICES_JSON, unless "
        "the job brings its own limit. Beyond it pages are read as in the mode fast. Unset: no limit.",
    )


class CacheVariables(_Variables):
    """Pages from models.

    What a model has made of a page is kept in the object store for later jobs about the same document.
    """

    page_cache_hours: float = Field(
        default=48,
        ge=0,
        le=8760,
        description="How long pages that models have refined are used again by jobs of the same tenant; 0 keeps none.",
    )
    page_cache_max_bytes: int = Field(
        default=1024 * _MIB, ge=0, description="What they may fill of the object store; looked after once an hour."
    )
    page_cache_prefix: str = Field(
        default="page-cache", pattern=r"^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*$", description="The prefix of their keys."
    )


class DocumentVariables(_Variables):
    """Documents and their limits."""

    max_document_bytes: int = Field(
        default=300 * _MIB,
        ge=1,
        description="The largest document, in bytes or as `300MiB`; checked while it is fetched.",
    )
    max_pages: int = Field(default=10_000, ge=1, le=1_000_000, description="The most pages that a document may have.")
    max_page_pixels: int = Field(
        default=50_000_000,
        ge=10_000,
        le=2_000_000_000,
        description="The largest page image, in pixels; larger pages are drawn at a lower resolution.",
    )
    max_extracted_images_per_pages: int = Field(
        default=30,
        ge=0,
        le=10_000,
        description="The most embedded images, and the most figures, that are saved of one page.",
    )
    page_range_size: int = Field(
        default=64,
        ge=1,
        le=10_000,
        description="Pages that a parser process takes at a time; smaller spreads a document over more cores.",
    )
    page_timeout_seconds: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="The longest silence of a parser process, which reports every page, before it is killed.",
    )
    job_timeout_seconds: float = Field(
        default=1800,
        ge=1,
        le=86_400,
        description="The time limit of a job without its wait in the queue, unless the job brings its own.",
    )
    job_timeout_extra_per_page_seconds: float = Field(
        default=0, ge=0, le=3600, description="What each page adds to the time limit of a job."
    )
    fetch_timeout_seconds: float = Field(
        default=600, gt=0, le=86_400, description="The time limit of fetching the document; then the job is FAILED."
    )
    store_timeout_seconds: float = Field(
        default=600,
        gt=0,
        le=86_400,
        description="The time limit of storing the result, and a second more for each MiB of it; then the job is "
        "FAILED.",
    )
    spool_dir: Annotated[Path, DefaultText("`llamaparse-worker-<uid>` in the system's temporary folder")] = Field(
        default_factory=_spool,
        description="The folder for documents and results in work; emptied of each job at its end.",
    )
    spool_max_job_bytes: int = Field(
        default=4096 * _MIB,
        ge=_MIB,
        description="What one document in work may fill of SPOOL_DIR, with its pages and results; "
        "more ends in LIMIT_EXCEEDED.",
    )
    spool_max_bytes: int = Field(
        default=8192 * _MIB,
        ge=_MIB,
        description="What all documents in work together may fill of SPOOL_DIR; above that the largest is tried again "
        "later. Choose less than the disk or volume holds.",
    )


class LogVariables(_Variables):
    """Logs."""

    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default=LogLevel.INFO, description="The least severe events that are logged."
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        default=LogFormat.AUTO, description="`auto` is `console` on a terminal and `json` elsewhere."
    )
    debug_mode: bool = Field(default=False, description="Log at level `debug`, whatever LOG_LEVEL says.")


class QueueVariables(_Variables):
    """Jobs and the life of the worker."""

    pdf_job_queue_concurrency: int = Field(
        default=1,
        validation_alias=AliasChoices("pdf_job_queue_concurrency", "max_queue_concurrency"),
        ge=1,
        le=1000,
        description="Jobs in work at once; as many messages are taken from the queue, and no more.",
    )
    job_max_attempts: int = Field(default=3, ge=1, le=100, description="How often a job is begun before it is FAILED.")
    tenant_concurrency: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="How many jobs of one tenant run at once, on all workers together; 0: as many as there are slots.",
    )
    checkpoint_seconds: float = Field(
        default=20,
        ge=0,
        le=3600,
        description="The work on a job after which its finished pages are stored, below `checkpoints/` of the job, for "
        "another attempt to go on from; they are removed when the job ends. 0 stores none.",
    )
    split_pages: int = Field(
        default=500,
        ge=0,
        le=100_000,
        description="A document of more pages is shared out among all workers, in ranges of so many pages at most; "
        "a job waits for one such range at most. 0 splits none, nor does CHECKPOINT_SECONDS=0.",
    )
    job_lease_seconds: float = Field(
        default=30, ge=1, le=3600, description="How long a job stays with a worker that shows no sign of life."
    )
    job_retry_delay_seconds: float = Field(
        default=10,
        ge=0,
        le=86_400,
        description="The pause before a job that failed for a passing reason is tried again.",
    )
    sweep_interval_seconds: float = Field(
        default=5,
        ge=0.1,
        le=3600,
        description="The pause between two looks for expired leases, due jobs and unsent events.",
    )
    max_jobs_before_restart: int | None = Field(
        default=None,
        ge=1,
        description="Drain and exit with status 0 after so many jobs, for a supervisor to start afresh.",
    )
    max_rss_before_restart: Annotated[int | None, Size()] = Field(
        default=None, ge=_MIB, description="The same once the main process holds so much memory, in bytes or as `4GiB`."
    )


class DrainVariables(_Variables):
    """End of the process."""

    grace_period: float = Field(
        default=25,
        ge=0,
        le=86_400,
        description="Seconds that running jobs get to end after SIGTERM; the rest is handed back. "
        "In the OCR service the same for pages.",
    )


class HttpVariables(_Variables):
    """HTTP."""

    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. Beyond loopback API_TOKEN or HTTP_OPEN=true is needed.",
    )
    port: int = Field(
        default=8004,
        validation_alias=AliasChoices("port", "uvicorn_port"),
        ge=0,
        le=65_535,
        description="The port of probes, metrics, queue status and API; 0 takes a free one.",
    )
    api_token: SecretStr | None = Field(
        default=None, description="The bearer token that everything but the probes asks for."
    )
    http_open: bool = Field(default=False, description="Serve everything without a token, even beyond loopback.")

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not (_is_loopback(self.host) or self.api_token or self.http_open):
            raise ValueError(
                f"HOST={self.host}: beyond loopback the API and the metrics need a token; "
                "set API_TOKEN (or API_TOKEN_FILE), or HTTP_OPEN=true to serve them to everybody"
            )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ServiceManager(_Variables):
    """Set by systemd."""

    notify_socket: str | None = Field(default=None, description="Where a service of `Type=notify` tells its state.")
    watchdog_usec: int | None = Field(
        default=None, ge=1, description="Microseconds without a sign of life after which systemd restarts the service."
    )
    credentials_directory: Path | None = Field(
        default=None, description="The folder of the unit's `LoadCredential=` files, which are read as variables."
    )


class LocalSettings(LogVariables, DocumentVariables, ModelVariables, OcrVariables, ComponentVariables):
    """What every command needs; a command that serves no HTTP must not fail over an unguarded HOST."""


class WorkerSettings(HttpVariables, DrainVariables, QueueVariables, CacheVariables, LocalSettings):
    """Everything the daemon needs."""


class OcrServiceVariables(HttpVariables):
    """OCR service (`llamaparse-worker ocr`)."""

    port: int = Field(
        default=8080,
        validation_alias=AliasChoices("port", "uvicorn_port"),
        ge=0,
        le=65_535,
        description="The port of the OCR service, its probes and metrics; 0 takes a free one.",
    )
    ocr_max_image_bytes: int = Field(
        default=64 * _MIB,
        ge=1024,
        description="The largest image that the OCR service takes, as a file; MAX_PAGE_PIXELS holds too.",
    )


class OcrServiceSettings(OcrServiceVariables, DrainVariables, LocalSettings):
    """Everything the OCR service needs."""
