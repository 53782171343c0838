"""Runs the command line as users do: as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_LIMIT_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(state: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give a clean environment whose embedded queue and results lie in ``state``; tests of OCR say so in ``more``."""
    found = {
        "PATH": os.environ["PATH"],
        "HOME": str(state),
        "LANG": "C.UTF-8",
        "SQLITE_PATH": str(state / "worker.sqlite3"),
        "OBJECTS_DIR": str(state / "objects"),
        "SPOOL_DIR": str(state / "spool"),
        "OCR_ENGINE": "off",
    }
    return {**found, **(more or {})}


SCRIPTED = "llamaparse_worker.testing.reader:ScriptedReader"


def scripted(folder: Path, *, reader: str = SCRIPTED) -> dict[str, str]:
    """Give the variables that enable the reader of scripted documents, as a plugin that lies in ``folder``."""
    owner = folder / "plugins" / "scripted_reader-1.dist-info"
    owner.mkdir(parents=True, exist_ok=True)
    (owner / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-reader\nVersion: 1\n")
    (owner / "entry_points.txt").write_text(f"[llamaparse_worker.reader]\nscripted = {reader}\n")
    return {"PYTHONPATH": str(owner.parent), "PLUGINS": "reader:scripted"}


def command(
    arguments: Sequence[str], env: Mapping[str, str], *, timeout_s: float = 60, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "llamaparse_worker", *arguments],
        env=dict(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass(slots=True)
class Daemon:
    """A running ``llamaparse-worker run``."""

    process: subprocess.Popen[bytes]
    base_url: str
    log_path: Path

    def get(self, path: str, token: str | None = None) -> tuple[int, str]:
        request = urllib.request.Request(self.base_url + path)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return 0, ""

    def get_json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.get(path)[1])

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        until(lambda: self.get("/readyz")[0] == 200, limit_s, why=self.log)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the log events of this name, where LOG_FORMAT is json."""
        lines = [line for line in self.log_path.read_text(errors="replace").splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event.get("event") == name]

    def wait_event(self, name: str, limit_s: float = 20) -> dict[str, Any]:
        until(lambda: bool(self.events(name)), limit_s, why=self.log)
        return self.events(name)[0]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, limit_s: float = 30) -> int:
        return self.process.wait(limit_s)


@contextmanager
def daemon(
    env: Mapping[str, str], state: Path, *, ready: bool = True, cwd: Path | None = None, program: str = "run"
) -> Iterator[Daemon]:
    """Start the daemon, or the service ``ocr``, on a free port and stop it at the end, however the test ends."""
    port = free_port()
    log_path = state / f"daemon-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "llamaparse_worker", program],
            env={**env, "PORT": str(port)},
            cwd=cwd,
            stdout=log,
            stderr=log,
        )
    running = Daemon(process, f"http://127.0.0.1:{port}", log_path)
    try:
        if ready:
            running.wait_ready()
        yield running
    finally:
        process.kill()
        process.wait()


def descendants(pid: int) -> set[int]:
    """Give the process ids of all descendants of a process."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, grown = {pid}, True
    while grown:
        children = {child for child, parent in parents.items() if parent in found}
        grown = not children <= found
        found |= children
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    """Give those of the processes that still run; a zombie does not."""

    def runs(pid: int) -> bool:
        try:
            return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return {pid for pid in pids if runs(pid)}


def until(condition: Callable[[], bool], limit_s: float, *, why: Callable[[], str] = str) -> None:
    """Wait for a condition from outside; fails loudly after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s\n{why()}")
        time.sleep(0.05)
