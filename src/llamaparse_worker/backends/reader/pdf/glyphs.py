"""All characters of one PDFium text page as arrays: the hot path of every PDF with a text layer.

The compiled way does all of it in one foreign call. Where it is missing, two foreign calls a character remain (box and
text object), driven by ``map`` so that no bytecode runs between them; font and size are asked once for each text
object. Both give the same.
"""

from __future__ import annotations

import re
from codecs import utf_32_le_decode
from collections import deque
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import repeat
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import COLOURS, is_compiled, read
from llamaparse_worker.backends.reader.pdf.pdfium import INVISIBLE, ffi, library
from llamaparse_worker.backends.reader.pdf.tex_fonts import deciphered
from llamaparse_worker.model.characters import TURNS, Font, Trait
from llamaparse_worker.model.value import quick

Floats = npt.NDArray[np.float32]

_CHUNK = 16_384
_STRAIGHT = 0.09
"""Slope, about five degrees, up to which a line of text counts as parallel to a side of the page."""
_NAME_BYTES = 256
_BOLD_WEIGHT = 600
_FIXED_PITCH, _ITALIC, _FORCE_BOLD = 1 << 0, 1 << 6, 1 << 18
_FIXED_PITCH_NAMES = (
    *("mono", "courier", "consol", "typewriter", "nimbusmon", "menlo", "lettergothic", "sourcecode"),
    *("cmtt", "cmsltt", "cmitt", "sftt", "sfst", "sfit", "ectt", "ecst", "ecit"),
)
"""Of families that are often embedded without the flag; the last ones are those of TeX."""
_BOLD_NAMES = (
    *("bold", "black", "heavy", "semibd"),
    *("cmbx", "cmb1", "cmssbx", "cmmib", "ecbx", "ecbi", "ecsx"),
    *("sfbx", "sfbi", "sfbl", "sfsx", "sfso", "sfxc", "sfrb"),
)
"""The last ones are those of TeX, whose stems are not so wide that PDFium takes them for bold."""
_SUBSET_TAG = re.compile(r"^[A-Z]{6}\+")
_UNCLEAN = re.compile("[^\t\n\r -\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")
_UNMAPPED = re.compile("[\x01\x03-\x08\x0b\x0c\x0e-\x1f]")
"""What PDFium gives for a character of which neither code nor name is known: the bare code."""
_BARE = re.compile("[\x03-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Codes that are no characters of a text, and may be some of a font without a name."""
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""PDFium gives a character beyond the first plane, such as an emoji, as two halves with a box each."""
_BLACK = 0xFF
_LINE_END_HYPHENS = {"\x02", "\ufffe"}
"""PDFium's marks for a hyphen that it believes to divide a word."""


@quick
@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters in file order; boxes are left, top, right, bottom in PDF user space (origin bottom left)."""

    text: str
    boxes: Floats
    sizes: Floats
    fonts: npt.NDArray[np.uint16]
    traits: npt.NDArray[np.uint8]
    """Bits of ``Trait``, in user space: the rotation of the page is not applied."""
    font_table: tuple[Font, ...]
    objects: npt.NDArray[np.uint64]
    """The handle of the text object that draws each character; 0 for those that the page does not draw."""
    colours: npt.NDArray[np.uint8]
    """Index of the colour that each character is filled with in ``colour_table``."""
    colour_table: tuple[int, ...]
    """Red, green, blue and alpha, eight bits each from the highest; a last one of ``COLOURS`` stands for all others."""


def extract(text_page: int) -> Glyphs:
    """Read every character of an open text page, in the compiled way if there is one."""
    count = max(0, library().FPDFText_CountChars(text_page))
    return through_compiled(text_page, count) if is_compiled() else through_cffi(text_page, count)


def _cleaned(text: str, boxes: Floats, styles: _Styles, objects: npt.NDArray[np.uint64]) -> Glyphs:
    """Put together what was read, with nothing in the text that is no character."""
    seconds = [found.start() + 1 for found in _PAIR.finditer(text)]
    if seconds:
        kept = np.delete(np.arange(len(text)), seconds)
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        boxes, styles, objects = boxes[kept], styles.at(kept), objects[kept]
    if not text.isascii() or _BARE.search(text):
        text, boxes, styles, objects = _deciphered(text, boxes, styles, objects)
    for found in _UNMAPPED.finditer(text):
        styles.traits[found.start()] |= Trait.UNMAPPED
    return _glyphs(clean(text), boxes, styles, objects)


def _deciphered(
    text: str, boxes: Floats, styles: _Styles, objects: npt.NDArray[np.uint64]
) -> tuple[str, Floats, _Styles, npt.NDArray[np.uint64]]:
    """Give the text with what fonts without a name stand for; the letters of a ligature share its box."""
    if all(font.name for font in styles.font_table):
        return text, boxes, styles, objects
    parts = deciphered(text, boxes[:, 2] - boxes[:, 0], styles.fonts, styles.font_table)
    at = np.repeat(np.arange(len(boxes)), list(map(len, parts)))
    return "".join(parts), boxes[at], styles.at(at), objects[at]


def _glyphs(text: str, boxes: Floats, styles: _Styles, objects: npt.NDArray[np.uint64]) -> Glyphs:
    return Glyphs(
        text,
        boxes,
        styles.sizes,
        styles.fonts,
        styles.traits,
        styles.font_table,
        objects,
        styles.colours,
        styles.colour_table,
    )


def through_compiled(text_page: int, count: int) -> Glyphs:
    """Read characters with one foreign call."""
    found = read(text_page, count)
    text, _ = utf_32_le_decode(found.codes.data, "surrogatepass", True)  # noqa: FBT003 - it takes no names
    table = tuple(map(_font, found.font_handles)) or (Font(""),)
    styles = _Styles(found.sizes, found.fonts, found.traits, table, found.colours, found.colour_table)
    odd = found.unclean or not all(font.name for font in table)
    return (_cleaned if odd else _glyphs)(text, found.boxes, styles, found.objects)


def through_cffi(text_page: int, count: int) -> Glyphs:
    """Read characters with a few foreign calls for each."""
    objects = _text_objects(text_page, count)
    boxes = _boxes(text_page, count)
    boxes[objects == 0, 2] = boxes[objects == 0, 0]
    return _cleaned(_text(text_page, count), boxes, _styles(text_page, objects), objects)


def clean(text: str) -> str:
    """Replace what is no character of a text (controls, surrogates, noncharacters), one for one."""
    if _UNCLEAN.search(text) is None:
        return text
    return _UNCLEAN.sub(lambda found: _replacement(found[0]), text)


def _replacement(character: str) -> str:
    if character in _LINE_END_HYPHENS:
        return "-"
    return " " if character < "\xa0" else "\ufffd"


def _text(text_page: int, count: int) -> str:
    buffer = ffi.new("unsigned short[]", count * 2 + 1)
    units = library().FPDFText_GetText(text_page, 0, count, buffer)
    text = bytes(ffi.buffer(buffer, max(0, units - 1) * 2)).decode("utf-16-le", "surrogatepass")
    if len(text) == count:
        return text
    # PDFium leaves characters without a code out of the text: ask one by one to stay in step with the boxes.
    codes = map(library().FPDFText_GetUnicode, repeat(text_page), range(count))
    return "".join(map(_character, codes))


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0x110000 else "\ufffd"  # noqa: PLR2004 - the end of Unicode


@cache
def _rectangles() -> tuple[Any, list[Any], Floats]:
    memory = ffi.new("FS_RECTF[]", _CHUNK)
    view = np.frombuffer(ffi.buffer(memory), np.float32).reshape(_CHUNK, 4)
    return memory, [memory + index for index in range(_CHUNK)], view


def _boxes(text_page: int, count: int) -> Floats:
    _, pointers, view = _rectangles()
    boxes = np.zeros((count, 4), np.float32)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        view[:size] = 0
        calls = map(library().FPDFText_GetLooseCharBox, repeat(text_page), range(start, start + size), pointers)
        deque(calls, maxlen=0)
        boxes[start : start + size] = view[:size]
    return np.nan_to_num(boxes, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _text_objects(text_page: int, count: int) -> npt.NDArray[np.uint64]:
    return np.fromiter(map(library().FPDFText_GetTextObject, repeat(text_page), range(count)), np.uint64, count)


@quick
@dataclass(frozen=True, slots=True)
class _Styles:
    sizes: Floats
    fonts: npt.NDArray[np.uint16]
    traits: npt.NDArray[np.uint8]
    font_table: tuple[Font, ...]
    colours: npt.NDArray[np.uint8]
    colour_table: tuple[int, ...]

    def at(self, places: npt.NDArray[np.intp]) -> _Styles:
        """Give the styles at these places alone."""
        return _Styles(
            self.sizes[places],
            self.fonts[places],
            self.traits[places],
            self.font_table,
            self.colours[places],
            self.colour_table,
        )


def _styles(text_page: int, objects: npt.NDArray[np.uint64]) -> _Styles:
    """Give the style of each character; those without an object take over that of the one before them."""
    pdfium = library()
    table, colour_table = FontTable(), ColourTable()
    starts = np.flatnonzero(np.diff(objects, prepend=np.uint64(0)))
    sizes, fonts, traits, colours = [0.0], [0], [0], [0]
    matrix = ffi.new("FS_MATRIX*")
    for index, handle in zip(starts.tolist(), objects[starts].tolist(), strict=True):
        if not handle:
            sizes.append(sizes[-1])
            fonts.append(fonts[-1])
            traits.append(traits[-1])
            colours.append(colours[-1])
            continue
        fonts.append(table.index(pdfium.FPDFTextObj_GetFont(handle)))
        found = pdfium.FPDFText_GetMatrix(text_page, index, matrix)
        size = pdfium.FPDFText_GetFontSize(text_page, index)
        sizes.append(abs(size) * sqrt(matrix.c * matrix.c + matrix.d * matrix.d) if found else abs(size))
        hidden = pdfium.FPDFTextObj_GetTextRenderMode(handle) in INVISIBLE
        traits.append((direction(matrix.a, matrix.b) if found else 0) | (Trait.HIDDEN if hidden else 0))
        colours.append(colour_table.index(handle))
    lengths = np.diff(starts, prepend=0, append=len(objects))
    return _Styles(
        np.repeat(np.array(sizes, np.float32), lengths),
        np.repeat(np.array(fonts, np.uint16), lengths),
        np.repeat(np.array(traits, np.uint8), lengths),
        table.fonts,
        np.repeat(np.array(colours, np.uint8), lengths),
        colour_table.colours,
    )


def direction(a: float, b: float) -> int:
    """Give the turn of text whose baseline points along (a, b) in user space, as bits of ``Trait``."""
    if abs(b) <= _STRAIGHT * abs(a):
        return 0 if a >= 0 else int(Trait.BACKWARD)
    if abs(a) <= _STRAIGHT * abs(b):
        return int(Trait.DOWNWARD if b < 0 else TURNS)
    return int(Trait.DIAGONAL)


class FontTable:
    """The fonts of a page in the order of their first use."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {0: 0}
        self._fonts: list[Font] = []

    def index(self, handle: int) -> int:
        """Give the place of a font, which may be new."""
        if handle not in self._known:
            self._known[handle] = len(self._fonts)
            self._fonts.append(_font(handle))
        return self._known[handle]

    @property
    def fonts(self) -> tuple[Font, ...]:
        """The table; never empty."""
        return tuple(self._fonts) or (Font(""),)


class ColourTable:
    """The colours that text of a page is filled with, in the order of their first use."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._channels = ffi.new("unsigned int[4]")
        self._pointers = tuple(self._channels + index for index in range(4))

    def index(self, handle: int) -> int:
        """Give the place of the colour of a text object, which may be new."""
        colour = _BLACK
        if library().FPDFPageObj_GetFillColor(handle, *self._pointers):
            red, green, blue, alpha = (channel & 0xFF for channel in self._channels)
            colour = red << 24 | green << 16 | blue << 8 | alpha
        if colour not in self._known and len(self._known) == COLOURS:
            return COLOURS - 1
        return self._known.setdefault(colour, len(self._known))

    @property
    def colours(self) -> tuple[int, ...]:
        """The table."""
        return tuple(self._known)


@cache
def _name_room() -> Any:  # noqa: ANN401 - a C array
    return ffi.new("char[]", _NAME_BYTES)


def _font(handle: int) -> Font:
    pdfium = library()
    size = min(_NAME_BYTES, pdfium.FPDFFont_GetBaseFontName(handle, _name_room(), _NAME_BYTES))
    name = bytes(ffi.buffer(_name_room(), max(0, size - 1)))
    # PDFium guesses the weight from the width of stems where the file does not tell it.
    heavy = pdfium.FPDFFont_GetWeight(handle) >= _BOLD_WEIGHT
    return _described(name, max(0, pdfium.FPDFFont_GetFlags(handle)), heavy=heavy)


@lru_cache(maxsize=1024)
def _described(full_name: bytes, flags: int, *, heavy: bool) -> Font:
    """Tell what a font looks like; the pages of a document have the same ones."""
    name = _SUBSET_TAG.sub("", full_name.decode("utf-8", "replace"))
    lowered = name.lower()
    return Font(
        name=clean(name),
        bold=bool(flags & _FORCE_BOLD)
        or (heavy and not any(word in lowered for word in ("regu", "roman", "book", "light", "normal")))
        or any(word in lowered for word in _BOLD_NAMES),
        italic=bool(flags & _ITALIC) or "italic" in lowered or "oblique" in lowered,
        monospaced=bool(flags & _FIXED_PITCH) or any(word in lowered for word in _FIXED_PITCH_NAMES),
    )
