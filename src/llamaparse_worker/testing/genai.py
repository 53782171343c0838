"""A model that answers what it is told to answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anyio import Event, move_on_after

from llamaparse_worker.model.deployment import Deployment, Family, Profile, Provider
from llamaparse_worker.model.genai import (
    CallFailed,
    EndReason,
    Failure,
    FailureKind,
    GenAiAnswer,
    GenAiRequest,
    Image,
    Part,
    Reasoning,
    Text,
    Usage,
)

DEFAULT_DEPLOYMENT = Deployment(
    id="fake",
    provider=Provider.OPENAI,
    model_id="fake-model",
    provider_model="fake-model",
    family=Family.OTHER,
    profile=Profile(temperature=True, schema=True, images=True, reasoning={Reasoning.NONE: "none"}),
)


def answer(text: str = "An answer.", end: EndReason = EndReason.COMPLETE, *, usage: Usage | None = None) -> GenAiAnswer:
    """Give an answer of the fake model."""
    used = usage or Usage(input_tokens=10, output_tokens=max(1, len(text) // 4))
    return GenAiAnswer(text=text, end=end, usage=used, model="fake-model", request_id="fake-request")


class FakeGenAi:
    """Gives the outcomes one after the other, the last one for ever; ``gate`` holds each back until it is set.

    ``requests`` and ``timeouts_s`` list what it was asked, in the order of the calls.
    """

    def __init__(
        self,
        outcomes: Iterable[GenAiAnswer | Failure] = (),
        *,
        deployment: Deployment = DEFAULT_DEPLOYMENT,
        gate: Event | None = None,
    ) -> None:
        self._deployment = deployment
        self._gate = gate
        self._outcomes = _endless(tuple(outcomes) or (answer(),))
        self.requests: list[GenAiRequest] = []
        self.timeouts_s: list[float] = []
        self.running = 0
        self.most_running = 0

    @property
    def deployment(self) -> Deployment:
        """What it pretends to be."""
        return self._deployment

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        """Give the next outcome."""
        self.requests.append(request)
        self.timeouts_s.append(timeout_s)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        outcome: GenAiAnswer | Failure = Failure(kind=FailureKind.SERVER, message=f"no answer within {timeout_s:g} s")
        try:
            with move_on_after(timeout_s):
                if self._gate is not None:
                    await self._gate.wait()
                outcome = next(self._outcomes)
        finally:
            self.running -= 1
        if isinstance(outcome, Failure):
            raise CallFailed(self._deployment.id, outcome)
        return outcome


def question(*parts: Part, system: str = "Answer briefly.", max_output_tokens: int = 100) -> GenAiRequest:
    """Give a small request; without parts, one with an image and a text."""
    return GenAiRequest(
        system=system, parts=parts or (PIXEL, Text("What is this?")), max_output_tokens=max_output_tokens
    )


def _endless(outcomes: tuple[GenAiAnswer | Failure, ...]) -> Iterator[GenAiAnswer | Failure]:
    yield from outcomes
    while True:
        yield outcomes[-1]


PIXEL = Image(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
        "3a7e9b550000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
    ),
    "image/png",
)
"""One white pixel."""
