"""The Markdown that a model wrote, as blocks of a page.

``bare`` gives the Markdown of an answer, and ``blocks_of`` takes CommonMark with GitHub's tables, tables as HTML, notes
and formulas. Whatever else a model may write is text: no HTML but tables, ``sup``, ``sub`` and ``br`` is taken,
pictures are left out, and links lead to addresses that a reader may follow, or nowhere.
"""

from llamaparse_worker.mode.markdown.blocks import blocks_of
from llamaparse_worker.mode.markdown.chunks import Chunk, chunks_of, with_chunk
from llamaparse_worker.mode.markdown.parser import bare

__all__ = ["Chunk", "bare", "blocks_of", "chunks_of", "with_chunk"]
