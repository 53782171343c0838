from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.mode.witness.alignment import UNPAIRED, Alignment, Exchange, align
from llamaparse_worker.mode.witness.tokens import Duty, Piece, tokens_of


def aligned(answer: str, page: str) -> Alignment:
    return align(tokens_of([Piece(answer, None)]), tokens_of([Piece(page, None)]))


def test_a_changed_number_stands_against_the_one_in_its_place() -> None:
    found = aligned("the sum of 17 apples and 12 pears", "the sum of 12 apples and 12 pears")
    assert found.exchanges == (Exchange((3, 4), (3, 4)),)
    assert found.to_page == (0, 1, 2, UNPAIRED, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        ("some information here", "some infor- mation here"),
        ("a total of 12 345 units", "a total of 12\u2009345 units"),
        ("pages 5-10 of it", "pages 5 \u2013 10 of it"),
        ("The HTTP2 server", "the HTTP 2 server"),
    ],
)
def test_spaces_and_hyphens_make_no_difference(answer: str, page: str) -> None:
    found = aligned(answer, page)
    assert UNPAIRED not in found.to_page
    assert UNPAIRED not in found.to_answer


@pytest.mark.parametrize(("answer", "page"), [("it is 12.5 now", "it is 125 now"), ("it is 1,5 now", "it is 1.5 now")])
def test_points_in_numbers_do(answer: str, page: str) -> None:
    assert aligned(answer, page).exchanges


def test_a_part_that_moved_is_paired_as_a_whole() -> None:
    found = aligned("one two three four alpha beta gamma delta", "alpha beta gamma delta one two three four")
    assert found.to_page == (4, 5, 6, 7, 0, 1, 2, 3)
    assert not found.stray


def test_what_is_said_twice_is_paired_once() -> None:
    found = aligned("red green blue red green blue", "red green blue")
    assert found.to_page.count(UNPAIRED) == 3


def test_a_word_broken_by_a_narrow_column_is_paired_with_its_parts() -> None:
    found = aligned("name kubeletstatsreceiver value", "name kubeletstats value other receiver")
    assert found.to_page[1] != UNPAIRED
    assert found.to_answer[4] == 1


def test_a_running_head_comes_after_the_heading_that_it_repeats() -> None:
    page = tokens_of([Piece("The Long Title", None, Duty.ASIDE), Piece("The Long Title", None)])
    found = align(tokens_of([Piece("The Long Title", None)]), page)
    assert found.to_page == (3, 4, 5)


@given(st.lists(st.sampled_from("abc12"), max_size=60), st.lists(st.sampled_from("abc12"), max_size=60))
def test_pairs_are_of_the_same_text_and_all_that_could_be_paired_is(answer: list[str], page: list[str]) -> None:
    found = aligned(" ".join(answer), " ".join(page))
    mine = Counter(answer[at] for at, place in enumerate(found.to_page) if place == UNPAIRED)
    its = Counter(page[at] for at, place in enumerate(found.to_answer) if place == UNPAIRED)
    exchanged = Counter(page[at] for one in found.exchanges for at in range(*one.page))
    said = Counter(answer[at] for one in found.exchanges for at in range(*one.answer))
    assert not (mine - said) & (its - exchanged)


@given(st.lists(st.sampled_from("abcd"), max_size=80))
def test_a_text_is_paired_with_itself(text: list[str]) -> None:
    assert aligned(" ".join(text), " ".join(text)).to_page == tuple(range(len(text)))


@pytest.mark.parametrize(
    "text", ["a " * 20_000, "a b " * 10_000, " ".join(str(n * 7919 % 30_011) for n in range(20_000))]
)
def test_time_does_not_grow_with_repetition(text: str) -> None:
    started = time.process_time()
    aligned(text, "a b c a b " * 4_000)
    assert time.process_time() - started < 10
