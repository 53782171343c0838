"""What is filled in a form as characters of its page, so that it is read where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.forms import FieldKind, FormField
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage

CHECKED, UNCHECKED = "\u2612", "\u2610"

Floats = npt.NDArray[np.float32]

_USUAL, _SMALLEST = 11.0, 4.0
_SIZE_OF_BOX = 0.75
"""Font size as a share of the height of a field of one line."""
_LEADING = 1.2
_EM_OF_LETTER = 0.55
_EMS_OF_LETTER = dict.fromkeys("iljtfrI.,:;!'| ", 0.28) | dict.fromkeys("mwMW", 0.85)


def with_form_values(page: RawPage, fields: Sequence[FormField]) -> RawPage:
    """Add the values of fields behind the characters of a page.

    A structure of the page does not name them: it is put aside. Signatures have no text.
    """
    sizes = np.frombuffer(page.sizes, np.float32)
    usual = float(np.median(sizes)) if len(sizes) else _USUAL
    lines = [line for field in fields for line in _lines(field, usual)]
    if not lines:
        return page
    text = "".join(f"\n{line.text}" for line in lines)
    boxes = np.concatenate([_boxes(line) for line in lines])
    added = np.concatenate([np.full(len(line.text) + 1, line.size, np.float32) for line in lines])
    return replace(
        page,
        text=page.text + text,
        boxes=page.boxes + boxes.tobytes(),
        sizes=page.sizes + added.tobytes(),
        fonts=page.fonts + np.full(len(text), len(page.font_table), np.uint16).tobytes(),
        font_table=(*page.font_table, Font("form field")),
        traits=page.traits + bytes(len(text)) if page.traits or not page.text else b"",
        elements=b"",
        element_table=(),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    box: Box
    size: float


def _lines(field: FormField, usual: float) -> Iterator[_Line]:
    """Cut a value into its lines, a single one in the middle of its field.

    No size is larger than the ``usual`` one of the page: what is filled in is no title.
    """
    box = field.box
    if field.kind is FieldKind.SIGNATURE:
        return
    if field.checked is not None:
        size = min(max(_SMALLEST, box.height), usual)
        yield _Line(CHECKED if field.checked else UNCHECKED, box, size)
        return
    texts = [" ".join(line.split()) for line in field.value.splitlines()]
    size = min(max(_SMALLEST, _SIZE_OF_BOX * box.height / max(1, len(texts))), usual)
    top = (box.y0 + box.y1 - _LEADING * size) / 2 if len(texts) == 1 else box.y0
    for index, text in enumerate(texts):
        if text:
            y0 = top + index * _LEADING * size
            width = min(box.width, size * sum(map(_ems, text)))
            yield _Line(text, Box(box.x0, y0, box.x0 + width, y0 + _LEADING * size), size)


def _ems(letter: str) -> float:
    """Give about the width of a letter, as most typefaces have it."""
    return _EMS_OF_LETTER.get(letter, _EM_OF_LETTER)


def _boxes(line: _Line) -> Floats:
    """Give each letter its part of the line; the line end before it has no width."""
    widths = np.cumsum([0.0, 0.0, *map(_ems, line.text)])
    edges = line.box.x0 + widths * (line.box.width / widths[-1])
    down = np.tile((line.box.y0, line.box.y1), (len(line.text) + 1, 1))
    boxes = np.stack((edges[:-1], down[:, 0], edges[1:], down[:, 1]), axis=1)
    return boxes.astype(np.float32)
