"""The characters of a text as an array of codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.codes import (
    are_spaces,
    codes_of,
    count_visible,
    count_visible_in_python,
    from_code,
    is_compiled,
    signs_from,
    signs_from_in_python,
)


@given(st.text(), st.integers(0, 0x110000))
def test_the_characters_from_a_code_on_are_those_of_the_text(text: str, least: int) -> None:
    assert from_code(codes_of(text), least) == "".join(letter for letter in text if ord(letter) >= least)


def test_every_code_is_white_space_as_the_interpreter_says() -> None:
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert are_spaces(codes_of(every)).tolist() == list(map(str.isspace, every))


LONE = st.text(st.characters(codec=None, categories=("Cs", "Zs", "Ll", "Co", "Cc")))
"""With halves of pairs among them."""


@given(st.one_of(st.text(), st.text("ab \t\x85\xa0é"), LONE), st.integers(0, 0x110000))
def test_a_text_tells_the_same_either_way(text: str, least: int) -> None:
    assert count_visible(text) == count_visible_in_python(text) == sum(not one.isspace() for one in text)
    assert signs_from(text, least) == signs_from_in_python(text, least)


@pytest.mark.skipif(not is_compiled, reason="codes.c is not compiled")
def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError):
        count_visible(b"text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        signs_from(None, 5)  # type: ignore[arg-type]
