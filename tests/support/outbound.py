"""A network in which everything that this process and its children send to the world is seen, and goes nowhere."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_ALL_PROTOCOLS = 0x0003
_OUTGOING = 4
_SETUP = (
    ("link", "set", "lo", "up"),
    ("route", "add", "local", "0.0.0.0/0", "dev", "lo"),
    ("-6", "route", "add", "local", "::/0", "dev", "lo"),
)
"""Every address is one of this machine: whoever connects anywhere is heard."""
TARGETS = ("192.0.2.1", "169.254.169.254")
"""Where documents like to have something fetched from: an address of nobody, and the metadata of clouds."""
PORTS = (80, 443)


class Outbound:
    """Sees the packets to all addresses but loopback, and accepts connections at ``TARGETS``."""

    def __init__(self) -> None:
        self.targets: set[str] = set()
        self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
        self._packets.bind(("lo", _ALL_PROTOCOLS))
        self._packets.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._see, daemon=True)

    @contextmanager
    def seeing(self) -> Iterator[None]:
        """See within this context."""
        listeners = [socket.create_server((target, port)) for target in TARGETS for port in PORTS]
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
            for one in (self._packets, *listeners):
                one.close()

    def _see(self) -> None:
        while not self._stop.is_set():
            try:
                packet, (_, _, kind, *_) = self._packets.recvfrom(128)
            except TimeoutError:
                continue
            target = _target(packet)
            if kind == _OUTGOING and target is not None and not target.is_loopback:
                self.targets.add(str(target))


def _target(packet: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    match packet[0] >> 4 if packet else 0:
        case 4:
            return ipaddress.IPv4Address(packet[16:20])
        case 6:
            return ipaddress.IPv6Address(packet[24:40])
        case _:
            return None


@contextmanager
def own_network() -> Iterator[Outbound | None]:
    """Move this process into a network of its own for good; gives None where that is not allowed.

    Its threads must not have started yet.
    """
    if not _enter():
        yield None
        return
    outbound = Outbound()
    with outbound.seeing():
        yield outbound


def _enter() -> bool:
    program = shutil.which("ip", path=os.defpath + ":/sbin:/usr/sbin")
    if program is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if user == 0:
        entered = libc.unshare(_NEW_NETWORK) == 0
    else:
        entered = libc.unshare(_NEW_USER | _NEW_NETWORK) == 0
        if entered:
            _keep_identity(user, group)
    return entered and all(subprocess.run([program, *step], check=False).returncode == 0 for step in _SETUP)


def _keep_identity(user: int, group: int) -> None:
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - written in one call
            file.write(content)
