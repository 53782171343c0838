"""Accents that are drawn as characters of their own are joined with the letters that they stand over."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from llamaparse_worker.layout.accents import with_accents_joined
from llamaparse_worker.layout.characters import Characters
from llamaparse_worker.layout.codes import codes_of

Drawn = tuple[str, float, float, float]
"""A character, its left and right edge, and how much higher than its line it stands."""
END = ("\n", 200.0, 200.0, 0.0)


def space(x: float) -> Drawn:
    """Give a space that was inferred."""
    return " ", x, x, 0


def joined(drawn: Sequence[Drawn]) -> str:
    text = "".join(one for one, *_ in drawn)
    boxes = np.array([(x0, 100 - up, x1, 110 - up) for _, x0, x1, up in drawn], np.float32)
    found = with_accents_joined(text, Characters(codes_of(text), boxes, np.arange(len(text))))
    assert len(found.codes) == len(found.boxes) == len(found.places)
    return "".join(map(chr, found.codes.tolist()))


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ([("o", 10, 15, 0), ("`", 15, 20, 0), ("u", 15, 20, 0)], "où"),
        ([("U", 10, 17, 0), ("b", 17, 22, 0), ("e", 22, 27, 0), space(27), ("¨", 11, 16, 2.6), END], "Übe \n"),
        ([("\u02c7", 31, 36, 2.6), END, ("a", 10, 15, 0), space(30), ("C", 30, 37, 0), ("e", 37, 42, 0)], "\na Če"),
        (
            [("o", 10, 15, 0), (" ", 15.1, 18, 0), ("l", 15, 18, 0), ("\u00b4", 18, 23, 0), ("c", 18, 22, 0)],
            "ołć",
        ),
        ([("n", 10, 15, 0), ("\u02d9", 15, 20, 0), space(15), ("z", 15, 19, 0), ("y", 19, 24, 0)], "nży"),
    ],
    ids=["grave", "behind its line", "before its line", "stroke", "space at an accent"],
)
def test_an_accent_is_joined_with_its_letter_wherever_the_text_has_it(drawn: Sequence[Drawn], read: str) -> None:
    assert joined(drawn) == read


@pytest.mark.parametrize(
    "drawn",
    [
        [("`", 10, 15, 0), ("c", 15, 20, 0), ("d", 20, 25, 0), ("`", 25, 30, 0)],
        [("U", 10, 17, 0), space(17), ("¨", 40, 45, 2.6), END],
        [("U", 10, 17, 0), space(17), ("¨", 11, 16, 8), END],
        [("a", 10, 15, 0), (" ", 15, 18, 0), ("l", 18, 21, 0), ("¨", 40, 45, 0)],
    ],
    ids=["quotes of code", "nothing below", "on another line", "a space before a letter"],
)
def test_other_signs_stay_where_they_are(drawn: Sequence[Drawn]) -> None:
    assert joined(drawn) == "".join(one for one, *_ in drawn)


def test_many_accents_take_a_moment() -> None:
    drawn = [("¨", 10, 15, 0), space(15)] * 20_000
    start = time.process_time()
    assert joined(drawn) == "¨ " * 20_000
    assert time.process_time() - start < 2
