"""One worker of a deployment: started, struck, and started again as a supervisor does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio import to_thread

from support.daemon import Daemon, descendants, free_port

STRUCK = 137
"""The exit status of a worker that a trap has killed."""


@dataclass(slots=True)
class Replica:
    """A worker that keeps its folder and its variables over all its lives."""

    env: Mapping[str, str]
    folder: Path
    starts: int = 0
    _daemon: Daemon | None = None
    _logs: list[Path] = field(default_factory=list)

    def start(self, **variables: str) -> None:
        """Begin a life; some variables may be for this one alone."""
        port = free_port()
        self.starts += 1
        path = self.folder / f"{self.starts:04d}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "llamaparse_worker", "run"],
                env={**self.env, **variables, "PORT": str(port)},
                stdout=log,
                stderr=log,
            )
        self._logs.append(path)
        self._daemon = Daemon(process, f"http://127.0.0.1:{port}", path)

    @property
    def daemon(self) -> Daemon:
        """The present or last life."""
        assert self._daemon is not None, "it was never started"
        return self._daemon

    @property
    def pid(self) -> int:
        return self.daemon.process.pid

    @property
    def status(self) -> int | None:
        """The exit status of the last life; None while it lives."""
        return self.daemon.process.poll()

    @property
    def runs(self) -> bool:
        return self._daemon is not None and self.status is None

    def kill(self) -> None:
        """End it as the kernel does."""
        self.daemon.kill()

    def pause(self) -> None:
        """Stop the worker and its parser processes where they are."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let all go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in (self.pid, *descendants(self.pid)):
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, number)

    def stopped(self) -> bool:
        """Tell whether it was stopped, by itself or others."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def end(self) -> None:
        """Leave nothing behind; safe to repeat."""
        if self._daemon is not None:
            self._daemon.kill()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask its port, without keeping the loop of the test."""
        return await to_thread.run_sync(self.daemon.get, path)

    async def ready(self) -> bool:
        return (await self.get("/readyz"))[0] == 200

    async def metric(self, start: str) -> float:
        """Add up the samples whose lines begin so; 0 where there are none."""
        lines = (await self.get("/metrics"))[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the log events of this name, of all lives."""
        found = []
        for path in self._logs:
            lines = [line for line in path.read_text(errors="replace").splitlines() if line.startswith("{")]
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # a life that ended in the middle of a line
                if event.get("event") == name:
                    found.append(event)
        return found

    def log(self) -> str:
        """Give the last words of the last two lives."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self._logs[-2:])
