"""Bodies of answers over HTTP, read as they come."""

from __future__ import annotations

from typing import Final

import aiohttp
import anyio

_READ_AGAIN_S: Final = 0.5
"""How long to wait for more of a body before seeing whether it still has a connection."""


async def piece_of(answer: aiohttp.ClientResponse) -> bytes:
    """Give what has come of a body, nothing at its end.

    aiohttp does not wake a reader whose connection ends by a broken chunk, but refuses to read from it again.

    Raises:
        aiohttp.ClientPayloadError: the connection has ended before the body.
    """
    while True:
        with anyio.move_on_after(_READ_AGAIN_S):
            try:
                return await answer.content.readany()
            except RuntimeError as error:
                raise aiohttp.ClientPayloadError(str(error)) from error
