"""Segments to lines, the same either way."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.inline import SWITCHES
from llamaparse_worker.layout.lines import (
    VERSION,
    TextLine,
    carried,
    carried_in_python,
    compiled,
    join,
    join_in_python,
    usual_pitch,
    usual_pitch_in_python,
)
from llamaparse_worker.layout.segments import Segment

ROOT = Path(__file__).resolve().parents[2]
needs_compiled = pytest.mark.skipif(compiled is None, reason="lines.c is not compiled")

SIDE = st.sampled_from([0.0, 1.0, 4.5, 9.75, 10.0, 22.0, 40.25])
TEXT = st.sampled_from(["", "a", "word", "longer \u4e2d", "divi\u00ad", "é"])
SEGMENT = st.builds(
    Segment,
    *([SIDE] * 4),
    st.sampled_from([8.0, 10.0, 12.5]),
    TEXT,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", f"{SWITCHES[1]}word{SWITCHES[0]}"]),
)
LINE = st.lists(SEGMENT, min_size=1, max_size=1).map(join_in_python)


@needs_compiled
@given(st.lists(SEGMENT, min_size=1, max_size=5))
def test_segments_are_joined_alike_either_way(segments: list[Segment]) -> None:
    assert join(segments) == join(tuple(segments)) == join_in_python(segments)


@needs_compiled
@given(st.lists(LINE, max_size=8))
def test_lines_are_carried_alike_either_way(lines: list[TextLine]) -> None:
    assert carried(lines) == carried(tuple(lines)) == carried_in_python(lines)


@needs_compiled
@given(st.lists(LINE, min_size=1, max_size=12))
def test_the_pitch_is_the_same_either_way(lines: list[TextLine]) -> None:
    assert usual_pitch(lines) == usual_pitch(tuple(lines)) == usual_pitch_in_python(lines)


def test_letters_that_touch_are_not_parted() -> None:
    segments = [Segment(0.0, 0.0, 10.0, 10.0, 10.0, "un"), Segment(10.5, 1.0, 20.0, 11.0, 10.0, "til", rich="til")]
    line = join([*segments, Segment(24.0, 0.0, 30.0, 9.0, 8.0, "now", bold=True)])
    assert (line.text, line.rich) == ("until now", "until now")
    assert (line.x0, line.y0, line.x1, line.y1, line.size, line.bold) == (0.0, 0.0, 30.0, 11.0, 10.0, False)


@needs_compiled
def test_sides_that_are_whole_numbers_are_left_to_python() -> None:
    assert compiled is not None
    assert compiled.join([Segment(0, 0, 10, 10, 10, "text")]) is None
    assert join([Segment(0, 0, 10, 10, 10, "text")]).text == "text"


@needs_compiled
@pytest.mark.parametrize("odd", [None, object(), "text", [], [None], iter(())])
def test_what_is_no_line_or_no_segment_is_refused(odd: object) -> None:
    assert compiled is not None
    with pytest.raises(TypeError):
        compiled.join(odd)
    with pytest.raises(TypeError):
        compiled.usual_pitch(odd)
    if odd != []:
        with pytest.raises(TypeError):
            compiled.carried(odd)


@needs_compiled
def test_nothing_is_kept_of_segments_and_lines() -> None:
    segments = [
        Segment(float(at), 0.0, at + 4.5, 10.0, 10.0, f"text\u00ad {at}", rich=f"{SWITCHES[1]}{at}" * (at % 2))
        for at in range(0, 30, 5)
    ]
    lines = [join([one]) for one in segments]

    def calls() -> None:
        assert compiled is not None
        join(segments)
        join(segments[:1])
        carried(lines)
        usual_pitch(lines)
        for refused in (compiled.join, compiled.carried, compiled.usual_pitch):
            with pytest.raises(TypeError):
                refused([*lines, None])

    calls()
    gc.collect()
    held = [*segments, *lines, *(one.text for one in segments), *(one.x1 for one in segments)]
    counts, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == counts
    assert sys.getallocatedblocks() < blocks + 200


def test_the_module_and_the_code_that_calls_it_are_of_one_version() -> None:
    assert f"#define VERSION {VERSION}\n" in (ROOT / "src/llamaparse_worker/layout/lines.c").read_text()
