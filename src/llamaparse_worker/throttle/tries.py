"""One try of one deployment, after which its gate and the log know what came of it."""

from __future__ import annotations

import anyio
import structlog

from llamaparse_worker.model.genai import CallFailed, FailureKind, GenAiAnswer, GenAiRequest
from llamaparse_worker.throttle.errand import Route
from llamaparse_worker.throttle.gate import Pass
from llamaparse_worker.throttle.probe import PROBE, PROBE_TOKENS

_PROBE_TIMEOUT_S = 15.0
_FOR_THE_OPERATOR = {FailureKind.CONFIG, FailureKind.QUOTA_EXHAUSTED}
"""What does not pass until somebody acts."""

log = structlog.get_logger()


async def tried(route: Route, held: Pass, request: GenAiRequest, timeout_s: float) -> GenAiAnswer:
    """Have a model answer.

    Raises:
        CallFailed: there is no answer.
    """
    try:
        answer = await route.model.ask(request, timeout_s=timeout_s)
    except CallFailed as error:
        route.gate.failed(anyio.current_time(), held, error.failure)
        raise
    except BaseException:
        route.gate.gave_up()
        raise
    route.gate.answered(anyio.current_time(), held, answer)
    return answer


async def probed(route: Route) -> bool:
    """Tell whether a deployment answers anything."""
    held = route.gate.enter(anyio.current_time(), PROBE_TOKENS)
    try:
        await tried(route, held, PROBE, _PROBE_TIMEOUT_S)
    except CallFailed as error:
        tell("genai.probe_failed", route, error)
        return error.failure.kind is FailureKind.RATE_LIMIT
    log.info("genai.probe_answered", deployment=route.deployment.id)
    return True


def tell(event: str, route: Route, error: CallFailed) -> None:
    """Log a failure; loudly where somebody has to act, and with the variables to look at."""
    kind, deployment = error.failure.kind, route.deployment
    if kind in _FOR_THE_OPERATOR:
        log.error(event, deployment=deployment.id, kind=kind, error=error.failure.message, settings=deployment.origin)
    else:
        log.warning(event, deployment=deployment.id, kind=kind, error=error.failure.message)
