"""Lines of a page, joined and gathered the same either way."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.rules import (
    VERSION,
    Rule,
    compiled,
    frames,
    joined_in_python,
    page_rules,
    touching_in_python,
)
from llamaparse_worker.model.page import RawPage

ROOT = Path(__file__).resolve().parents[2]
needs_compiled = pytest.mark.skipif(compiled is None, reason="rules.c is not compiled")

PLACE = st.sampled_from([-0.04, 0.0, 0.3, 1.25, 4.0, 7.5, 7.55, 8.0, 20.0, 60.0, 61.5, 99.0, 100.0])
RECTANGLE = st.tuples(PLACE, PLACE, PLACE, PLACE).map(
    lambda one: (*map(min, one[:2], one[2:]), *map(max, one[:2], one[2:]))
)
RULE = st.builds(Rule, PLACE, PLACE, PLACE, st.booleans())


def page_of(lines: Sequence[tuple[float, ...]], fills: Sequence[tuple[float, ...]]) -> RawPage:
    return RawPage(
        number=1,
        width=100.0,
        height=100.0,
        rotation=0,
        text="",
        boxes=b"",
        sizes=b"",
        fonts=b"",
        font_table=(),
        rules=np.array(lines, np.float32).tobytes(),
        fills=np.array(fills, np.float32).tobytes(),
    )


@needs_compiled
@given(st.lists(RECTANGLE, max_size=20), st.lists(RECTANGLE, max_size=8))
def test_lines_are_joined_alike_either_way(lines: list[tuple[float, ...]], fills: list[tuple[float, ...]]) -> None:
    page = page_of(lines, fills)
    assert repr(page_rules(page)) == repr(joined_in_python(page))


@needs_compiled
@given(st.lists(RULE, max_size=12), st.lists(RULE, max_size=12))
def test_lines_that_touch_are_gathered_alike_either_way(level: list[Rule], upright: list[Rule]) -> None:
    assert compiled is not None
    assert compiled.touching(tuple(level), tuple(upright)) == list(touching_in_python(level, upright))


@needs_compiled
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1e30])
def test_sides_that_cannot_be_rounded_are_left_to_python(odd: float) -> None:
    assert compiled is not None
    page = page_of([(0.0, 5.0, odd, 5.0)], [])
    assert compiled.joined(page.rules, page.fills, page.width, page.height) is None
    assert compiled.joined(b"", page.rules, page.width, page.height) is None
    assert compiled.joined(page.rules[:-1], b"", page.width, page.height) is None


def test_a_line_in_pieces_is_one_and_what_touches_it_stands_in_its_frame() -> None:
    pieces = [(0.0, 5.0, 30.0, 5.0), (32.0, 5.2, 60.0, 5.2), (0.0, 50.0, 2.0, 50.0), (31.0, 4.0, 31.0, 40.0)]
    rules = page_rules(page_of(pieces, [(0.0, 0.0, 100.0, 100.0)]))
    assert rules.level == (Rule(5.0, 0.0, 60.0),)
    assert [(frame.box.x1, frame.box.y1, len(frame.upright)) for frame in frames(rules)] == [(60.0, 40.0, 1)]


@needs_compiled
@pytest.mark.parametrize("odd", [object(), None, Rule("0", 0, 5)])  # type: ignore[arg-type]
def test_what_is_no_rule_is_refused(odd: object) -> None:
    assert compiled is not None
    with pytest.raises(TypeError):
        compiled.touching((Rule(0.0, 0.0, 5.0),), (odd,))
    with pytest.raises(TypeError):
        compiled.touching([Rule(0.0, 0.0, 5.0)], ())
    with pytest.raises(TypeError):
        compiled.joined("lines", b"", 1.0, 1.0)


@needs_compiled
def test_nothing_is_kept_of_rules() -> None:
    assert compiled is not None
    page = page_of([(0.0, 5.0, 30.0, 5.0), (10.0, 5.0, 10.0, 25.0)] * 4, [(0.0, 5.0, 30.0, 25.0)])
    rules = [Rule(5.0, 0.0, 30.0), Rule(50.0, 0.0, 30.0)]

    def calls() -> None:
        assert compiled is not None
        page_rules(page)
        compiled.touching(tuple(rules), tuple(rules))
        with pytest.raises(TypeError):
            compiled.touching(tuple(rules), (None,))

    calls()
    gc.collect()
    counts, blocks = [sys.getrefcount(one) for one in (page.rules, page.fills, *rules)], sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert [sys.getrefcount(one) for one in (page.rules, page.fills, *rules)] == counts
    assert sys.getallocatedblocks() < blocks + 200


def test_the_module_and_the_code_that_calls_it_are_of_one_version() -> None:
    assert f"#define VERSION {VERSION}\n" in (ROOT / "src/llamaparse_worker/layout/rules.c").read_text()
