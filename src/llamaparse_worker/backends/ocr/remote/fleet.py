"""Which OCR service gets the next page: the one with the fewest of ours, among those that work.

A service that fails is set aside, for longer each time, and comes back with one page at a time until it has read one:
that page is the probe, since nothing else proves that a service reads. One that is full rests as long as it asks for.
Pure but for the dice: the caller tells the time.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from yarl import URL

FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0
ERRORS_IN_A_ROW = 3
"""Failed pages one after the other that are no longer the pages' fault."""
_SPREAD = 0.5
"""Rests are up to this share longer, so that workers do not come back together."""


@dataclass(slots=True, eq=False)
class Server:
    """One OCR service as this process knows it."""

    url: URL
    pages: int = 0
    """Our pages that it has in hand."""
    failures: int = 0
    """Since it last read a page."""
    errors: int = 0
    """Pages in a row that it could not read."""
    rests_until: float = 0.0
    is_ours: bool = True
    """Whether it is this project's service, as far as is known: it takes several languages."""

    @property
    def name(self) -> str:
        """Host and port, for people; never the whole address, which may hold a secret."""
        return f"{self.url.host}:{self.url.port}"

    def may_work(self, now: float) -> bool:
        """Whether it can be given a page."""
        return self.rests_until <= now and (self.failures == 0 or self.pages == 0)


class Fleet:
    """All OCR services of the settings."""

    def __init__(self, urls: Sequence[URL]) -> None:
        self.servers = tuple(map(Server, urls))

    def choose(self, now: float, tried: Collection[Server] = ()) -> Server | None:
        """Give the service for the next page, another than those that were tried where there is one."""
        able = [server for server in self.servers if server.may_work(now)]
        # Dice, not cryptography: equals share the pages of all workers.
        return min(able, key=lambda server: (server in tried, server.pages, random.random()), default=None)  # noqa: S311

    def pause_s(self, now: float) -> float:
        """Say after which time to ask again, when there was no service to choose."""
        return min(max(server.rests_until - now, FIRST_REST_S) for server in self.servers)

    def is_down(self, now: float) -> bool:
        """Whether all services have failed and none may be tried."""
        return all(server.failures and not server.may_work(now) for server in self.servers)

    @contextmanager
    def page_at(self, server: Server) -> Iterator[None]:
        """Count a page as in the hands of a service."""
        server.pages += 1
        try:
            yield
        finally:
            server.pages -= 1

    def worked(self, server: Server) -> None:
        """Note a page that was read."""
        server.failures = server.errors = 0

    def failed(self, server: Server, now: float) -> None:
        """Set a service aside; what fails while it rests was sent before, and is no further failure."""
        if now < server.rests_until:
            return
        server.failures += 1
        rest = min(FIRST_REST_S * 2 ** (server.failures - 1), LONGEST_REST_S)
        server.rests_until = now + _spread(rest)

    def erred(self, server: Server, now: float) -> None:
        """Note a page that a service could not read."""
        server.errors += 1
        if server.errors >= ERRORS_IN_A_ROW:
            self.failed(server, now)

    def full(self, server: Server, now: float, rest_s: float) -> None:
        """Let a service rest that takes no more pages for now."""
        server.rests_until = now + _spread(min(rest_s, LONGEST_REST_S))


def _spread(seconds: float) -> float:
    return seconds * (1 + _SPREAD * random.random())  # noqa: S311 - dice, not cryptography
