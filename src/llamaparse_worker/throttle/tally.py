"""What calls to one deployment have come to, since the start of the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import Failure, GenAiAnswer

ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentUse:
    """One deployment at one moment."""

    deployment: str
    works: bool
    """Whether calls are worth waiting for."""
    at_once: int
    """Calls that may run at once for now."""
    running: int
    outcomes: Mapping[str, int]
    """Ended calls: ``answered``, or the kind of their failure."""
    input_tokens: int
    output_tokens: int
    cost: float
    """Of calls with a price."""


@dataclass(frozen=True, slots=True)
class RouterUse:
    """All deployments, and the calls that wait for one."""

    waiting: int
    deployments: tuple[DeploymentUse, ...]


class Tally:
    """Counts the calls of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._outcomes: Counter[str] = Counter()
        self._input_tokens = 0
        self._output_tokens = 0
        self._cost = 0.0

    def answered(self, answer: GenAiAnswer) -> None:
        """Count an answer with what it has cost."""
        self._outcomes[ANSWERED] += 1
        self._input_tokens += answer.usage.input_tokens
        self._output_tokens += answer.usage.output_tokens
        price = self._deployment.price
        self._cost += price.of(answer.usage) if price else 0.0

    def failed(self, failure: Failure) -> None:
        """Count a failure by its kind."""
        self._outcomes[failure.kind] += 1

    def use(self, *, works: bool, at_once: int, running: int) -> DeploymentUse:
        """Give what was counted; safe to call from any thread."""
        return DeploymentUse(
            deployment=self._deployment.id,
            works=works,
            at_once=at_once,
            running=running,
            outcomes=dict(self._outcomes),
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cost=self._cost,
        )
