"""What a page needs, as far as its own reading tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import takewhile

from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.mode.estimates import tokens_in
from llamaparse_worker.model.blocks import Block, Heading, ListBlock, Paragraph, Table
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, PageReason

_CUT = "[…]"


def page_markdown(page: LaidOutPage) -> str:
    """Give what a page says as its reader has it, without running heads and what readers of the document noted."""
    return markdown(_text(page))


def anchor(page: LaidOutPage, most_tokens: int) -> str:
    """Give as many blocks of a page, from the first on, as so many tokens hold."""
    made: list[str] = []
    room = most_tokens
    for block in _text(page):
        text = markdown([block])
        room -= tokens_in(text) + 1
        if room < 0:
            made.append(_CUT)
            break
        made.append(text)
    return "\n\n".join(made)


def _text(page: LaidOutPage) -> list[Block]:
    return [_from_the_margin(block) for block in page.blocks if not (isinstance(block, Paragraph) and block.comment)]


def _from_the_margin(block: Block) -> Block:
    """Let a list that goes on from another page begin on the first level: indented more it would be code."""
    if not isinstance(block, ListBlock) or not block.items[0].depth:
        return block
    shift = block.items[0].depth
    deep = sum(1 for _ in takewhile(lambda item: item.depth >= shift, block.items))
    items = [replace(item, depth=item.depth - shift) for item in block.items[:deep]]
    return replace(block, items=(*items, *block.items[deep:]))


def why_skipped(page: LaidOutPage, options: ParseOptions, *, sees: bool, most_output: int) -> str | None:
    """Tell why no model need be asked, or can be; None if one is to be.

    Args:
        page: as layout found it.
        options: of the job.
        sees: whether the model is shown the page.
        most_output: tokens that answers for the page may take.
    """
    if page.reason is PageReason.BLANK:
        return "the page is blank"
    text = page_markdown(page)
    if not sees and not text.strip():
        return "the page has no text that could be sent, and the mode sends no picture"
    if tokens_in(text) > most_output:
        return f"the page has more text than an answer of {most_output} tokens can hold"
    if options.skip_simple_pages and not options.prompts.user and is_simple(page):
        return "the page is running text that its text layer tells in full"
    return None


def is_simple(page: LaidOutPage) -> bool:
    """Tell whether a page is running text alone, from a text layer of full worth."""
    running = all(isinstance(block, Heading | Paragraph | ListBlock) for block in page.blocks)
    is_read = page.engine == "text_layer" and page.reason is None and page.confidence is None
    return is_read and running and bool(page.blocks) and not (page.fields or page.images or page.images_left_out)


def profile(page: LaidOutPage) -> str:
    """Say in a line what the page consists of; nothing for one without text."""
    counts = Counter("tables" if isinstance(block, Table) else f"{block.type}s" for block in page.blocks)
    if not counts:
        return ""
    found = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"A program that looked at the page found: {found}. It may be wrong."
