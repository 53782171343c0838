"""The part of ``check`` that costs money: one small question to every deployment of a model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.genai import CallFailed, Failure, FailureKind, GenAiAnswer, Quota
from llamaparse_worker.throttle.probe import PROBE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llamaparse_worker.interfaces import GenAi
    from llamaparse_worker.model.deployment import Deployment
    from llamaparse_worker.settings import WorkerSettings

LIMIT_S = 60.0
_REMEDIES = {
    FailureKind.RATE_LIMIT: "Wait, or have the provider raise the quota.",
    FailureKind.QUOTA_EXHAUSTED: "Pay, wait for the next day, or have the provider raise the quota.",
    FailureKind.OVERLOADED: "Try again later, or configure a second provider.",
    FailureKind.SERVER: "Try again; see the provider's status page, and whether its address can be reached from here.",
}
_WRONG_SETTINGS = "Correct the key, the model or the address of this deployment: {origin}, see docs/providers."


async def check_genai(settings: WorkerSettings) -> ExitStatus:
    """Ask every deployment once, one after the other, and print a line for each; gives the worst outcome.

    Raises:
        ConfigurationError: the settings of a provider are wrong, or there is no deployment at all.
    """
    from llamaparse_worker.app.backends import open_genai

    worst = ExitStatus.OK
    async with open_genai(settings) as models:
        if not models:
            raise ConfigurationError(
                "no provider of models is configured; set a key, such as OPENAI_API_KEY, or LLM_PROVIDER_CONFIGS_JSON"
            )
        for model in models:
            worst = max(worst, await _ask(model))
    return worst


async def _ask(model: GenAi) -> ExitStatus:
    name, start = f"genai {model.deployment.id}", time.monotonic()
    try:
        answer = await model.ask(PROBE, timeout_s=LIMIT_S)
    except CallFailed as failed:
        print(f"FAILED  {name}: {_explained(failed.failure, model.deployment)}")
        return ExitStatus.UNAVAILABLE if failed.failure.kind in _REMEDIES else ExitStatus.CONFIGURATION
    print(f"ok      {name}: {'; '.join(_facts(model.deployment, answer, time.monotonic() - start))}")
    return ExitStatus.OK


def _explained(failure: Failure, deployment: Deployment) -> str:
    status = "" if failure.status is None else f" ({failure.status})"
    pause = "" if failure.retry_after_s is None else f"; it asks for a pause of {failure.retry_after_s:g} s"
    remedy = _REMEDIES.get(failure.kind, _WRONG_SETTINGS.format(origin=deployment.origin))
    return f"{failure.kind}{status}: {failure.message}{pause}\n        {remedy}"


def _facts(deployment: Deployment, answer: GenAiAnswer, took_s: float) -> Iterator[str]:
    yield answer.model or deployment.provider_model
    yield f"{took_s:.2f} s"
    yield f"{answer.usage.input_tokens} tokens in, {answer.usage.output_tokens} out"
    price = deployment.price
    yield "no price is set" if price is None else f"cost {price.of(answer.usage):.6f}"
    limits = answer.limits
    quotas = {
        "requests": limits.requests,
        "tokens": limits.tokens,
        "input tokens": limits.input_tokens,
        "output tokens": limits.output_tokens,
    }
    yield from (f"{name}: {_left(quota)}" for name, quota in quotas.items() if quota)


def _left(quota: Quota) -> str:
    left = "?" if quota.remaining is None else f"{quota.remaining}"
    limit = "?" if quota.limit is None else f"{quota.limit}"
    again = "" if quota.reset_s is None else f", whole in {quota.reset_s:g} s"
    return f"{left} of {limit} left{again}"
