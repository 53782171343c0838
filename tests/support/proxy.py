"""A TCP proxy inside the test process, which hurts connections on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

_BLOCK = 65536


class Proxy:
    """Forwards every connection to one port of the loopback. What it does to them may be changed at any time."""

    def __init__(self, target_port: int) -> None:
        self.latency_s = 0.0
        """Each block waits so long in each direction, and holds up those behind it."""
        self.slice_bytes = _BLOCK
        """No block is longer than this."""
        self.reset_after_bytes: int | None = None
        """A connection that has carried more than this in a direction is reset."""
        self.down = False
        """New connections are reset while this is set."""
        self.forwarded_bytes = 0
        self.resets = 0
        """Connections that were reset for what they carried."""
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    def cut(self) -> int:
        """Reset all connections; gives how many there were."""
        writers = tuple(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """Keep connections open and forward nothing; new ones are taken and hear nothing either.

        What was held up is forgotten at the end, with its connections: that is what the network does, too.
        """
        self._flows.clear()
        try:
            yield
        finally:
            self.cut()
            self._flows.set()

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """Reset all connections, and new ones at once."""
        self.down = True
        self.cut()
        try:
            yield
        finally:
            self.down = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        if self.down:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:  # the server itself is away
            writer.transport.abort()
            return
        self._writers |= {writer, to_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, to_writer))
                tasks.create_task(self._pump(to_reader, writer))
        finally:
            self._writers -= {writer, to_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried = 0
        try:
            while block := await reader.read(self.slice_bytes):
                carried += len(block)
                if self.reset_after_bytes is not None and carried > self.reset_after_bytes:
                    self.resets += 1
                    return
                await asyncio.sleep(self.latency_s)
                await self._flows.wait()
                writer.write(block)
                self.forwarded_bytes += len(block)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def running_proxy(target_port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """Run a proxy; gives it and its port."""
    proxy = Proxy(target_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
