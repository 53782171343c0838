from __future__ import annotations

import pytest

from llamaparse_worker.layout.assemble import finish, heading_levels, heading_sizes
from llamaparse_worker.layout.markdown import block_markdown
from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import CodeBlock, Heading, LaidOutPage, ListBlock, ListItem, Paragraph, Table

BOX = Box(0, 0, 10, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, 3 < 4? No & yes.", "plain words, 3 < 4? No & yes."),
        ("# no heading", "\\# no heading"),
        ("#channel stays", "#channel stays"),
        ("- no item", "\\- no item"),
        ("-5 degrees", "-5 degrees"),
        ("1984. A year", "1984\\. A year"),
        ("3.14 is a number", "3.14 is a number"),
        ("*stars* and [links](x)", "\\*stars\\* and \\[links\\](x)"),
        ("snake_case_name stays, _this_ does not", "snake_case_name stays, \\_this\\_ does not"),
        ("&amp; is escaped", "\\&amp; is escaped"),
        ("> no quote", "\\> no quote"),
    ],
)
def test_only_what_markdown_would_misread_is_escaped(text: str, expected: str) -> None:
    assert phrase(text) == expected


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert block_markdown(Table((("a|b", "c"), ("1", "2")), BOX)) == "| a\\|b | c |\n| --- | --- |\n| 1 | 2 |"


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert block_markdown(CodeBlock("```\nx\n```", BOX, "md")) == "````md\n```\nx\n```\n````"


def test_numbers_of_a_list_stay_as_printed_and_letters_are_kept_as_text() -> None:
    items = (ListItem("third", BOX, mark="3."), ListItem("part", BOX, depth=1, mark="a)"), ListItem("dot", BOX))
    assert block_markdown(ListBlock(items, BOX, ordered=True)) == "3. third\n    - a) part\n- dot"
    assert plain_text([ListBlock(items, BOX)]) == "3. third\n  a) part\n\u2022 dot"


def page_of(*blocks: Heading | Paragraph) -> LaidOutPage:
    return LaidOutPage(1, 100, 100, 0, blocks, "", "text_layer")


def test_heading_levels_are_those_of_the_whole_document() -> None:
    first = page_of(Heading("Title", BOX, 24.1), Heading("Section", BOX, 16.0))
    second = page_of(Heading("Next", BOX, 15.9), Heading("Fixed", BOX, 40.0, level=3), Paragraph("x", BOX))
    levels = heading_levels([*heading_sizes(first), *heading_sizes(second)])
    assert finish(first, levels).markdown == "# Title\n\n## Section"
    assert finish(second, levels).markdown == "## Next\n\n### Fixed\n\nx"


def test_no_heading_is_deeper_than_six() -> None:
    levels = heading_levels(float(size) for size in range(10, 20))
    assert levels[19.0] == 1
    assert levels[10.0] == 6
