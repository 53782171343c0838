"""Short cuts through texts give what the long way gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.mode.witness.alignment import UNPAIRED, align
from llamaparse_worker.mode.witness.inline import Stretch, is_plain, stretches, targets
from llamaparse_worker.mode.witness.tokens import Duty, Kind, Piece, Token, tokens_of

WORDS = st.lists(st.sampled_from(["one", "two", "three", "4", "5.6", "end"]), max_size=60).map(" ".join)


def cut(text: str, duty: Duty = Duty.EXACT) -> tuple[Token, ...]:
    return tokens_of([Piece(text, None, duty)]).all


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_cut_as_it_is_among_other_letters(text: str) -> None:
    among_others = cut(f"{text} é")
    assert cut(text) == among_others[:-1]
    assert among_others[-1].key == "é"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Word", [Kind.WORD]),
        ("a1", [Kind.WORD, Kind.NUMBER]),
        ("1,234.5 ٣", [Kind.NUMBER, Kind.NUMBER]),
        ("中文b", [Kind.SIGN, Kind.SIGN, Kind.WORD]),
        ("x → ✓", [Kind.WORD, Kind.SYMBOL, Kind.SYMBOL]),
        ("— … “”", []),
    ],
)
def test_the_first_character_tells_what_a_token_is(text: str, kinds: list[Kind]) -> None:
    assert [token.kind for token in cut(text)] == kinds


def test_a_symbol_is_no_duty_and_a_word_has_that_of_its_piece() -> None:
    assert [token.duty for token in cut("done ✓")] == [Duty.EXACT, Duty.OPTIONAL]
    assert [token.duty for token in cut("done ✓", Duty.ASIDE)] == [Duty.ASIDE, Duty.ASIDE]


@given(st.text(st.sampled_from("ab1 .,-|#>()+?:'\"/%@é—")))
def test_a_text_without_any_mark_says_what_it_says(text: str) -> None:
    assert is_plain(text)
    assert list(stretches(text)) == ([Stretch(text)] if text else [])
    assert not list(targets(text))


@pytest.mark.parametrize("mark", list("[]\\`!<$&*~=_"))
def test_a_text_with_a_mark_is_looked_at(mark: str) -> None:
    assert not is_plain(f"a {mark} b")


@given(WORDS)
def test_a_text_is_paired_with_itself_token_by_token(text: str) -> None:
    tokens = tokens_of([Piece(text, None)])
    found = align(tokens, tokens)
    assert found.to_page == found.to_answer == tuple(range(len(tokens)))
    assert (found.stray, found.exchanges, found.excused) == (frozenset(), (), frozenset())


@given(WORDS, WORDS)
def test_each_token_is_paired_once_and_with_its_like(one: str, other: str) -> None:
    answer, page = tokens_of([Piece(one, None)]), tokens_of([Piece(other, None)])
    found = align(answer, page)
    pairs = [(at, place) for at, place in enumerate(found.to_page) if place != UNPAIRED]
    assert all(found.to_answer[place] == at and answer.keys[at] == page.keys[place] for at, place in pairs)
