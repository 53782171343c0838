from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.layout.assemble import document_signs, finish
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage, ParsedPage
from llamaparse_worker.wire import HONOURED, job_of, read_message
from support.documents import (
    HEIGHT,
    MARGIN,
    WIDTH,
    Pen,
    make,
    measurements,
    picture,
    prose,
    sentences,
    table,
    two_columns,
)
from support.tasks import parsed

Document = Callable[[], bytes]


def three_pages() -> bytes:
    return make(prose(1), prose(2), prose(3))


def columns() -> bytes:
    return make(two_columns(1))


def report() -> bytes:
    def page(number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            canvas.setFont("Helvetica", 8)
            canvas.drawString(MARGIN, HEIGHT - 30, "Report of the harbour office")
            canvas.drawCentredString(WIDTH / 2, 30, str(number))
            prose(number)(canvas)

        return draw

    return make(*(page(number) for number in range(1, 6)))


def illustrated() -> bytes:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write(sentences(1, 300))
        canvas.drawImage(ImageReader(io.BytesIO(picture("CLOSED"))), MARGIN, 400, 420, 140)

    return make(draw)


def linked() -> bytes:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write("Read the almanac")
        canvas.linkURL("https://example.com/almanac", (MARGIN, 778, MARGIN + 76, 788))

    return make(draw)


def highlighted() -> bytes:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write("Read the almanac")
        canvas.highlightAnnotation("Which one?", (MARGIN, 778, MARGIN + 76, 790))

    return make(draw)


def readings() -> bytes:
    return make(table(measurements(1), ruled=True))


def ruled(canvas: Canvas, top: float, rows: list[list[str]]) -> None:
    """Draw a grid of cells."""
    height, width = 40.0, 150.0
    canvas.setFont("Helvetica", 10)
    for line in range(len(rows) + 1):
        canvas.line(MARGIN, top - line * height, MARGIN + 3 * width, top - line * height)
    for line in range(4):
        canvas.line(MARGIN + line * width, top, MARGIN + line * width, top - len(rows) * height)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            canvas.drawString(MARGIN + column * width + 5, top - row * height - 14, cell)


def continued() -> bytes:
    first = [["Ship", "Port", "Day"], *([f"Ship {row}", "Upper quay", f"{row} May"] for row in range(1, 17))]
    second = [["Ship", "Port", "Day"], *([f"Boat {row}", "Lower quay", f"{row} June"] for row in range(1, 5))]
    return make(lambda canvas: ruled(canvas, 780, first), lambda canvas: ruled(canvas, 780, second))


def form() -> bytes:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Ship")
        canvas.acroForm.textfield(name="ship", value="Heron", x=160, y=694, width=220, height=20)

    return make(draw)


def watermarked() -> bytes:
    def draw(canvas: Canvas) -> None:
        prose(1)(canvas)
        canvas.translate(200, 300)
        canvas.rotate(45)
        canvas.drawString(0, 0, "Draft of the second reading")

    return make(draw)


def hidden() -> bytes:
    def draw(canvas: Canvas) -> None:
        prose(1)(canvas)
        written = canvas.beginText(MARGIN, 100)
        written.setTextRenderMode(3)
        written.textLine("Nobody sees this line")
        canvas.drawText(written)

    return make(draw)


CHANGES_FILES: Mapping[str, tuple[object, Document]] = {
    "crop_box.bottom": (0.2, three_pages),
    "crop_box.left": (0.5, three_pages),
    "crop_box.right": (0.5, three_pages),
    "crop_box.top": (0.5, three_pages),
    "output_options.extract_printed_page_number": (True, report),
    "output_options.granular_bboxes": (["word"], three_pages),
    "output_options.images_to_save": (["embedded"], illustrated),
    "output_options.markdown.annotate_links": (True, linked),
    "output_options.markdown.annotate_revisions": (True, highlighted),
    "output_options.markdown.hide_footers": (False, report),
    "output_options.markdown.hide_headers": (False, report),
    "output_options.markdown.inline_images": (True, illustrated),
    "output_options.markdown.page_prefix": ("<!-- {page_number} -->", three_pages),
    "output_options.markdown.page_separator": ("\n***\n", three_pages),
    "output_options.markdown.page_suffix": ("(end)", three_pages),
    "output_options.markdown.tables.compact_markdown_tables": (True, readings),
    "output_options.markdown.tables.merge_continued_tables": (False, continued),
    "output_options.markdown.tables.output_tables_as_markdown": (False, readings),
    "output_options.spatial_text.do_not_unroll_columns": (True, columns),
    "output_options.spatial_text.preserve_layout_alignment_across_pages": (True, columns),
    "page_ranges.max_pages": (1, three_pages),
    "page_ranges.target_pages": ("2-3", three_pages),
    "processing_options.forms": ("enrich", form),
    "processing_options.ignore.ignore_diagonal_text": (True, watermarked),
    "processing_options.ignore.ignore_hidden_text": (True, hidden),
}
"""Options that concern result files: a value, and a document that shows its effect."""

CHANGES_JOB: Mapping[str, object] = {
    "tier": "agentic",
    "disable_cache": True,
    "processing_options.ocr_parameters.languages": ["fr"],
    "processing_options.ignore.ignore_text_in_image": True,
    "processing_options.auto_mode_configuration": [{"parsing_conf": {"tier": "agentic"}, "table_in_page": True}],
    "processing_control.timeouts.base_in_seconds": 7,
    "processing_control.timeouts.extra_time_per_page_in_seconds": 7,
    "processing_control.job_failure_conditions.allowed_page_failure_ratio": 0.5,
}
"""Options that say how a job is worked on or judged."""

CHANGES_CELLS = "output_options.markdown.tables.markdown_table_multiline_separator"
"""Lines of a cell come from readers that know them; those on a page of a PDF are joined to running text."""

CALLS = "webhook_configurations"
"""Says who is told of the end of the job; ``test_webhooks_wire`` shows what they are told."""

CHANGES_MODELS: Mapping[str, object] = {
    "agentic_options.custom_prompt": "Keep British spelling.",
    "processing_options.cost_optimizer.enable": True,
}
"""Options that say what models are asked; ``test_modes`` shows what becomes of them."""

ALREADY_SO: Mapping[str, object] = {
    "version": "latest",
    "client_name": "tests",
    "output_options.spatial_text.preserve_very_small_text": True,
}
"""Options that ask for what is so in any case."""


def configuration(name: str, value: object) -> dict[str, object]:
    """Give a configuration with one option."""
    made = value
    for part in reversed(name.split(".")):
        made = {part: made}
    assert isinstance(made, dict)
    return made


def options(given: Mapping[str, object]) -> ParseOptions:
    body = {"job_id": "a", "source": "b.pdf", "configuration": given}
    return job_of(read_message(json.dumps(body).encode())).options


def test_every_honoured_option_is_shown_to_have_its_effect() -> None:
    assert {*CHANGES_FILES, *CHANGES_JOB, *CHANGES_MODELS, CHANGES_CELLS, CALLS, *ALREADY_SO} == HONOURED


@pytest.mark.parametrize("name", CHANGES_FILES)
def test_an_option_changes_the_result_files(name: str) -> None:
    value, document = CHANGES_FILES[name]
    content = document()
    assert parsed(content, configuration(name, value)).files != parsed(content, {}).files


@pytest.mark.parametrize("name", CHANGES_JOB)
def test_an_option_changes_how_a_job_is_worked_on(name: str) -> None:
    found = options(configuration(name, CHANGES_JOB[name]))
    assert found != options({})
    assert found.ignored == ()


@pytest.mark.parametrize("name", CHANGES_MODELS)
def test_an_option_for_models_has_its_effect_only_where_some_are_asked(name: str) -> None:
    given = configuration(name, CHANGES_MODELS[name])
    assert options({"tier": "agentic", **given}) != options({"tier": "agentic"})
    assert options({"tier": "agentic", **given}).ignored == ()
    assert options(given).ignored == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("system_prompt", "Be brief."),
        ("system_prompt_append", "Be brief."),
        ("user_prompt", "Be brief."),
        ("whole_document", True),
    ],
)
def test_what_models_are_told_has_its_effect_only_where_some_are_asked(name: str, value: object) -> None:
    def found(**fields: object) -> ParseOptions:
        return job_of(read_message(json.dumps({"job_id": "a", "source": "b.pdf", **fields}).encode())).options

    assert found(mode="balanced", **{name: value}) != found(mode="balanced")
    assert found(mode="balanced", **{name: value}).ignored == ()
    assert found(**{name: value}).ignored == (name,)


def test_the_separator_stands_between_the_lines_of_a_cell() -> None:
    block = Table((("Ship", "Port"), ("Heron", "Upper\nquay")), Box(0, 0, 100, 100))
    page = LaidOutPage(1, 100, 100, 0, (block,), "", "reader")
    tables = options(configuration(CHANGES_CELLS, " / ")).tables
    (found,) = finish([page], document_signs(()), tables)
    assert isinstance(found, ParsedPage)
    assert "| Heron | Upper / quay |" in found.markdown


def test_webhooks_of_the_configuration_are_webhooks_of_the_job() -> None:
    given = configuration(CALLS, [{"webhook_url": "https://hooks.example/"}])
    job = job_of(read_message(json.dumps({"job_id": "a", "source": "b.pdf", "configuration": given}).encode()))
    assert [webhook.url for webhook in job.webhooks] == ["https://hooks.example/"]
    assert job.options == options({})


@pytest.mark.parametrize("name", ALREADY_SO)
def test_an_option_that_asks_for_what_is_so_is_accepted(name: str) -> None:
    assert options(configuration(name, ALREADY_SO[name])) == options({})


def test_an_option_without_effect_is_named() -> None:
    found = options({"output_options": {"save_output_pdf": True}})
    assert found.ignored == ("output_options.save_output_pdf",)
    assert found.mode is ModeName.FAST
