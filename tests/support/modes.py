"""Modes on a page that is made by hand, with models that answer as they are told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from random import Random

from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.refining import Refiner
from llamaparse_worker.model.blocks import Block, Cell, Heading, Line, Paragraph, Table
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, GenAiRequest, Image, Text
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import Refinement
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.spending import Flow, Spending
from llamaparse_worker.testing.genai import DEFAULT_DEPLOYMENT, FakeGenAi, answer
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.errand import Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import open_router

CAPS = {ModeName.BALANCED: 250, ModeName.MULTIMODAL: 50, ModeName.AGENTIC: 25}
WIDTH, HEIGHT = 595.0, 842.0
PROSE = (
    "The harbour office opened the new quay on the third of May and counted 128 ships in its first week.",
    "Most of them carried timber from the north, and a few brought salt, wool and letters for the town.",
)
READINGS = (("Ship", "Tons", "Port"), ("Heron", "128.5", "Upper quay"), ("Gull", "97.25", "Lower quay"))
GOOD = (
    "# Harbour record\n\n"
    + "\n\n".join(PROSE)
    + "\n\n| Ship | Tons | Port |\n|---|---|---|\n| Heron | 128.5 | Upper quay |\n| Gull | 97.25 | Lower quay |\n"
)
"""A right answer for ``page``."""


def page(*more: Block) -> LaidOutPage:
    """Give a page with a heading, two paragraphs and a table, as a text layer has it."""
    blocks = (*_heading("Harbour record", 60), *_paragraphs(110), table(400), *more)
    return LaidOutPage(1, WIDTH, HEIGHT, 0, blocks, "\n\n".join(PROSE), "text_layer", body_size=10.0)


def running_text() -> LaidOutPage:
    """Give a page of running text alone."""
    return replace(page(), blocks=(*_heading("Harbour record", 60), *_paragraphs(110)))


def _heading(text: str, top: float) -> tuple[Block, ...]:
    box = Box(70, top, 250, top + 18)
    return (Heading(text, box, 18.0, lines=(Line(text, box),)),)


def _paragraphs(top: float, texts: Sequence[str] = PROSE) -> tuple[Block, ...]:
    made: list[Block] = []
    for at, text in enumerate(texts):
        box = Box(70, top + 60 * at, 520, top + 60 * at + 12)
        made.append(Paragraph(text, box, (Line(text, box),)))
    return tuple(made)


def table(top: float) -> Table:
    """Give a table of three rows."""
    cells = tuple(
        Cell(row, column, Box(70 + 150 * column, top + 20 * row, 160 + 150 * column, top + 20 * row + 12))
        for row in range(3)
        for column in range(3)
    )
    return Table(READINGS, Box(70, top, 460, top + 52), cells)


@dataclass
class View:
    """Draws a page as bytes, a tenth of a byte for each pixel of a square; lists what was asked for."""

    unreadable: bool = False
    drawn: list[tuple[int, Box | None]] = field(default_factory=list)

    async def picture(self, *, longest_side: int, part: Box | None = None) -> Image:
        """Give bytes for a picture."""
        if self.unreadable:
            raise PageUnreadable("page 1 has no image")
        self.drawn.append((longest_side, part))
        return Image(b"x" * (longest_side * longest_side // 10), "image/jpeg")


@dataclass
class Told:
    """A refined page, and what the model was asked for it."""

    page: LaidOutPage
    requests: list[GenAiRequest]

    @property
    def record(self) -> Refinement:
        """What the mode has done."""
        assert self.page.refinement is not None
        return self.page.refinement

    @property
    def purposes(self) -> list[str]:
        """What each answered call was for."""
        return [call.purpose for call in self.record.calls]

    def text(self, number: int) -> str:
        """Give the texts of a request."""
        return "\n".join(part.text for part in self.requests[number].parts if isinstance(part, Text))

    def pictures(self, number: int) -> int:
        """Count the images of a request."""
        return sum(isinstance(part, Image) for part in self.requests[number].parts)


def said(text: str, end: EndReason = EndReason.COMPLETE) -> GenAiAnswer:
    """Give an answer."""
    return answer(text, end)


def failed(kind: FailureKind) -> Failure:
    """Give a failure."""
    return Failure(kind=kind, message="not so")


def overleaf() -> tuple[LaidOutPage, LaidOutPage]:
    """Give two pages; a sentence goes on over the end of the first."""
    cut = PROSE[1].index("and a few")
    begun, rest = (PROSE[0], PROSE[1][:cut].strip()), (PROSE[1][cut:],)
    first = (*_heading("Harbour record", 60), *_paragraphs(110, begun))
    second = (*_paragraphs(110, rest), table(400))
    return (
        replace(page(), blocks=first, text="\n\n".join(begun)),
        replace(page(), blocks=second, text="\n\n".join(rest), number=2),
    )


async def refine_together(
    policy: Policy, outcomes: Sequence[GenAiAnswer | Failure], pages: Sequence[LaidOutPage]
) -> list[Told]:
    """Have pages refined together; each comes with all requests."""
    model = FakeGenAi(outcomes)
    routes = [Route(model, Gate(model.deployment, most=10, budget=Budget(), random=Random(0)))]
    async with AsyncExitStack() as stack:
        stack.enter_context(one_error())
        router = await stack.enter_async_context(open_router(routes, CAPS))
        mode, options = Refiner(router, policy), ParseOptions(mode=policy.mode)
        assert mode.go_together(pages, options)
        refined = await mode.refine_together(pages, [View() for _ in pages], options, flow=Flow("one"))
    return [Told(one, model.requests) for one in refined]


async def refine(
    policy: Policy,
    outcomes: Sequence[GenAiAnswer | Failure],
    *,
    of: LaidOutPage | None = None,
    options: ParseOptions | None = None,
    view: View | None = None,
    deployment: Deployment = DEFAULT_DEPLOYMENT,
    spending: Spending | None = None,
) -> Told:
    """Have a page refined."""
    model = FakeGenAi(outcomes, deployment=deployment)
    routes = [Route(model, Gate(deployment, most=10, budget=Budget(), random=Random(0)))]
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(open_router(routes, CAPS))
        mode = Refiner(router, policy)
        options = options or ParseOptions(mode=policy.mode)
        flow = Flow("one", spending) if spending else Flow("one")
        refined = await mode.refine(of or page(), view or View(), options, flow=flow)
    return Told(refined, model.requests)
