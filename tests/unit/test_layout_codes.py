"""The characters of a text as an array of codes."""

from __future__ import annotations

import gc
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.codes import (
    alphanumeric,
    alphanumeric_in_python,
    are_spaces,
    codes_of,
    compiled,
    count_among,
    count_among_in_python,
    count_visible,
    count_visible_in_python,
    from_code,
    signs_from,
    signs_from_in_python,
)
from llamaparse_worker.layout.inline import SWITCHES, set_apart, set_apart_in_python
from llamaparse_worker.layout.joining import joined, joined_in_python

needs_compiled = pytest.mark.skipif(compiled is None, reason="codes.c is not compiled")


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
    assert alphanumeric(text) == alphanumeric_in_python(text)
    assert count_among(text, b"ab\t\xe9") == count_among_in_python(text, b"ab\t\xe9")


RICH = st.text(st.sampled_from([*' ab.\u4e2d\u00a0("_\u2019\u201c', *SWITCHES[:8], SWITCHES[31]]), max_size=24)


@needs_compiled
@given(RICH, st.integers(0, 31))
def test_a_rich_text_is_parted_alike_either_way(rich: str, body: int) -> None:
    assert set_apart(rich, body) == set_apart_in_python(rich, body)


LINES = st.lists(
    st.text(st.sampled_from([*"a d-/_\n.\u00ad\u2010\u4e2d\uff0c", *SWITCHES[:2], SWITCHES[31]]), max_size=6),
    min_size=1,
    max_size=6,
)


@needs_compiled
@given(LINES)
def test_lines_are_joined_alike_either_way(lines: list[str]) -> None:
    assert joined(lines) == joined_in_python(lines)


@needs_compiled
def test_how_lines_go_on_is_mostly_told_at_once() -> None:
    assert compiled is not None
    assert compiled.joined(["plain", f"divi\u00ad{SWITCHES[0]}", "ded ones"]) == f"plain divi{SWITCHES[0]}ded ones"
    assert compiled.joined(["soft\u00adhyphen", "last\u00ad"]) == "soft-hyphen last-"
    for odd in ([], ["well-", "known"], ["", "a"], ["\u4e2d\u4e2d", "b"], ["a" + SWITCHES[1] * 33, "b"]):
        assert compiled.joined(odd) is None
    for refused in (("ab", "cd"), ["ab", None], "ab"):
        with pytest.raises(TypeError):
            compiled.joined(refused)


@needs_compiled
def test_nothing_is_kept_of_texts() -> None:
    rich = f"plain {SWITCHES[1]}bold \u4e2d{SWITCHES[3]} both{SWITCHES[0]} and {SWITCHES[4]}code{SWITCHES[0]}"

    def calls() -> None:
        set_apart(rich, 0)
        count_among(rich, b"ab")
        alphanumeric(rich)
        joined([rich, rich, "divi\u00ad", rich])
        with pytest.raises(TypeError):
            set_apart(b"text", 0)  # type: ignore[arg-type]

    calls()
    gc.collect()
    count, blocks = sys.getrefcount(rich), sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert sys.getrefcount(rich) == count
    assert sys.getallocatedblocks() < blocks + 200


@needs_compiled
def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError):
        count_visible(b"text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        signs_from(None, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        alphanumeric(b"text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        count_among(None, b"ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        count_among("text", "ab")  # type: ignore[arg-type]
