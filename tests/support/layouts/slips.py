"""Receipts and forms: narrow strips in one pitch, and labelled boxes that were filled in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from random import Random

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from support.layouts.prose import Prose
from support.layouts.styles import Family, bold, register_fonts

_STRIP = 226.0
"""Points: a roll of 80 mm."""
_COLUMNS = 32
"""Characters of a line of a receipt."""
_LINE = 12.0
_SECTIONS, _FIELDS = 4, 5


def receipt(chance: Random) -> bytes:
    """Draw a receipt on a strip as long as it needs."""
    lines = tuple(_receipt_lines(chance, Prose(chance, "en")))
    canvas, out = _canvas((_STRIP, (len(lines) + 4) * _LINE))
    for place, line in enumerate(reversed(lines)):
        canvas.setFont("Courier-Bold" if line.startswith("TOTAL") else "Courier", 10)
        canvas.drawString(16, (place + 2) * _LINE, line)
    canvas.save()
    return out.getvalue()


def form(chance: Random) -> bytes:
    """Draw a form of one page: sections of boxes with small labels, filled in at a larger size."""
    register_fonts()
    prose = Prose(chance, "en")
    width, height = A4
    canvas, out = _canvas(A4)
    canvas.setFont(bold(Family.VERA), 15)
    canvas.drawString(50, height - 60, prose.title(3, 5))
    y = height - 100
    for section in range(1, _SECTIONS + 1):
        canvas.setFont(bold(Family.HELVETICA), 10)
        canvas.drawString(50, y, f"{section} {prose.title(2, 3)}")
        for _ in range(_FIELDS):
            y -= 30
            split = chance.choice((0.35, 0.5, 0.65)) * (width - 100)
            for left, right in ((50.0, 50 + split), (50 + split, width - 50)):
                _field(canvas, prose, (left, y, right - left, 26))
        y -= 28
    canvas.save()
    return out.getvalue()


def _canvas(paper: tuple[float, float]) -> tuple[Canvas, io.BytesIO]:
    out = io.BytesIO()
    return Canvas(out, pagesize=paper, invariant=1), out


def _receipt_lines(chance: Random, prose: Prose) -> Iterator[str]:
    yield prose.title(1, 2).upper().center(_COLUMNS)
    yield f"{chance.randint(1, 99)} {prose.title(1, 1)} Street".center(_COLUMNS)
    yield f"Date {chance.randint(1, 28):02}/{chance.randint(1, 12):02}/2024 {chance.randint(8, 20)}:45"
    yield "-" * _COLUMNS
    total = 0
    for _ in range(chance.randint(8, 18)):
        cents, count = chance.randint(40, 4999), chance.randint(1, 4)
        total += cents * count
        yield _priced(f"{count} {prose.title(1, 2)[:20]}", cents * count)
    yield "-" * _COLUMNS
    yield _priced("TOTAL", total)
    yield _priced("Cash", total)
    yield f"Receipt {chance.randint(10_000, 99_999)}"
    yield "Thank you".center(_COLUMNS)


def _priced(name: str, cents: int) -> str:
    price = f"{cents / 100:.2f}"
    return f"{name:<{_COLUMNS - len(price) - 1}} {price}"


def _field(canvas: Canvas, prose: Prose, box: tuple[float, float, float, float]) -> None:
    x, y, _, height = box
    canvas.setLineWidth(0.6)
    canvas.rect(*box)
    canvas.setFont("Helvetica", 6.5)
    canvas.drawString(x + 3, y + height - 8, prose.title(1, 2))
    canvas.setFont("Helvetica", 10)
    canvas.drawString(x + 6, y + 5, _value(prose))


def _value(prose: Prose) -> str:
    chance = prose.chance
    return chance.choice(
        (prose.title(1, 2), str(chance.randint(100, 99_999)), f"{chance.randint(1, 28)}/{chance.randint(1, 12)}/1987")
    )
