"""The parts of ``result.json``: page results and items as the LlamaParse v2 result model names them.

They live from the page to the encoder and no longer: nothing is gained by freezing them, and a frozen one takes four
times as long to make.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from llamaparse_worker.layout.figures import figure_markdown
from llamaparse_worker.layout.markdown import block_markdown, markdown, together
from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.layout.table_markup import FITTING, table_html
from llamaparse_worker.model.blocks import Block, CodeBlock, Footnote, Heading, ListBlock, ListItem, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.hidden import HiddenReason, HiddenText
from llamaparse_worker.model.images import Figure, PageImage
from llamaparse_worker.model.options import ImageKind, TableOptions
from llamaparse_worker.model.page import FailedPage, PageReason, ParsedPage
from llamaparse_worker.model.refinement import Refinement
from llamaparse_worker.model.value import compiled, quick


@quick
@dataclass(slots=True)
class Place:
    """A box as left, top, width and height in points from the top left."""

    x: float
    y: float
    w: float
    h: float


@quick
@dataclass(slots=True)
class TextItem:
    """A paragraph."""

    value: str
    md: str
    bbox: tuple[Place, ...]
    type: Literal["text"] = "text"


@quick
@dataclass(slots=True)
class HeadingItem:
    """A heading."""

    level: int
    value: str
    md: str
    bbox: tuple[Place, ...]
    type: Literal["heading"] = "heading"


@quick
@dataclass(slots=True)
class ListResult:
    """A list; deeper lists stand among its items."""

    items: tuple[TextItem | ListResult, ...]
    ordered: bool
    md: str
    bbox: tuple[Place, ...]
    type: Literal["list"] = "list"


@quick
@dataclass(slots=True)
class TableItem:
    """A table in four forms."""

    rows: tuple[tuple[str, ...], ...]
    csv: str
    html: str
    md: str
    bbox: tuple[Place, ...]
    merged_from_pages: tuple[int, ...] | None = None
    merged_into_page: int | None = None
    type: Literal["table"] = "table"


@quick
@dataclass(slots=True)
class CodeItem:
    """Preformatted text."""

    value: str
    md: str
    bbox: tuple[Place, ...]
    language: str | None = None
    type: Literal["code"] = "code"


@quick
@dataclass(slots=True)
class ImageItem:
    """A saved image; ``url`` is its file in the result. ``md`` shows it, if the Markdown of the page does or not."""

    caption: str
    md: str
    url: str
    bbox: tuple[Place, ...]
    type: Literal["image"] = "image"


@quick
@dataclass(slots=True)
class RunningItem:
    """A running head or foot."""

    items: tuple[TextItem | HeadingItem | ListResult | TableItem | CodeItem, ...]
    md: str
    bbox: tuple[Place, ...]
    type: Literal["header", "footer"]


Item = Annotated[
    TextItem | HeadingItem | ListResult | TableItem | CodeItem | ImageItem | RunningItem, Field(discriminator="type")
]


@quick
@dataclass(slots=True)
class TextPage:
    """The plain text of a page."""

    page_number: int
    text: str


@quick
@dataclass(slots=True)
class MarkdownPage:
    """The Markdown of a page."""

    page_number: int
    markdown: str
    header: str | None = None
    footer: str | None = None
    success: Literal[True] = True


@quick
@dataclass(slots=True)
class ItemsPage:
    """The blocks of a page."""

    page_number: int
    page_width: float
    page_height: float
    items: tuple[Item, ...]
    success: Literal[True] = True


@quick
@dataclass(slots=True)
class FailedPageResult:
    """A page that failed."""

    page_number: int
    error: str
    success: Literal[False] = False


@quick
@dataclass(slots=True)
class HiddenSpanResult:
    """Text that nobody who looks at the page sees."""

    text: str
    reason: HiddenReason
    bbox: Place


@quick
@dataclass(slots=True)
class HiddenTextResult:
    """The number of all hidden characters of a page, and the first of them."""

    characters: int
    spans: tuple[HiddenSpanResult, ...]


@quick
@dataclass(slots=True)
class MetadataPage:
    """What is known about a page; ``reason``, ``engine`` and ``hidden_text`` are this worker's own."""

    page_number: int
    confidence: float | None = None
    original_orientation_angle: int | None = None
    printed_page_number: str | None = None
    reason: PageReason | None = None
    engine: str | None = None
    images_left_out: int | None = None
    """How many images and figures were not saved, as there were too many."""
    refinement: Refinement | None = None
    """What models were asked about the page, and what was made of their answers."""
    hidden_text: HiddenTextResult | None = None
    """Parts of the page's text that nobody sees; only on pages with such."""
    triggered_auto_mode: bool | None = None
    """Whether the auto mode chose another mode for the page; only in jobs with one."""


@quick
@dataclass(slots=True)
class ImageBox:
    """A place on a page in whole points."""

    x: int
    y: int
    w: int
    h: int


@quick
@dataclass(slots=True)
class ImageMetadata:
    """What is known about a saved image; ``page_number`` is this worker's own."""

    filename: str
    index: int
    page_number: int
    bbox: ImageBox
    category: ImageKind
    content_type: str


def image_metadata(image: PageImage, index: int, page_number: int) -> ImageMetadata:
    """Give what is known about a saved image; ``index`` counts those of the document from 0."""
    box = image.box
    place = ImageBox(round(box.x0), round(box.y0), round(box.width), round(box.height))
    return ImageMetadata(image.name, index, page_number, place, image.kind, image.content_type)


def failed(page: FailedPage) -> FailedPageResult:
    """Give a failed page with its code."""
    return FailedPageResult(page.number, f"{page.error.code}: {page.error.message}")


def metadata(page: ParsedPage | FailedPage, *, printed_number: bool = False, auto_mode: bool = False) -> MetadataPage:
    """Give what is known about a page, and on request the number that it prints, and what the auto mode did."""
    if isinstance(page, FailedPage):
        return MetadataPage(page.number)
    printed = page.printed_number if printed_number else None
    return MetadataPage(
        page.number,
        page.confidence,
        page.rotation,
        printed,
        page.reason,
        page.engine or None,
        page.images_left_out or None,
        page.refinement,
        _hidden(page.hidden) if page.hidden else None,
        bool(page.refinement and page.refinement.triggers) if auto_mode else None,
    )


def _hidden(found: HiddenText) -> HiddenTextResult:
    spans = (HiddenSpanResult(span.text, span.reason, place(span.box)) for span in found.spans)
    return HiddenTextResult(found.characters, tuple(spans))


def markdown_page(page: ParsedPage) -> MarkdownPage:
    """Give the Markdown of a page, and apart from it that of its running head and foot."""
    return MarkdownPage(page.number, page.markdown, markdown(page.header) or None, markdown(page.footer) or None)


def items(page: ParsedPage, tables: TableOptions = FITTING) -> ItemsPage:
    """Give the blocks of a page."""
    header, footer = _running(page.header, "header"), _running(page.footer, "footer")
    pairs = zip(page.blocks, page.block_markdown, strict=True)
    body: list[Item] = [_item(block, md, tables) for block, md in pairs]
    for figure in reversed(page.figures):
        body.insert(figure.before, _image(figure))
    return ItemsPage(page.number, page.width, page.height, (*header, *body, *footer))


def _running(blocks: Sequence[Block], kind: Literal["header", "footer"]) -> tuple[RunningItem, ...]:
    if not blocks:
        return ()
    made = [block_markdown(block) for block in blocks]
    inner = tuple(_item(block, md, FITTING) for block, md in zip(blocks, made, strict=True))
    return (RunningItem(inner, together(blocks, made), tuple(place(block.box) for block in blocks), kind),)


def _item(block: Block, md: str, tables: TableOptions) -> TextItem | HeadingItem | ListResult | TableItem | CodeItem:
    bbox = (place(block.box),)
    match block:
        case Heading():
            return HeadingItem(max(1, block.level), block.text, md, bbox)
        case Paragraph() | Footnote():
            return TextItem(block.text, md, bbox)
        case ListBlock():
            return ListResult(_nested(block.items, 0, block.ordered), block.ordered, md, bbox)
        case Table():
            return TableItem(
                rows=block.rows,
                csv=_csv(block.rows),
                html=table_html(block, tables) if block.rows else "",
                md=md,
                bbox=bbox,
                merged_from_pages=block.merged_from_pages or None,
                merged_into_page=block.merged_into_page,
            )
        case CodeBlock():
            return CodeItem(block.text, md, bbox, block.language)


def _image(figure: Figure) -> ImageItem:
    return ImageItem(figure.caption, figure_markdown(figure), figure.name, (place(figure.box),))


def place(box: Box) -> Place:
    """Give a box as results have it."""
    made: Place | None = None if compiled is None else compiled.measured(Place, box)
    return place_in_python(box) if made is None else made


def place_in_python(box: Box) -> Place:
    """Do what ``place`` does."""
    return Place(box.x0, box.y0, round(box.x1 - box.x0, 2), round(box.y1 - box.y0, 2))


def _nested(entries: Sequence[ListItem], depth: int, ordered: bool) -> tuple[TextItem | ListResult, ...]:  # noqa: FBT001
    """Gather entries deeper than ``depth`` in lists of their own."""
    made: list[TextItem | ListResult] = []
    index = 0
    while index < len(entries):
        entry = entries[index]
        if entry.depth <= depth:
            made.append(TextItem(entry.text, phrase(entry.text, entry.spans), (place(entry.box),)))
            index += 1
            continue
        end = next((at for at in range(index, len(entries)) if entries[at].depth <= depth), len(entries))
        inner = entries[index:end]
        block = ListBlock(tuple(inner), inner[0].box, ordered=ordered)
        nested = _nested(inner, depth + 1, ordered)
        made.append(ListResult(nested, ordered, block_markdown(block), tuple(place(item.box) for item in inner)))
        index = end
    return tuple(made)


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
