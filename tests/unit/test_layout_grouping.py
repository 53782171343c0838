"""Which lines of a column belong together."""

from __future__ import annotations

from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.blocks import blocks
from llamaparse_worker.layout.headings import BOLD_TYPE, prominence
from llamaparse_worker.layout.inline import BOLD, CODE, PLAIN, SWITCHES
from llamaparse_worker.layout.lines import TextLine, lower_quartile
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.layout.reading_order import Flow
from llamaparse_worker.layout.segments import Style
from llamaparse_worker.model.blocks import CodeBlock, Heading, ListBlock, Paragraph

LETTER_PT, PITCH_PT = 5.0, 12.0
FULL = "The harbour record is kept by those who come first and"
FIXED = SWITCHES[CODE]


def code(text: str) -> str:
    return f"{FIXED}{text}{PLAIN}"


def made(*rich: str, steps: tuple[float, ...] = ()) -> list[Paragraph | CodeBlock | ListBlock]:
    """Give the blocks of lines below one another; with a step for each but the first, where they are not even."""
    lines: list[TextLine] = []
    y = 100.0
    for one, step in zip(rich, (0.0, *(steps or (PITCH_PT,) * (len(rich) - 1))), strict=True):
        y += step
        text = one.translate(dict.fromkeys(map(ord, SWITCHES)))
        fixed = len("".join(part.partition(PLAIN)[0] for part in one.split(FIXED)[1:])) >= 0.8 * len(text)
        width = LETTER_PT * len(text)
        lines.append(TextLine(text, 50, y, 50 + width, y + 10, 10, False, fixed, rich=one if one != text else ""))  # noqa: FBT003
    found = blocks(Flow(tuple(lines), 50, 50 + LETTER_PT * len(FULL)), Style(10, bold=False))
    return [block for block in found if isinstance(block, Paragraph | CodeBlock | ListBlock)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_the_lower_quartile_is_that_of_statistics(values: list[float]) -> None:
    assert lower_quartile(values) == quantiles(values, n=4)[0]


@pytest.mark.parametrize(
    "line",
    [code("A_NAME_THAT_FILLS_A_LINE"), f"{code('A_NAME_IN_CAPITALS')} or", code("A_NAME") + " "],
    ids=["all of it", "most of it", "with a space"],
)
def test_a_line_of_code_letters_within_a_paragraph_is_a_part_of_it(line: str) -> None:
    (block,) = made(FULL, line.strip(), "it is gone.")

    assert isinstance(block, Paragraph)
    assert "`A_NAME" in markdown([block])


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        ((f"{FULL}:", code("run --all")), ()),
        ((FULL[:-4] + "ever.", code("run --all")), ()),
        ((FULL, code("run --all")), (PITCH_PT * 1.6,)),
        (("See:", code("run --all")), ()),
    ],
    ids=["behind a colon", "behind a sentence", "apart", "behind a short line"],
)
def test_code_below_a_paragraph_stays_code(lines: tuple[str, ...], steps: tuple[float, ...]) -> None:
    assert [type(block) for block in made(*lines, steps=steps)] == [Paragraph, CodeBlock]


def bold(text: str) -> str:
    return f"{SWITCHES[BOLD]}{text}{PLAIN}"


@pytest.mark.parametrize("line", ["A Name", "(its number)", "name"])
def test_a_line_in_bold_within_a_paragraph_is_a_part_of_it(line: str) -> None:
    (block,) = made(FULL, bold(line), "it is gone.")

    assert markdown([block]) == f"{FULL} **{line}** it is gone."


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        ((f"{FULL[:-4]}all.", bold("A Name"), FULL), ()),
        ((FULL, bold("A Name"), FULL), (PITCH_PT * 1.6, PITCH_PT)),
        ((FULL[:-8], bold("A Name"), FULL), ()),
        ((FULL, bold("2.1 A Name"), FULL), ()),
    ],
    ids=["behind a sentence", "apart", "behind a short line", "with a number"],
)
def test_a_line_in_bold_below_a_paragraph_is_a_heading(lines: tuple[str, ...], steps: tuple[float, ...]) -> None:
    texts = [block.text for block in made(*lines, steps=steps) if isinstance(block, Paragraph)]
    assert texts == [lines[0], lines[2]]


def test_an_item_that_is_all_code_is_an_item() -> None:
    (found,) = made(f"\u2022 {code('ENUMERATED')}", f"\u2022 {code('SEQUENCE OF')}")

    assert isinstance(found, ListBlock)
    assert markdown([found]) == "- `ENUMERATED`\n- `SEQUENCE OF`"


def test_a_little_more_room_behind_a_line_that_ends_early_parts_paragraphs() -> None:
    loose = PITCH_PT * 1.25
    lines = (FULL, "it stays.", "dst: where it is copied to", "src: where from", FULL, "it was read.")
    steps = (PITCH_PT, loose, loose, loose, PITCH_PT)

    assert [block.text for block in made(*lines, steps=steps) if isinstance(block, Paragraph)] == [
        f"{FULL} it stays.",
        "dst: where it is copied to",
        "src: where from",
        f"{FULL} it was read.",
    ]


def test_a_little_more_room_within_a_sentence_parts_nothing() -> None:
    assert len(made(FULL, FULL, FULL, FULL, steps=(PITCH_PT, PITCH_PT * 1.25, PITCH_PT))) == 1


@pytest.mark.parametrize(
    ("rich", "expected"),
    [
        ("{A bold title}", True),
        ("{Class: <worker>}", True),
        ("2. {A bold title}", True),
        ("{A bold title}:", True),
        ("{3.10.1}", True),
        ("2. {Disallow tokens at the package level.} All", False),
        ("A {bold title}", False),
    ],
)
def test_a_line_is_bold_if_all_its_words_are(rich: str, *, expected: bool) -> None:
    switched = rich.translate(str.maketrans("{}<>", SWITCHES[BOLD] + PLAIN + SWITCHES[CODE] + SWITCHES[BOLD]))
    text = rich.translate(str.maketrans("", "", "{}<>"))
    line = TextLine(text, 50, 100, 250, 110, 10, bold=True, monospaced=False, rich=switched)

    assert (prominence(line, Style(10, bold=False), 50, 300) == BOLD_TYPE) is expected


def test_a_bold_version_number_is_a_heading_and_another_number_is_none() -> None:
    for text, expected in (("3.10.1", Heading), ("1204", Paragraph)):
        line = TextLine(text, 50, 100, 80, 110, 10, bold=True, monospaced=False)
        (found,) = blocks(Flow((line,), 50, 300), Style(10, bold=False))
        assert isinstance(found, expected)


@pytest.mark.parametrize(
    ("first", "parted"),
    [(FULL, False), (f"{FULL[:-4]}all.", True), (FULL[:-8], True)],
    ids=["full and without a stop", "behind a sentence", "behind a short line"],
)
def test_an_indented_line_begins_a_paragraph_where_the_one_before_it_has_ended(first: str, *, parted: bool) -> None:
    lines = [
        TextLine(text, x, 100 + PITCH_PT * at, x + LETTER_PT * len(text), 110 + PITCH_PT * at, 10, False, False)  # noqa: FBT003
        for at, (text, x) in enumerate(((first, 50), ("is the second line", 60), ("Another one.", 50)))
    ]
    found = blocks(Flow(tuple(lines), 50, 50 + LETTER_PT * len(FULL)), Style(10, bold=False))
    texts = [block.text for block in found if isinstance(block, Paragraph)]
    assert (f"{first} is the second line" not in texts[0]) is parted
