"""Whether the text layer of a page is worth keeping, and if not, why.

The rules look at what a page holds, never at who made it. They are conservative: text is called garbled only where it
can hardly be the text of any language, as OCR of a good page costs a thousand times more than reading it.
"""

from __future__ import annotations

import re
import unicodedata

from llamaparse_worker.layout.codes import count_among, count_visible, signs_from
from llamaparse_worker.model.characters import Trait
from llamaparse_worker.model.page import PageReason, RawPage

_MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff\u25a1\u25af\U000f0000-\U0010fffd]")
"""Characters that say nothing: replaced ones, those of private use, and the boxes that stand for missing ones."""
_LEAST_MEANINGLESS = 0x25A1
_MAPPED = bytes(bits for bits in range(256) if not bits & Trait.UNMAPPED)
"""The traits of characters of which the font says which ones they are."""
_LISTED = re.compile("[\uf020-\uf0ff]")
"""Private use as symbol fonts have it, mostly for bullets."""
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_COMMON = frozenset("aeinorst")
"""The letters that are common in all languages written in Latin letters."""
_COMMON_BYTES = bytes(sorted(map(ord, _COMMON | {letter.upper() for letter in _COMMON})))

_FEW_CHARACTERS = 50
_WHOLE_PAGE = 0.6
_PICTURED = 0.2
_MOST_MEANINGLESS = 0.3
_ENOUGH_LETTERS = 200
_FEWEST_COMMON = 0.25
"""Share of common letters: from 0.5 to 0.7 in languages, 0.31 where letters are drawn by lot, as in Base64."""
_LEAST_ALPHABET = 12
"""Different letters; fewer are no text, such as a row of crosses."""
_MANY_OUTLINES = 150
"""Small shapes that may be letters drawn as outlines: about three lines of text."""


def text_layer_problem(page: RawPage) -> PageReason | None:
    """Give why the text layer is not all that the page says; None if it can be kept as it is."""
    if _is_surely_language(page):  # as of most pages
        return None
    visible = count_visible(page.text)
    if visible < _FEW_CHARACTERS:
        return _problem_of_little(page, visible)
    return PageReason.GARBLED if _is_garbled(page, visible) else None


def _is_surely_language(page: RawPage) -> bool:
    """Tell whether enough letters are common ones, and no character needs a closer look."""
    text = page.text
    common = count_among(text, _COMMON_BYTES)
    if common < _FEW_CHARACTERS or common <= _FEWEST_COMMON * len(text):
        return False
    return not page.traits.translate(None, _MAPPED) and not signs_from(text, _LEAST_MEANINGLESS)


def is_scan(page: RawPage) -> bool:
    """Tell whether images are what the page shows, with or without a text layer."""
    return page.scan_dpi > 0 or _pictured_share(page) >= _WHOLE_PAGE


def _problem_of_little(page: RawPage, visible: int) -> PageReason | None:
    """Judge a page with a few characters or none, such as a page number stamped on a scan."""
    if not page.drawn:
        return PageReason.BLANK
    pictured = _pictured_share(page)
    if pictured >= _WHOLE_PAGE:
        return PageReason.SCANNED
    if page.outlines >= _MANY_OUTLINES:
        return PageReason.VECTOR_TEXT
    if not visible:
        return PageReason.NO_TEXT
    if _is_garbled(page, visible):
        return PageReason.GARBLED
    return PageReason.SPARSE if pictured >= _PICTURED else None


def _pictured_share(page: RawPage) -> float:
    """Give the part of the page that images cover; a scan may come in strips."""
    area = page.width * page.height
    return min(1.0, sum(box.width * box.height for box in page.image_boxes) / area) if area else 0.0


def _is_garbled(page: RawPage, visible: int) -> bool:
    unmapped = len(page.traits.translate(None, _MAPPED))
    meaningless = _meaningless(signs_from(page.text, _LEAST_MEANINGLESS))
    if meaningless + unmapped > _MOST_MEANINGLESS * (visible + unmapped):
        return True
    return _is_no_language(page.text, visible)


def _meaningless(odd: str) -> int:
    """Count what says nothing; bullets of symbol fonts count half."""
    return len(_MEANINGLESS.findall(odd)) - len(_LISTED.findall(odd)) // 2


def _is_no_language(text: str, visible: int) -> bool:
    """Tell a text whose letters stand for other letters, as where the font's table of characters is shifted."""
    if count_among(text, _COMMON_BYTES) > _FEWEST_COMMON * visible:
        return False
    letters = _LATIN.findall(text.lower())
    if len(letters) < max(_ENOUGH_LETTERS, visible / 2) or len(set(letters)) < _LEAST_ALPHABET:
        return False
    plain = [unicodedata.normalize("NFD", letter)[0] for letter in letters]
    return sum(letter in _COMMON for letter in plain) < _FEWEST_COMMON * len(plain)
