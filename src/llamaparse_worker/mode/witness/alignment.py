"""Which token of an answer is which of the page: one to one, whatever the order.

Greedy string tiling: the longest common stretches are paired first, as in Wise, "String similarity via greedy string
tiling and running Karp-Rabin matching", 1993, here with stretches found by n-grams of halving length. So a moved column
pairs as a whole, a sentence that is given twice pairs once, and a changed digit stands alone between two stretches.
What is left between neighbours on both sides is compared as text without spaces, then token by token.

Time is linear in the number of tokens but for what is left between neighbours, which is bounded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TypeVar

from llamaparse_worker.mode.witness.tokens import Duty, Tokens, runs

A = TypeVar("A")
W = TypeVar("W")

UNPAIRED = -1
_LENGTHS = (16, 8, 4, 2)
_PROBES = 8
"""Places tried for one n-gram."""
_LARGEST_GAP = 40_000
"""Product of the tokens on both sides from which on a gap is not compared token by token."""
_WITHOUT_POINTS = str.maketrans("", "", ".,'")
_MOST_FRAGMENTS = 200
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Exchange:
    """Different tokens at the same place: ``answer`` start and end, ``page`` start and end."""

    answer: tuple[int, int]
    page: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Alignment:
    """``to_page[i]`` is the token of the page that token i of the answer is, ``to_answer`` the reverse."""

    to_page: tuple[int, ...]
    to_answer: tuple[int, ...]
    stray: frozenset[int]
    """Tokens of the answer that are somewhere on the page, but alone."""
    exchanges: tuple[Exchange, ...]
    excused: frozenset[int]
    """Tokens of the page that stand where the answer has a formula."""


def align(answer: Tokens[A], page: Tokens[W]) -> Alignment:
    """Pair the tokens of an answer with those of a page."""
    tiling = _Tiling(answer.keys, page.keys)
    everything = [True] * len(page)
    proper = [token.duty is not Duty.ASIDE for token in page.all]
    in_turn = (everything,) if proper == everything else (proper, everything)
    for length in _LENGTHS:
        for allowed in in_turn:
            if not tiling.is_whole:
                tiling.tile(length, allowed)
    gaps = _Gaps(answer, page, tiling)
    return Alignment(
        stray=frozenset(gaps.paired() if UNPAIRED in tiling.to_page else ()),
        to_page=tuple(tiling.to_page),
        to_answer=tuple(tiling.to_answer),
        exchanges=tuple(gaps.exchanges),
        excused=frozenset(gaps.excused),
    )


class _Tiling:
    def __init__(self, answer: Sequence[str], page: Sequence[str]) -> None:
        self.answer = answer
        self.page = page
        self.to_page = [UNPAIRED] * len(answer)
        self.to_answer = [UNPAIRED] * len(page)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be paired on one of the sides."""
        return UNPAIRED not in self.to_page or UNPAIRED not in self.to_answer

    def pair(self, one: int, other: int) -> None:
        self.to_page[one] = other
        self.to_answer[other] = one

    def tile(self, length: int, allowed: Sequence[bool]) -> None:
        """Pair common stretches of at least ``length`` tokens, of those of the page that are allowed."""
        places = _Places(self.page, tuple(self.to_answer), allowed, length)
        used: dict[Sequence[str], int] = {}
        for start, end in list(_free(self.to_page)):
            at = start
            while at + length <= end:
                gram = self.answer[at : at + length]
                expected = self.to_page[at - 1] + 1 if at else 0
                found: int | None = expected
                if not (self._is_free(expected, length) and places.has(gram, expected)):
                    found = self._nearest(gram, places.of(gram), expected, used)
                at = at + 1 if found is None else self._extended(at, found, start, end)

    def _nearest(
        self, gram: Sequence[str], known: Sequence[int], expected: int, used: dict[Sequence[str], int]
    ) -> int | None:
        """Give where on the page a stretch is still free, best behind what the last token was paired with."""
        if not known:
            return None
        length = len(gram)
        first = bisect_left(known, expected)
        for place in known[first : first + _PROBES]:
            if self._is_free(place, length):
                return place
        begin = used.get(gram, 0)
        while begin < len(known) and not self._is_free(known[begin], length):
            begin += 1
        used[gram] = begin
        return known[begin] if begin < len(known) else None

    def _is_free(self, place: int, length: int) -> bool:
        return self.to_answer[place : place + length].count(UNPAIRED) == length

    def _extended(self, at: int, place: int, start: int, end: int) -> int:
        """Pair all that is common around; gives the token behind it."""
        answer, page, to_page, to_answer = self.answer, self.page, self.to_page, self.to_answer
        while (
            at > start
            and place
            and to_page[at - 1] == to_answer[place - 1] == UNPAIRED
            and answer[at - 1] == page[place - 1]
        ):
            at, place = at - 1, place - 1
        last = min(end, at + len(page) - place)
        while at < last and to_page[at] == to_answer[place] == UNPAIRED and answer[at] == page[place]:
            to_page[at], to_answer[place] = place, at
            at, place = at + 1, place + 1
        return at


@dataclass(frozen=True)
class _Places:
    """Where the page has a stretch of ``length`` tokens, of those that are allowed and were not ``paired`` before."""

    page: Sequence[str]
    paired: Sequence[int]
    allowed: Sequence[bool]
    length: int

    def has(self, gram: Sequence[str], place: int) -> bool:
        """Tell whether the page has a stretch at a place where nothing is paired."""
        end = place + self.length
        return self.page[place:end] == gram and all(self.allowed[place:end])

    def of(self, gram: Sequence[str]) -> Sequence[int]:
        """Give all places of a stretch, ascending."""
        return self._known.get(gram, ())

    @cached_property
    def _known(self) -> Mapping[Sequence[str], Sequence[int]]:
        """All stretches: an answer that gives the page as it is needs none of them."""
        places: defaultdict[Sequence[str], list[int]] = defaultdict(list)
        open_ones = [at for at, found in enumerate(self.paired) if found == UNPAIRED and self.allowed[at]]
        for start, end in runs(open_ones):
            for at in range(start, end - self.length + 1):
                places[self.page[at : at + self.length]].append(at)
        return places


class _Gaps:
    """What is left once the common stretches are paired."""

    def __init__(self, answer: Tokens[A], page: Tokens[W], tiling: _Tiling) -> None:
        self._answer = answer
        self._page = page
        self._tiling = tiling
        self.exchanges: list[Exchange] = []
        self.excused: set[int] = set()

    def paired(self) -> Iterator[int]:
        """Pair what can be, and give the tokens of the answer that are found alone."""
        self._compare_all()
        self._pair_runs()
        self._pair_fragments()
        yield from self._pair_strays()

    def _compare_all(self) -> None:
        """Compare what stands between the same neighbours on both sides."""
        to_page, to_answer = self._tiling.to_page, self._tiling.to_answer
        for start, end in list(_free(to_page)):
            low = to_page[start - 1] + 1 if start else 0
            high = to_page[end] if end < len(to_page) else len(to_answer)
            if low <= high and all(found == UNPAIRED for found in to_answer[low:high]):
                self._compare((start, end), (low, high))
            else:
                self._compare_one_sided(start, end, low if start else None, high if end < len(to_page) else None)

    def _compare_one_sided(self, start: int, end: int, low: int | None, high: int | None) -> None:
        """Compare with what stands behind the neighbour before, or before the neighbour behind."""
        to_answer = self._tiling.to_answer
        for behind, edge in ((True, low), (False, high)):
            if edge is None:
                continue
            first = last = edge
            while (
                behind and last < len(to_answer) and to_answer[last] == UNPAIRED and last - first <= 2 * (end - start)
            ):
                last += 1
            while not behind and first and to_answer[first - 1] == UNPAIRED and last - first <= 2 * (end - start):
                first -= 1
            if first < last:
                self._compare((start, end), (first, last), exchanges=False)
                return

    def _compare(self, one: tuple[int, int], other: tuple[int, int], *, exchanges: bool = True) -> None:
        if one[0] == one[1] or other[0] == other[1]:
            return
        if any(self._answer.all[at].duty is Duty.FORMULA for at in range(*one)):
            self.excused.update(range(*other))
        if self._pair_if_same(one, other) or (one[1] - one[0]) * (other[1] - other[0]) > _LARGEST_GAP:
            return
        matcher = SequenceMatcher(None, self._answer.keys[slice(*one)], self._page.keys[slice(*other)], autojunk=False)
        for what, a0, a1, p0, p1 in matcher.get_opcodes():
            mine, its = (one[0] + a0, one[0] + a1), (other[0] + p0, other[0] + p1)
            if what == "equal":
                for at, place in zip(range(*mine), range(*its), strict=True):
                    self._tiling.pair(at, place)
            elif what == "replace" and not self._pair_if_same(mine, its) and exchanges:
                self.exchanges.append(Exchange(mine, its))

    def _pair_if_same(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Pair stretches that differ in spaces and hyphens only; gives whether they do."""
        said, printed = self._answer.squeezed(*one), self._page.squeezed(*other)
        if any(self._answer.all[at].duty in {Duty.OPTIONAL, Duty.FREE} for at in range(*one)):
            # The mark of a note may have been read as the decimals of a number before it.
            said, printed = said.translate(_WITHOUT_POINTS), printed.translate(_WITHOUT_POINTS)
        if said != printed:
            return False
        self._pair_all(one, other)
        return True

    def _pair_all(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        last, longest = other[1] - 1, one[1] - 1
        for step, at in enumerate(range(*one)):
            self._tiling.to_page[at] = min(other[0] + step, last)
        for step, place in enumerate(range(*other)):
            self._tiling.to_answer[place] = min(one[0] + step, longest)

    def _pair_runs(self) -> None:
        """Pair what is left of the answer with what is left of the page, wherever it stands, if it reads the same."""
        known: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for run in _free(self._tiling.to_answer):
            known[self._page.squeezed(*run)].append(run)
        for run in list(_free(self._tiling.to_page)):
            same = known.get(self._answer.squeezed(*run))
            if same:
                self._pair_all(run, same.pop())

    def _pair_fragments(self) -> None:
        """Pair a word with the parts that a narrow column has broken it into, with other columns between them."""
        left = [at for at, found in enumerate(self._tiling.to_answer) if found == UNPAIRED]
        for at, found in enumerate(self._tiling.to_page):
            if found != UNPAIRED or len(left) > _MOST_FRAGMENTS:
                continue
            parts = self._fragments(self._answer.keys[at], left, _MOST_PARTS)
            if len(parts) > 1:
                left = [place for place in left if place not in parts]
                self._tiling.to_page[at] = parts[0]
                for place in parts:
                    self._tiling.to_answer[place] = at

    def _fragments(self, word: str, left: Sequence[int], most: int) -> list[int]:
        """Give tokens of the page in order that make up a word; none if there are none."""
        if not most:
            return []
        for number, place in enumerate(left):
            key = self._page.keys[place]
            if key == word:
                return [place]
            if word.startswith(key) and (rest := self._fragments(word[len(key) :], left[number + 1 :], most - 1)):
                return [place, *rest]
        return []

    def _pair_strays(self) -> Iterator[int]:
        """Pair single tokens with the same ones anywhere, unless something else stands in their place."""
        contradicted = {at for one in self.exchanges for at in range(*one.page)}
        known: defaultdict[str, deque[int]] = defaultdict(deque)
        left = (at for at, found in enumerate(self._tiling.to_answer) if found == UNPAIRED and at not in contradicted)
        for place in sorted(left, key=lambda at: self._page.all[at].duty):  # what must be found before what may be
            known[self._page.keys[place]].append(place)
        exchanged = {at for one in self.exchanges for at in range(*one.answer)}
        for at, found in enumerate(self._tiling.to_page):
            if found == UNPAIRED and at not in exchanged and (same := known.get(self._answer.keys[at])):
                self._tiling.pair(at, same.popleft())
                yield at


def _free(paired: Sequence[int]) -> Iterator[tuple[int, int]]:
    return iter(tuple(runs([at for at, found in enumerate(paired) if found == UNPAIRED])))
