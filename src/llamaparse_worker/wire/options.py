"""What a parse configuration means: defaults filled in, pages selected, options without effect told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from llamaparse_worker.errors import InvalidOption, InvalidPageRange
from llamaparse_worker.model.options import (
    DEFAULT_SEPARATOR,
    CacheUse,
    ImageKind,
    ModeName,
    ParseOptions,
    PromptOptions,
    TableForm,
    TableOptions,
)
from llamaparse_worker.model.options import CropBox as PageCrop
from llamaparse_worker.wire.auto_mode import MODE_OF_TIER, upgrade_rules, without_effect
from llamaparse_worker.wire.configuration import (
    AgenticOptions,
    CostOptimizer,
    CropBox,
    Ignore,
    JobFailureConditions,
    MarkdownOutput,
    MarkdownTables,
    OcrParameters,
    OutputOptions,
    PageRanges,
    ParseConfiguration,
    ProcessingControl,
    ProcessingOptions,
    SpatialText,
    Timeouts,
)

_PAGE_RANGE = re.compile(r"\d{1,7}(-\d{1,7})?(,\d{1,7}(-\d{1,7})?)*", re.ASCII)


HONOURED = frozenset(
    {
        "tier",
        "version",
        "client_name",
        "disable_cache",
        "agentic_options.custom_prompt",
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
        "processing_options.auto_mode_configuration",
        "processing_options.cost_optimizer.enable",
        "processing_options.forms",
        "processing_options.ignore.ignore_diagonal_text",
        "processing_options.ignore.ignore_hidden_text",
        "processing_options.ignore.ignore_text_in_image",
        "processing_options.ocr_parameters.languages",
        "processing_control.timeouts.base_in_seconds",
        "processing_control.timeouts.extra_time_per_page_in_seconds",
        "processing_control.job_failure_conditions.allowed_page_failure_ratio",
        "webhook_configurations",
    }
)
"""Options that have their documented effect in this version.
``preserve_very_small_text``: no text is too small here."""

_OF_MODELS = frozenset({"agentic_options.custom_prompt", "processing_options.cost_optimizer.enable"})
"""Those of the modes that ask models."""


def options_of(configuration: ParseConfiguration, mode: ModeName | None = None) -> ParseOptions:
    """Fill in the defaults of a parse configuration.

    Raises:
        InvalidOption: ``mode`` and ``tier`` contradict each other.
        InvalidPageRange: ``target_pages`` cannot be read.
    """
    tier = MODE_OF_TIER[configuration.tier] if configuration.tier else None
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
    optimizer = processing.cost_optimizer or CostOptimizer()
    agentic = configuration.agentic_options or AgenticOptions()
    ignore = processing.ignore or Ignore()
    output = configuration.output_options or OutputOptions()
    given = dict(_given(configuration.model_dump(exclude_none=True)))
    rules = processing.auto_mode_configuration or ()
    upgrades = upgrade_rules(rules)
    markdown = output.markdown or MarkdownOutput()
    spatial = output.spatial_text or SpatialText()
    chosen = mode or tier or ModeName.FAST
    asks = chosen is not ModeName.FAST or any(rule.mode is not ModeName.FAST for rule in upgrades)
    honoured = HONOURED if asks else HONOURED - _OF_MODELS
    ratio = failure.allowed_page_failure_ratio
    return ParseOptions(
        mode=chosen,
        target_pages=ranges.target_pages,
        max_pages=ranges.max_pages,
        languages=ocr.languages or (),
        images_to_save=_images(output.images_to_save, inline=bool(markdown.inline_images)),
        granular_bboxes=output.granular_bboxes or (),
        annotate_revisions=bool(markdown.annotate_revisions),
        form_values=processing.forms == "enrich",
        inline_images=bool(markdown.inline_images),
        crop_box=_crop_box(configuration.crop_box),
        ignore_hidden_text=bool(ignore.ignore_hidden_text),
        ignore_diagonal_text=bool(ignore.ignore_diagonal_text),
        ignore_text_in_image=bool(ignore.ignore_text_in_image),
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
        prompts=PromptOptions(system_append=agentic.custom_prompt or ""),
        skip_simple_pages=bool(optimizer.enable),
        extract_printed_page_number=bool(output.extract_printed_page_number),
        do_not_unroll_columns=bool(spatial.do_not_unroll_columns),
        preserve_layout_alignment_across_pages=bool(spatial.preserve_layout_alignment_across_pages),
        upgrades=upgrades,
        cache=CacheUse.NONE if configuration.disable_cache else CacheUse.USE,
        ignored=tuple(sorted({*(path for path in given if path not in honoured), *without_effect(rules)})),
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


def _images(given: tuple[ImageKind, ...] | None, *, inline: bool) -> tuple[ImageKind, ...]:
    """Add the figures of the layout where the Markdown is to show images, but the job names none that it could show."""
    kinds = given or ()
    if not inline or given == () or {ImageKind.EMBEDDED, ImageKind.LAYOUT} & {*kinds}:
        return kinds
    return (*kinds, ImageKind.LAYOUT)


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


def select_pages(options: ParseOptions, page_count: int) -> tuple[int, ...]:
    """Give the selected page numbers, ascending and without repetition; ``target_pages`` wins over ``max_pages``.

    Raises:
        InvalidPageRange: the range selects no page of the document.
    """
    if options.target_pages is None:
        return tuple(range(1, min(page_count, options.max_pages or page_count) + 1))
    pages: list[int] = []
    for first, last in sorted(map(_range, options.target_pages.split(","))):
        pages.extend(range(max(1, first, pages[-1] + 1 if pages else 1), min(last, page_count) + 1))
    if not pages:
        message = f"target_pages {options.target_pages} selects none of the {page_count} pages"
        raise InvalidPageRange(message)
    return tuple(pages)


def _range(part: str) -> tuple[int, int]:
    first, _, last = part.partition("-")
    return int(first), int(last or first)


def _check_page_range(text: str) -> None:
    if not _PAGE_RANGE.fullmatch(text):
        message = f"target_pages: {text!r} is not a list of pages such as 1-3,7"
        raise InvalidPageRange(message)
    for part in text.split(","):
        first, last = _range(part)
        if first < 1 or last < first:
            message = f"target_pages: {part} is not an ascending range of pages from 1"
            raise InvalidPageRange(message)


def _given(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _given(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
