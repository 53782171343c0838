"""The probes. They need no token, so they tell no more than which part is missing."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from llamaparse_worker.http.answers import json_answer
from llamaparse_worker.http.dependencies import ReadinessSource


def probe_routes(health: ReadinessSource) -> Sequence[web.AbstractRouteDef]:
    """Give the routes of the probes."""

    async def livez(_: web.Request) -> web.Response:
        # That the event loop answers is the proof; a dependency that is down is cured by no restart.
        return json_answer({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        reasons = list(health.reasons())
        if reasons:
            return json_answer({"status": "not ready", "reasons": reasons}, status=503)
        return json_answer({"status": "ready", "reasons": []})

    return [web.get("/livez", livez), web.get("/healthz", livez), web.get("/readyz", readyz)]


PROBES = frozenset({"/livez", "/healthz", "/readyz"})
"""The paths that anyone may ask."""
