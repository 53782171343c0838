"""Text as tokens that compare: words, numbers and single characters of scripts without spaces.

What is evened out is typography alone: forms of letters (NFKC), case, dashes, quotes, what has no width. The value of
a number is never touched: its digits and the separators between them are its key.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from llamaparse_worker.model.value import unguarded

P = TypeVar("P")

_UNSPACED = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SYMBOLS = "\u2190-\u23ff\u2600-\u260f\u2613-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_TOKEN = re.compile(rf"(\d+(?:[.,']\d+)*|[{_UNSPACED}{_SYMBOLS}]|[^\W\d_{_UNSPACED}]+)")
"""A number, a character by itself, or a word; the first character tells which."""
_ASCII_TOKEN = re.compile(r"([a-z]+|\d+(?:[.,']\d+)*)", re.ASCII)
"""The same of evened text in ASCII, in half the time."""
_SIGN = re.compile(f"[{_UNSPACED}]")
_SYMBOL = re.compile(f"[{_SYMBOLS}]")
_WITHOUT_WIDTH = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\ufdd0-\ufdef]"
)
_EVENED = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u0060\u00b4\u2032", "'")
)
_OF_NO_WEIGHT = re.compile(r"(?<!\d)[^\w]+|[^\w]+(?!\d)|[^\w.,']+|_+")
_SPACE = re.compile(r"\s+")
_LEAST_WORD = 2


class Duty(IntEnum):
    """What is asked of a token on the other side."""

    EXACT = 0
    """It must be there."""
    OPTIONAL = 1
    """It may be missing, as what is raised may be the mark of a note; if something stands there, it is the same."""
    FREE = 2
    """Anything may stand there, such as the number of a list item or note."""
    FORMULA = 3
    """It belongs to a formula, whose characters a text layer gives in any order."""
    ASIDE = 4
    """It may be missing, and comes last: a running head may repeat a heading."""


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    NUMBER = "number"
    SIGN = "sign"
    """One character of a script that sets no spaces."""
    SYMBOL = "symbol"
    """A tick, cross or arrow: it tells cells apart, but may be written in many ways, and so is never a duty."""


@unguarded
@dataclass(frozen=True, slots=True)
class Piece(Generic[P]):
    """A stretch of text with one duty, and where it stands."""

    text: str
    place: P
    duty: Duty = Duty.EXACT
    joins: bool = False
    """Whether it goes on where the last piece ended, without a space between."""


@unguarded
@dataclass(frozen=True, slots=True)
class Token:
    """A token: its characters ``start`` to ``end`` of the evened text, and the number of its piece."""

    key: str
    kind: Kind
    start: int
    end: int
    piece: int
    duty: Duty


@dataclass(frozen=True)
class Tokens(Generic[P]):
    """The tokens of several pieces in order."""

    pieces: tuple[Piece[P], ...]
    text: str
    """The evened text that the places of tokens refer to; pieces are parted by a line end."""
    all: tuple[Token, ...]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys in order."""
        return tuple([token.key for token in self.all])  # of a list: a generator takes twice the time

    @cached_property
    def places(self) -> tuple[P, ...]:
        """Where each token stands."""
        places = [piece.place for piece in self.pieces]
        return tuple([places[token.piece] for token in self.all])

    def __len__(self) -> int:
        return len(self.all)

    def place(self, index: int) -> P:
        """Give where a token stands."""
        return self.places[index]

    def slice(self, start: int, end: int) -> str:
        """Give the evened text of tokens ``start`` to ``end``, the end excluded."""
        return _SPACE.sub(" ", self.text[self.all[start].start : self.all[end - 1].end]) if start < end else ""

    def squeezed(self, start: int, end: int) -> str:
        """Give letters, digits and the separators between digits alone: the same however words are divided."""
        return _OF_NO_WEIGHT.sub("", _SPACE.sub("", self.slice(start, end)))


def evened(text: str) -> str:
    """Even out typography."""
    if text.isascii():
        return text.lower().replace("`", "'")
    plain = unicodedata.normalize("NFKC", _WITHOUT_WIDTH.sub("", text)).translate(_EVENED)
    return plain.casefold()


def tokens_of(pieces: Iterable[Piece[P]]) -> Tokens[P]:
    """Cut pieces into tokens."""
    kept = tuple(pieces)
    word, made, texts = Kind.WORD, list[Token](), list[str]()
    at = 0
    for number, piece in enumerate(kept):
        if texts and not piece.joins:
            texts.append("\n")
            at += 1
        text = evened(piece.text)
        if text.isascii() and text.isalpha():  # a word alone, as most pieces are where each has a box of its own
            made.append(Token(text, word, at, at + len(text), number, piece.duty))
        else:
            made += _cut(text, at, number, piece.duty)
        texts.append(text)
        at += len(text)
    return Tokens(kept, "".join(texts), tuple(made))


def _cut(text: str, at: int, number: int, duty: Duty) -> list[Token]:
    """Cut the evened text of a piece, which begins at ``at``."""
    # What stands before each token, the token, ..., and what stands behind the last.
    parts = (_ASCII_TOKEN if text.isascii() else _TOKEN).split(text)
    word, made = Kind.WORD, list[Token]()
    for before, key in zip(parts[:-1:2], parts[1::2], strict=True):
        start = at + len(before)
        at = start + len(key)
        if "a" <= key[0] <= "z":
            made.append(Token(key, word, start, at, number, duty))
        else:
            kind = _kind(key[0])
            least = Duty.OPTIONAL if kind is Kind.SYMBOL else duty
            made.append(Token(key, kind, start, at, number, max(duty, least)))
    return made


def _kind(first: str) -> Kind:
    """Tell what a token is by its first character."""
    if first.isdecimal():
        return Kind.NUMBER
    if _SIGN.match(first):
        return Kind.SIGN
    return Kind.SYMBOL if _SYMBOL.match(first) else Kind.WORD


def substance(tokens: Iterable[Token]) -> float:
    """Count words: a character of an unspaced script is half a word, a single letter and a number none."""
    word, sign = Kind.WORD, Kind.SIGN
    found = 0.0
    for token in tokens:
        kind = token.kind
        if kind is word:
            found += len(token.key) >= _LEAST_WORD
        elif kind is sign:
            found += 0.5
    return found


def is_identifier(tokens: Tokens[P], index: int) -> bool:
    """Tell whether a token is part of a name with digits, such as ``AB-12`` or ``utf8``, rather than a plain word."""
    token = tokens.all[index]
    start, end = token.start, token.end
    around = tokens.text[max(0, start - 1) : start] + tokens.text[end : end + 1]
    return token.kind is Kind.WORD and any(sign.isdigit() or sign in "_@" for sign in around)


def runs(chosen: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Give the stretches of ascending indices without a gap: first, and one behind the last."""
    if chosen and chosen[-1] - chosen[0] == len(chosen) - 1:  # one stretch, which need not be gone through
        yield chosen[0], chosen[-1] + 1
        return
    start = 0
    for at in range(1, len(chosen) + 1):
        if at == len(chosen) or chosen[at] != chosen[at - 1] + 1:
            yield chosen[start], chosen[at - 1] + 1
            start = at
