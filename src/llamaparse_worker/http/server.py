"""Opens the HTTP server. Small limits everywhere: what it serves is small."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.http.answers import error_answer
from llamaparse_worker.http.dependencies import HttpDependencies, HttpLimits
from llamaparse_worker.http.metrics import metrics_routes
from llamaparse_worker.http.middlewares import middlewares
from llamaparse_worker.http.probes import probe_routes
from llamaparse_worker.http.queues import QueueReader, queue_routes

log = structlog.get_logger()

PRODUCT = "llamaparse-worker"
_LINGERING_S = 2.0
"""How long the rest of an unread body is thrown away before the connection is closed."""
_SHUTDOWN_S = 1.0


@asynccontextmanager
async def open_http(host: str, port: int, deps: HttpDependencies) -> AsyncIterator[str]:
    """Serve until the context is left; gives the base address, such as ``http://127.0.0.1:8004``.

    Raises:
        ConfigurationError: HOST or PORT cannot be bound.
    """
    async with listening(host, port, application(deps), deps.limits) as address:
        yield address


@asynccontextmanager
async def listening(
    host: str, port: int, app: web.Application, limits: HttpLimits, *, cancel_when_gone: bool = False
) -> AsyncIterator[str]:
    """Serve an application within limits until the context is left; gives the base address.

    Args:
        host: the address to listen on.
        port: 0 takes a free one.
        app: routes and middlewares.
        limits: what one client may take.
        cancel_when_gone: whether a request ends when its client has hung up.

    Raises:
        ConfigurationError: HOST or PORT cannot be bound.
    """
    runner = web.AppRunner(app, shutdown_timeout=_SHUTDOWN_S, handler_cancellation=cancel_when_gone)
    await runner.setup()
    try:
        server = await _listen(host, port, protocols(runner, limits))
        try:
            address = _address(server)
            log.info("http.listening", address=address)
            yield address
        finally:
            server.close()
    finally:
        await runner.cleanup()


def application(deps: HttpDependencies) -> web.Application:
    """Put routes and middlewares together."""
    app = web.Application(middlewares=middlewares(deps.token, deps.limits), client_max_size=deps.limits.body_bytes)
    reader = QueueReader(deps.queues)
    app.add_routes(probe_routes(deps.health))
    app.add_routes(metrics_routes(deps.metrics, reader))
    app.add_routes(queue_routes(deps.queues, reader))
    app.on_response_prepare.append(hide_versions)
    return app


async def hide_versions(_: web.Request, response: web.StreamResponse) -> None:
    """Name the product in every answer, and no version of anything."""
    response.headers[hdrs.SERVER] = PRODUCT
    response.headers["X-Content-Type-Options"] = "nosniff"


class _Refusal(asyncio.Protocol):
    """Closes a connection beyond the cap; the time limits free a place soon."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        log.warning("http.too_many_connections")
        transport.close()


class _Connection(web.RequestHandler):
    """Answers what is no request without telling what was sent, or which program and version reads it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Give the bare answer, and close the connection."""
        del message
        bug = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if bug:
            log.error("http.failed", path=request.path, exc_info=exc)
        else:
            log.debug("http.not_a_request", status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has been begun")
        answer = error_answer(status, "see the log" if bug else "this is no request that can be read")
        answer.headers[hdrs.SERVER] = PRODUCT
        answer.force_close()
        return answer


def protocols(runner: web.AppRunner, limits: HttpLimits) -> Callable[[], asyncio.Protocol]:
    """Give what makes the protocol of each new connection: one that refuses where there are enough."""
    serve = runner.server
    if serve is None:
        raise RuntimeError("the runner is not set up")
    options: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": limits.header_s,  # aiohttp applies it from the start of a connection until a header
        "lingering_time": _LINGERING_S,
        "auto_decompress": False,
    }

    def protocol() -> asyncio.Protocol:
        if len(serve.connections) >= limits.connections:
            return _Refusal()
        return _Connection(serve, loop=asyncio.get_running_loop(), **options)

    return protocol


async def _listen(host: str, port: int, protocols: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(protocols, host, port)
    except OSError as error:
        variable = "PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "HOST"
        raise ConfigurationError(f"{variable}: cannot listen on {host} port {port}: {error.strerror}") from error


def _address(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
