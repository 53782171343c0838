"""What a call of a model is made for, whom it may go to, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.interfaces.genai import GenAi
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import CallFailed, GenAiAnswer
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """On whose behalf a call is made."""

    mode: ModeName
    flow: str
    """The document; flows share what there is."""
    tokens: float
    """What the call may cost, question and answer together."""
    images: bool = False
    timeout_s: float = 300.0
    """Seconds for one try."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, who gave it, and what failed before."""

    answer: GenAiAnswer
    deployment: Deployment
    failures: tuple[CallFailed, ...] = ()

    @property
    def cost(self) -> float | None:
        """What the answer has cost, where the price of its deployment is known."""
        price = self.deployment.price
        return None if price is None else price.of(self.answer.usage)


class NobodyToAsk(Exception):
    """No deployment is configured that may take the call."""


class NobodyAnswers(Exception):
    """Every deployment that may take the call has failed for too long to wait for one."""


@dataclass(frozen=True, slots=True)
class Route:
    """A deployment and the gate before it."""

    model: GenAi
    gate: Gate

    @property
    def deployment(self) -> Deployment:
        """Whom the route leads to."""
        return self.model.deployment
