from __future__ import annotations

import pytest

from llamaparse_worker.mode.witness.answer import parse_answer
from llamaparse_worker.mode.witness.tokens import Duty


def keys(markdown: str) -> list[str]:
    return list(parse_answer(markdown).tokens.keys)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("## A **bold** _word_", ["a", "bold", "word"]),
        ("see [the page](https://example.org/a_(b)) now", ["see", "the", "page", "now"]),
        ("![a harbour in 1987](image.png) text", ["text"]),
        ("R&amp;D &lt;b&gt;", ["r", "d", "b"]),
        ("one<br/>two<br>three", ["one", "two", "three"]),
        ("the <module> of a <b>text</b>", ["the", "module", "of", "a", "text"]),
        ("`<b>x</b> &amp;`", ["b", "x", "b", "amp"]),
        ("```html\n<b>x</b> [a](b)\n```", ["b", "x", "b", "a", "b"]),
        ("- [x] done\n- [ ] open", ["done", "open"]),
        ("ﬁne “quoted” soft\u00adhyphen", ["fine", "quoted", "softhyphen"]),
        ("东京 2024", ["东", "京", "2024"]),
        ("1,234.56 and 1'000", ["1,234.56", "and", "1'000"]),
        ("Title\n=====\n\n---\n\ntext", ["title", "text"]),
    ],
)
def test_marks_are_no_text(markdown: str, expected: list[str]) -> None:
    assert keys(markdown) == expected


def test_numbers_of_list_items_and_notes_are_free() -> None:
    tokens = parse_answer("7. item[^2]\n\n[^2]: note 5").tokens
    assert [(token.key, token.duty) for token in tokens.all] == [
        ("7", Duty.FREE),
        ("item", Duty.EXACT),
        ("2", Duty.FREE),
        ("2", Duty.FREE),
        ("note", Duty.EXACT),
        ("5", Duty.EXACT),
    ]


@pytest.mark.parametrize("formula", ["$x^2$", "\\(x_2\\)", "$$x + 2$$", "$$\nx + 2\n$$", "\\[\nx + 2\n\\]"])
def test_what_stands_in_a_formula_is_told_apart(formula: str) -> None:
    duties = {token.key: token.duty for token in parse_answer(f"text\n{formula}\nend 2.5").tokens.all}
    assert duties["x"] is duties["2"] is Duty.FORMULA
    assert duties["2.5"] is duties["end"] is Duty.EXACT


def test_prices_are_no_formula() -> None:
    assert {token.duty for token in parse_answer("from $5 to $10, or US$7-$9").tokens.all} == {Duty.EXACT}


def test_cells_of_pipe_tables_know_their_place() -> None:
    answer = parse_answer("text\n\n| a | b |\n|---|:-:|\n| c\\|d | |\n| e | f |\n\nend")
    places = {key: answer.tokens.place(at) for at, key in enumerate(answer.tokens.keys)}
    assert (places["d"].line, places["d"].table, places["d"].row, places["d"].column) == (5, 0, 1, 0)
    assert (places["f"].row, places["f"].column) == (2, 1)
    assert places["end"].table is None
    assert [table.widths for table in answer.tables] == [(2, 2, 2)]


def test_cells_of_html_over_several_rows_move_those_below() -> None:
    answer = parse_answer(
        "<table><tr><th rowspan='2'>a</th><th colspan=2>b</th></tr>\n<tr><td>c</td><td>d</td></tr>"
        "<tr><td>e</td><td>f</td><td>g</td></tr></table>"
    )
    columns = {key: answer.tokens.place(at).column for at, key in enumerate(answer.tokens.keys)}
    assert columns == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 0, "f": 1, "g": 2}
    assert [table.widths for table in answer.tables] == [(3, 3, 3)]


def test_a_fence_around_all_is_no_code() -> None:
    answer = parse_answer("```markdown\n# A\n\n| b |\n|---|\n| c |\n```\n")
    assert answer.is_wrapped
    assert len(answer.tables) == 1
    assert not parse_answer("```python\nx\n```").is_wrapped
    assert not parse_answer("```\nx\n```\ntext\n```\ny\n```").is_wrapped


@pytest.mark.parametrize("markdown", ["text\n```\ncode", "<table><tr><td>a</td></tr>"])
def test_what_is_not_closed_is_told(markdown: str) -> None:
    assert parse_answer(markdown).is_open
