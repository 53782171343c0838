"""The Markdown of a model as blocks, and what of it must never come through."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.mode.markdown import bare, blocks_of, chunks_of, with_chunk
from llamaparse_worker.model.blocks import (
    Block,
    Cell,
    CodeBlock,
    Footnote,
    Heading,
    ListBlock,
    Paragraph,
    Span,
    SpanKind,
    Table,
)
from llamaparse_worker.model.geometry import Box

PAGE = Box(0, 0, 600, 800)


def blocks(text: str) -> tuple[Block, ...]:
    return blocks_of(bare(text), PAGE)


def only(text: str) -> Block:
    (found,) = blocks(text)
    return found


def again(text: str) -> str:
    """Give the Markdown that a result shows for an answer."""
    return markdown(blocks(text))


def test_headings_have_the_level_that_the_answer_gives() -> None:
    assert [(block.level, block.text) for block in blocks("# A\n\n### B") if isinstance(block, Heading)] == [
        (1, "A"),
        (3, "B"),
    ]


def test_marks_within_a_text_become_spans() -> None:
    found = only("A **b** and *c*, `d`, x<sup>2</sup>, H<sub>2</sub>O, ~~e~~, [f](https://example.org/a)")

    assert isinstance(found, Paragraph)
    assert found.text == "A b and c, d, x2, H2O, e, f"
    assert [(found.text[span.start : span.end], span.kind.value, span.target) for span in found.spans] == [
        ("b", "strong", ""),
        ("c", "emphasis", ""),
        ("d", "code", ""),
        ("2", "superscript", ""),
        ("2", "subscript", ""),
        ("e", "strikeout", ""),
        ("f", "link", "https://example.org/a"),
    ]


def test_lists_are_nested_and_keep_their_numbers() -> None:
    found = only("3. c\n   - x\n   - y\n4. d\n\n   more of d")

    assert isinstance(found, ListBlock)
    assert found.ordered
    assert [(item.depth, item.mark, item.text) for item in found.items] == [
        (0, "3.", "c"),
        (1, "•", "x"),
        (1, "•", "y"),
        (0, "4.", "d more of d"),
    ]


def test_a_table_within_a_list_parts_it() -> None:
    kinds = [type(block) for block in blocks("- a\n\n  | x | y |\n  |---|---|\n  | 1 | 2 |\n\n- b")]
    assert kinds == [ListBlock, Table, ListBlock]


def test_boxes_to_be_checked_are_marks() -> None:
    found = only("- [x] done\n- [ ] **open**")

    assert isinstance(found, ListBlock)
    assert [(item.mark, item.text) for item in found.items] == [("☑", "done"), ("☐", "open")]
    assert found.items[1].spans == (Span(0, 4, SpanKind.STRONG),)


def test_pipe_table_has_rows_of_one_length() -> None:
    found = only("| a | b |\n|---|---|\n| 1 \\| 2<br>3 | **x** |\n| 4 |")

    assert isinstance(found, Table)
    assert found.rows == (("a", "b"), ("1 | 2\n3", "x"), ("4", ""))
    assert found.cells == (Cell(1, 1, spans=(Span(0, 1, SpanKind.STRONG),)),)


def test_html_table_has_the_cells_that_reach_over_others() -> None:
    found = only(
        "<table><thead><tr><th rowspan='2'>A</th><th colspan=2>B</th></tr>\n\n<tr><th>x</th><th>y</th></tr></thead>"
        "<tr><td>1 &lt; 2</td><td>m<sup>2</sup></td><td><p>p</p><p>q</p></td></tr></table>"
    )

    assert isinstance(found, Table)
    assert found.rows == (("A", "B", ""), ("", "x", "y"), ("1 < 2", "m2", "p\nq"))
    assert found.header_rows == 2
    assert [(cell.row, cell.column, cell.row_span, cell.column_span) for cell in found.cells] == [
        (0, 0, 2, 1),
        (0, 1, 1, 2),
        (2, 1, 1, 1),
    ]


def test_spans_of_hostile_tables_cost_nothing() -> None:
    started = time.process_time()
    row = "<tr>" + "<td colspan='999999999' rowspan='1000'>a</td>" * 50 + "</tr>"
    found = only("<table>" + row * 50 + "</table>")

    assert isinstance(found, Table)
    assert len(found.rows) == 50
    assert len(found.rows[0]) == 50
    assert time.process_time() - started < 5


def test_text_behind_a_table_and_a_table_that_never_ends_are_kept() -> None:
    assert [type(block) for block in blocks("<table><tr><td>a</td></tr></table> and *more*")] == [Table, Paragraph]
    found = only("<table><tr><td>a</td><td>b")
    assert isinstance(found, Table)
    assert found.rows == (("a", "b"),)


def test_notes_and_their_marks() -> None:
    found = blocks("Text[^1] and more[^x].\n\n[^1]: First *note*.\n[^2]: word")

    assert [type(block) for block in found] == [Paragraph, Footnote, Footnote]
    first, note, other = found
    assert isinstance(first, Paragraph)
    assert first.text == "Text1 and morex."
    assert first.spans == (Span(4, 5, SpanKind.FOOTNOTE, "1"), Span(14, 15, SpanKind.SUPERSCRIPT))
    assert isinstance(note, Footnote)
    assert (note.label, note.text) == ("1", "First note.")
    assert isinstance(other, Footnote)
    assert other.text == "word"


def test_quotes_and_code() -> None:
    assert [block.quoted for block in blocks("> a\n>\n> b\n\nc") if isinstance(block, Paragraph)] == [True, True, False]
    found = only("```python --x\na = '<b>'\n```")
    assert found == CodeBlock("a = '<b>'", PAGE, "python")


@pytest.mark.parametrize(
    "formula",
    [
        "$a_1*b_2*c_3$",
        r"$\{x\,|\,y\}$",
        r"\(a_1 \cdot b_1\)",
        r"$$\frac{a}{b}$$",
        "$$\na * b\n  = c * d\n$$",
        "\\[\nx_1 < y_1\n\\]",
    ],
)
def test_formulas_stay_as_they_are_written(formula: str) -> None:
    assert again(f"Before.\n\n{formula}\n\nAfter.") == f"Before.\n\n{formula}\n\nAfter."


@pytest.mark.parametrize("text", ["It costs $5 and $10 a day.", "From $5-$10 to US$7 (A$9)."])
def test_money_is_no_formula(text: str) -> None:
    found = only(text)
    assert isinstance(found, Paragraph)
    assert (found.text, found.spans) == (text, ())


@pytest.mark.parametrize("fence", ["```markdown\n{}\n```", "```\n{}\n```", "~~~md\n{}\n~~~\n"])
def test_a_fence_around_all_of_an_answer_is_left_out(fence: str) -> None:
    assert [type(block) for block in blocks(fence.format("# A\n\n- b"))] == [Heading, ListBlock]


def test_a_fence_around_an_answer_with_code_in_it_is_left_out() -> None:
    assert [type(block) for block in blocks("```markdown\n# A\n\n```py\nx\n```\n```")] == [Heading, CodeBlock]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a <script>alert(1)</script> b", r"a \<script>alert(1)\</script> b"),
        ("<div onclick='x()'>a</div>", "a"),
        ("<img src='https://evil.example/?q=1'> a", "a"),
        ("![a](https://evil.example/?q=1) b", "b"),
        ("[a](javascript:alert(1))", r"\[a\](javascript:alert(1))"),
        ("[a](file:///etc/passwd)", r"\[a\](file:///etc/passwd)"),
        ("Look!\\![a](https://e.example)", r"Look!\![a](https://e.example)"),
        ("[a](/local) [b](#page-2)", "a [b](#page-2)"),
        ("[a](data:text/html;base64,x)", r"\[a\](data:text/html;base64,x)"),
        (
            "[a](<https://e.example/x)![i](https://evil.example>)",
            "[a](https://e.example/x%29!%5Bi%5D%28https://evil.example)",
        ),
        ("$![x](https://evil.example/a_1)$", "$$"),
        ("$<img src=x_1 onerror=y>$", "$$"),
        ("$$\n![x](https://evil.example)\n$$", "$$ $$"),
        ("[a]: https://evil.example\n\n![b][a]", "\\[a\\]: https://evil.example\n\n![b][a]"),
        ("<!-- hidden --> a <custom-tag x=y>", r"a \<custom-tag x=y>"),
        (
            "<table><tr><td><script>x()</script><img src=y>a<a href='javascript:z'>b</a></td></tr></table>",
            "| ab |\n| --- |",
        ),
        ("a\u0000b\ufdd1c\x1b[0m", "abc[0m"),
    ],
)
def test_nothing_hostile_comes_through(hostile: str, shown: str) -> None:
    assert again(hostile) == shown


def test_an_indented_html_block_is_no_code_that_could_close() -> None:
    assert "<iframe" not in again("<iframe src=x>\n\n<iframe src=y>").replace("\\<iframe", "")


@pytest.mark.parametrize("source", ["$" * 20_000, "$a " * 8000, "\\(" * 8000, "[" * 10_000, "> " * 5000, "- " * 5000])
def test_pathological_answers_take_no_time(source: str) -> None:
    started = time.process_time()
    blocks(source)
    assert time.process_time() - started < 5


_WRITTEN = st.lists(
    st.sampled_from(
        [*"ab1 \n*_`$[]()<>|#-!^:~\\", "![", "](http://e.example)", "<img src=x>", "<b>", "<!--", "$$", "\\("]
    ),
    max_size=40,
).map("".join)
_READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_OURS = re.compile(r"</?(?:sup|sub|br/?|table|thead|tbody|tr|th|td)(?: (?:row|col)span=\"\d+\")*/?>")


@settings(max_examples=300)
@given(_WRITTEN)
def test_a_reader_of_the_result_finds_no_picture_and_no_html_but_ours(text: str) -> None:
    for token in _READER.parse(again(text)):
        assert token.type != "html_block" or token.content.startswith("<table>")
        for child in token.children or ():
            assert child.type != "image"
            assert child.type != "html_inline" or _OURS.fullmatch(child.content)


_PLAIN = st.text(alphabet="ab1_*`[]\\\\<>&!~#.;-", min_size=1, max_size=30)


@settings(max_examples=300)
@example("~~1~~", 0, 0, SpanKind.STRONG)
@example("a~~~~b", 0, 0, SpanKind.STRONG)
@example("___", 0, 0, SpanKind.STRONG)
@example("&#1;", 0, 0, SpanKind.STRONG)
@example("a&lt;", 0, 2, SpanKind.EMPHASIS)
@example("a<b>", 0, 1, SpanKind.STRONG)
@given(_PLAIN, st.integers(0, 30), st.integers(0, 30), st.sampled_from([SpanKind.STRONG, SpanKind.EMPHASIS]))
def test_a_text_that_a_result_shows_is_read_as_it_was(text: str, start: int, length: int, kind: SpanKind) -> None:
    span = Span(min(start, len(text) - 1), min(start + length + 1, len(text)), kind)
    for spans in ((), (span,) if "_" not in text else ()):
        found = only(markdown((Paragraph(text, PAGE, spans=spans),)))
        assert isinstance(found, Paragraph)
        assert found.text == text


def test_chunks_are_lines_of_blocks_and_can_be_exchanged() -> None:
    text = "# A\n\nb\nc\n\n| x |\n|---|\n| 1 |\n\nd"
    chunks = chunks_of(text)

    assert [chunk.markdown for chunk in chunks] == ["# A", "b\nc", "| x |\n|---|\n| 1 |", "d"]
    assert with_chunk(text, chunks[1].start, chunks[1].end, "B.\n") == "# A\n\nB.\n\n| x |\n|---|\n| 1 |\n\nd"
    assert with_chunk(text, 0, 1, "") == "b\nc\n\n| x |\n|---|\n| 1 |\n\nd"
