"""Tells systemd how the service is doing (``sd_notify``); without a socket every call does nothing."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import anyio
import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Notifier:
    """The service manager's socket.

    ``address`` is the value of NOTIFY_SOCKET: a path, or a name in the abstract namespace with a leading ``@``.
    ``watchdog_us`` is the value of WATCHDOG_USEC.
    """

    address: str | None = None
    watchdog_us: int | None = None

    def ready(self) -> None:
        """Say that the start is finished."""
        self.send("READY=1")

    def stopping(self) -> None:
        """Say that the drain has begun."""
        self.send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self.send(f"STATUS={' '.join(text.split())}")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for this much more time to start or stop, from now."""
        self.send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    async def watchdog(self) -> None:
        """Send the sign of life at half of the agreed interval until cancelled; returns at once without watchdog.

        It comes from the event loop, so a loop that hangs is found and the service started again.
        """
        if self.address is None or not self.watchdog_us:
            return
        while True:
            self.send("WATCHDOG=1")
            await anyio.sleep(self.watchdog_us / 2_000_000)

    def send(self, message: str) -> None:
        """Send one assignment; a manager that does not listen is no reason to fail."""
        if self.address is None:
            return
        target = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)  # noqa: FBT003  # the standard library's own signature
            try:
                out.sendto(message.encode(), target)
            except OSError as error:
                log.debug("notify.unheard", reason=str(error))
