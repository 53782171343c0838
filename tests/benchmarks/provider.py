"""A provider of models with a known latency: ``python -m benchmarks.provider PORT LATENCY_S SPREAD_S``.

It speaks OpenAI's protocol and gives back the text of the page that it is asked about, so that every answer passes its
checks. ``GET /answered`` gives the times at which it has answered, in seconds, as a JSON array.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from typing import Any, Final

from aiohttp import web

_PAGE: Final = re.compile(r"<page>\n(.*)\n</page>", re.DOTALL)
_MOST_BYTES: Final = 64 << 20


class Provider:
    """Answers each question after a while."""

    def __init__(self, latency_s: float, spread_s: float) -> None:
        self._latency_s = latency_s
        self._spread_s = spread_s
        self._random = random.Random(1)
        self._answered: list[float] = []

    def application(self) -> web.Application:
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/answered", self._tell)
        return application

    async def _complete(self, request: web.Request) -> web.Response:
        came_at = time.monotonic()
        question = json.loads(await request.read())
        answer = _answer(question)
        wanted_s = self._random.uniform(self._latency_s - self._spread_s, self._latency_s + self._spread_s)
        await asyncio.sleep(max(0.0, came_at + wanted_s - time.monotonic()))
        self._answered.append(time.monotonic())
        return web.Response(body=answer, content_type="application/json")

    async def _tell(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._answered)


def _answer(question: dict[str, Any]) -> bytes:
    content = question["messages"][-1]["content"]
    text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
    page = _PAGE.search(text)
    message = {"role": "assistant", "content": page[1] if page else text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": len(text) // 4, "completion_tokens": len(message["content"]) // 4}
    return json.dumps({"id": "1", "model": question["model"], "choices": [choice], "usage": usage}).encode()


if __name__ == "__main__":
    _port, _latency_s, _spread_s = sys.argv[1:]
    web.run_app(
        Provider(float(_latency_s), float(_spread_s)).application(),
        host="127.0.0.1",
        port=int(_port),
        access_log=None,
        print=None,
    )
