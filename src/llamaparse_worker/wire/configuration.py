"""The LlamaParse v2 parse configuration: which names there are and which values they take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llamaparse_worker.model.options import (
    Granularity,
    ImageKind,
)
from llamaparse_worker.wire.auto_mode import MAX_RULES, AutoModeRule
from llamaparse_worker.wire.strict import Strict
from llamaparse_worker.wire.webhook import MOST_WEBHOOKS, WebhookConfiguration

MAX_PROMPT = 20_000
"""Characters of a prompt that a job brings."""


class CropBox(Strict):
    """The part of each page to read; every edge is measured from the top or left, as a share of the page."""

    top: float | None = Field(default=None, ge=0, le=1)
    bottom: float | None = Field(default=None, ge=0, le=1)
    left: float | None = Field(default=None, ge=0, le=1)
    right: float | None = Field(default=None, ge=0, le=1)


class PageRanges(Strict):
    """Which pages to parse; ``target_pages`` wins over ``max_pages``."""

    max_pages: int | None = Field(default=None, ge=1)
    target_pages: str | None = Field(default=None, max_length=10_000, description="Pages from 1 on, such as 1,3,5-8")


class AgenticOptions(Strict):
    """Options of the tiers above fast."""

    custom_prompt: str | None = Field(
        default=None, max_length=MAX_PROMPT, description="What models are told beside the prompt of their mode"
    )


class FastOptions(Strict):
    """The fast tier has no options of its own."""


class HtmlInput(Strict):
    """How HTML is read."""

    make_all_elements_visible: bool | None = None
    remove_fixed_elements: bool | None = None
    remove_navigation_elements: bool | None = None


class ImageInput(Strict):
    """How images are read."""

    camera_photo_correction: bool | None = None


class PdfInput(Strict):
    """PDF has no input options."""


class PresentationInput(Strict):
    """How presentations are read."""

    include_hidden_slides: bool | None = None
    out_of_bounds_content: bool | None = None
    skip_embedded_data: bool | None = None


class SpreadsheetInput(Strict):
    """How spreadsheets are read."""

    detect_sub_tables_in_sheets: bool | None = None
    force_formula_computation_in_sheets: bool | None = None
    include_hidden_sheets: bool | None = None


class InputOptions(Strict):
    """Options by type of input."""

    html: HtmlInput | None = None
    image: ImageInput | None = None
    pdf: PdfInput | None = None
    presentation: PresentationInput | None = None
    spreadsheet: SpreadsheetInput | None = None


class MarkdownTables(Strict):
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


class MarkdownOutput(Strict):
    """How Markdown is written."""

    annotate_links: bool | None = None
    annotate_line_numbers: bool | None = None
    annotate_revisions: bool | None = Field(
        default=None, description="Show comments, and text that is highlighted, underlined or struck out by a reader"
    )
    hide_footers: bool | None = Field(default=None, description="Leave running feet out of the Markdown; default true")
    hide_headers: bool | None = Field(default=None, description="Leave running heads out of the Markdown; default true")
    inline_images: bool | None = Field(
        default=None, description="Show the saved figures and images in the Markdown where they stand; default false"
    )
    page_prefix: str | None = Field(default=None, max_length=1000, description="Before each page of the Markdown")
    page_separator: str | None = Field(default=None, max_length=1000, description="Between pages of the Markdown")
    page_suffix: str | None = Field(default=None, max_length=1000, description="After each page of the Markdown")
    tables: MarkdownTables | None = None


class SpatialText(Strict):
    """How ``result.txt`` is laid out."""

    do_not_unroll_columns: bool | None = None
    preserve_layout_alignment_across_pages: bool | None = None
    preserve_very_small_text: bool | None = None


class TablesAsSpreadsheet(Strict):
    """Tables as a spreadsheet file."""

    enable: bool | None = None
    guess_sheet_name: bool | None = None


class OutputOptions(Strict):
    """What is written, and how."""

    markdown: MarkdownOutput | None = None
    spatial_text: SpatialText | None = None
    tables_as_spreadsheet: TablesAsSpreadsheet | None = None
    images_to_save: tuple[ImageKind, ...] | None = Field(
        default=None,
        description="embedded: as they are in the document; layout: figures as they appear on the page; screenshot:"
        " whole pages. Default: none, but layout with inline_images",
    )
    granular_bboxes: tuple[Granularity, ...] | None = Field(
        default=None, description="Boxes of these in grounded_items.jsonl, one row a page"
    )
    additional_outputs: tuple[Literal["stripped_md", "concatenated_stripped_txt", "word_bbox"], ...] | None = None
    extract_printed_page_number: bool | None = None
    save_output_pdf: bool | None = None
    watermark_handling: Literal["move_to_end", "move_to_start", "remove"] | None = None


class Ignore(Strict):
    """What is left out of the text."""

    ignore_diagonal_text: bool | None = None
    ignore_hidden_text: bool | None = None
    ignore_text_in_image: bool | None = None


class OcrParameters(Strict):
    """How pages without a text layer are read."""

    languages: tuple[str, ...] | None = None


class CostOptimizer(Strict):
    """Cheaper tiers for simple pages."""

    enable: bool | None = Field(
        default=None,
        description="Ask no model about pages of running text that a text layer tells in full; default false",
    )


class ProcessingOptions(Strict):
    """How the content is understood."""

    aggressive_table_extraction: bool | None = None
    confidence_score_effort: Literal["high"] | None = None
    cost_optimizer: CostOptimizer | None = None
    disable_heuristics: bool | None = None
    forms: Literal["default", "enrich"] | None = Field(
        default=None,
        description="enrich: read what is filled in fields and boxes of forms as well, and tell all fields in the"
        " section forms of result.json",
    )
    ignore: Ignore | None = None
    ocr_parameters: OcrParameters | None = None
    specialized_chart_parsing: Literal["efficient", "agentic", "agentic_plus"] | None = None
    auto_mode_configuration: tuple[AutoModeRule, ...] | None = Field(
        default=None,
        max_length=MAX_RULES,
        description="Pages with a trigger are parsed as the first rule that has it says, the others as tier says",
    )


class Timeouts(Strict):
    """The time limit of the job: base + pages × extra, without waiting in the queue."""

    base_in_seconds: int | None = Field(default=None, ge=1, le=7200)
    extra_time_per_page_in_seconds: int | None = Field(default=None, ge=0, le=300)


class JobFailureConditions(Strict):
    """When a job counts as failed."""

    allowed_page_failure_ratio: float | None = Field(default=None, ge=0, le=1)
    fail_on_buggy_font: bool | None = None
    fail_on_image_extraction_error: bool | None = None
    fail_on_image_ocr_error: bool | None = None
    fail_on_markdown_reconstruction_error: bool | None = None


class ProcessingControl(Strict):
    """Limits and failure conditions."""

    timeouts: Timeouts | None = None
    job_failure_conditions: JobFailureConditions | None = None


class ParseConfiguration(Strict):
    """The LlamaParse v2 parse configuration, without its source fields and stored webhooks."""

    tier: Literal["fast", "cost_effective", "agentic", "agentic_plus"] | None = None
    version: str | None = Field(default=None, pattern=r"^(latest|\d{4}-\d{2}-\d{2})$")
    client_name: str | None = None
    disable_cache: bool | None = Field(
        default=None, description="Use no pages of earlier jobs, and keep none for later ones"
    )
    crop_box: CropBox | None = None
    page_ranges: PageRanges | None = None
    agentic_options: AgenticOptions | None = None
    fast_options: FastOptions | None = None
    input_options: InputOptions | None = None
    output_options: OutputOptions | None = None
    processing_options: ProcessingOptions | None = None
    processing_control: ProcessingControl | None = None
    webhook_configurations: tuple[WebhookConfiguration, ...] | None = Field(
        default=None, max_length=MOST_WEBHOOKS, description="As `webhooks` of the message, and called after those"
    )
