"""What a parser process that a document has taken over can do: the promises of SECURITY.md, one by one."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llamaparse_worker.errors import SandboxViolation
from llamaparse_worker.parsers.control import Mechanism, SandboxPolicy
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.hostile import Attack, attack
from llamaparse_worker.testing.reader import script
from support.pipeline import document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio

BY_LANDLOCK = frozenset({Attack.READ, Attack.WRITE, Attack.LIST_SPOOL, Attack.ENVIRONMENT})
ARGUMENTS = {
    Attack.READ: "/etc/passwd",
    Attack.LINK_BESIDE: "/etc/passwd",
    Attack.CALL_HOME: "127.0.0.1",
    Attack.EXECUTE: sys.executable,
    Attack.ENVIRONMENT: os.getpid(),
    Attack.TRACE: os.getppid(),
    Attack.SIGNAL: os.getpid(),
}
ALLOWED = {Attack.CREATE_BESIDE, Attack.FILL_SPOOL, Attack.LITTER_SPOOL}
CONFINED = [one for one in Attack if one not in ALLOWED]
HARMLESS = [Attack.READ, Attack.WRITE, Attack.LINK_BESIDE, Attack.LIST_SPOOL, Attack.WATCH_SPOOL, Attack.CHANGE_MODE]
HARMLESS += [Attack.CONNECT, Attack.DATAGRAM, Attack.ABSTRACT_SOCKET, Attack.FORK_BOMB, Attack.ENVIRONMENT]
HARMLESS += [Attack.SIGNAL]
"""Those that are tried where nothing refuses them, to show that the others' refusal is the sandbox's."""


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


@pytest.fixture(scope="module")
async def unconfined() -> AsyncIterator[ParserPool]:
    async with parser_pool(1, sandbox=SandboxPolicy.OFF) as opened:
        yield opened


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder beside the usual one for temporary files, which is the spool here."""
    spool = Path(tempfile.gettempdir())
    elsewhere = (Path("/var/tmp"), Path("/dev/shm"), Path.home())
    base = next(path for path in elsewhere if not path.is_relative_to(spool))
    folder = Path(tempfile.mkdtemp(dir=base))
    yield folder
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@contextmanager
def document(one: Attack, outside: Path) -> Iterator[bytes]:
    """Give the document of an attack, with what it shall meet."""
    if one is Attack.CONNECT:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield attack(one, server.getsockname()[1])
    elif one is Attack.WRITE:
        yield attack(one, outside / "written")
    else:
        yield attack(one, ARGUMENTS.get(one, ""))


def need(pool: ParserPool, mechanism: Mechanism) -> None:
    (found,) = [one for one in pool.statistics().safeguards if one.mechanism is mechanism]
    if not found.enforced:
        pytest.skip(f"{mechanism}: {found.detail}")


@pytest.mark.parametrize("one", CONFINED)
async def test_an_attack_is_refused_fails_its_document_and_no_other(
    pool: ParserPool, one: Attack, outside: Path, tmp_path: Path
) -> None:
    need(pool, Mechanism.LANDLOCK if one in BY_LANDLOCK else Mechanism.SECCOMP)
    parser = document_parser(pool)

    with document(one, outside) as content, capture_logs() as logs, pytest.raises(SandboxViolation) as raised:
        await parse(parser, content, tmp_path)

    assert raised.value.code == "SANDBOX_VIOLATION"
    assert [entry["event"] for entry in logs].count("parser.task_failed") == 1
    assert not any(outside.iterdir())
    assert not any(path.is_symlink() for path in tmp_path.iterdir())
    assert "Fine" in (await parse(parser, script("text Fine"), tmp_path, name="next")).markdown


async def test_the_process_that_attacked_serves_no_other_document(pool: ParserPool, tmp_path: Path) -> None:
    need(pool, Mechanism.SECCOMP)
    parser = document_parser(pool)
    await parse(parser, script("text"), tmp_path, name="before")
    starts = pool.statistics().starts

    with pytest.raises(SandboxViolation):
        await parse(parser, attack(Attack.FORK_BOMB), tmp_path, name="attack")
    await parse(parser, script("text"), tmp_path, name="after")

    assert pool.statistics().starts == starts + 1


@pytest.mark.parametrize("one", HARMLESS)
async def test_without_the_sandbox_the_same_attack_succeeds(
    unconfined: ParserPool, one: Attack, outside: Path, tmp_path: Path
) -> None:
    with document(one, outside) as content:
        found = await parse(document_parser(unconfined), content, tmp_path)

    assert f"It was possible to {one}." in found.markdown


async def test_a_process_writes_where_its_document_lies(pool: ParserPool, tmp_path: Path) -> None:
    found = await parse(document_parser(pool), attack(Attack.CREATE_BESIDE), tmp_path)

    assert "It was possible" in found.markdown


async def test_one_process_reads_documents_in_one_folder_after_another(pool: ParserPool, tmp_path: Path) -> None:
    parser = document_parser(pool)
    starts = pool.statistics().starts

    for number in range(3):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        assert f"Number {number}" in (await parse(parser, script(f"text Number {number}"), folder)).markdown

    assert pool.statistics().starts <= starts + 1
