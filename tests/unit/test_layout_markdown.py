from __future__ import annotations

import pytest

from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.layout.inline import CODE, PLAIN, SWITCHES, inline
from llamaparse_worker.layout.markdown import block_markdown
from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.model.blocks import CodeBlock, Heading, ListBlock, ListItem, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, ParsedPage

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
        ("the __dict__ of it", "the \\_\\_dict\\_\\_ of it"),
        ("__init__.py and snake_case__name", "\\_\\_init\\_\\_.py and snake_case__name"),
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


def page_of(number: int, *blocks: Heading | Paragraph, body_size: float = 10.0) -> LaidOutPage:
    return LaidOutPage(number, 100, 100, 0, blocks, "", "text_layer", body_size=body_size)


def markdown_of(*pages: LaidOutPage) -> list[str]:
    document = document_signs(map(page_signs, pages))
    return [page.markdown for page in finish(pages, document) if isinstance(page, ParsedPage)]


BODY = Paragraph("X. " * 100 + "X.", BOX)


def test_heading_levels_are_those_of_the_whole_document() -> None:
    first = page_of(1, Heading("Title", BOX, 24.1), Heading("Section", BOX, 16.0), BODY)
    second = page_of(2, Heading("Next", BOX, 15.9), Heading("Part", BOX, 10.0, prominence=3), BODY)
    assert markdown_of(first, second) == [
        f"# Title\n\n## Section\n\n{BODY.text}",
        f"## Next\n\n### Part\n\n{BODY.text}",
    ]


def test_headings_that_look_alike_are_as_deep_as_their_numbers() -> None:
    page = page_of(1, *(Heading(text, BOX, 12.0, prominence=3) for text in ("1 One", "1.1 Two", "Other", "2 Three")))
    assert markdown_of(page) == ["# 1 One\n\n## 1.1 Two\n\n# Other\n\n# 2 Three"]


def test_what_is_no_larger_than_the_text_of_other_pages_is_no_heading() -> None:
    small = page_of(1, Heading("Read this first.", BOX, 10.0), body_size=8.0)
    assert markdown_of(small, page_of(2, BODY))[0] == "Read this first."


def test_what_a_document_says_of_its_headings_is_final() -> None:
    page = page_of(1, Heading("Named", BOX, 10.0, level=3), Heading("Merely bold", BOX, 12.0, prominence=3), BODY)
    assert markdown_of(page) == [f"### Named\n\nMerely bold\n\n{BODY.text}"]


def test_no_heading_is_deeper_than_six() -> None:
    page = page_of(1, *(Heading(f"of {size} points", BOX, float(size)) for size in range(30, 20, -1)))
    assert markdown_of(page)[0].splitlines()[-1] == "###### of 21 points"


@pytest.mark.parametrize(
    ("rich", "expected"),
    [
        ('created from {"}file{"} here', 'created from "file" here'),
        ("integer=-1 -{>} value", "integer=-1 -> value"),
        ("begin with {--} and end", "begin with `--` and end"),
        ("({--}), as said", "(`--`), as said"),
        ("the {x} axis", "the `x` axis"),
        ("a {sub}string", "a `sub`string"),
    ],
)
def test_marks_of_fixed_pitch_at_a_word_are_no_code(rich: str, expected: str) -> None:
    found = inline(rich.replace("{", SWITCHES[CODE]).replace("}", PLAIN))
    assert phrase(found.text, found.spans) == expected
