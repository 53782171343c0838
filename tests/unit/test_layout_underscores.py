"""Short rules at the foot of letters are underscores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from llamaparse_worker.layout.underscores import with_underscores
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage

SIZE, ADVANCE, RULE, KERN, TOP = 10.0, 5.0, 3.0, 0.6, 100.0
BASELINE = TOP + 7.5
Rule = tuple[float, float, float, float]


def page_of(shown: str, *, up: float = 0.0, others: Sequence[Rule] = (), spaced: str = "") -> RawPage:
    """Give a line of text in which each ``_`` is a rule, ``up`` above the baseline; spaces are inferred ones.

    Behind each letter of ``spaced`` a space is inferred where a rule follows it.
    """
    text, boxes, rules, x = "", list[tuple[float, ...]](), list[Rule](), 50.0
    for one, following in zip(shown, [*shown[1:], ""], strict=True):
        if one == "_":
            rules.append((x + KERN, BASELINE - up, x + KERN + RULE, BASELINE - up))
            x += KERN + RULE
            continue
        width = 0.0 if one == " " else ADVANCE
        text += one
        boxes.append((x, TOP, x + width, TOP + SIZE))
        x += width or ADVANCE / 2
        if following == "_" and one in spaced:
            text += " "
            boxes.append((x, TOP, x, TOP + SIZE))
    count = len(text)
    return RawPage(
        number=1,
        width=600,
        height=800,
        rotation=0,
        text=text,
        boxes=np.array(boxes, np.float32).tobytes(),
        sizes=np.full(count, SIZE, np.float32).tobytes(),
        fonts=np.zeros(count, np.uint16).tobytes(),
        font_table=(Font("CMR10"),),
        rules=np.array([*rules, *others], np.float32).reshape(-1, 4).tobytes(),
    )


@pytest.mark.parametrize(
    "shown", ["a my_name of_it here", "one_two_three", "a__b", "x_y and _private", "x_y and last_ too", "x_(1)"]
)
@pytest.mark.parametrize("spaced", ["", "yt"])
def test_a_rule_at_the_foot_of_letters_is_an_underscore(shown: str, spaced: str) -> None:
    page = with_underscores(page_of(shown, spaced=spaced))
    assert " ".join(page.text.split()) == shown
    assert not page.rules
    assert len(page.boxes) == 16 * len(page.text)


def test_other_rules_stay_with_the_page() -> None:
    others = [(50.0, 300.0, 500.0, 300.0), (80.0, 320.0, 83.0, 320.0)]
    page = with_underscores(page_of("my_name", others=others))
    assert page.text == "my_name"
    assert np.frombuffer(page.rules, np.float32).reshape(-1, 4).tolist() == [list(rule) for rule in others]


@pytest.mark.parametrize(
    "page",
    [
        page_of("my_name", up=4),
        page_of("_U4 C10_"),
        page_of("name", others=[(55.5, BASELINE, 59.5, BASELINE)]),
        page_of("my  name", others=[(60.6, BASELINE, 61.2, BASELINE)]),
        page_of("? _ !"),
    ],
    ids=["a minus", "a drawing", "under a letter", "too short", "no letters"],
)
def test_other_short_rules_are_no_underscores(page: RawPage) -> None:
    assert with_underscores(page) is page
