from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.worker.notify import Notifier


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)
        yield listening


def test_the_life_of_the_service_is_told_in_the_words_of_systemd(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with manager(address) as listening:
        notifier = Notifier(address)
        notifier.ready()
        notifier.status("2 jobs\nin work")
        notifier.extend_timeout(1.5)
        notifier.stopping()
        heard = [listening.recv(4096).decode() for _ in range(4)]
    assert heard == ["READY=1", "STATUS=2 jobs in work", "EXTEND_TIMEOUT_USEC=1500000", "STOPPING=1"]


def test_the_abstract_namespace_is_reached(tmp_path: Path) -> None:
    name = f"llamaparse-{tmp_path.name}-{id(tmp_path)}"
    with manager("\0" + name) as listening:
        Notifier("@" + name).ready()
        assert listening.recv(4096) == b"READY=1"


def test_a_manager_that_went_away_is_no_failure(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "gone")).ready()
    Notifier().ready()


@pytest.mark.anyio
async def test_the_watchdog_is_fed_at_half_of_its_interval(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with manager(address) as listening:
        with anyio.move_on_after(0.25):
            await Notifier(address, watchdog_us=100_000).watchdog()
        listening.settimeout(0)
        heard = []
        while True:
            try:
                heard.append(listening.recv(4096))
            except BlockingIOError:
                break
    assert set(heard) == {b"WATCHDOG=1"}
    assert 3 <= len(heard) <= 6


@pytest.mark.anyio
async def test_without_watchdog_there_is_nothing_to_do(tmp_path: Path) -> None:
    with anyio.fail_after(1):
        await Notifier(str(tmp_path / "notify")).watchdog()
