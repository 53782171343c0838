"""The modes keep within the published figures for 1,000 pages, on generated pages and by a real tokenizer."""

from __future__ import annotations

import pytest

from support.budgets import BUDGETS, ModeBudget, overdrawn, report, spend
from support.layouts.genres import GENRES, document
from support.layouts.truth_markdown import truth_markdown
from support.tokens import can_count
from support.witness_samples import Sample, pages_of, samples

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not can_count(), reason="the tokenizer is not installed: make .venv/.simulators"),
]
_CHARACTERS = 4000


@pytest.fixture(scope="module")
def pages() -> list[Sample]:
    made = [(genre, document(genre, 1, _CHARACTERS)) for genre in GENRES]
    return [
        sample for genre, one in made for sample in samples(genre, pages_of(one.pdf), truth_markdown(one.truth))
    ] * 2


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.policy.mode)
async def test_a_mode_asks_for_no_more_than_is_published(budget: ModeBudget, pages: list[Sample]) -> None:
    spent = await spend(budget, pages)
    assert overdrawn(budget, spent) == [], report(budget, spent)
    assert spent.requests >= 0.9 * spent.pages
