"""What an OCR service answers: the open form of LiteParse's OCR API, and three keys more that are this project's.

Boxes are pixels of the image that was sent, from its top left. Results stand in reading order. Services that leave out
``engine``, ``turn`` and ``skew`` have read an upright image.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word

_POINTS_PER_INCH = 72.0
_DECIMALS = 2
"""A hundredth of a pixel is a tenth of the distance that the eye tells apart."""
_LABEL = r"^[A-Za-z0-9_.-]{1,32}$"

_Corners = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class RecognisedText(BaseModel):
    """One word, or as much text as the service reads at a time."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(max_length=100_000)
    bbox: _Corners
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


class RecognitionAnswer(BaseModel):
    """The body of a 200; keys that nobody knows are passed over."""

    model_config = ConfigDict(frozen=True)

    results: tuple[RecognisedText, ...] = Field(max_length=200_000)
    engine: str | None = Field(default=None, pattern=_LABEL)
    turn: int = Field(default=0, ge=0, le=3)
    """Clockwise quarter turns in which the text reads on the image."""
    skew: float = Field(default=0.0, ge=-45, le=45)
    """Degrees by which the lines, read in that direction, slope downward."""


def answer_of(found: Recognition, dpi: float) -> RecognitionAnswer:
    """Say what was read of an image of this resolution."""
    scale = dpi / _POINTS_PER_INCH

    def pixels(box: Box) -> _Corners:
        x0, y0, x1, y1 = (round(side * scale, _DECIMALS) for side in (box.x0, box.y0, box.x1, box.y1))
        return x0, y0, x1, y1

    return RecognitionAnswer(
        results=tuple(
            RecognisedText(text=word.text, bbox=pixels(word.box), confidence=word.confidence) for word in found.words
        ),
        engine=found.engine,
        turn=found.turn,
        skew=found.skew,
    )


def recognition_of(answer: RecognitionAnswer, dpi: float, *, engine: str) -> Recognition:
    """Give the words that a service has read of an image of this resolution; ``engine`` where it does not say who."""
    scale = _POINTS_PER_INCH / dpi
    words = tuple(
        Word(found.text, Box(*(side * scale for side in found.bbox)), found.confidence) for found in answer.results
    )
    return Recognition(words, answer.engine or engine, answer.turn, answer.skew)
