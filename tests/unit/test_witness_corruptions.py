"""Answers over generated pages with known truth: what is spoiled is refused, and what is right is not."""

from __future__ import annotations

from random import Random

import pytest

from support.corruptions import KINDS, PROMISED
from support.layouts.genres import GENRES, document
from support.layouts.truth_markdown import truth_markdown
from support.refusals import RIGHT, VARIED, Tally, measure
from support.witness_samples import pages_of, samples

_CHARACTERS = 3000
_LEAST_DETECTED = 0.99
_MOST_FALSE = 0.01


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    made = [(genre, seed, document(genre, seed, _CHARACTERS)) for genre in GENRES for seed in (1, 2)]
    found = [
        sample
        for genre, seed, one in made
        for sample in samples(f"{genre} {seed}", pages_of(one.pdf), truth_markdown(one.truth))
    ]
    return measure(found, rounds=1)


def share(tallies: dict[str, Tally], kinds: tuple[str, ...]) -> float:
    found = [tallies[kind] for kind in kinds if kind in tallies]
    return sum(one.refused for one in found) / sum(one.judged for one in found)


@pytest.mark.parametrize("kind", KINDS)
def test_spoiled_answers_of_every_kind_are_refused(kind: str, tallies: dict[str, Tally]) -> None:
    assert tallies[kind].judged >= 10
    assert tallies[kind].refused >= 0.95 * tallies[kind].judged


def test_hardly_any_of_the_kinds_that_matter_passes(tallies: dict[str, Tally]) -> None:
    assert share(tallies, PROMISED) >= _LEAST_DETECTED


def test_hardly_any_right_answer_is_refused(tallies: dict[str, Tally]) -> None:
    assert share(tallies, RIGHT) <= _MOST_FALSE
    assert share(tallies, VARIED) <= _MOST_FALSE


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_spoils_the_same_way(kind: str) -> None:
    truth = truth_markdown(document("statistics", 1, _CHARACTERS).truth)
    first, second = (KINDS[kind](truth, Random(7)) for _ in range(2))
    assert first is not None
    assert first == second
    assert first.markdown != truth
