"""How a document shall be parsed, independent of how the request came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache

DEFAULT_SEPARATOR = "\n\n---\n\n"


class ModeName(StrEnum):
    """The parse modes, by cost."""

    FAST = "fast"
    BALANCED = "balanced"
    MULTIMODAL = "multimodal"
    AGENTIC = "agentic"


class ImageKind(StrEnum):
    """Kinds of images that a result may carry."""

    EMBEDDED = "embedded"
    LAYOUT = "layout"
    SCREENSHOT = "screenshot"


class ResultKind(StrEnum):
    """Forms in which the text of a document is given, each a file of its result."""

    MARKDOWN = "markdown"
    TEXT = "text"
    JSON = "json"

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return {"markdown": "result.md", "text": "result.txt", "json": "result.json"}[self]


class Granularity(StrEnum):
    """What a result may tell the box of, beside its items."""

    WORD = "word"
    LINE = "line"
    CELL = "cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class CropBox:
    """The part of each page that is read: edges as shares of the page, all from the top or left."""

    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0


class TableForm(StrEnum):
    """What a table is written as in Markdown."""

    FITTING = "fitting"
    """A pipe table, or HTML where a cell reaches over several rows or columns, which a pipe table cannot express."""
    MARKDOWN = "markdown"
    """Always a pipe table; the further places of a cell over several are empty."""
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How tables are written."""

    form: TableForm = TableForm.FITTING
    compact: bool = False
    """Without spaces around the cells of a pipe table."""
    line_break: str = "<br/>"
    """Stands between the lines of a cell."""
    merge_continued: bool = True
    """Give a table that goes over pages whole on its first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOptions:
    """What a job tells the models of a mode, beside the page; empty texts say nothing."""

    system: str = ""
    """Takes the place of the mode's own system prompt."""
    system_append: str = ""
    """Follows the system prompt."""
    user: str = ""
    """What is to become of the text of each page, such as a translation. The answer is then judged by its form alone,
    as it need not say what the page says."""


class CacheUse(StrEnum):
    """What a job makes of pages that earlier jobs have had refined, and of its own for later ones."""

    USE = "use"
    RENEW = "renew"
    """Take none, and keep the new ones."""
    NONE = "none"


class Countable(StrEnum):
    """What of a page can be counted."""

    IMAGES = "images"
    LINES = "lines"
    NUMBERS = "numbers"
    PERCENT_NUMBERS = "percent_numbers"
    TABLES = "tables"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that a count is held against."""

    of: Countable
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRule:
    """Which pages are parsed in another mode than the others: triggers, one of which has to hold."""

    mode: ModeName
    system_append: str = ""
    """Follows the system prompt, on these pages alone."""
    needs_all: bool = False
    """Whether every trigger has to hold."""
    table: bool = False
    image: bool = False
    full_page_image: float | None = None
    """Share of the page from which on one image is a trigger."""
    text: str = ""
    """A text that the page has."""
    regexp: str = ""
    """A regular expression of Python, its flags within, that some of the text matches."""
    unsure: bool = False
    """Whether it is a trigger that the reading of a page is not to be relied on."""
    longer_than: int | None = None
    """In characters of plain text."""
    shorter_than: int | None = None
    at_least: tuple[Bound, ...] = ()
    at_most: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """The options of one job, checked and with defaults filled in."""

    mode: ModeName = ModeName.FAST
    target_pages: str | None = None
    """Pages from 1 on, such as ``1-3,7``; None selects all."""
    max_pages: int | None = None
    languages: tuple[str, ...] = ()
    ocr: str = "auto"
    """``auto``, ``off`` or the name of an engine."""
    results: tuple[ResultKind, ...] = ()
    """The result files to write; all where none is named."""
    images_to_save: tuple[ImageKind, ...] = ()
    granular_bboxes: tuple[Granularity, ...] = ()
    annotate_revisions: bool = False
    """Write comments and marked text into the Markdown."""
    form_values: bool = False
    """Read what is filled in forms, and tell their fields in the result."""
    inline_images: bool = False
    """Show saved images in the Markdown where they stand on the page; in items they are named anyway."""
    page_separator: str = DEFAULT_SEPARATOR
    """Stands between two pages in ``result.md``; ``{page_number}`` is the number of the page that follows."""
    page_prefix: str = ""
    """Stands before each page in ``result.md``; ``{page_number}`` is its number."""
    page_suffix: str = ""
    hide_headers: bool = True
    """Leave running heads out of the Markdown; the JSON result names them all the same."""
    hide_footers: bool = True
    annotate_links: bool = False
    """Write links into the Markdown."""
    extract_printed_page_number: bool = False
    do_not_unroll_columns: bool = False
    """Keep in ``result.txt`` beside each other what is beside each other on the page."""
    preserve_layout_alignment_across_pages: bool = False
    """Do so with the same place for the same distance on all pages."""
    crop_box: CropBox | None = None
    ignore_hidden_text: bool = False
    """Leave out text that nobody sees: without ink, as behind a scan, in the colour of its ground, beneath an image,
    tiny, or beside the page."""
    ignore_text_in_image: bool = False
    """Read no images on pages that have a text layer."""
    ignore_diagonal_text: bool = False
    """Leave out text that runs across the page, such as a watermark."""
    tables: TableOptions = TableOptions()
    prompts: PromptOptions = PromptOptions()
    cache: CacheUse = CacheUse.USE
    whole_document: bool = False
    """Ask models about several pages at once, where they fit, rather than about each by itself."""
    upgrades: tuple[UpgradeRule, ...] = ()
    """The auto mode: the first rule with a trigger on a page says in which mode it is parsed."""
    skip_simple_pages: bool = False
    """Ask no model about pages of running text that a text layer tells in full."""
    max_cost: float | None = None
    """What the calls of models may cost in all, in the currency of the prices; None for the default of the worker."""
    fails_at_max_cost: bool = False
    """Fail where that is reached, in place of reading the other pages as the mode fast does."""
    allowed_page_failure_ratio: float = 0.05
    timeout_base_s: float | None = None
    timeout_extra_per_page_s: float | None = None
    ignored: tuple[str, ...] = ()
    """Names of known options that were given but have no effect in this version; the manifest lists them."""

    @property
    def asks_models(self) -> bool:
        """Whether a page of the job may be one to ask models about."""
        return any(mode is not ModeName.FAST for mode in self.modes)

    @property
    def modes(self) -> frozenset[ModeName]:
        """Every mode that a page of the job may be parsed in."""
        return frozenset((self.mode, *(rule.mode for rule in self.upgrades)))

    def wants(self, file_name: str) -> bool:
        """Tell whether a result file is to be written; those that only plugins know always are."""
        return not self.results or all(kind in self.results for kind in ResultKind if kind.file_name == file_name)


@lru_cache(maxsize=64)
def named(options: ParseOptions) -> Mapping[str, object]:
    """Give the options by their names. Made once for all jobs with the same ones, as most have those of the last."""
    return asdict(options)
