from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.mode.witness import Check, Finding, Severity, Source, evidence_of, judge
from llamaparse_worker.model.blocks import Footnote, Heading, ListBlock, ListItem, Span, SpanKind
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, PageReason
from llamaparse_worker.model.recognition import Word
from support.witnessed import page, paragraph, table

TEXT = "In 2019 the harbour handled 4,512 ships, of which 12.5 per cent carried timber from the north."
SECOND = "The council of the town agreed to widen the eastern quay before the next winter begins."
PAGE = page(paragraph(TEXT), paragraph(SECOND, 200))
TABLE = table(("Year", "Ships", "Timber"), ("2018", "4,100", "310"), ("2019", "4,512", "290"), ("2020", "3,977", "305"))
WITH_TABLE = page(paragraph(TEXT), TABLE)


def errors(answer: str, of: LaidOutPage = PAGE, *, cut_off: bool = False) -> list[Finding]:
    found = judge(answer, evidence_of(of), cut_off=cut_off).findings
    return [finding for finding in found if finding.severity is Severity.ERROR]


def checks(answer: str, of: LaidOutPage = PAGE) -> set[Check]:
    return {finding.check for finding in errors(answer, of)}


@pytest.mark.parametrize(
    "answer",
    [
        f"{TEXT}\n\n{SECOND}",
        f"# {TEXT}\n\n> {SECOND}",
        f"{SECOND}\n\n{TEXT}",
        f"{TEXT.replace('4,512', '**4,512**')}\n\n- {SECOND}",
        f"![a picture of 3 ships](a.png)\n\n{TEXT}\n\n1. {SECOND}",
        f"{TEXT.replace('harbour', 'harbour[^1]')}\n\n{SECOND}",
    ],
)
def test_a_right_answer_passes_however_it_is_written(answer: str) -> None:
    found = judge(answer, evidence_of(PAGE))
    assert found.passes
    assert found.recall == found.precision == 1
    assert set(found.checks) == set(Check)


def test_a_changed_digit_is_told_with_what_the_page_says_and_where() -> None:
    (found,) = errors(f"{TEXT.replace('4,512', '4,572')}\n\n{SECOND}")
    assert (found.check, found.answer_text, found.page_text) == (Check.NUMBERS, "4,572", "4,512")
    assert found.place is not None
    assert found.place.line == 1
    assert found.box is not None
    assert found.box.y0 == 100
    assert found.sentence == "The answer says “4,572” (line 1); the page says “4,512”."


@pytest.mark.parametrize("other", ["45,12", "4512.0", "4,5122", "-4,512", ""])
def test_no_other_value_of_a_number_passes(other: str) -> None:
    assert Check.NUMBERS in checks(f"{TEXT.replace('4,512', other)}\n\n{SECOND}")


def test_a_minus_counts_but_a_dash_that_may_be_one_does_not() -> None:
    cold = page(paragraph("It was \u221212 degrees at night and 7 \u2013 9 degrees at noon."))
    assert not errors("It was -12 degrees at night and 7-9 degrees at noon.", cold)
    assert Check.NUMBERS in checks("It was 12 degrees at night and 7-9 degrees at noon.", cold)


def test_a_changed_name_is_no_plain_word() -> None:
    named = page(paragraph("Set the variable OCR_ENGINE to tesseract5 before you start."))
    assert checks("Set the variable OCR_ENGIN to tesseract5 before you start.", named) == {Check.IDENTIFIERS}
    assert not errors("Set the variables OCR_ENGINE to tesseract5 before you start.", named)


def test_an_invented_sentence_is_told() -> None:
    invented = "Experts expect this trend to continue for many years."
    (found,) = errors(f"{TEXT} {invented}\n\n{SECOND}")
    assert found.check is Check.NOVELTY
    assert found.answer_text == invented.lower().rstrip(".")


def test_a_sentence_said_twice_is_told() -> None:
    assert Check.NOVELTY in checks(f"{TEXT}\n\n{SECOND}\n\n{SECOND}")


def test_what_is_lost_is_told_with_its_box() -> None:
    (found,) = errors(TEXT)
    assert found.check is Check.LOSS
    assert found.page_text.startswith("the council")
    assert found.box == Box(60, 200, 60 + 5 * len(SECOND), 210)


def test_what_may_be_a_running_head_may_be_left_out_and_kept() -> None:
    head = paragraph("Annual report of the harbour master 2019", 20)
    for of in (page(paragraph(SECOND), head=[head]), page(head, paragraph(SECOND))):
        assert not errors(SECOND, of)
        assert not errors(f"{head.text}\n\n{SECOND}", of)


def test_marks_of_lists_and_notes_are_no_numbers() -> None:
    box = Box(60, 100, 300, 110)
    items = (ListItem("first thing to do", box, mark="4."), ListItem("second thing to do", box, mark="5."))
    noted = paragraph("A remark3 that goes on", 140)
    raised = noted.text.index("3")
    noted = type(noted)(noted.text, noted.box, noted.lines, (Span(raised, raised + 1, SpanKind.SUPERSCRIPT),))
    of = page(ListBlock(items, box, ordered=True), noted, Footnote("3", "the note itself", Box(60, 400, 300, 410)))
    assert not errors("1. first thing to do\n1. second thing to do\n\nA remark[^1] that goes on\n\nthe note itself", of)


def test_the_characters_of_a_formula_are_not_compared_in_order() -> None:
    of = page(paragraph("The energy is E = mc 2 where m is the mass and 2 an exponent of the light"))
    answer = "The energy is $E = mc^{2}$ where $m$ is the mass and 2 an exponent of the light"
    assert not errors(answer, of)


def test_what_the_mode_fast_makes_of_a_page_passes() -> None:
    assert judge(markdown(WITH_TABLE.blocks), evidence_of(WITH_TABLE)).passes


def as_table(*rows: str, text: str = TEXT) -> str:
    lines = [f"| {row} |" for row in rows]
    return "\n".join((text, "", lines[0], "|---|---|---|", *lines[1:]))


ROWS = ("Year | Ships | Timber", "2018 | 4,100 | 310", "2019 | 4,512 | 290", "2020 | 3,977 | 305")


def test_a_row_that_is_missing_is_told_with_its_place_on_the_page() -> None:
    found = errors(as_table(ROWS[0], ROWS[1], ROWS[3]), WITH_TABLE)
    (row,) = (finding for finding in found if finding.check is Check.ROWS and finding.box and finding.box.height < 20)
    assert row.page_text == "2019 4,512 290"


def test_a_row_like_others_is_missed_too() -> None:
    alike = table(("Name", "Kind"), ("one", "Required True"), ("two", "Required True"), ("three", "Required True"))
    answer = "| Name | Kind |\n|---|---|\n| one | Required True |\n| three | Required True |"
    assert Check.ROWS in checks(answer, page(alike))


def test_a_row_that_is_invented_is_told() -> None:
    assert Check.ROWS in checks(as_table(*ROWS, "2021 | 4,001 | 311"), WITH_TABLE)


@pytest.mark.parametrize(
    "rows",
    [
        ("Year | Ships | Timber", "2018 | 310 | 4,100", "2019 | 290 | 4,512", "2020 | 305 | 3,977"),
        ("Year | Timber | Ships", "2018 | 310 | 4,100", "2019 | 290 | 4,512", "2020 | 305 | 3,977"),
        ("Year | Timber | Ships", "2018 | 4,100 | 310", "2019 | 4,512 | 290", "2020 | 3,977 | 305"),
    ],
)
def test_swapped_columns_are_told(rows: tuple[str, ...]) -> None:
    assert checks(as_table(*rows), WITH_TABLE) == {Check.COLUMNS}
    lines = [paragraph("    ".join(row.split(" | ")), 300 + 14 * at) for at, row in enumerate(ROWS)]
    words = [
        Word(text, Box(60 + 100 * column, line.box.y0, 100 + 100 * column, line.box.y1))
        for line in lines
        for column, text in enumerate(line.text.split("    "))
    ]
    without_table = page(*lines, words=words)
    assert not errors(as_table(*ROWS, text=""), without_table)
    assert checks(as_table(*rows, text=""), without_table) == {Check.COLUMNS}


def test_a_row_with_another_number_of_cells_is_remarked() -> None:
    found = judge(as_table(*ROWS[:3], "2020 | 3,977 305"), evidence_of(WITH_TABLE)).findings
    assert [(one.check, one.severity) for one in found] == [(Check.ROWS, Severity.REMARK)]


@pytest.mark.parametrize("rounds", [6, 60])
def test_a_loop_is_told(rounds: int) -> None:
    assert Check.LOOP in checks(f"{TEXT}\n\n{SECOND} " + "and so on and on it goes " * rounds)


def test_a_page_that_repeats_itself_is_no_loop() -> None:
    zeros = [("0", "0", "0")] * 30
    of = page(table(("a", "b", "c"), *zeros))
    assert not errors("| a | b | c |\n|---|---|---|\n" + "| 0 | 0 | 0 |\n" * 30, of)


def test_empty_cells_without_end_are_a_loop() -> None:
    assert checks(f"{TEXT}\n\n{SECOND}\n\n" + "|  |  |  |\n" * 500) == {Check.LOOP}


@pytest.mark.parametrize(
    "phrase",
    ["Here is the content of the page:", "Sure! Here's the Markdown:", "Let me know if you need more.", "以下是内容"],
)
def test_talk_to_the_reader_is_told(phrase: str) -> None:
    assert Check.CHAT in checks(f"{phrase}\n\n{TEXT}\n\n{SECOND}")
    assert not errors(f"{phrase}\n\n{TEXT}", page(paragraph(phrase), paragraph(TEXT, 140)))


def test_an_empty_answer_is_right_for_an_empty_page_only() -> None:
    assert checks("") == checks("\n\n") == checks("![a picture](a.png)") == {Check.EMPTY}
    assert not errors("", page(reason=PageReason.BLANK))


def test_an_end_too_soon_is_told_by_the_model_or_by_the_page() -> None:
    assert Check.CUT_OFF in {one.check for one in errors(f"{TEXT}\n\n{SECOND}", cut_off=True)}
    assert Check.LOSS in checks(f"{TEXT}\n\nThe council of the town agreed")
    assert Check.CUT_OFF in checks(f"```\n{TEXT}")


def test_a_fence_around_all_is_remarked() -> None:
    found = judge(f"```markdown\n{TEXT}\n\n{SECOND}\n```", evidence_of(PAGE))
    assert [(one.check, one.severity) for one in found.findings] == [(Check.FENCE, Severity.REMARK)]


def test_links_lead_where_the_page_does() -> None:
    text = "Read the manual at example.org/manual or ask us"
    box = Box(60, 100, 300, 110)
    of = page(Heading(text, box, 10, spans=(Span(30, 33, SpanKind.LINK, "https://ask.example.org/"),)))
    assert not errors(
        "Read the [manual](https://example.org/manual) at example.org/manual or [ask](https://ask.example.org/) us", of
    )
    for bad in (
        "[us](https://evil.example/?q=manual)",
        "![](https://evil.example/a.png) us",
        "us <img src='//evil.example/a'>",
    ):
        assert checks(f"Read the manual at example.org/manual or ask {bad}", of) == {Check.LINKS}


def test_without_a_reading_an_answer_is_judged_by_its_form() -> None:
    evidence = evidence_of(page(paragraph("\ufffd\ufffd"), reason=PageReason.GARBLED))
    assert evidence.source is Source.NOBODY
    assert judge(TEXT, evidence).passes
    assert not judge("Sure! Here is the text of the page.", evidence).passes
    assert not judge("and so on it goes " * 20, evidence).passes
    assert Check.NUMBERS not in judge(TEXT, evidence).checks


def test_where_ocr_is_not_sure_it_only_remarks() -> None:
    def read(confidence: float) -> LaidOutPage:
        parts = [(word, confidence if word == "4,512" else 0.99) for word in TEXT.split()]
        words = [Word(text, Box(60 + 30 * at, 100, 85 + 30 * at, 110), sure) for at, (text, sure) in enumerate(parts)]
        return page(paragraph(TEXT), words=words, engine="openvino", confidence=0.98)

    answer = TEXT.replace("4,512", "4,572")
    assert evidence_of(read(0.5)).source is Source.OCR
    assert not errors(answer, read(0.5))
    assert judge(answer, evidence_of(read(0.5))).findings
    assert errors(answer, read(0.99))


SENTENCES = (
    "The harbour master wrote that timber from the northern valleys had reached the lower quay before noon, and that"
    " merchants of the upper town were waiting for salt, copper and winter wool since early spring."
)
MISREAD = {"harbour": "harbonr", "timber": "tirnber", "valleys": "vallevs", "merchants": "merchnts", "copper": "coppcr"}


def as_ocr(text: str, sure: Mapping[str, float] | None = None) -> LaidOutPage:
    """Give a page as OCR has read it; of words that are not named it is sure."""
    words = [
        Word(word, Box(60 + 15 * at, 100, 72 + 15 * at, 110), (sure or {}).get(word, 0.99))
        for at, word in enumerate(text.split())
    ]
    return page(paragraph(text), words=words, engine="openvino", confidence=0.98)


def misread(text: str) -> str:
    return " ".join(MISREAD.get(word, word) for word in text.split())


def test_words_that_ocr_has_misread_are_neither_lost_nor_new() -> None:
    assert not errors(SENTENCES, as_ocr(misread(SENTENCES)))
    assert errors(SENTENCES, page(paragraph(misread(SENTENCES))))  # a text layer misreads nothing


def test_other_words_in_the_place_of_sure_ones_are() -> None:
    other = SENTENCES.replace("harbour", "castle").replace("timber", "nobody").replace("valleys", "people")
    other = other.replace("merchants", "shepherds").replace("copper", "jewels")
    assert errors(other, as_ocr(SENTENCES))


def test_where_ocr_has_guessed_a_text_of_its_length_may_stand_but_not_none() -> None:
    told = "northern valleys had reached"
    guess = "nqrfbcm wallqys hxd rcoobcd"
    read = as_ocr(SENTENCES.replace(told, guess), dict.fromkeys(guess.split(), 0.6))
    assert not errors(SENTENCES, read)
    assert errors(SENTENCES.replace(told, ""), read)
    assert errors(
        SENTENCES.replace(told, f"{told} the king who promised everybody a golden boat next summer and"), read
    )


def test_an_escaped_mark_within_a_number_is_a_part_of_it() -> None:
    text = "The rate was 9.76 in March, 12.5 in May and 7.25 since June."
    assert not errors(text.replace(".", "\\."), page(paragraph(text)))
    assert errors(text.replace("9.76", "9\\.67"), page(paragraph(text)))


def test_the_better_answer_has_the_higher_score() -> None:
    evidence = evidence_of(WITH_TABLE)
    right, fenced = as_table(*ROWS), f"```markdown\n{as_table(*ROWS)}\n```"
    changed, half = right.replace("4,100", "4,700"), as_table(*ROWS[:2])
    scores = [judge(answer, evidence).score for answer in (right, fenced, changed, half, "Something else entirely")]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert scores[0] == 1


def test_an_answer_of_any_length_is_judged_in_time() -> None:
    evidence = evidence_of(PAGE)
    started = time.process_time()
    assert not judge("word " * 1_000_000, evidence).passes
    for sign in (
        "`a ",
        "![",
        "\\[",
        "<!--",
        "[a](",
        "$a ",
        "<table ",
        "<table>\n<!",
        "| ",
        "> ",
        "- ",
        "*a",
        "_a",
        "\u200b",
    ):
        judge(sign * (40_000 // len(sign)), evidence)
    assert time.process_time() - started < 20
