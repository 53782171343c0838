"""How Claude is told to think, in the words of Anthropic's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import GenAiRequest


@dataclass(frozen=True, slots=True)
class Thinking:
    """The parameters of one request; both may be missing."""

    parameter: Mapping[str, object] | None = None
    """``thinking``: a budget of tokens, or none at all."""
    effort: str | None = None

    @property
    def thinks(self) -> bool:
        """Whether a budget is set, beside which no temperature may be."""
        return self.parameter is not None and "budget_tokens" in self.parameter


def thinking(request: GenAiRequest, profile: Profile, limit: int) -> Thinking:
    """Give them: a word of the profile is an effort, a number a budget, 0 forbids it.

    A budget that leaves nothing of the ``limit`` of output tokens is not sent: the API would refuse it.
    """
    match profile.reasoning.get(request.reasoning):
        case str() as effort:
            return Thinking(effort=effort)
        case 0:
            return Thinking({"type": "disabled"})
        case int() as budget if budget < limit:
            return Thinking({"type": "enabled", "budget_tokens": budget})
        case _:
            return Thinking()
