"""The worker's HTTP server without a network: bytes in, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache

from aiohttp import web
from pydantic import SecretStr

from llamaparse_worker.http.dependencies import HttpDependencies, HttpLimits, QueueSource
from llamaparse_worker.http.server import application, protocols
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.job import StoreCounts
from llamaparse_worker.worker.health import Health
from llamaparse_worker.worker.metrics import Metrics

_TURNS = 12
"""Turns of the loop in which an answer is made; more are only needed to wait for further bytes."""


class _Wire(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.7", 1)})
        self.sent = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def writelines(self, list_of_data: Sequence[bytes | bytearray | memoryview]) -> None:  # type: ignore[override] # wider in the stubs
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def get_write_buffer_size(self) -> int:
        return 0


def answer_to(data: bytes) -> bytes:
    """Give what a client without a token gets that sends these bytes and hangs up."""
    loop, connect = _server()
    return loop.run_until_complete(_talk(connect, data))


async def _talk(connect: web.AppRunner, data: bytes) -> bytes:
    wire = _Wire()
    protocol = protocols(connect, HttpLimits())()
    assert isinstance(protocol, asyncio.Protocol)
    protocol.connection_made(wire)
    protocol.data_received(data)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    return bytes(wire.sent)


@cache
def _server() -> tuple[asyncio.AbstractEventLoop, web.AppRunner]:
    loop = asyncio.new_event_loop()

    async def depths() -> Sequence[QueueDepth]:
        return (QueueDepth("parse_raw_file_job", 1, 1, 1),)

    async def counts() -> StoreCounts:
        return StoreCounts(running=1, delayed=0)

    deps = HttpDependencies(
        health=Health(["broker"]),
        metrics=Metrics("0", Limits({})),
        queues=QueueSource(depths=depths, counts=counts, store_shared=True),
        token=SecretStr("a token that no fuzzer guesses"),
    )
    runner = web.AppRunner(application(deps))
    loop.run_until_complete(runner.setup())
    return loop, runner
