"""Queue figures from the management API, which knows what is unacknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, TypeAdapter, ValidationError
from yarl import URL

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import QueueDepth

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_COLUMNS = "name,state,messages_ready,messages_unacknowledged,consumers"
_SERVING = ("running", "idle", "flow")  # a queue under flow control takes and gives, slower


class _QueueRow(BaseModel):
    name: str
    state: str | None = None
    messages_ready: int | None = None
    messages_unacknowledged: int | None = None
    consumers: int = 0


_ROWS = TypeAdapter(list[_QueueRow])


async def fetch_depths(address: URL, authorization: str, *, vhost: str, family: str) -> list[QueueDepth]:
    """Count all queues whose name begins with ``family``; one that does not serve is given as unhealthy.

    ``authorization`` is the value of the header.

    Raises:
        BackendUnavailable: the API does not answer, or has no figures of a queue yet, as in its first seconds.
    """
    path = f"{address.path.rstrip('/')}/api/queues/{quote(vhost, safe='')}"
    url = URL.build(scheme=address.scheme, authority=address.authority, path=path, encoded=True)
    try:
        async with (
            aiohttp.ClientSession(headers={"Authorization": authorization}, timeout=_TIMEOUT) as session,
            session.get(url.with_query(columns=_COLUMNS), raise_for_status=True) as response,
        ):
            rows = _ROWS.validate_json(await response.read())
    except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
        raise BackendUnavailable(f"the management API at {address.authority} does not tell: {error}") from error
    return _depths([row for row in rows if row.name.startswith(family)])


def _depths(rows: Sequence[_QueueRow]) -> list[QueueDepth]:
    found = []
    for row in sorted(rows, key=lambda row: row.name):
        healthy = row.state in _SERVING
        if row.state is None or (healthy and (row.messages_ready is None or row.messages_unacknowledged is None)):
            raise BackendUnavailable(f"the management API has no figures of the queue {row.name} yet")
        found.append(
            QueueDepth(row.name, row.messages_ready or 0, row.messages_unacknowledged or 0, row.consumers, healthy)
        )
    return found
