"""Spaces that the file leaves out are found by the gaps between letters."""

from __future__ import annotations

import numpy as np
import pytest

from llamaparse_worker.layout.word_spaces import with_spaces_found
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage

ADVANCE, SIZE = 5.0, 10.0


def page_of(shown: str) -> RawPage:
    """Give a line of letters, with a gap of a word space for each ``_`` and one of a hair space for each ``~``."""
    boxes: list[tuple[float, float, float, float]] = []
    x = 50.0
    for one in shown:
        if one in "_~":
            x += 0.28 * SIZE if one == "_" else 0.08 * SIZE
            continue
        boxes.append((x, 100.0, x + ADVANCE, 110.0))
        x += ADVANCE
    count = len(boxes)
    return RawPage(
        number=1,
        width=600,
        height=800,
        rotation=0,
        text=shown.replace("_", "").replace("~", ""),
        boxes=np.array(boxes, np.float32).tobytes(),
        sizes=np.full(count, SIZE, np.float32).tobytes(),
        fonts=np.zeros(count, np.uint16).tobytes(),
        font_table=(Font("Times"),),
        elements=np.arange(count, dtype=np.int32).tobytes(),
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("and any_remaining words", "and any remaining words"),
        ("A_list of strings", "A list of strings"),
        ("key of_a_key", "key of a key"),
        ("string._If there", "string. If there"),
        ("a~little~apart", "alittleapart"),
        ("H_E_A_D_I_N_G", "HEADING"),
        ("D~e~s~c~r_i~p~t~i~o~n", "Description"),
        ("value_, then", "value, then"),
        ("is (_so_)", "is (so)"),
        ("\u4e2d_\u6587", "\u4e2d\u6587"),
        ("\u05e9_\u05dc", "\u05e9\u05dc"),
    ],
)
def test_a_gap_within_a_line_is_a_space_between_words(shown: str, expected: str) -> None:
    assert with_spaces_found(page_of(shown)).text == expected


def test_all_that_is_known_of_a_letter_stays_with_it() -> None:
    found = with_spaces_found(page_of("any_remaining"))

    boxes = np.frombuffer(found.boxes, np.float32).reshape(-1, 4)
    assert found.text == "any remaining"
    assert boxes[3].tolist() == [65.0, 100.0, 65.0, 110.0]
    assert boxes[4, 0] == pytest.approx(67.8)
    assert np.frombuffer(found.elements, np.int32).tolist() == [0, 1, 2, 2, *range(3, 12)]
    assert len(found.sizes) == 4 * len(found.text)


def test_a_page_without_such_gaps_is_left_as_it_is() -> None:
    page = page_of("nothing to be found")

    assert with_spaces_found(page) is page


def test_letters_of_two_lines_are_not_compared() -> None:
    page = page_of("up_down")
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4).copy()
    boxes[2:, 1::2] += 20

    assert with_spaces_found(page_of("up_down")).text == "up down"
    moved = RawPage(1, 600, 800, 0, page.text, boxes.tobytes(), page.sizes, page.fonts, page.font_table)
    assert with_spaces_found(moved).text == "updown"
