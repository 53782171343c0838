"""The auto mode in a parser process: what the upgrade rules of a job say of a page that was read."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType

from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.options import Bound, Countable, ParseOptions, UpgradeRule
from llamaparse_worker.model.page import LaidOutPage, PageReason, RawPage
from llamaparse_worker.model.recognition import SURE
from llamaparse_worker.model.refinement import PageUpgrade
from llamaparse_worker.pipeline.image_sizes import large_images, share_of_page

_MATCHING_S = 0.5
"""CPU time that the regular expression of a rule may take on a page."""
_SEARCHED = 20_000
"""Characters of a page that are searched. A single step of the matcher cannot be interrupted, and goes over as many."""
_NUMBER = re.compile(r"(?<![\w.,])[-+]?\d+(?:[.,]\d+)*(?P<percent>\s?%)?(?!\w)")
_SPACE = re.compile(r"\s+")


class _TooSlowError(Exception):
    """A regular expression has used up its time."""


def upgraded(page: LaidOutPage, read: RawPage | LaidOutPage, options: ParseOptions) -> LaidOutPage:
    """Give the page with what the rules of a job say of it; without rules as it is.

    Args:
        page: as layout found it.
        read: the same as its reader gave it, which knows its images.
        options: of the job.
    """
    return replace(page, upgrade=_judged(page, read, options)) if options.upgrades else page


def _judged(page: LaidOutPage, read: RawPage | LaidOutPage, options: ParseOptions) -> PageUpgrade:
    facts = _Facts(page, read)
    remarks: list[str] = []
    for number, rule in enumerate(options.upgrades):
        holding, asked = [], 0
        for name, holds in _triggers(rule, facts):
            asked += 1
            try:
                if holds():
                    holding.append(name)
            except _TooSlowError:
                remarks.append(f"{name}: the expression needs more than {_MATCHING_S:g} s on this page")
        if holding and (len(holding) == asked or not rule.needs_all):
            return PageUpgrade(rule=number, triggers=tuple(holding), remarks=tuple(remarks))
    return PageUpgrade(remarks=tuple(remarks))


class _Facts:
    """What triggers look at."""

    def __init__(self, page: LaidOutPage, read: RawPage | LaidOutPage) -> None:
        self._page = page
        self._read = read
        self.text = page.text

    @property
    def unsure(self) -> bool:
        """Whether the reading is not to be relied on."""
        page = self._page
        is_short = page.reason not in {None, PageReason.BLANK}
        return is_short or (page.confidence is not None and page.confidence < SURE)

    @property
    def largest_image(self) -> float:
        """The share of the page that its largest image takes."""
        read = self._read
        if isinstance(read, LaidOutPage):
            return 0.0
        return max((share_of_page(box, read) for box in read.image_boxes), default=0.0)

    def count(self, what: Countable) -> int:
        """Count things on the page."""
        match what:
            case Countable.IMAGES:
                return len(large_images(self._read)) if isinstance(self._read, RawPage) else 0
            case Countable.LINES:
                return sum(bool(line.strip()) for line in self.text.splitlines())
            case Countable.NUMBERS:
                return sum(1 for _ in _NUMBER.finditer(self.text))
            case Countable.PERCENT_NUMBERS:
                return sum(bool(found["percent"]) for found in _NUMBER.finditer(self.text))
            case Countable.TABLES:
                return sum(isinstance(block, Table) for block in self._page.blocks)
            case Countable.WORDS:
                return len(self.text.split())


def _triggers(rule: UpgradeRule, facts: _Facts) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Give the triggers of a rule by the API's names, the quick ones first."""
    asked: tuple[tuple[bool, str, Callable[[], bool]], ...] = (
        (rule.table, "table_in_page", lambda: facts.count(Countable.TABLES) > 0),
        (rule.image, "image_in_page", lambda: facts.count(Countable.IMAGES) > 0),
        (rule.unsure, "page_md_error", lambda: facts.unsure),
        (rule.full_page_image is not None, "full_page_image_in_page", partial(_covers, rule, facts)),
        (rule.longer_than is not None, "page_longer_than_n_chars", partial(_is_longer, rule, facts)),
        (rule.shorter_than is not None, "page_shorter_than_n_chars", partial(_is_shorter, rule, facts)),
        *((True, f"page_contains_at_least_n_{one.of}", partial(_reaches, one, facts)) for one in rule.at_least),
        *((True, f"page_contains_at_most_n_{one.of}", partial(_keeps_to, one, facts)) for one in rule.at_most),
        (bool(rule.text), "text_in_page", lambda: _even(rule.text) in _even(facts.text)),
        (bool(rule.regexp), "regexp_in_page", lambda: _matches(rule.regexp, facts.text[:_SEARCHED])),
    )
    return ((name, holds) for is_asked, name, holds in asked if is_asked)


def _covers(rule: UpgradeRule, facts: _Facts) -> bool:
    return rule.full_page_image is not None and facts.largest_image >= rule.full_page_image


def _is_longer(rule: UpgradeRule, facts: _Facts) -> bool:
    return rule.longer_than is not None and len(facts.text) > rule.longer_than


def _is_shorter(rule: UpgradeRule, facts: _Facts) -> bool:
    return rule.shorter_than is not None and len(facts.text) < rule.shorter_than


def _reaches(bound: Bound, facts: _Facts) -> bool:
    return facts.count(bound.of) >= bound.number


def _keeps_to(bound: Bound, facts: _Facts) -> bool:
    return facts.count(bound.of) <= bound.number


def _even(text: str) -> str:
    return _SPACE.sub(" ", text)


def _matches(expression: str, text: str) -> bool:
    """Tell whether something of a text matches.

    Raises:
        _TooSlowError: that would take too long to tell.
    """
    with _time_limit(_MATCHING_S):
        return re.search(expression, text) is not None


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Bound the CPU time of what runs within, which must be the main thread: the matcher looks for signals itself."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)
