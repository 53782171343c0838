"""One question about several pages, so that a model sees how sentences and tables go on from one to the next.

Its answer is divided by page. The parts are judged page by page, like any draft; a page for which there is none is
asked about by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llamaparse_worker.mode.asking import Asking, NoAnswer, Question
from llamaparse_worker.mode.estimates import output_limit_of
from llamaparse_worker.mode.wording import divided, to_divide
from llamaparse_worker.mode.work import Candidate, Work
from llamaparse_worker.model.genai import EndReason, Text
from llamaparse_worker.model.refinement import ModelCall


async def drafts(works: Sequence[Work], asking: Asking, most_output: int | None) -> Mapping[int, Candidate]:
    """Have all pages drafted in one call; gives the drafts by page, which may be those of some pages or none.

    The call stands on the record of the first page; each page is charged its share.

    Args:
        works: what is done for the pages, in order.
        asking: asks on behalf of all of them.
        most_output: tokens that models may answer with, where that is known.

    Raises:
        BackendUnavailable: no model can be asked, whatever the pages.
    """
    numbers = tuple(work.number for work in works)
    try:
        alone = [await work.questions.draft() for work in works]
        answer = await asking.ask(_together(works, alone, most_output))
    except NoAnswer as error:
        works[0].asking.failures.extend(asking.failures or [str(error)])
        return {}
    finally:
        _share(works, asking.calls)
    parts = divided(answer.text, numbers)
    if answer.end is EndReason.LENGTH and parts:
        del parts[max(parts)]  # the page at which it was cut off
    found: dict[int, Candidate] = {}
    for work, question in zip(works, alone, strict=True):
        if work.number in parts:
            found[work.number] = await work.drafted(parts[work.number], question, numbers)
    if not found:
        works[0].asking.failures.append("draft: the answer for several pages does not divide into them")
    return found


def _together(works: Sequence[Work], alone: Sequence[Question], most_output: int | None) -> Question:
    parts = [part for work, question in zip(works, alone, strict=True) for part in work.questions.of_many(question)]
    limit = output_limit_of([work.questions.text for work in works])
    return replace(
        alone[0],
        parts=(*parts, Text(to_divide([work.number for work in works]))),
        picture_tokens=sum(question.picture_tokens for question in alone),
        output_tokens=limit if most_output is None else min(limit, most_output),
    )


def _share(works: Sequence[Work], calls: Sequence[ModelCall]) -> None:
    for call in calls:
        works[0].asking.calls.append(call)
        for work in works:
            work.asking.charge(call.usage, among=len(works), counted=work is works[0])
