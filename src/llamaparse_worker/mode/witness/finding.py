"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.mode.witness.answer import Place
from llamaparse_worker.model.geometry import Box


class Check(StrEnum):
    """The checks that an answer goes through."""

    EMPTY = "empty"
    """The answer says nothing of a page that does."""
    CUT_OFF = "cut_off"
    """The answer ends before the page does."""
    LOOP = "loop"
    """The answer repeats itself as the page does not."""
    CHAT = "chat"
    """The answer speaks to its reader."""
    FENCE = "fence"
    """The answer as a whole stands in a code fence, or leaves one open."""
    NUMBERS = "numbers"
    """Numbers of the answer are on the page, and those of the page in the answer."""
    IDENTIFIERS = "identifiers"
    """So are names with digits in them."""
    NOVELTY = "novelty"
    """The words of the answer are on the page."""
    LOSS = "loss"
    """The words of the page are in the answer."""
    ROWS = "rows"
    """Every row of a table is there, and has as many cells as the others."""
    COLUMNS = "columns"
    """Cells stand in the columns that they have on the page."""
    LINKS = "links"
    """Links lead where the page leads."""


class Severity(StrEnum):
    """What a finding asks for."""

    ERROR = "error"
    """The answer must not be delivered as it is."""
    REMARK = "remark"
    """It may be right: it only counts when answers are compared."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against an answer."""

    check: Check
    severity: Severity
    answer_text: str = ""
    """The text of the answer that is concerned, typography evened out; empty for what it lacks."""
    page_text: str = ""
    """What the page has in its place; empty for what it lacks."""
    place: Place | None = None
    """Where in the answer."""
    box: Box | None = None
    """Where on the page, in points from the top left; a part of it to look at again."""
    is_firm: bool = False
    """Whether the page's reader is mostly sure of several words in a row that the answer lacks."""

    @property
    def statement(self) -> tuple[Check, str, str]:
        """What tells the finding from others, wherever it stands: lines move."""
        return self.check, self.answer_text, self.page_text

    @property
    def sentence(self) -> str:
        """Say it in a sentence for whoever is to mend the answer."""
        where = "" if self.place is None else f" (line {self.place.line})"
        if self.answer_text and self.page_text:
            return f"The answer says {_quoted(self.answer_text)}{where}; the page says {_quoted(self.page_text)}."
        if self.answer_text:
            return _OF_ANSWER.get(self.check, "{} is not on the page.").format(_quoted(self.answer_text) + where)
        if self.page_text:
            return f"The answer lacks {_quoted(self.page_text)}."
        return _WITHOUT_TEXT.get(self.check, "The answer does not fit the page.")


_OF_ANSWER = {
    Check.LOOP: "The answer repeats {}.",
    Check.CHAT: "{} is no text of the page.",
    Check.COLUMNS: "The cells {} stand in another column on the page.",
    Check.LINKS: "No link of the page leads to {}.",
}
_WITHOUT_TEXT = {
    Check.EMPTY: "The answer is empty, the page is not.",
    Check.CUT_OFF: "The answer ends before the page does.",
    Check.FENCE: "The answer stands in a code fence, or leaves one open.",
    Check.NOVELTY: "Too many words of the answer are not on the page.",
    Check.LOSS: "Too many words of the page are not in the answer.",
}
_LONGEST = 300


def _quoted(text: str) -> str:
    kept = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return f"“{kept}”"
