"""A server of OpenAI's protocol on loopback, whose model repeats what it is given."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PAGE = re.compile(r"<page>\n(.*)\n</page>", re.DOTALL)
_WRONG = "# Annual report\n\nThe company earned 4,711,000 crowns, and its owners are pleased with that.\n"


class ModelServer(ThreadingHTTPServer):
    """Answers each question with the text of the page in it, unless it invents, is down or knows another key.

    ``questions`` are those that it has answered.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.invents = False
        self.is_down = False
        self.key: str | None = None
        """The only one that it takes; None: all."""
        self.questions: list[dict[str, Any]] = []

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[ModelServer]:
        """Serve from a thread until the context is left."""
        with cls() as opened:
            threading.Thread(target=opened.serve_forever, daemon=True).start()
            yield opened
            opened.shutdown()

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        if self.server.is_down:
            self.close_connection = True  # without a word, as a proxy does whose provider is gone
            return
        assert self.path == "/v1/chat/completions"
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.key and self.headers["authorization"] != f"Bearer {self.server.key}":
            self._say(401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}})
            return
        self.server.questions.append(question)
        text = "\n".join(part.get("text", "") for part in question["messages"][-1]["content"])
        found = _PAGE.search(text)
        content = _WRONG if self.server.invents or found is None else found[1]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        usage = {"prompt_tokens": 900, "completion_tokens": 400, "total_tokens": 1300}
        self._say(200, {"id": "1", "model": question["model"], "choices": [choice], "usage": usage})

    def _say(self, status: int, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args
