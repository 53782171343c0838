"""The compiled look over the characters of a page says what arrays say."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.characters import VERSION, compiled
from llamaparse_worker.layout.hidden import hidden_characters
from llamaparse_worker.layout.word_spaces import spaced_by_arrays, with_spaces_found
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 5.0

needs_compiled = pytest.mark.skipif(compiled is None, reason="characters.c is not compiled")

letters = st.tuples(
    st.sampled_from("ab,( \u00e9\u0416\u058f\u0590\u4e2d\U0001f600\ud800"),
    st.sampled_from([0.0, 0.5, 1.7, 1.8, 1.9, 3.0, 6.9, 7.0, 7.1, float("nan")]),
    st.sampled_from([0.0, 1.0, 10.0, 20.0]),
)
"""Each with the gap before it and its size."""


def page_of(row: list[tuple[str, float, float]]) -> RawPage:
    boxes: list[tuple[float, float, float, float]] = []
    x = 50.0
    for _, gap, _ in row:
        boxes.append((x + gap, 100.0, x + gap + WIDTH, 110.0))
        x = boxes[-1][2]
    return RawPage(
        number=1,
        width=600,
        height=800,
        rotation=0,
        text="".join(one for one, _, _ in row),
        boxes=np.array(boxes, np.float32).reshape(-1, 4).tobytes(),
        sizes=np.array([size for _, _, size in row], np.float32).tobytes(),
        fonts=np.zeros(len(row), np.uint16).tobytes(),
        font_table=(Font("Times"),),
    )


@needs_compiled
@given(st.lists(letters, max_size=6))
def test_letters_stand_apart_where_arrays_say_so(row: list[tuple[str, float, float]]) -> None:
    assert compiled is not None
    page = page_of(row)
    codes = np.frombuffer(page.text.encode("utf-32-le", "replace"), np.uint32)
    boxes, sizes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4), np.frombuffer(page.sizes, np.float32)[1:]
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    are_letters = (codes > ord(" ")) & (codes < 0x590)
    apart = (gaps > 0.18 * sizes) & (gaps < 0.7 * sizes) & are_letters[:-1] & are_letters[1:]
    found = compiled.letters_stand_apart(page.text, page.boxes, page.sizes, 0.18, 0.7, ord(" ") + 1, 0x590)
    assert found is bool(apart.any())


@pytest.mark.filterwarnings("ignore:invalid value")
@given(st.lists(letters.filter(lambda one: one[0] != "\ud800"), max_size=6))
def test_spaces_are_found_alike_with_and_without_a_first_look(row: list[tuple[str, float, float]]) -> None:
    page = page_of(row)
    assert with_spaces_found(page) == spaced_by_arrays(page)


@needs_compiled
@pytest.mark.filterwarnings("ignore:invalid value")
@given(st.lists(letters, max_size=9), st.integers(1, 4))
def test_gaps_follow_each_other_where_arrays_say_so(row: list[tuple[str, float, float]], many: int) -> None:
    assert compiled is not None
    page = page_of(row)
    boxes, sizes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4), np.frombuffer(page.sizes, np.float32)[1:]
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    narrow = np.flatnonzero((gaps > 0.06 * sizes) & (gaps < 0.7 * sizes) & ~(gaps > 0.18 * sizes))
    found = compiled.gaps_follow(page.boxes, page.sizes, 0.06, 0.18, many)
    assert found is bool(np.count_nonzero(np.diff(narrow) <= 2) >= many)


@needs_compiled
def test_arrays_that_do_not_fit_the_text_are_looked_at_closer() -> None:
    assert compiled is not None
    page = page_of([("a", 0.0, 10.0), ("b", 0.0, 10.0)])
    given = page.text, page.boxes, page.sizes
    assert not compiled.letters_stand_apart(*given, 0.18, 0.7, 33, 0x590)
    for odd in (("a", *given[1:]), (given[0], b"", given[2]), (*given[:2], given[2][:4])):
        assert compiled.letters_stand_apart(*odd, 0.18, 0.7, 33, 0x590)
    with pytest.raises(TypeError):
        compiled.letters_stand_apart(b"ab", *given[1:], 0.18, 0.7, 33, 0x590)
    assert not compiled.gaps_follow(*given[1:], 0.06, 0.18, 1)
    assert compiled.gaps_follow(given[1], given[2][:4], 0.06, 0.18, 1)
    with pytest.raises(TypeError):
        compiled.gaps_follow("boxes", given[2], 0.06, 0.18, 1)


@needs_compiled
@given(st.lists(letters, max_size=6), st.sampled_from([1.5, 300.0]))
def test_characters_are_ordinary_that_are_neither_tiny_nor_beside_the_page(
    row: list[tuple[str, float, float]], width: float
) -> None:
    assert compiled is not None
    page = page_of(row)
    starts = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)[:, 0]
    expected = all(size > 0.4 for _, _, size in row) and bool((starts < width).all())
    assert compiled.are_ordinary(page.sizes, page.boxes, 0.4, width) is expected


@needs_compiled
def test_sizes_that_are_no_numbers_are_not_ordinary() -> None:
    assert compiled is not None
    nan = np.full(4, np.nan, np.float32).tobytes()
    assert not compiled.are_ordinary(nan, b"", 1.5, 300.0)
    assert not compiled.are_ordinary(b"", nan, 1.5, 300.0)
    with pytest.raises(TypeError):
        compiled.are_ordinary("sizes", b"", 1.5, 300.0)


@needs_compiled
def test_nothing_is_kept_of_pages() -> None:
    row = [("a", 0.0, 10.0), ("b", 3.0, 10.0), ("\u4e2d", 3.0, 10.0)]
    pages = [page_of(row), page_of(row[:1]), replace(page_of(row), boxes=b"")]

    def calls() -> None:
        for page in pages[:2]:
            with_spaces_found(page)
        for page in pages:
            hidden_characters(page)
        with pytest.raises(TypeError):
            with_spaces_found(replace(pages[0], sizes="none"))  # type: ignore[arg-type]

    calls()
    gc.collect()
    held = (pages[0].text, pages[0].boxes, pages[0].sizes)  # those of others may be one letter or none, which all share
    before = [sys.getrefcount(one) for one in held]
    blocks = sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    assert sys.getallocatedblocks() < blocks + 200


def test_the_module_and_the_code_that_calls_it_are_of_one_version() -> None:
    assert f"#define VERSION {VERSION}\n" in (ROOT / "src/llamaparse_worker/layout/characters.c").read_text()
