"""What the worker asks of the fork server, and what it reports: one JSON message a packet, both ends ours."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

MAX_PACKET_BYTES = 1 << 17
_MAX_DESCRIPTORS = 2


class SandboxPolicy(StrEnum):
    """Whether the kernel shall confine parser processes."""

    AUTO = "auto"
    """With every mechanism that the kernel has."""
    REQUIRE = "require"
    """With all of them, or none is started."""
    OFF = "off"
    """With limits only."""


class Mechanism(StrEnum):
    """What confines a parser process."""

    LANDLOCK = "landlock"
    """Files, and network and signals where its version has them."""
    SECCOMP = "seccomp"
    """System calls."""
    LIMITS = "limits"
    """Memory, files, CPU time."""


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What the self-test found of one mechanism."""

    mechanism: Mechanism
    enforced: bool
    """Whether everything that it forbids was refused."""
    detail: str


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What one process may use."""

    memory_bytes: int | None
    """Address space; None where a driver reserves more of it than it ever uses."""
    file_bytes: int
    image_bytes: int
    cpu_seconds: int
    """CPU time of one request."""
    folder: str | None
    """Documents and results lie below it; None: no file may be opened."""
    sandbox: SandboxPolicy = SandboxPolicy.AUTO


@dataclass(frozen=True, slots=True)
class Prepare:
    """First command: import the factory ``module:attribute`` and make the tasks of it."""

    tasks: str
    config: str
    limits: ChildLimits
    serve: str = "llamaparse_worker.parsers.child:serve"
    """The function ``module:attribute`` that answers requests in a process, with what the factory made."""
    name: str = "parser"
    """What the processes are called."""
    type: Literal["prepare"] = "prepare"


@dataclass(frozen=True, slots=True)
class Fork:
    """Fork a parser process; attached to this packet are its end of the conversation and the file of its page mark."""

    number: int
    type: Literal["fork"] = "fork"


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the process group of a parser process. One that ended meanwhile is fine."""

    number: int
    type: Literal["kill"] = "kill"


Command = Prepare | Fork | Kill


@dataclass(frozen=True, slots=True)
class Ready:
    """The tasks are made; forks follow at once, confined like this."""

    safeguards: tuple[Safeguard, ...]
    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Failed:
    """The tasks could not be made."""

    reason: str
    type: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Started:
    """A parser process was forked, with this much memory to begin with."""

    number: int
    pid: int
    resident_bytes: int
    address_space_bytes: int
    type: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Exited:
    """A parser process was reaped and its group killed."""

    number: int
    status: int
    """Exit status, or the negative signal number."""
    peak_resident_bytes: int
    trace: str = ""
    """Where the interpreter was when a signal ended it."""
    type: Literal["exited"] = "exited"


Report = Ready | Failed | Started | Exited


def pack(message: Command | Report) -> bytes:
    """Give a packet."""
    return _messages().dump_json(message)


def unpack(packet: bytes) -> Command | Report:
    """Read a packet of our own other half."""
    return _messages().validate_json(packet)


def receive_with_descriptors(control: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    """Wait for a packet and the descriptors that may come with it; no bytes when the other end is gone."""
    packet, descriptors, _, _ = socket.recv_fds(control, MAX_PACKET_BYTES, _MAX_DESCRIPTORS)
    return packet, tuple(descriptors)


@cache
def _messages() -> TypeAdapter[Command | Report]:
    return TypeAdapter(Annotated[Command | Report, Field(discriminator="type")])
