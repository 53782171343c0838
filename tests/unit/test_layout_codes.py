"""The characters of a text as an array of codes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.codes import are_spaces, codes_of, from_code


@given(st.text(), st.integers(0, 0x110000))
def test_the_characters_from_a_code_on_are_those_of_the_text(text: str, least: int) -> None:
    assert from_code(codes_of(text), least) == "".join(letter for letter in text if ord(letter) >= least)


def test_every_code_is_white_space_as_the_interpreter_says() -> None:
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert are_spaces(codes_of(every)).tolist() == list(map(str.isspace, every))
