"""Whether one deployment may be asked now, from all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import Failure, FailureKind, GenAiAnswer
from llamaparse_worker.throttle.breaker import Breaker
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.cap import Cap
from llamaparse_worker.throttle.pace import Pace, Start
from llamaparse_worker.throttle.tally import DeploymentUse, Tally

NEVER = float("inf")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
"""After refusals that name no pause; doubled from one to the next."""
_JITTER = 0.25
"""Share of a pause, at random: the workers of a fleet must not all come back in the same moment."""
_REFUSING = {FailureKind.QUOTA_EXHAUSTED, FailureKind.CONFIG}
_CROWDED = {FailureKind.RATE_LIMIT, FailureKind.OVERLOADED}
_BROKEN = {FailureKind.SERVER, FailureKind.OVERLOADED}


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """The right to one call, until it is answered, failed or given up."""

    start: Start
    running: int
    """Calls that ran with this one when it began."""


class Gate:
    """Lets calls to one deployment through: within its caps, its pace, its budget, and while it works.

    Args:
        deployment: whom the calls go to.
        most: how many may ever run at once.
        caps: what further bounds them, together with calls to other deployments.
        budget: what the operator has stated of its quota.
        random: where jitter comes from.
    """

    def __init__(
        self, deployment: Deployment, *, most: int, budget: Budget, random: Random, caps: Sequence[Cap] = ()
    ) -> None:
        self.deployment = deployment
        self.running = 0
        self._caps = caps
        self._pace = Pace(min((most, *(cap.most for cap in caps))))
        self._breaker = Breaker()
        self._budget = budget
        self._tally = Tally(deployment)
        self._random = random
        self._pause_s = _FIRST_PAUSE_S
        self._unwelcome_until = float("-inf")
        self._trouble: FailureKind | None = None

    @property
    def at_once(self) -> int:
        """How many calls may run at once for now."""
        return self._pace.at_once

    def use(self) -> DeploymentUse:
        """Give what is known of the calls so far; safe to call from any thread."""
        return self._tally.use(works=self.works, at_once=self.at_once, running=self.running)

    @property
    def works(self) -> bool:
        """Whether calls are worth waiting for; safe to ask from any thread."""
        return not self._breaker.is_open

    def wants_probe(self, now: float) -> bool:
        """Tell whether nothing but another call can tell that it works again, and none is on its way."""
        return now >= self._unwelcome_until and self._breaker.wants_probe(now)

    @property
    def trouble(self) -> FailureKind | None:
        """What is wrong with it, if it does not work."""
        return None if self.works else self._trouble

    def opens_at(self, now: float, tokens: float) -> float:
        """Tell when a call of so many tokens may start: ``now`` or before if at once, ``NEVER`` until a call ends."""
        if self.running >= self._pace.at_once or any(cap.is_full for cap in self._caps):
            return NEVER
        pace, budget = self._pace.opens_at(now), self._budget.ready_at(now, tokens)
        return max(self._breaker.opens_at(), pace, budget)

    def enter(self, now: float, tokens: float) -> Pass:
        """Begin a call."""
        self._count(1)
        self._breaker.started()
        self._budget.reserve(now, tokens)
        return Pass(self._pace.started(now, tokens), self.running)

    def answered(self, now: float, held: Pass, answer: GenAiAnswer) -> None:
        """End a call that was answered."""
        self._tally.answered(answer)
        self._pace.answered(self.running)
        self._breaker.succeeded(now)
        self._budget.correct(now, held.start.tokens, answer.usage.input_tokens + answer.usage.output_tokens)
        self._pause_s = _FIRST_PAUSE_S
        self._count(-1)

    def failed(self, now: float, held: Pass, failure: Failure) -> None:
        """End a call that failed."""
        self._tally.failed(failure)
        self._unwelcome_until = max(self._unwelcome_until, now + (failure.retry_after_s or 0))
        if failure.kind in _CROWDED:
            self._pace.refused(now, held.start, pause_s=self._pause(failure))
            self._budget.correct(now, held.start.tokens, 0)
        if failure.kind in _REFUSING:
            self._breaker.refused(now)
            self._trouble = failure.kind
        elif failure.kind in _BROKEN:
            self._breaker.failed(now)
            if not self._breaker.is_shut:
                self._trouble = failure.kind
        else:
            self._breaker.succeeded(now)
        self._count(-1)

    def gave_up(self) -> None:
        """End a call that nobody waits for any more."""
        self._breaker.gave_up()
        self._count(-1)

    def unwanted(self, now: float) -> None:
        """Say that nothing waits for this deployment."""
        self._pace.idle(now)

    def _count(self, more: int) -> None:
        self.running += more
        for cap in self._caps:
            cap.running += more

    def _pause(self, failure: Failure) -> float:
        if failure.retry_after_s is not None:
            return failure.retry_after_s * (1 + _JITTER * self._random.random())
        pause_s = self._pause_s
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
        return pause_s * (1 + _JITTER * self._random.random())
