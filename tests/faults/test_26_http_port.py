"""Promise 26: the HTTP port is small, closed by default, and tells nothing about jobs.

The rules of each request stand in ``tests/integration/test_http_server.py``; here the daemon is met from outside.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import documents
from support.daemon import Daemon, command, daemon, environment, until

TOKEN = "secret-of-this-test"
GUARDED = ("/metrics", "/api/queue-statusz", "/api/anything", "/", "/docs", "/livez/../metrics", "//metrics")
PROBES = ("/livez", "/readyz")
HEADER_S = 10
SMUGGLED = (
    b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path, Daemon]]:
    """A daemon that listens everywhere, with a token."""
    state = tmp_path_factory.mktemp("guarded")
    (state / "token").write_text(f"{TOKEN}\n")
    env = environment(state, {"HOST": "0.0.0.0", "API_TOKEN_FILE": str(state / "token"), "LOG_LEVEL": "debug"})
    with daemon(env, state) as running:
        yield env, state, running


def connected(running: Daemon) -> socket.socket:
    address = urlsplit(running.base_url)
    assert address.hostname
    assert address.port
    return socket.create_connection((address.hostname, address.port), timeout=5)


def closed_after(stream: socket.socket, piece: bytes, limit_s: float) -> float:
    """Send a piece now and then until the server closes; gives the seconds."""
    started = time.monotonic()
    stream.settimeout(0.5)
    while time.monotonic() - started < limit_s:
        try:
            stream.sendall(piece)
            if stream.recv(4096) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - started


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN.upper()}",
        "Bearer \xff",
    ],
)
def test_without_the_token_nothing_but_the_probes_answers(
    guarded: tuple[dict[str, str], Path, Daemon], path: str, given: str | None
) -> None:
    _, _, running = guarded
    client = http.client.HTTPConnection(urlsplit(running.base_url).netloc, timeout=5)
    client.putrequest("GET", path)
    if given is not None:
        client.putheader("Authorization", given.encode("latin-1"))
    client.endheaders()
    answer = client.getresponse()

    assert (answer.status, answer.getheader("WWW-Authenticate")) == (401, "Bearer")
    assert "llamaparse_worker_" not in answer.read().decode()
    client.close()


def test_the_token_opens_and_is_never_logged(guarded: tuple[dict[str, str], Path, Daemon]) -> None:
    _, _, running = guarded
    for path in ("/metrics", "/api/queue-statusz"):
        assert running.get(path, TOKEN)[0] == 200
    for probe in PROBES:
        assert running.get(probe)[0] == 200
    assert TOKEN not in running.log_path.read_text()


def test_the_probes_say_no_more_than_they_must(guarded: tuple[dict[str, str], Path, Daemon]) -> None:
    _, state, running = guarded
    for probe in PROBES:
        body = running.get(probe)[1]
        assert len(body) < 100
        assert str(state) not in body
    assert not re.search(r"\d+\.\d+", running.get("/readyz")[1]), "no version"


def test_beyond_loopback_the_daemon_does_not_start_without_a_token(tmp_path: Path) -> None:
    for token in ({}, {"API_TOKEN": ""}):
        done = command(["run"], environment(tmp_path, {"HOST": "0.0.0.0", "PORT": "0", **token}))
        assert done.returncode == 78
        assert "API_TOKEN" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_body_over_the_cap_is_refused(guarded: tuple[dict[str, str], Path, Daemon]) -> None:
    _, _, running = guarded
    client = http.client.HTTPConnection(urlsplit(running.base_url).netloc, timeout=5)
    client.putrequest("POST", "/api/jobs")
    client.putheader("Authorization", f"Bearer {TOKEN}")
    client.putheader("Content-Length", str(1 << 40))
    client.endheaders()

    assert client.getresponse().status == 413
    client.close()


def test_a_header_that_trickles_is_cut_off(guarded: tuple[dict[str, str], Path, Daemon]) -> None:
    _, _, running = guarded
    with connected(running) as stream:
        stream.sendall(b"GET /livez HTTP/1.1\r\n")
        assert closed_after(stream, b"X-Slow: 1\r\n", HEADER_S + 5) <= HEADER_S + 1.5


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        SMUGGLED,
        b"\r\n" * 10_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_without_a_word_about_the_program(
    guarded: tuple[dict[str, str], Path, Daemon], noise: bytes
) -> None:
    _, _, running = guarded
    with connected(running) as stream:
        stream.sendall(noise)
        stream.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := stream.recv(65536):
                received += piece
        except OSError:
            pass

    assert b" 200 " not in received
    assert b"Traceback" not in received
    assert not re.search(rb"(?i)aiohttp|python|y{100}|chunked", received), "neither the program nor what was sent"
    assert running.get("/livez")[0] == 200


def test_no_job_is_named_in_any_label(tmp_path: Path) -> None:
    """Neither by its id nor by its file."""
    env = environment(tmp_path)
    files = [tmp_path / "named-file.pdf", tmp_path / "named-noise.pdf"]
    for path, content in zip(files, (documents.make(documents.prose(1)), documents.garbage()), strict=True):
        path.write_bytes(content)
    with daemon(env, tmp_path) as running:
        done = command(["submit", *map(str, files), "--json"], env)
        jobs = [json.loads(line)["job"] for line in done.stdout.splitlines()]
        until(lambda: {"completed", "failed"} <= outcomes(running), 20, why=running.log)
        metrics = running.get("/metrics")[1]

    assert len(jobs) == 2
    assert not [name for name in (*jobs, "named-file", "named-noise", str(tmp_path)) if name in metrics]


def outcomes(running: Daemon) -> set[str]:
    return set(re.findall(r'llamaparse_worker_jobs_total\{.*outcome="(\w+)"', running.get("/metrics")[1]))
