"""What modes ask for pages whose truth is known, when models answer with the truth or with a spoiled draft.

A model that is not shown a scan cannot know more of it than OCR has read: its truth is that.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from random import Random

from PIL import Image as Picture

from llamaparse_worker.mode.agentic import AGENTIC
from llamaparse_worker.mode.balanced import BALANCED
from llamaparse_worker.mode.multimodal import MULTIMODAL
from llamaparse_worker.mode.plan import page_markdown
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.refining import Refiner
from llamaparse_worker.mode.witness import Source, evidence_of
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import GenAiAnswer, GenAiRequest, Image, Text
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.spending import Flow
from llamaparse_worker.testing.genai import DEFAULT_DEPLOYMENT, answer
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.errand import Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import open_router
from support.corruptions import KINDS
from support.tokens import count_tokens
from support.witness_samples import Sample

PIXELS_A_TOKEN = 750
"""What Anthropic documents; the makers of other models charge less for pictures of this size."""
PAGES = 1000
_ANSWER = re.compile(r"<answer>\n(.*?)\n</answer>", re.DOTALL)
_CAPS = {ModeName.BALANCED: 250, ModeName.MULTIMODAL: 50, ModeName.AGENTIC: 25}


@dataclass(frozen=True, slots=True)
class ModeBudget:
    """What a mode may ask for 1,000 pages by the published figures, and how often its drafts are spoiled here.

    The published calls beyond one a page are the second calls for drafts that fail: 1 %, 20 %, and one for every page.
    Drafts are spoiled as often, but half as often in the mode agentic, which may look at a place again. So the number
    of calls shows no more than that a spoiled draft costs one of them; the tokens are what is found out.
    """

    policy: Policy
    requests: int
    input_tokens: int
    output_tokens: int
    spoiled: float


BUDGETS = (
    ModeBudget(BALANCED, 1_010, 1_200_000, 1_500_000, 0.01),
    ModeBudget(MULTIMODAL, 1_200, 3_000_000, 1_500_000, 0.2),
    ModeBudget(AGENTIC, 2_000, 4_000_000, 2_000_000, 0.5),
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked in all, for so many pages that models were asked about and those that none need see."""

    pages: int
    requests: int
    input_tokens: int
    output_tokens: int
    verdicts: Mapping[str, int]

    def of_thousand(self, number: int) -> int:
        """Give a number for 1,000 pages."""
        return round(number * PAGES / self.pages)


@dataclass
class Writer:
    """Answers with the truth of the page that is in work, or some of it spoiled; keeps what was asked and said."""

    chance: Random
    spoiled: float
    truth: str = ""
    draft: str = ""
    deployment: Deployment = DEFAULT_DEPLOYMENT
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    picture_tokens: int = 0
    _due: float = 1e-9
    """Grows to 1 with every draft that is to be a spoiled one: so many are spoiled, and not by chance more."""

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        """Answer, and keep it."""
        assert timeout_s > 0
        texts = [part.text for part in request.parts if isinstance(part, Text)]
        self.asked.append("\n".join((request.system, *texts)))
        self.picture_tokens += sum(_tokens_of(part) for part in request.parts if isinstance(part, Image))
        said = self._answer("\n".join(texts))
        self.said.append(said)
        return answer(said)

    def _answer(self, told: str) -> str:
        parts = _ANSWER.findall(told)
        if "=== N ===" in told:
            return "\n".join(f"=== {number} ===\n{self._mended(part)}" for number, part in enumerate(parts, 1))
        self.draft = self._perhaps_spoiled() if "<findings>" not in told else self.truth
        return self.draft

    def _perhaps_spoiled(self) -> str:
        self._due += self.spoiled
        if self._due < 1:
            return self.truth
        self._due -= 1
        kinds = list(KINDS.values())
        self.chance.shuffle(kinds)
        made = (spoil(self.truth, self.chance) for spoil in kinds)
        return next((one.markdown for one in made if one is not None), self.truth)

    def _mended(self, part: str) -> str:
        """Give the truth of a part of the draft."""
        draft, truth, lines = self.draft.split("\n"), self.truth.split("\n"), part.split("\n")
        starts = (at for at in range(len(draft)) if draft[at : at + len(lines)] == lines)
        start = next(starts, 0)
        pairs = SequenceMatcher(None, draft, truth, autojunk=False).get_opcodes()
        within = [one for one in pairs if one[2] > start and one[1] < start + len(lines)]
        first, last = within[0], within[-1]
        low = first[3] + (start - first[1] if first[0] == "equal" else 0)
        high = last[4] - (last[2] - start - len(lines) if last[0] == "equal" else 0)
        return "\n".join(truth[low:high])


class Blank:
    """Draws nothing, in the right size."""

    def __init__(self, page: LaidOutPage) -> None:
        self._page = page

    async def picture(self, *, longest_side: int, part: Box | None = None) -> Image:
        """Give a white picture."""
        wide, high = (self._page.width, self._page.height) if part is None else (part.width, part.height)
        scale = longest_side / max(wide, high)
        made = io.BytesIO()
        Picture.new("L", (max(1, round(wide * scale)), max(1, round(high * scale))), 255).save(made, "JPEG")
        return Image(made.getvalue(), "image/jpeg")


def _tokens_of(image: Image) -> int:
    wide, high = Picture.open(io.BytesIO(image.content)).size
    return wide * high // PIXELS_A_TOKEN


async def spend(budget: ModeBudget, samples: Iterable[Sample], seed: int = 0) -> Spent:
    """Have pages refined one after the other, and count."""
    writer = Writer(Random(seed), budget.spoiled)
    verdicts: dict[str, int] = {}
    pages = 0
    routes = [Route(writer, Gate(writer.deployment, most=1, budget=Budget(), random=Random(0)))]
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(open_router(routes, _CAPS))
        mode = Refiner(router, budget.policy)
        for sample in samples:
            writer.truth = sample.truth if budget.policy.sees else _as_read(sample)
            options = ParseOptions(mode=budget.policy.mode)
            refined = await mode.refine(sample.page, Blank(sample.page), options, flow=Flow("one"))
            assert refined.refinement is not None
            verdict = refined.refinement.verdict
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
            pages += 1
    counted = count_tokens([*writer.asked, *writer.said])
    asked, said = counted[: len(writer.asked)], counted[len(writer.asked) :]
    return Spent(pages, len(writer.asked), sum(asked) + writer.picture_tokens, sum(said), verdicts)


def _as_read(sample: Sample) -> str:
    """Give what a model can say that is told the text of a page and does not see it: of a scan what OCR has read."""
    by_ocr = evidence_of(sample.page).source is Source.OCR
    return page_markdown(sample.page) if by_ocr else sample.truth


def report(budget: ModeBudget, spent: Spent) -> str:
    """Give what 1,000 pages take beside what they may."""
    rows = (
        ("requests", spent.requests, budget.requests),
        ("tokens in", spent.input_tokens, budget.input_tokens),
        ("tokens out", spent.output_tokens, budget.output_tokens),
    )
    counted = ", ".join(f"{name} {spent.of_thousand(number):,} of {most:,}" for name, number, most in rows)
    verdicts = ", ".join(f"{name} {count}" for name, count in sorted(spent.verdicts.items()))
    return f"{budget.policy.mode}: {counted} ({spent.pages} pages: {verdicts}; {budget.spoiled:.0%} of drafts spoiled)"


def overdrawn(budget: ModeBudget, spent: Spent) -> Sequence[str]:
    """Name what is more than the published figures grant."""
    pairs = {
        "requests": (spent.requests, budget.requests),
        "input_tokens": (spent.input_tokens, budget.input_tokens),
        "output_tokens": (spent.output_tokens, budget.output_tokens),
    }
    return [name for name, (number, most) in pairs.items() if spent.of_thousand(number) > most]
