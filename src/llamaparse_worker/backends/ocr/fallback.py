"""PP-OCR and Tesseract as one engine. PP-OCR is faster and reads photos and receipts; Tesseract knows more scripts.

Which of them reads a page:

1. A job that names a language which PP-OCR cannot read, such as Russian or Vietnamese, is read by Tesseract.
2. Every other page is read by PP-OCR first. A reading below ``CLEAR`` may be of a script that PP-OCR does not know, as
   it takes letters for those that they resemble most. So Tesseract is asked for the script, which costs a fifth of
   reading the page; if it is certain of one that only Tesseract reads, Tesseract's reading counts. That finds Fraktur
   where German is or may be the language and, in jobs that name no language, Cyrillic, Arabic, Devanagari and others.
3. A reading that is ``POOR`` is repeated by Tesseract, whatever the script, and the better one is kept: that with more
   characters to be expected right than wrong, by their confidence. So much noise that is read as letters is no gain.

A clear page costs nothing more. Where Tesseract has no model for the languages, or fails, PP-OCR's reading stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from llamaparse_worker.backends.ocr.engine import Engine, Picture
from llamaparse_worker.backends.ocr.languages import known
from llamaparse_worker.backends.ocr.readings import ENOUGH, characters, confidence, is_poor
from llamaparse_worker.errors import InvalidOption, PageUnreadable, TimeLimitExceeded
from llamaparse_worker.model.recognition import Recognition

CLEAR = 0.99
"""Mean confidence of a character; PP-OCR reads clear print of a script that it knows with more."""

Languages = tuple[str, ...]
Check = Callable[[Languages], None]


class Generalist(Engine, Protocol):
    """An engine that also tells whether it alone knows the script of a page."""

    def is_needed(self, picture: Picture, languages: Languages) -> bool:
        """Tell whether the page certainly has a script that only this engine reads, with these languages."""
        ...


class FallbackEngine:
    """Reads with one engine first, and with the other what that one cannot read."""

    def __init__(self, first: Engine, second: Generalist, check_second: Check) -> None:
        self._first = first
        self._second = second
        self._check_second = check_second

    def read(self, picture: Picture, languages: Languages) -> Recognition:
        """Recognise words.

        Raises:
            PageUnreadable: no engine can read it.
        """
        if not first_reads(languages):
            return self._second.read(picture, languages)
        found = self._first.read(picture, languages)
        if not is_doubtful(found) or not self._second_reads(languages):
            return found
        try:
            if self._second.is_needed(picture, languages):
                return self._second.read(picture, languages)
            return better(found, self._second.read(picture, languages)) if is_poor(found) else found
        except (PageUnreadable, TimeLimitExceeded):
            return found

    def _second_reads(self, languages: Languages) -> bool:
        try:
            self._check_second(languages)
        except InvalidOption:
            return False
        return True


@contextmanager
def open_fallback(
    first: AbstractContextManager[Engine], second: AbstractContextManager[Generalist], check_second: Check
) -> Iterator[Engine]:
    """Open both engines for one thread."""
    with first as reader, second as generalist:
        yield FallbackEngine(reader, generalist, check_second)


def check_languages(languages: Languages, check_second: Check) -> None:
    """Judge whether the two engines together read languages.

    Raises:
        InvalidOption: a code is unknown; or PP-OCR does not read one of them, and Tesseract has no model for one.
    """
    if not first_reads(languages):
        check_second(languages)


def first_reads(languages: Languages) -> bool:
    """Tell whether PP-OCR knows the letters of all languages; it may, where none is named.

    Raises:
        InvalidOption: a code is unknown.
    """
    return all(language.in_pp_ocr for language in known(languages))


def is_doubtful(found: Recognition) -> bool:
    """Tell whether the page is worth a look at its script."""
    return characters(found) >= ENOUGH and confidence(found) < CLEAR


def better(one: Recognition, other: Recognition) -> Recognition:
    """Give the better of two readings of a page; the first if they are equal."""
    return max(one, other, key=_gain)


def _gain(found: Recognition) -> float:
    """Give how many more characters can be expected to be right than wrong."""
    return sum((2 * word.confidence - 1) * len(word.text) for word in found.words)
