from __future__ import annotations

import pytest

from llamaparse_worker.layout.hyphens import with_divisions_marked
from llamaparse_worker.layout.joining import SOFT_HYPHEN, joined
from llamaparse_worker.layout.segments import Segment


def page(*lines: str, right: float = 300.0, ragged: float = 0.0, monospaced: bool = False) -> list[Segment]:
    return [
        Segment(
            50, 100 + 12 * index, right - ragged * (index * 7 % 11), 112 + 12 * index, 10, line, monospaced=monospaced
        )
        for index, line in enumerate(lines)
    ]


def text_of(segments: list[Segment]) -> str:
    return joined([segment.text for segment in with_divisions_marked(segments)])


FILLER = ("The harbour record has been kept since the", "first pilots came, and nobody has ever asked for it.") * 5


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("kept by the harbour mas-", "ter"), "kept by the harbour master"),
        (("a record. Uses har-", "bour of"), "a record. Uses harbour of"),
        (("and by the North-", "Sea pilots"), "and by the North-Sea pilots"),
        (("the UTF-", "8 codec"), "the UTF-8 codec"),
        (("a state-of-the-", "art record"), "a state-of-the-art record"),
        (("the pre-", "and postwar record"), "the pre- and postwar record"),
    ],
)
def test_on_a_justified_page_a_hyphen_divides_a_word_unless_the_word_shows_otherwise(
    lines: tuple[str, str], expected: str
) -> None:
    found = text_of(page(*FILLER, *lines))
    assert found.endswith(expected)


def test_on_a_ragged_page_a_hyphen_belongs_to_its_word() -> None:
    assert text_of(page(*FILLER, "made of granite-", "docling", ragged=9)).endswith("made of granite-docling")


@pytest.mark.parametrize("ragged", [0.0, 9.0])
@pytest.mark.parametrize(
    ("elsewhere", "expected"),
    [
        ("The workflow is long.", "a workflow"),
        ("The work-flow is long.", "a work-flow"),
        ("work and flow", "a work-flow"),
    ],
)
def test_the_word_as_it_stands_elsewhere_on_the_page_decides(elsewhere: str, expected: str, ragged: float) -> None:
    assert text_of(page(*FILLER, elsewhere, "a work-", "flow", ragged=ragged)).endswith(expected)


def test_a_hyphen_that_only_programs_set_divides_a_word() -> None:
    assert text_of(page("automatic divi\u2010", "sion", ragged=9)) == "automatic division"


def test_code_keeps_its_hyphens() -> None:
    found = with_divisions_marked(page("the workflow", "git work-", "flow", monospaced=True))
    assert [segment.text for segment in found] == ["the workflow", "git work-", "flow"]


def test_the_look_of_a_divided_word_is_kept() -> None:
    bold, plain = "\ufdd1", "\ufdd0"
    assert (
        joined([f"a {bold}work{SOFT_HYPHEN}{plain}", f"{bold}flow{plain} b"])
        == f"a {bold}work{plain}{bold}flow{plain} b"
    )


def test_a_division_that_nothing_follows_is_shown() -> None:
    assert joined([f"a work{SOFT_HYPHEN}"]) == "a work-"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ibm/", "granite"], "ibm/granite"),
        (["mqtt_", "connect"], "mqtt_connect"),
        (["either /", "or"], "either / or"),
        (["one", "two"], "one two"),
    ],
)
def test_names_and_addresses_go_on_in_the_next_line(lines: list[str], expected: str) -> None:
    assert joined(lines) == expected


def test_a_word_counts_only_where_it_stands_whole() -> None:
    parts_of_others = ("cows fly overhead", "the workflows", "x/workflow", "workflow-like")
    assert text_of(page(*FILLER, *parts_of_others, "a work-", "flow", ragged=9.0)).endswith("a work-flow")


@pytest.mark.parametrize("others", [1, 12, 60])
def test_a_word_is_found_behind_any_number_of_words_that_hold_it(others: int) -> None:
    lines = (*["a workflows"] * others, "one workflow")
    assert text_of(page(*FILLER, *lines, "a work-", "flow", ragged=9.0)).endswith("a workflow")


def test_on_a_page_with_many_hyphens_words_decide_as_on_others() -> None:
    lines = ("a workflow", *("a work-", "flow here") * 60)
    assert text_of(page(*FILLER, *lines, ragged=9.0)).endswith("a workflow here")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("a file contain-", "ing a vector"), "a file containing a vector"),
        (("An optional part is OP-", "TIONAL there"), "An optional part is OPTIONAL there"),
        (("the standards of ISO-", "IEC"), "the standards of ISO-IEC"),
    ],
)
def test_what_follows_a_hyphen_is_no_witness_for_itself(lines: tuple[str, str], expected: str) -> None:
    assert text_of(page(*FILLER, "They contain words.", *lines)).endswith(expected)


def test_lines_that_end_at_one_edge_tell_of_a_hyphen_there_whatever_the_rest_of_the_page() -> None:
    ragged = page(*FILLER * 2, ragged=9)
    justified = [
        Segment(50, 500 + 12 * place, 300.0, 512 + 12 * place, 10, line)
        for place, line in enumerate(
            (*["a line of text that ends where others end"] * 4, "the word is ex-", "panded here")
        )
    ]

    assert text_of([*ragged, *justified]).endswith("the word is expanded here")
