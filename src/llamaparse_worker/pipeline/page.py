"""What becomes of one page that a reader has read: finished, or handed out as pixels for OCR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.layout.arrange import lay_out, lay_out_with_words, lay_out_words
from llamaparse_worker.layout.granular import with_granular, words_of
from llamaparse_worker.layout.hidden import hidden_text, without_hidden
from llamaparse_worker.layout.quality import text_layer_problem
from llamaparse_worker.layout.selection import selected, selected_words
from llamaparse_worker.layout.underscores import with_underscores
from llamaparse_worker.layout.word_spaces import with_spaces_found
from llamaparse_worker.layout.words import without_doubles
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, PageReason, PageStatus, PageSummary, RawPage, SeenPage
from llamaparse_worker.model.recognition import Recognition


def wanted(page: RawPage | LaidOutPage, options: ParseOptions) -> RawPage | LaidOutPage:
    """Give of a page what the job asks for."""
    return page if isinstance(page, LaidOutPage) else selected(with_spaces_found(with_underscores(page)), options)


def finished(page: RawPage | LaidOutPage, options: ParseOptions) -> LaidOutPage:
    """Lay out a page unless its reader did."""
    if isinstance(page, LaidOutPage):
        return page
    return _with_hidden(page, lambda one: with_granular(lay_out(one, options), words_of(one), options), options)


def _with_hidden(page: RawPage, made: Callable[[RawPage], LaidOutPage], options: ParseOptions) -> LaidOutPage:
    """Lay out a page, and once more without its hidden text where models may be told of it."""
    hidden = hidden_text(page)
    if hidden is None:
        return made(page)
    if not options.asks_models:
        return replace(made(page), hidden=hidden)
    seen = made(without_hidden(page))
    return replace(made(page), hidden=hidden, seen=SeenPage(seen.blocks, seen.text, seen.edges, seen.words))


def blank(page: RawPage, options: ParseOptions) -> LaidOutPage:
    """Lay out a page whose image shows nothing; hidden text that it may have is kept, and is no blank then."""
    made = finished(page, options)
    return made if made.text.strip() else replace(made, reason=PageReason.BLANK)


def recognised(page: RawPage, found: Recognition, options: ParseOptions, *, joins: bool) -> LaidOutPage:
    """Lay out a page with what OCR has read of it, or of images on it whose words join its text layer."""
    chosen = replace(found, words=tuple(selected_words(found.words, page, options)))
    if not joins:
        return with_granular(lay_out_words(page, chosen, options), chosen.words, options)

    def made(one: RawPage) -> LaidOutPage:
        words = (*words_of(one), *without_doubles(chosen.words, one))
        return with_granular(lay_out_with_words(one, chosen, options), words, options)

    joined = _with_hidden(page, made, options)
    return joined if found.engine else replace(joined, reason=PageReason.IMAGES_UNREAD)


def needs_ocr(page: RawPage | LaidOutPage) -> bool:
    """Tell whether a page shows something, but holds no usable text."""
    return isinstance(page, RawPage) and text_layer_problem(page) not in {None, PageReason.BLANK}


def summary(page: LaidOutPage) -> PageSummary:
    """Give what the worker remembers of a finished page."""
    return PageSummary(
        number=page.number,
        status=PageStatus.PARSED,
        engine=page.engine,
        reason=page.reason,
        characters=len(page.text),
        confidence=page.confidence,
        images_left_out=page.images_left_out,
        images=tuple(image.name for image in page.images),
    )


def failure(number: int, error: ErrorReport) -> PageSummary:
    """Give what the worker remembers of a page that failed."""
    return PageSummary(number=number, status=PageStatus.FAILED, error=error)
