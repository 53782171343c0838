from __future__ import annotations

import io
import re
from collections import Counter

import pytest

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.model.options import TableOptions
from llamaparse_worker.model.page import ParsedPage
from support.documents import make, mixed_pages

LIMITS = ReaderLimits(100, 4_000_000)
_VISIBLE = re.compile(r"\w")


@pytest.mark.parametrize("seed", range(6))
def test_every_character_of_a_page_is_in_its_text_or_in_its_running_heads_and_once_only(seed: int) -> None:
    with PdfReader().open(io.BytesIO(make(*mixed_pages(seed, 11))), LIMITS) as document:
        raw = [document.read(number) for number in range(1, document.page_count + 1)]
    laid_out = [lay_out(page) for page in raw]
    apart = TableOptions(merge_continued=False)  # a header that is printed again is left out of a table that goes on
    found = "".join(
        page.text + plain_text((*page.header, *page.footer))
        for page in finish(laid_out, document_signs(map(page_signs, laid_out)), apart)
        if isinstance(page, ParsedPage)
    )
    assert Counter(_VISIBLE.findall(found)) == Counter(_VISIBLE.findall("".join(page.text for page in raw)))
