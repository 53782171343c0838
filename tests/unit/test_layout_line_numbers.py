"""Numbers of lines are no column of a table: they begin the lines of a program, and text is read without them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from llamaparse_worker.layout.inline import CODE, PLAIN, SWITCHES
from llamaparse_worker.layout.line_numbers import with_line_numbers_joined
from llamaparse_worker.layout.segments import Gap, Segment

PROGRAM = ("def window(rows):", "    for row in rows:", "        yield row", "")
PROSE = ("The text of a manuscript that", "is up for review has numbers,", "and each stands before a line") * 4
ENTRIES = ("The first one of the chapters", "And there is the second of it", "Some more about the chapters.") * 4
LEADING, PITCH = 14.0, 6.0


def number(value: int, line: int, *, size: float = 5.0, monospaced: bool = False) -> Segment:
    """Give the number of a line, right aligned."""
    x0 = 60 - size / 2 * len(str(value))
    top = 100 + line * LEADING
    return Segment(x0, top + 4, 60, top + 4 + size, size, str(value), monospaced=monospaced)


def text(shown: str, line: int, *, monospaced: bool, left: float = 70.0) -> Segment:
    indent = len(shown) - len(shown.lstrip())
    x0, top = left + indent * PITCH, 100 + line * LEADING
    return Segment(x0, top, left + PITCH * len(shown), top + 10, 10, shown.strip(), monospaced=monospaced)


def numbered(lines: Sequence[str], *, monospaced: bool, first: int = 1, step: int = 1) -> list[Segment]:
    return [
        segment
        for at, line in enumerate(lines)
        for segment in (
            *([number(first + at, at)] if at % step == 0 else []),
            *([text(line, at, monospaced=monospaced)] if line else []),
        )
    ]


def test_the_lines_of_a_program_begin_with_their_numbers() -> None:
    found = with_line_numbers_joined(numbered(PROGRAM, monospaced=True, first=8))
    assert [one.text for one in found] == [
        " 8  def window(rows):",
        " 9      for row in rows:",
        "10          yield row",
        "11",
    ]
    assert all(one.monospaced and one.size == 10 for one in found)
    assert len({one.x0 for one in found}) == 1


@pytest.mark.parametrize("step", [1, 2])
def test_text_is_read_without_the_numbers_of_its_lines(step: int) -> None:
    lines = PROSE * step
    found = with_line_numbers_joined(numbered(lines, monospaced=False, step=step))
    assert [one.text for one in found] == list(lines)


def test_a_number_close_to_its_line_is_parted_from_it() -> None:
    segments = numbered(PROSE, monospaced=False)
    first, line, *others = segments
    rich = f"{SWITCHES[CODE]}1{PLAIN} {line.text}"
    whole = Segment(first.x0, line.y0, line.x1, line.y1, 10, f"1 {line.text}", rich=rich, gaps=(Gap(60, 70, 1),))
    found = with_line_numbers_joined([whole, *others])
    assert [one.text for one in found] == list(PROSE)
    assert (found[0].x0, found[0].rich) == (70, f"{PLAIN} {line.text}".replace(" ", "", 1))


@pytest.mark.parametrize(
    "segments",
    [
        numbered(ENTRIES, monospaced=False),
        numbered(PROSE[:5], monospaced=False),
        [
            one
            for at, line in enumerate(PROGRAM)
            for one in (number(3 * at, at), text(line, at, monospaced=True))
            if one.text
        ],
        [
            one
            for at in range(6)
            for one in (number(at, at, size=10, monospaced=True), text("0.25 0.75", at, monospaced=True))
        ],
        [
            one
            for at, line in enumerate(PROSE)
            for one in (
                number(at, 2 * at),
                text(line, 2 * at, monospaced=False),
                text(line, 2 * at + 1, monospaced=False),
            )
        ],
    ],
    ids=["entries", "few", "steps", "printed by a program", "cells of two lines"],
)
def test_other_numbers_stay_where_they_are(segments: list[Segment]) -> None:
    assert with_line_numbers_joined(segments) == segments


def test_many_numbers_take_a_moment() -> None:
    many = [number(at % 50, at // 50) for at in range(20_000)]
    start = time.process_time()
    assert len(with_line_numbers_joined(many)) == len(many)
    assert time.process_time() - start < 2
