"""WireMock (third-party) on a free port: says what ``support.genai_words`` has, and breaks connections in its own ways.

A call carries the name of what it wants to hear in the header ``CELL``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from support.genai_words import WORDS, Said, errors_of_bedrock
from support.services import Server, ServiceMissing, free_ports

CELL = "x-cell"
_JARS = Path(sys.prefix) / "simulators/node_modules/wiremock/build"
_PATHS = {
    "openai": ".*/chat/completions",
    "anthropic": ".*/messages",
    "vertex claude": ".*:rawPredict",
    "gemini": ".*:generateContent",
    "bedrock": ".*/converse",
}
_DRIPS = 100
"""Pieces of an answer that drips."""
_SHORT = 10_000
"""Characters of an answer: longer ones lie in files, and are cut in the journal."""


class Fault(StrEnum):
    """How WireMock can break a connection; the values are its own names."""

    EMPTY = "EMPTY_RESPONSE"
    RESET = "CONNECTION_RESET_BY_PEER"
    BROKEN_CHUNK = "MALFORMED_RESPONSE_CHUNK"
    RANDOM_DATA = "RANDOM_DATA_THEN_CLOSE"


@dataclass(frozen=True, slots=True)
class WireMock:
    """A server that runs."""

    address: str

    def bodies(self) -> list[str]:
        """Give the bodies of the calls since the journal was cleared, in their order."""
        calls = json.loads(self._administer("GET", "requests"))["requests"]
        return [call["request"]["body"] for call in reversed(calls)]

    def clear(self) -> None:
        """Clear the journal."""
        self._administer("DELETE", "requests")

    def _administer(self, method: str, what: str) -> bytes:
        request = urllib.request.Request(f"{self.address}/__admin/{what}", method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())


@pytest.fixture(scope="session")
def _wiremock_server() -> Iterator[WireMock]:
    jar = next(_JARS.glob("wiremock-standalone-*.jar"), None)
    if jar is None:
        pytest.skip("WireMock is not installed: make .venv/.simulators")
    java = shutil.which("java")
    if java is None:
        raise ServiceMissing("java is not installed: apt-get install default-jre-headless")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="test-wiremock-") as name:
        folder = Path(name)
        _write(folder)
        short_lived = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
        options = (
            *("--port", f"{port}", "--bind-address", "127.0.0.1", "--root-dir", name),
            *("--async-response-enabled", "true", "--async-response-threads", "20"),
            *("--disable-banner", "--disable-gzip", "--disable-request-logging", "--disable-response-templating"),
            *("--logged-response-body-size-limit", f"{_SHORT}"),
        )
        server = Server((java, *short_lived, "-jar", f"{jar}", *options), folder, lambda: _is_up(port), {})
        server.start()
        try:
            yield WireMock(f"http://127.0.0.1:{port}")
        finally:
            server.stop(crash=True)  # it would wait for the answers that hang


@pytest.fixture
def wiremock(_wiremock_server: WireMock) -> WireMock:
    """WireMock with an empty journal."""
    _wiremock_server.clear()
    return _wiremock_server


def _write(folder: Path) -> None:
    """Write the stubs as WireMock reads them."""
    for part in ("mappings", "__files"):
        (folder / part).mkdir()
    stubs = [_stub(".*", fault.name, {"fault": fault.value}) for fault in Fault]
    for protocol, path in _PATHS.items():
        stubs += [_stub(path, cell, _response(folder, said)) for cell, said in WORDS[protocol].items()]
    stubs += [_stub(_PATHS["bedrock"], name, _response(folder, said)) for name, said in errors_of_bedrock().items()]
    (folder / "mappings/all.json").write_text(json.dumps({"mappings": stubs}))


def _stub(path: str, cell: str, response: Mapping[str, Any]) -> Mapping[str, Any]:
    request = {"method": "POST", "urlPathPattern": path, "headers": {CELL: {"equalTo": cell}}}
    return {"request": request, "response": response}


def _response(folder: Path, said: Said) -> Mapping[str, Any]:
    response: dict[str, Any] = {"status": said.status, "headers": dict(said.headers), "body": said.text}
    if len(said.text) > _SHORT:
        name = f"{len(list((folder / '__files').iterdir()))}.txt"
        (folder / "__files" / name).write_text(response.pop("body"))
        response["bodyFileName"] = name
    if said.late_s:
        response["fixedDelayMilliseconds"] = round(1000 * said.late_s)
    if said.drips_s:
        response["chunkedDribbleDelay"] = {"numberOfChunks": _DRIPS, "totalDuration": round(1000 * said.drips_s)}
    return response


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__admin/health", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
