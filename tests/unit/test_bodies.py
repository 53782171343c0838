"""A body that breaks off is known to within a second, however it breaks off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest
from anyio.abc import SocketStream

from llamaparse_worker.backends.bodies import piece_of

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PAUSE_S = 0.2
"""Long enough that the reader waits for more."""


@asynccontextmanager
async def answering(*pieces: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
    """Give the answer of a server that sends these, one after the other, and closes."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(HEAD)
            for piece in pieces:
                await anyio.sleep(PAUSE_S)
                await stream.send(piece)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks, aiohttp.ClientSession() as session:
        tasks.start_soon(listener.serve, serve)
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            yield answer
        tasks.cancel_scope.cancel()


async def read(answer: aiohttp.ClientResponse) -> bytes:
    found = b""
    while piece := await piece_of(answer):
        found += piece
    return found


async def test_all_of_a_body_is_read() -> None:
    async with answering(b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n") as answer:
        assert await read(answer) == b"abcde"


@pytest.mark.parametrize("end", [b"", b"5\r\nab", b"no chunk at all"], ids=["cut off", "within a chunk", "broken"])
async def test_a_body_that_breaks_off_is_no_body(end: bytes) -> None:
    async with answering(b"3\r\nabc\r\n", end) as answer:
        with anyio.fail_after(5), pytest.raises(aiohttp.ClientPayloadError):
            await read(answer)
