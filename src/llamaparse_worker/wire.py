"""What crosses a border as JSON: the queue message with its parse configuration, and the manifest of a result.

The parse configuration takes the names of the LlamaParse v2 API. An unknown name is refused by name; a known one that
has no effect yet is accepted and listed as ignored, in the log and in the manifest. Messages carry a version; a worker
reads the current and the previous one.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from llamaparse_worker.errors import InvalidJob, InvalidOption, InvalidPageRange
from llamaparse_worker.model.job import Job, JobStatus, OutboxEvent, Priority, SourceKind, SourceRef
from llamaparse_worker.model.options import (
    DEFAULT_SEPARATOR,
    Granularity,
    ImageKind,
    ModeName,
    ParseOptions,
    TableForm,
    TableOptions,
)
from llamaparse_worker.model.options import CropBox as PageCrop

MESSAGE_VERSION: Literal["1"] = "1"

_PAGE_RANGE = re.compile(r"\d{1,7}(-\d{1,7})?(,\d{1,7}(-\d{1,7})?)*", re.ASCII)
_JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CropBox(_Strict):
    """The part of each page to read; every edge is measured from the top or left, as a share of the page."""

    top: float | None = Field(default=None, ge=0, le=1)
    bottom: float | None = Field(default=None, ge=0, le=1)
    left: float | None = Field(default=None, ge=0, le=1)
    right: float | None = Field(default=None, ge=0, le=1)


class PageRanges(_Strict):
    """Which pages to parse; ``target_pages`` wins over ``max_pages``."""

    max_pages: int | None = Field(default=None, ge=1)
    target_pages: str | None = Field(default=None, max_length=10_000, description="Pages from 1 on, such as 1,3,5-8")


class AgenticOptions(_Strict):
    """Options of the tiers above fast."""

    custom_prompt: str | None = None


class FastOptions(_Strict):
    """The fast tier has no options of its own."""


class HtmlInput(_Strict):
    """How HTML is read."""

    make_all_elements_visible: bool | None = None
    remove_fixed_elements: bool | None = None
    remove_navigation_elements: bool | None = None


class ImageInput(_Strict):
    """How images are read."""

    camera_photo_correction: bool | None = None


class PdfInput(_Strict):
    """PDF has no input options."""


class PresentationInput(_Strict):
    """How presentations are read."""

    include_hidden_slides: bool | None = None
    out_of_bounds_content: bool | None = None
    skip_embedded_data: bool | None = None


class SpreadsheetInput(_Strict):
    """How spreadsheets are read."""

    detect_sub_tables_in_sheets: bool | None = None
    force_formula_computation_in_sheets: bool | None = None
    include_hidden_sheets: bool | None = None


class InputOptions(_Strict):
    """Options by type of input."""

    html: HtmlInput | None = None
    image: ImageInput | None = None
    pdf: PdfInput | None = None
    presentation: PresentationInput | None = None
    spreadsheet: SpreadsheetInput | None = None


class MarkdownTables(_Strict):
    """How tables are written in Markdown."""

    compact_markdown_tables: bool | None = Field(
        default=None, description="Write pipe tables without spaces around cells; default false"
    )
    markdown_table_multiline_separator: str | None = Field(
        default=None, max_length=100, description="Between the lines of a cell; default <br/>"
    )
    merge_continued_tables: bool | None = Field(
        default=None, description="Give a table that goes over pages whole on its first page; default true"
    )
    output_tables_as_markdown: bool | None = Field(
        default=None,
        description="true: pipe tables only; false: HTML only; default: HTML only for tables with cells over several"
        " rows or columns",
    )


class MarkdownOutput(_Strict):
    """How Markdown is written."""

    annotate_links: bool | None = None
    annotate_line_numbers: bool | None = None
    annotate_revisions: bool | None = Field(
        default=None, description="Show comments, and text that is highlighted, underlined or struck out by a reader"
    )
    hide_footers: bool | None = Field(default=None, description="Leave running feet out of the Markdown; default true")
    hide_headers: bool | None = Field(default=None, description="Leave running heads out of the Markdown; default true")
    inline_images: bool | None = Field(
        default=None, description="Show images in the Markdown where they stand; saves embedded ones; default false"
    )
    page_prefix: str | None = Field(default=None, max_length=1000, description="Before each page of the Markdown")
    page_separator: str | None = Field(default=None, max_length=1000, description="Between pages of the Markdown")
    page_suffix: str | None = Field(default=None, max_length=1000, description="After each page of the Markdown")
    tables: MarkdownTables | None = None


class SpatialText(_Strict):
    """How ``result.txt`` is laid out."""

    do_not_unroll_columns: bool | None = None
    preserve_layout_alignment_across_pages: bool | None = None
    preserve_very_small_text: bool | None = None


class TablesAsSpreadsheet(_Strict):
    """Tables as a spreadsheet file."""

    enable: bool | None = None
    guess_sheet_name: bool | None = None


class OutputOptions(_Strict):
    """What is written, and how."""

    markdown: MarkdownOutput | None = None
    spatial_text: SpatialText | None = None
    tables_as_spreadsheet: TablesAsSpreadsheet | None = None
    images_to_save: tuple[ImageKind, ...] | None = None
    granular_bboxes: tuple[Granularity, ...] | None = Field(
        default=None, description="Boxes of these in grounded_items.jsonl, one row a page"
    )
    additional_outputs: tuple[Literal["stripped_md", "concatenated_stripped_txt", "word_bbox"], ...] | None = None
    extract_printed_page_number: bool | None = None
    save_output_pdf: bool | None = None
    watermark_handling: Literal["move_to_end", "move_to_start", "remove"] | None = None


class Ignore(_Strict):
    """What is left out of the text."""

    ignore_diagonal_text: bool | None = None
    ignore_hidden_text: bool | None = None
    ignore_text_in_image: bool | None = None


class OcrParameters(_Strict):
    """How pages without a text layer are read."""

    languages: tuple[str, ...] | None = None


class CostOptimizer(_Strict):
    """Cheaper tiers for simple pages."""

    enable: bool | None = None


class ProcessingOptions(_Strict):
    """How the content is understood."""

    aggressive_table_extraction: bool | None = None
    confidence_score_effort: Literal["high"] | None = None
    cost_optimizer: CostOptimizer | None = None
    disable_heuristics: bool | None = None
    forms: Literal["default", "enrich"] | None = Field(
        default=None, description="enrich: read what is filled in fields and boxes of forms as well"
    )
    ignore: Ignore | None = None
    ocr_parameters: OcrParameters | None = None
    specialized_chart_parsing: Literal["efficient", "agentic", "agentic_plus"] | None = None
    auto_mode_configuration: tuple[dict[str, object], ...] | None = None


class Timeouts(_Strict):
    """The time limit of the job: base + pages × extra, without waiting in the queue."""

    base_in_seconds: int | None = Field(default=None, ge=1, le=7200)
    extra_time_per_page_in_seconds: int | None = Field(default=None, ge=0, le=300)


class JobFailureConditions(_Strict):
    """When a job counts as failed."""

    allowed_page_failure_ratio: float | None = Field(default=None, ge=0, le=1)
    fail_on_buggy_font: bool | None = None
    fail_on_image_extraction_error: bool | None = None
    fail_on_image_ocr_error: bool | None = None
    fail_on_markdown_reconstruction_error: bool | None = None


class ProcessingControl(_Strict):
    """Limits and failure conditions."""

    timeouts: Timeouts | None = None
    job_failure_conditions: JobFailureConditions | None = None


class ParseConfiguration(_Strict):
    """The LlamaParse v2 parse configuration, without its source and webhook fields."""

    tier: Literal["fast", "cost_effective", "agentic", "agentic_plus"] | None = None
    version: str | None = Field(default=None, pattern=r"^(latest|\d{4}-\d{2}-\d{2})$")
    client_name: str | None = None
    disable_cache: bool | None = None
    crop_box: CropBox | None = None
    page_ranges: PageRanges | None = None
    agentic_options: AgenticOptions | None = None
    fast_options: FastOptions | None = None
    input_options: InputOptions | None = None
    output_options: OutputOptions | None = None
    processing_options: ProcessingOptions | None = None
    processing_control: ProcessingControl | None = None


class JobMessage(_Strict):
    """A parse job as a producer publishes it to the queue."""

    version: Literal["1"] = MESSAGE_VERSION
    job_id: str = Field(pattern=_JOB_ID, description="Unique, chosen by the producer; the same id is parsed once")
    source: str = Field(
        min_length=1,
        max_length=4096,
        description="An object key of the configured store, or s3://bucket/key, file:///path or https://address",
    )
    file_name: str | None = Field(default=None, max_length=1024, description="Shown to users; default: end of source")
    output_prefix: str = Field(
        default="results", max_length=1024, pattern=r"^[A-Za-z0-9_./=-]*$", description="Key prefix of the results"
    )
    mode: ModeName | None = Field(default=None, description="Default: what configuration.tier says, else fast")
    ocr: str = Field(default="auto", max_length=64, description="auto, off, or the name of an OCR engine")
    configuration: ParseConfiguration = ParseConfiguration()
    project_id: str = Field(default="default", max_length=256)
    tenant: str | None = Field(default=None, max_length=256)
    priority: Priority = Priority.MEDIUM
    metadata: Annotated[dict[str, str], Field(max_length=64)] = {}
    deadline: AwareDatetime | None = Field(default=None, description="Work that has not begun by then fails: EXPIRED")


_MODE_OF_TIER = {
    "fast": ModeName.FAST,
    "cost_effective": ModeName.BALANCED,
    "agentic": ModeName.AGENTIC,
    "agentic_plus": ModeName.AGENTIC,
}

HONOURED = frozenset(
    {
        "tier",
        "version",
        "client_name",
        "disable_cache",
        "crop_box.bottom",
        "crop_box.left",
        "crop_box.right",
        "crop_box.top",
        "output_options.extract_printed_page_number",
        "output_options.granular_bboxes",
        "output_options.images_to_save",
        "output_options.markdown.annotate_links",
        "output_options.markdown.annotate_revisions",
        "output_options.markdown.hide_footers",
        "output_options.markdown.hide_headers",
        "output_options.markdown.inline_images",
        "output_options.markdown.page_prefix",
        "output_options.markdown.page_separator",
        "output_options.markdown.page_suffix",
        "output_options.markdown.tables.compact_markdown_tables",
        "output_options.markdown.tables.markdown_table_multiline_separator",
        "output_options.markdown.tables.merge_continued_tables",
        "output_options.markdown.tables.output_tables_as_markdown",
        "output_options.spatial_text.do_not_unroll_columns",
        "output_options.spatial_text.preserve_layout_alignment_across_pages",
        "output_options.spatial_text.preserve_very_small_text",
        "page_ranges.max_pages",
        "page_ranges.target_pages",
        "processing_options.forms",
        "processing_options.ignore.ignore_diagonal_text",
        "processing_options.ignore.ignore_hidden_text",
        "processing_options.ocr_parameters.languages",
        "processing_control.timeouts.base_in_seconds",
        "processing_control.timeouts.extra_time_per_page_in_seconds",
        "processing_control.job_failure_conditions.allowed_page_failure_ratio",
    }
)
"""Options that have their documented effect in this version. ``disable_cache``: there is no cache to disable;
``preserve_very_small_text``: no text is too small here."""


def read_message(body: bytes) -> JobMessage:
    """Decode and check a message.

    Raises:
        InvalidOption: an option of ``configuration`` is unknown or wrong; its path is in the message.
        InvalidJob: anything else is wrong.
    """
    try:
        return JobMessage.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "message"
        kind = InvalidOption if path.startswith(("configuration", "mode")) else InvalidJob
        raise kind(f"{path}: {first['msg']}") from None


def options_of(configuration: ParseConfiguration, mode: ModeName | None = None) -> ParseOptions:
    """Fill in the defaults of a parse configuration.

    Raises:
        InvalidOption: ``mode`` and ``tier`` contradict each other.
        InvalidPageRange: ``target_pages`` cannot be read.
    """
    tier = _MODE_OF_TIER[configuration.tier] if configuration.tier else None
    if mode and tier and mode is not tier:
        message = f"mode: {mode} contradicts configuration.tier {configuration.tier}"
        raise InvalidOption(message)
    ranges = configuration.page_ranges or PageRanges()
    if ranges.target_pages is not None:
        _check_page_range(ranges.target_pages)
    control = configuration.processing_control or ProcessingControl()
    timeouts = control.timeouts or Timeouts()
    failure = control.job_failure_conditions or JobFailureConditions()
    processing = configuration.processing_options or ProcessingOptions()
    ocr = processing.ocr_parameters or OcrParameters()
    ignore = processing.ignore or Ignore()
    output = configuration.output_options or OutputOptions()
    given = dict(_given(configuration.model_dump(exclude_none=True)))
    markdown = output.markdown or MarkdownOutput()
    spatial = output.spatial_text or SpatialText()
    ratio = failure.allowed_page_failure_ratio
    return ParseOptions(
        mode=mode or tier or ModeName.FAST,
        target_pages=ranges.target_pages,
        max_pages=ranges.max_pages,
        languages=ocr.languages or (),
        images_to_save=_images(output.images_to_save or (), inline=bool(markdown.inline_images)),
        granular_bboxes=output.granular_bboxes or (),
        annotate_revisions=bool(markdown.annotate_revisions),
        form_values=processing.forms == "enrich",
        inline_images=bool(markdown.inline_images),
        crop_box=_crop_box(configuration.crop_box),
        ignore_hidden_text=bool(ignore.ignore_hidden_text),
        ignore_diagonal_text=bool(ignore.ignore_diagonal_text),
        allowed_page_failure_ratio=0.05 if ratio is None else ratio,
        timeout_base_s=timeouts.base_in_seconds,
        timeout_extra_per_page_s=timeouts.extra_time_per_page_in_seconds,
        page_separator=DEFAULT_SEPARATOR if markdown.page_separator is None else markdown.page_separator,
        page_prefix=markdown.page_prefix or "",
        page_suffix=markdown.page_suffix or "",
        hide_headers=markdown.hide_headers is not False,
        hide_footers=markdown.hide_footers is not False,
        annotate_links=bool(markdown.annotate_links),
        tables=_table_options(markdown.tables or MarkdownTables()),
        extract_printed_page_number=bool(output.extract_printed_page_number),
        do_not_unroll_columns=bool(spatial.do_not_unroll_columns),
        preserve_layout_alignment_across_pages=bool(spatial.preserve_layout_alignment_across_pages),
        ignored=tuple(sorted([path for path in given if path not in HONOURED] + _ignored_images(output))),
    )


def _table_options(given: MarkdownTables) -> TableOptions:
    forms = {None: TableForm.FITTING, True: TableForm.MARKDOWN, False: TableForm.HTML}
    line_break = given.markdown_table_multiline_separator
    return TableOptions(
        form=forms[given.output_tables_as_markdown],
        compact=bool(given.compact_markdown_tables),
        line_break=TableOptions().line_break if line_break is None else line_break,
        merge_continued=given.merge_continued_tables is not False,
    )


def _images(given: tuple[ImageKind, ...], *, inline: bool) -> tuple[ImageKind, ...]:
    """Add what is to be shown in the Markdown to what is to be saved."""
    return (*given, ImageKind.EMBEDDED) if inline and ImageKind.EMBEDDED not in given else given


def _ignored_images(output: OutputOptions) -> list[str]:
    """Name the one kind of images that is not saved in this version."""
    return ["output_options.images_to_save.layout"] if ImageKind.LAYOUT in (output.images_to_save or ()) else []


def _crop_box(given: CropBox | None) -> PageCrop | None:
    """Fill in the edges that are not given.

    Raises:
        InvalidOption: nothing is left between the edges.
    """
    if given is None:
        return None
    found = PageCrop(**given.model_dump(exclude_none=True))
    if found.top >= found.bottom or found.left >= found.right:
        raise InvalidOption("crop_box: nothing lies between its edges; each is measured from the top or left")
    return found


def job_of(message: JobMessage, *, traceparent: str | None = None) -> Job:
    """Turn a checked message into a job.

    Raises:
        InvalidJob: the source or an option cannot work; see ``options_of``.
    """
    source = source_of(message.source)
    return Job(
        id=message.job_id,
        source=source,
        file_name=message.file_name or source.location.rstrip("/").rpartition("/")[2] or "document",
        output_prefix=message.output_prefix.strip("/"),
        options=replace(options_of(message.configuration, message.mode), ocr=message.ocr),
        project=message.project_id,
        tenant=message.tenant,
        priority=message.priority,
        metadata=message.metadata,
        deadline=message.deadline,
        traceparent=traceparent,
    )


def source_of(source: str) -> SourceRef:
    """Judge a source by its scheme; without one it is an object key.

    Raises:
        InvalidJob: the scheme is unknown, or the key leaves the store.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        if source.startswith("/") or ".." in source.split("/"):
            message = "source: an object key has no leading slash and no '..'"
            raise InvalidJob(message)
        return SourceRef(SourceKind.OBJECT, source)
    match scheme.lower():
        case "s3" if all(rest.partition("/")):
            return SourceRef(SourceKind.S3, source)
        case "file":
            return SourceRef(SourceKind.FILE, source)
        case "https":
            return SourceRef(SourceKind.HTTPS, source)
        case _:
            message = f"source: {scheme}:// is not one of s3://bucket/key, file://, https:// or an object key"
            raise InvalidJob(message)


def new_job_id() -> str:
    """Make an id for a job that this program submits itself."""
    return f"pjb-{uuid.uuid4()}"


def select_pages(options: ParseOptions, page_count: int) -> tuple[int, ...]:
    """Give the selected page numbers, ascending and without repetition; ``target_pages`` wins over ``max_pages``.

    Raises:
        InvalidPageRange: the range selects no page of the document.
    """
    if options.target_pages is None:
        return tuple(range(1, min(page_count, options.max_pages or page_count) + 1))
    chosen: set[int] = set()
    for part in options.target_pages.split(","):
        first, _, last = part.partition("-")
        chosen.update(range(int(first), min(int(last or first), page_count) + 1))
    pages = tuple(sorted(page for page in chosen if 1 <= page <= page_count))
    if not pages:
        message = f"target_pages {options.target_pages} selects none of the {page_count} pages"
        raise InvalidPageRange(message)
    return pages


def _check_page_range(text: str) -> None:
    if not _PAGE_RANGE.fullmatch(text):
        message = f"target_pages: {text!r} is not a list of pages such as 1-3,7"
        raise InvalidPageRange(message)
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(first) < 1 or int(last or first) < int(first):
            message = f"target_pages: {part} is not an ascending range of pages from 1"
            raise InvalidPageRange(message)


def _given(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _given(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


class ManifestPage(_Strict):
    """How one page was read."""

    number: int
    status: str
    engine: str
    reason: str | None = None
    characters: int = 0
    confidence: float | None = None
    images_left_out: int | None = None
    """How many embedded images were not saved, as ``MAX_EXTRACTED_IMAGES_PER_PAGES`` were."""
    error_code: str | None = None
    error_message: str | None = None


class Manifest(_Strict):
    """``manifest.json``: how a result came about. The result files themselves hold no times."""

    version: Literal["1"] = "1"
    job_id: str | None
    attempt: int
    file_name: str
    input_sha256: str
    input_size_bytes: int
    reader: str | None
    page_count: int
    mode: ModeName
    options: dict[str, object]
    ignored_options: tuple[str, ...]
    status: str
    flags: tuple[str, ...] = ()
    error_code: str | None = None
    error_message: str | None = None
    pages: tuple[ManifestPage, ...]
    files: tuple[str, ...]
    worker_version: str
    library_versions: dict[str, str]
    host: str
    started_at: datetime
    durations_s: dict[str, float]


class EventPages(_Strict):
    """Pages of a job as it ended."""

    total: int = 0
    done: int = 0
    failed: int = 0


class JobEvent(_Strict):
    """What the outbox says of a job that reached its terminal status."""

    version: Literal["1"] = "1"
    job_id: str
    status: Literal[JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED]
    attempt: int
    project_id: str
    tenant: str | None = None
    result_prefix: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    pages: EventPages = EventPages()

    @property
    def kind(self) -> str:
        """``job.completed``, ``job.failed`` or ``job.cancelled``."""
        return f"job.{self.status.lower()}"


def outbox_event(event: JobEvent) -> OutboxEvent:
    """Give the event an id, under which it is stored and sent, however often."""
    return OutboxEvent(id=str(uuid.uuid4()), kind=event.kind, body=event.model_dump_json().encode())


def utc_now() -> datetime:
    """Give the current time, aware."""
    return datetime.now(tz=UTC)
