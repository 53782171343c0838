"""A reader that a hostile document has taken over: opening the document does what its first line says.

``attack`` makes such a document. What the kernel lets pass ends in a good page, so that a test tells it from a refusal.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.testing.reader import ScriptedDocument

TARGET = "llamaparse_worker.testing.hostile:HostileReader"

_MAGIC = b"\x89HOSTILE\n"
_PTRACE_ATTACH = 16
_IN_CREATE = 0x100

_libc = ctypes.CDLL(None, use_errno=True)


class Attack(StrEnum):
    """What the document tries; most need an argument."""

    READ = "read"
    """Read the file that is named."""
    WRITE = "write"
    """Write into the file that is named."""
    CREATE_BESIDE = "create beside"
    """Leave a file beside the document: this is allowed."""
    FILL_SPOOL = "fill spool"
    """Write so many MiB beside the document, and stay."""
    LITTER_SPOOL = "litter spool"
    """Make so many empty files beside the document, and stay."""
    LINK_BESIDE = "link beside"
    """Leave a symbolic link to the file that is named, for the worker to follow."""
    CHANGE_MODE = "change mode"
    """Let everyone read the document."""
    LIST_SPOOL = "list spool"
    """Look for the documents of others."""
    WATCH_SPOOL = "watch spool"
    """Wait for the documents of others."""
    CONNECT = "connect"
    """Connect to a TCP port of this machine."""
    DATAGRAM = "datagram"
    """Ask a name server."""
    CALL_HOME = "call home"
    """Send text to the address that is named, over TCP and UDP, and go on whether or not anybody hears it."""
    ABSTRACT_SOCKET = "abstract socket"
    """Listen where other processes of this machine find it."""
    EXECUTE = "execute"
    """Run the program that is named."""
    RUN_OWN_PROGRAM = "run own program"
    """Run a program that is made in memory."""
    FORK_BOMB = "fork bomb"
    ENVIRONMENT = "environment"
    """Read the environment of the process with this id."""
    TRACE = "trace"
    """Take the process with this id over."""
    SIGNAL = "signal"
    """Signal the process with this id."""
    NAMESPACE = "namespace"
    """Become root in a user namespace of its own."""


def attack(what: Attack, argument: object = "") -> bytes:
    """Give a document."""
    return _MAGIC + f"{what}\n{argument}".encode()


class HostileReader:
    """Does what the document says, with the means of this process."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "hostile"

    def accepts(self, head: bytes, file_name: str) -> bool:  # noqa: ARG002 - the content decides
        """Tell whether ``attack`` made it."""
        return head.startswith(_MAGIC)

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[ScriptedDocument]:
        """Attack; what was not refused becomes a document of one page."""
        del limits
        what, _, argument = file.read().removeprefix(_MAGIC).decode().partition("\n")
        document = Path(file.name)
        _ATTACKS[Attack(what)](document, argument)
        yield ScriptedDocument([f"text It was possible to {what}."], document)


def _read(_document: Path, name: str) -> None:
    Path(name).read_bytes()


def _write(_document: Path, name: str) -> None:
    Path(name).write_text("taken over", encoding="ascii")


def _create_beside(document: Path, _argument: str) -> None:
    document.with_suffix(".left").write_text("left", encoding="ascii")


def _fill_spool(document: Path, mebibytes: str) -> None:
    for number in range(int(mebibytes)):
        document.with_suffix(f".{number}").write_bytes(bytes(1 << 20))
    time.sleep(3600)


def _litter_spool(document: Path, files: str) -> None:
    for number in range(int(files)):
        document.with_suffix(f".{number}").touch()
    time.sleep(3600)


def _link_beside(document: Path, name: str) -> None:
    document.with_suffix(".link").symlink_to(name)


def _change_mode(document: Path, _argument: str) -> None:
    document.chmod(0o666)


def _list_spool(document: Path, _argument: str) -> None:
    list(document.parent.parent.iterdir())


def _watch_spool(document: Path, _argument: str) -> None:
    watch = _checked(_libc.inotify_init1(0))
    _checked(_libc.inotify_add_watch(watch, os.fsencode(document.parent), _IN_CREATE))


def _connect(_document: Path, port: str) -> None:
    socket.create_connection(("127.0.0.1", int(port))).close()


def _datagram(_document: Path, _argument: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"document text as a name", ("127.0.0.1", 53))


def _call_home(_document: Path, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"text of a document", (address, 53))
    with socket.socket() as sock, suppress(TimeoutError, ConnectionError):
        sock.settimeout(0.5)
        sock.connect((address, 443))


def _abstract_socket(_document: Path, _argument: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"\0hostile-{os.getpid()}")


def _execute(_document: Path, program: str) -> None:
    _checked(_libc.execv(os.fsencode(program), _words(program)))


def _run_own_program(_document: Path, _argument: str) -> None:
    program = os.memfd_create("program")
    os.write(program, b"#!/bin/sh\n")
    _checked(_libc.fexecve(program, _words("program"), _words()))


def _fork_bomb(_document: Path, _argument: str) -> None:
    for _ in range(4):
        if os.fork() == 0:
            os._exit(0)


def _environment(_document: Path, pid: str) -> None:
    Path(f"/proc/{pid}/environ").read_bytes()


def _trace(_document: Path, pid: str) -> None:
    _checked(_libc.ptrace(_PTRACE_ATTACH, int(pid), 0, 0))


def _signal(_document: Path, pid: str) -> None:
    os.kill(int(pid), signal.SIGURG)  # ignored by who does not wait for it


def _namespace(_document: Path, _argument: str) -> None:
    _checked(_libc.unshare(0x10000000))


def _words(*words: str) -> ctypes.Array[ctypes.c_char_p]:
    """Give what native code takes as a list of texts."""
    return (ctypes.c_char_p * (len(words) + 1))(*map(os.fsencode, words), None)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


_ATTACKS: dict[Attack, Callable[[Path, str], None]] = {
    Attack.READ: _read,
    Attack.WRITE: _write,
    Attack.CREATE_BESIDE: _create_beside,
    Attack.FILL_SPOOL: _fill_spool,
    Attack.LITTER_SPOOL: _litter_spool,
    Attack.LINK_BESIDE: _link_beside,
    Attack.CHANGE_MODE: _change_mode,
    Attack.LIST_SPOOL: _list_spool,
    Attack.WATCH_SPOOL: _watch_spool,
    Attack.CONNECT: _connect,
    Attack.DATAGRAM: _datagram,
    Attack.CALL_HOME: _call_home,
    Attack.ABSTRACT_SOCKET: _abstract_socket,
    Attack.EXECUTE: _execute,
    Attack.RUN_OWN_PROGRAM: _run_own_program,
    Attack.FORK_BOMB: _fork_bomb,
    Attack.ENVIRONMENT: _environment,
    Attack.TRACE: _trace,
    Attack.SIGNAL: _signal,
    Attack.NAMESPACE: _namespace,
}
