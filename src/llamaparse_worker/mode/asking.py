"""The calls that are made for one page: within the page's caps, and all on record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, ModelsUnavailable
from llamaparse_worker.mode.estimates import tokens_in
from llamaparse_worker.model.genai import (
    CallFailed,
    EndReason,
    FailureKind,
    GenAiAnswer,
    GenAiRequest,
    Image,
    Part,
    Text,
    Usage,
)
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.model.refinement import ModelCall
from llamaparse_worker.spending import Flow
from llamaparse_worker.throttle.errand import Errand, NobodyAnswers, NobodyToAsk
from llamaparse_worker.throttle.router import Router

_NO_MODEL = frozenset({FailureKind.CONFIG, FailureKind.QUOTA_EXHAUSTED})
"""What is no fault of the page: every page would fail so, until somebody does something."""
_DECLINED = frozenset({EndReason.FILTERED, EndReason.REFUSED, EndReason.OTHER})
_LEAST_ANSWER = 200
"""Tokens: with less room for an answer none is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that may be spent on one page, whatever becomes of it."""

    calls: int
    input_tokens: int
    output_tokens: int

    def times(self, pages: int) -> Caps:
        """Give what may be spent on so many pages together."""
        return Caps(
            calls=self.calls * pages,
            input_tokens=self.input_tokens * pages,
            output_tokens=self.output_tokens * pages,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked about a page."""

    purpose: str
    system: str
    parts: tuple[Part, ...]
    picture_tokens: int
    """What the pictures among the parts are estimated to take."""
    output_tokens: int
    """The most that the answer may take."""

    @property
    def input_tokens(self) -> int:
        """Estimate what the question takes."""
        texts = sum(tokens_in(part.text) for part in self.parts if isinstance(part, Text))
        return tokens_in(self.system) + texts + self.picture_tokens


class NoAnswer(Exception):
    """A question brought no answer that could be looked at."""

    def __init__(self, message: str, *, may_be_lighter: bool = False) -> None:
        super().__init__(message)
        self.may_be_lighter = may_be_lighter
        """Whether the same may be answered with less in it: too long, filtered, declined or malformed."""


@dataclass(slots=True)
class Asking:
    """Asks models about one page."""

    router: Router
    mode: ModeName
    flow: Flow
    caps: Caps
    calls: list[ModelCall] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _input_tokens: int = 0
    _output_tokens: int = 0
    _elsewhere: int = 0
    """Calls for this page among others that stand on the record of another."""

    def allows(self, question: Question) -> bool:
        """Tell whether the caps leave room for a question and an answer that is worth it."""
        return (
            len(self.calls) + self._elsewhere < self.caps.calls
            and self._input_tokens + question.input_tokens <= self.caps.input_tokens
            and self._room >= _LEAST_ANSWER
        )

    @property
    def _room(self) -> int:
        return self.caps.output_tokens - self._output_tokens

    def charge(self, usage: Usage, *, among: int, counted: bool) -> None:
        """Charge the page its share of a call that was made for several; ``counted``: it is among ``calls``."""
        self._input_tokens += math.ceil(usage.input_tokens / among)
        self._output_tokens += math.ceil(usage.output_tokens / among)
        self._elsewhere += not counted

    async def ask(self, question: Question) -> GenAiAnswer:
        """Have a question answered.

        Raises:
            NoAnswer: the caps or the cost limit are reached, or the page is why there is none.
            ConfigurationError: there is a cost limit, but not the price of a model.
            BackendUnavailable: no model can be asked, whatever the page; ``ModelsUnavailable`` where time may help.
        """
        if not self.allows(question):
            raise NoAnswer(f"{question.purpose}: the page has used up what its mode may ask for")
        limit = min(question.output_tokens, self._room)
        request = GenAiRequest(system=question.system, parts=question.parts, max_output_tokens=limit, temperature=0.0)
        errand = Errand(
            mode=self.mode,
            flow=self.flow.name,
            tokens=question.input_tokens + limit,
            images=any(isinstance(part, Image) for part in question.parts),
        )
        reserved, cost = await self._reserved(question, errand, limit), 0.0
        try:
            found = await self.router.ask(request, errand)
            cost = found.cost or 0.0
        except NobodyToAsk as error:
            raise BackendUnavailable(f"{error}: name a model for it in LLM_PROVIDER_CONFIGS_JSON") from error
        except NobodyAnswers as error:
            raise self.router.outage(self.mode) or ModelsUnavailable(str(error)) from error
        except CallFailed as error:
            self.failures.append(str(error))
            if error.failure.kind in _NO_MODEL:
                raise self._nobody_to_ask(error) from error
            raise _no_answer(question, error) from error
        finally:
            self.flow.spending.settle(reserved, cost)
        self.failures.extend(map(str, found.failures))
        answer = found.answer
        self._input_tokens += answer.usage.input_tokens or question.input_tokens
        self._output_tokens += answer.usage.output_tokens or tokens_in(answer.text)
        self.calls.append(
            ModelCall(
                found.deployment.id,
                found.deployment.provider,
                answer.model or found.deployment.provider_model,
                question.purpose,
                answer.end,
                answer.usage,
                found.cost,
            )
        )
        if answer.end in _DECLINED:
            self.failures.append(f"{found.deployment.id}: {answer.end}: {answer.detail or 'no reason given'}")
            raise NoAnswer(self.failures[-1], may_be_lighter=True)
        return answer

    def _nobody_to_ask(self, error: CallFailed) -> ModelsUnavailable:
        """Give the error of a job whose calls nobody takes, with what the last of the providers has said."""
        known = self.router.outage(self.mode) or ModelsUnavailable("no model can be asked")
        return type(known)(f"{known.message} ({error})")

    async def _reserved(self, question: Question, errand: Errand, limit: int) -> float:
        """Set aside what the call costs if its answer is as long as it may be, from the dearest that may give it."""
        if self.flow.spending.most is None:
            return 0.0
        usage, most = Usage(input_tokens=question.input_tokens, output_tokens=limit), 0.0
        for one in self.router.deployments(self.mode, images=errand.images):
            if one.price is None:
                raise ConfigurationError(f"a cost limit needs the price of {one.provider_model} in GENAI_PRICES_JSON")
            most = max(most, one.price.of(usage))
        if not await self.flow.spending.reserve(most):
            raise NoAnswer(f"{question.purpose}: the document may cost no more than {self.flow.spending.most:g}")
        return most


def _no_answer(question: Question, error: CallFailed) -> NoAnswer:
    """Tell what a failed call means for the page."""
    lighter = error.failure.kind in {FailureKind.CONTEXT, FailureKind.FILTER, FailureKind.BAD_REQUEST}
    return NoAnswer(f"{question.purpose}: {error}", may_be_lighter=lighter)
