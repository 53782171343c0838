"""Several pages in one question: how its answer is divided, judged and charged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.mode.agentic import AGENTIC
from llamaparse_worker.mode.balanced import BALANCED
from llamaparse_worker.mode.estimates import fit_one_answer
from llamaparse_worker.mode.multimodal import MULTIMODAL
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.wording import divided, to_divide
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.genai import EndReason, FailureKind
from llamaparse_worker.model.page import ParsedPage
from llamaparse_worker.model.refinement import Verdict, usage_of
from support.modes import GOOD, PROSE, READINGS, failed, overleaf, refine_together, said

pytestmark = pytest.mark.anyio
ALL = pytest.mark.parametrize("policy", [BALANCED, MULTIMODAL, AGENTIC], ids=lambda policy: policy.mode)
CUT = PROSE[1].index("and a few")
TABLE = GOOD[GOOD.index("| Ship") :]
FIRST = f"# Harbour record\n\n{PROSE[0]}\n\n{PROSE[1][:CUT].strip()}"
SECOND = f"{PROSE[1][CUT:]}\n\n{TABLE}"
BOTH = f"=== page 1 ===\n{FIRST}\n\n=== page 2 ===\n{SECOND}"


@ALL
async def test_one_call_drafts_all_pages_and_a_sentence_over_the_page_end_comes_out_whole(policy: Policy) -> None:
    first, second = await refine_together(policy, [said(BOTH)], overleaf())

    assert len(first.requests) == 1
    assert first.pictures(0) == (0 if policy is BALANCED else 2)
    assert "<page-1>" in first.text(0)
    assert "<page-2>" in first.text(0)
    assert [told.record.verdict for told in (first, second)] == [Verdict.ANSWERED] * 2
    signs = document_signs(page_signs(told.page) for told in (first, second))
    one, other = finish([first.page, second.page], signs)
    assert isinstance(one, ParsedPage)
    assert isinstance(other, ParsedPage)
    assert PROSE[1] in one.markdown
    assert "Heron" in other.markdown
    assert "letters for the town" not in other.markdown


async def test_the_call_stands_on_record_once_and_every_page_names_the_others() -> None:
    told = await refine_together(BALANCED, [said(BOTH)], overleaf())

    assert [one.purposes for one in told] == [["draft"], []]
    assert [one.record.together for one in told] == [(1, 2), (1, 2)]
    assert usage_of(one.record for one in told)["requests"] == 1


@ALL
async def test_a_page_whose_part_fails_is_mended_alone(policy: Policy) -> None:
    wrong = BOTH.replace("97.25", "97.52")
    repair = f"=== 1 ===\n{TABLE}" if policy is AGENTIC else SECOND
    first, second = await refine_together(policy, [said(wrong), said(repair)], overleaf())

    assert (first.record.verdict, second.record.verdict) == (Verdict.ANSWERED, Verdict.REPAIRED)
    assert second.purposes == ["repair"]
    assert PROSE[0] not in second.text(1)
    found = second.page.blocks[-1]
    assert isinstance(found, Table)
    assert found.rows == READINGS


@ALL
async def test_what_is_said_of_the_wrong_page_is_not_delivered(policy: Policy) -> None:
    swapped = f"=== page 1 ===\n{SECOND}\n=== page 2 ===\n{FIRST}"
    told = await refine_together(policy, [said(swapped)], overleaf())

    assert [one.record.verdict for one in told] == [Verdict.KEPT] * 2
    assert [one.page.blocks for one in told] == [page.blocks for page in overleaf()]


@ALL
@pytest.mark.parametrize("answer", [FIRST + SECOND, f"=== page 2 ===\n{SECOND}\n=== page 1 ===\n{FIRST}", ""])
async def test_an_answer_that_does_not_divide_is_asked_for_page_by_page(policy: Policy, answer: str) -> None:
    pages = [replace(page, blocks=overleaf()[0].blocks) for page in overleaf()]
    told = await refine_together(policy, [said(answer), said(FIRST), said(FIRST)], pages)

    assert [one.record.verdict for one in told] == [Verdict.ANSWERED] * 2
    assert [one.purposes for one in told] == [["draft", "draft"], ["draft"]]
    assert any("does not divide" in failure for failure in told[0].record.failures)


@pytest.mark.parametrize("kind", [FailureKind.CONTEXT, FailureKind.FILTER, FailureKind.BAD_REQUEST])
async def test_what_is_too_much_at_once_is_asked_page_by_page(kind: FailureKind) -> None:
    pages = [replace(page, blocks=overleaf()[0].blocks) for page in overleaf()]
    told = await refine_together(BALANCED, [failed(kind), said(FIRST), said(FIRST)], pages)

    assert [one.record.verdict for one in told] == [Verdict.ANSWERED] * 2
    assert told[0].record.failures


async def test_of_an_answer_that_was_cut_off_the_whole_pages_are_taken() -> None:
    cut = BOTH[: BOTH.index("97.25")]
    first, second = await refine_together(BALANCED, [said(cut, EndReason.LENGTH), said(SECOND)], overleaf())

    assert (first.record.verdict, second.record.verdict) == (Verdict.ANSWERED, Verdict.ANSWERED)
    assert second.purposes == ["draft"]


@ALL
async def test_the_shared_call_counts_against_the_caps_of_each_page(policy: Policy) -> None:
    wrong = BOTH.replace("97.25", "97.52").replace("128", "182")
    told = await refine_together(policy, [said(wrong)] * 20, overleaf())

    assert [one.record.verdict for one in told] == [Verdict.KEPT] * 2
    assert len(told[0].requests) <= 1 + 2 * (policy.caps.calls - 1)


async def test_without_a_model_nothing_is_tried_page_by_page() -> None:
    with pytest.raises(BackendUnavailable):
        await refine_together(BALANCED, [failed(FailureKind.CONFIG)] * 3, overleaf())


def test_an_answer_is_divided_by_its_marks() -> None:
    assert divided("=== page 3 ===\nA\n\n=== page 4 ===\nB", [3, 4]) == {3: "A", 4: "B"}
    assert divided("=== page 3 ===\nA", [3, 4]) == {3: "A"}
    for wrong in ("A", "Sure!\n=== page 3 ===\nA", "=== page 5 ===\nA", "=== page 3 ===\nA\n=== page 3 ===\nB"):
        assert divided(wrong, [3, 4]) == {}
    assert "=== page N ===" in to_divide([3, 4])


def test_pages_go_together_as_long_as_one_answer_holds_them() -> None:
    short, long = "word " * 100, "word " * 2000
    assert fit_one_answer([short] * 5, None)
    assert not fit_one_answer([long] * 2, None)
    assert not fit_one_answer([short] * 5, 2000)
    assert not fit_one_answer(["", ""], None)
