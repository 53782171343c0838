"""Promise 28: systemd hears of a frozen loop and starts the worker anew; a parser process that is killed is no end.

The test is the service manager: it listens on the socket, and does what the unit tells systemd to do.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamaparse_worker.testing.reader import script
from support.daemon import Daemon, alive, command, daemon, descendants, environment, scripted, until

UNIT = Path(__file__).parents[2] / "systemd" / "llamaparse-worker@.service"
WATCHDOG_S = 1.0


class Manager:
    """What systemd hears."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def heard(self, word: str, within_s: float) -> bool:
        """Tell whether this is said from now on within the time."""
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                if word in self._socket.recv(4096).decode():
                    return True
            except TimeoutError:
                return False
        return False

    def forget(self) -> None:
        """Drop what was said so far."""
        self._socket.settimeout(0.001)
        try:
            while True:
                self._socket.recv(4096)
        except TimeoutError:
            return

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


@pytest.fixture
def env(tmp_path: Path, manager: Manager) -> dict[str, str]:
    more = {
        "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
        "LOG_FORMAT": "json",
        "JOB_LEASE_SECONDS": "1",
        "EMBEDDED_QUEUE_LEASE_SECONDS": "1",
        "SWEEP_INTERVAL_SECONDS": "0.2",
    }
    return environment(tmp_path, {**scripted(tmp_path), **more})


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), flags=re.MULTILINE)


def submit(env: dict[str, str], folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    done = command(["submit", str(folder / name)], env)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def parser_processes(running: Daemon) -> set[int]:
    return {
        pid
        for pid in descendants(running.process.pid)
        if (Path("/proc") / str(pid) / "comm").read_text().strip() == "parser"
    }


def test_a_frozen_loop_falls_silent_and_the_next_start_does_its_job(
    tmp_path: Path, env: dict[str, str], manager: Manager
) -> None:
    with daemon(env, tmp_path) as running:
        assert manager.heard("READY=1", 5)
        submit(env, tmp_path, "slow", script("slow 4", "text"))
        running.wait_event("job.started")
        assert manager.heard("WATCHDOG=1", WATCHDOG_S)

        os.kill(running.process.pid, signal.SIGSTOP)
        manager.forget()

        assert not manager.heard("WATCHDOG=1", WATCHDOG_S), "systemd calls it dead now"
        family = descendants(running.process.pid)
        os.kill(running.process.pid, signal.SIGKILL)  # SIGABRT first, which a stopped process does not take
        until(lambda: not alive(family), 5)

    with daemon(env, tmp_path) as running:
        running.wait_event("job.settled")
        assert [event["outcome"] for event in running.events("job.settled")] == ["completed"]


def test_a_busy_parser_process_keeps_nobody_from_the_watchdog(
    tmp_path: Path, env: dict[str, str], manager: Manager
) -> None:
    with daemon({**env, "PAGE_TIMEOUT_SECONDS": "30"}, tmp_path) as running:
        submit(env, tmp_path, "hang", script("hang"))
        running.wait_event("job.started")
        manager.forget()
        for _ in range(4):
            assert manager.heard("WATCHDOG=1", WATCHDOG_S), running.log()


def test_a_parser_process_that_the_kernel_kills_for_memory_does_not_end_the_service(
    tmp_path: Path, env: dict[str, str], manager: Manager
) -> None:
    with daemon(env, tmp_path) as running:
        submit(env, tmp_path, "slow", script("slow 4", "text"))
        running.wait_event("job.started")
        time.sleep(0.3)
        (busy, *_) = [pid for pid in parser_processes(running) if score_of(pid) >= 800]
        os.kill(busy, signal.SIGKILL)

        settled = running.wait_event("job.settled")

        assert settled["outcome"] == "completed", "the page is read again in a fresh process"
        assert running.process.poll() is None
        assert manager.heard("WATCHDOG=1", WATCHDOG_S)
        assert running.get("/livez")[0] == 200


def score_of(pid: int) -> int:
    """Give how gladly the kernel kills this process first."""
    return int((Path("/proc") / str(pid) / "oom_score_adj").read_text())


def test_the_unit_tells_systemd_so() -> None:
    assert directives("Type") == ["notify"]
    assert directives("OOMPolicy") == ["continue"]
    assert directives("Restart") == ["always"]
    assert 0 < float(directives("WatchdogSec")[0]) <= 60
