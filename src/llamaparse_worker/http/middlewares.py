"""What stands around every request: log, time to send, errors as JSON, the token, the size of the body."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Collection

import anyio
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from pydantic import SecretStr

from llamaparse_worker.errors import TransientError, WorkerError
from llamaparse_worker.http.answers import error_answer
from llamaparse_worker.http.dependencies import HttpLimits
from llamaparse_worker.http.probes import PROBES

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def middlewares(
    token: SecretStr | None, limits: HttpLimits, *, probes: Collection[str] = PROBES
) -> tuple[Middleware, ...]:
    """Give the middlewares, outermost first; ``probes`` are the paths that need no token."""
    return (_log_access, _send_in_time(limits.send_s), _answer_errors, _ask_token(token, probes), _limit_body(limits))


@web.middleware
async def _log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    start = time.perf_counter()
    response = await handler(request)
    seconds = round(time.perf_counter() - start, 4)
    log.debug("http.answered", method=request.method, path=request.path, status=response.status, seconds=seconds)
    return response


def _send_in_time(limit_s: float) -> Middleware:
    @web.middleware
    async def send_in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        try:
            with anyio.fail_after(limit_s):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            log.warning("http.client_too_slow", path=request.path)
            if request.transport is not None:
                request.transport.abort()
        return response

    return send_in_time


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        answer = error_answer(error.status, error.reason)
        answer.headers.extend({name: error.headers[name] for name in (hdrs.ALLOW,) if name in error.headers})
        return answer
    except WorkerError as error:
        return error_answer(503 if isinstance(error, TransientError) else 500, error.message, code=error.code)


def _ask_token(token: SecretStr | None, probes: Collection[str]) -> Middleware:
    expected = _digest(token.get_secret_value()) if token else None

    @web.middleware
    async def ask_token(request: web.Request, handler: Handler) -> web.StreamResponse:
        if expected is None or request.path in probes:
            return await handler(request)
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        # Digests have one length, so that the time of the comparison tells nothing about the token's.
        if scheme.lower() == "bearer" and hmac.compare_digest(_digest(given.strip()), expected):
            return await handler(request)
        answer = error_answer(401, "send the header Authorization: Bearer with the value of API_TOKEN")
        answer.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        return answer

    return ask_token


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def _limit_body(limits: HttpLimits) -> Middleware:
    @web.middleware
    async def limit_body(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.content_length or 0) > limits.body_bytes:
            answer = error_answer(413, f"a body has at most {limits.body_bytes} bytes")
            answer.force_close()
            return answer
        return await handler(request)

    return limit_body
