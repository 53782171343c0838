"""Hidden text is kept from models, and from what their answers are judged by: nobody who looks at the page sees it.

It may be there to speak to a model, and an answer that repeats it says what the page does not show.
"""

from __future__ import annotations

from dataclasses import replace

from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import Verdict


def as_seen(page: LaidOutPage) -> LaidOutPage:
    """Give the page without its hidden text."""
    if page.seen is None:
        return page
    seen = page.seen
    return replace(page, blocks=seen.blocks, text=seen.text, edges=seen.edges, words=seen.words, hidden=None, seen=None)


def delivered(page: LaidOutPage, refined: LaidOutPage) -> LaidOutPage:
    """Give what becomes of a page: a model's text, or its own with what is hidden in it, which is named either way."""
    record = refined.refinement
    if record is None or record.verdict in {Verdict.KEPT, Verdict.SKIPPED}:
        return replace(page, refinement=record)
    return replace(refined, hidden=page.hidden)
