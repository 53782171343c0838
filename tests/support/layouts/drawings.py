"""Parts of a page that reportlab has no flowable for: doubled type, tables side by side, figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from random import Random

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable

from support.layouts.truth import Figure, FigureKind

_ASIDE = 0.35
_PIXELS = (160, 96)


class Doubled(Flowable):
    """Anything, printed twice a third of a point apart."""

    def __init__(self, inner: Flowable) -> None:
        super().__init__()
        self._inner = inner

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self._size: tuple[float, float] = self._inner.wrapOn(self.canv, width, height)
        return self._size

    def draw(self) -> None:
        self._inner.drawOn(self.canv, 0, 0)
        self._inner.drawOn(self.canv, _ASIDE, 0)


class SideBySide(Flowable):
    """Flowables beside each other, level at the top; each has its share of the width."""

    def __init__(self, parts: Sequence[Flowable], gap: float) -> None:
        super().__init__()
        self._parts, self._gap = parts, gap

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self._step = (width + self._gap) / len(self._parts)
        self._heights = [part.wrapOn(self.canv, self._step - self._gap, height)[1] for part in self._parts]
        return width, max(self._heights)

    def draw(self) -> None:
        top = max(self._heights)
        for place, (part, height) in enumerate(zip(self._parts, self._heights, strict=True)):
            part.drawOn(self.canv, place * self._step, top - height)


class Drawing(Flowable):
    """A figure."""

    def __init__(self, figure: Figure, height: float) -> None:
        super().__init__()
        self._figure, self._height = figure, height

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        self._width = width
        return width, self._height

    def draw(self) -> None:
        chance = Random(self._figure.seed)
        match self._figure.kind:
            case FigureKind.PHOTOGRAPH:
                self.canv.drawImage(ImageReader(io.BytesIO(photograph(chance))), 0, 0, self._width, self._height)
            case FigureKind.BARS:
                self._bars(chance)
            case FigureKind.CURVE:
                self._curve(chance)

    def _axes(self) -> None:
        self.canv.setLineWidth(0.8)
        self.canv.line(0, 0, self._width, 0)
        self.canv.line(0, 0, 0, self._height)

    def _bars(self, chance: Random) -> None:
        self._axes()
        count = 8
        step = self._width / count
        for place in range(count):
            self.canv.setFillColorRGB(0.2, 0.35, 0.3 + 0.05 * place)
            height = self._height * chance.uniform(0.1, 0.95)
            self.canv.rect((place + 0.2) * step, 0, 0.6 * step, height, stroke=0, fill=1)

    def _curve(self, chance: Random) -> None:
        self._axes()
        count = 40
        path = self.canv.beginPath()
        level = 0.5
        path.moveTo(0, level * self._height)
        for place in range(1, count):
            level = min(0.95, max(0.05, level + chance.uniform(-0.1, 0.1)))
            path.lineTo(place * self._width / count, level * self._height)
        self.canv.drawPath(path)


def photograph(chance: Random) -> bytes:
    """Give a JPEG of soft shades, as a photograph has them."""
    coarse = Image.frombytes("RGB", (8, 5), chance.randbytes(8 * 5 * 3))
    out = io.BytesIO()
    coarse.resize(_PIXELS, Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
    return out.getvalue()
