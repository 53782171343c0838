"""Promise 17: a folder of hostile files costs the daemon nothing, leaves nothing behind, and calls nobody.

The same report as ``make hostile DIR=...``, on files made on the spot.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from llamaparse_worker.testing.hostile import Attack, attack
from llamaparse_worker.testing.reader import Opening, script
from support import documents
from support.daemon import scripted
from support.outbound import TARGETS

TESTS = Path(__file__).parents[1]
HOSTILE = "llamaparse_worker.testing.hostile:HostileReader"
FULL = os.environ.get("FAULTS") == "full"
DAMAGED = 500 if FULL else 25
P99_S = 15
"""Three times the promise: other tests run beside this one."""


def report_on(folder: Path, env: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(TESTS), *env.pop("PYTHONPATH", "").split(os.pathsep)))
    return subprocess.run(
        [sys.executable, "-m", "support.hostile", str(folder), *more],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600 if FULL else 55,
        check=False,
    )


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def damaged(seed: int) -> bytes:
    """Give a PDF in which some bytes are others, as a fuzzer makes them."""
    chance = random.Random(seed)
    content = bytearray(documents.make(documents.prose(seed), documents.table(documents.measurements(seed))))
    for _ in range(chance.randint(1, 60)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content[: chance.randint(len(content) // 2, len(content))])


def test_every_file_of_a_hostile_folder_ends_with_a_status_and_the_daemon_lives(tmp_path: Path) -> None:
    files = {
        "good.pdf": documents.make(documents.prose(1)),
        "locked.pdf": documents.encrypted(),
        "noise.pdf": documents.garbage(),
        "nothing.pdf": documents.without_pages(),
        "cut.pdf": documents.truncated(),
        "empty": b"",
        "deeper/crash": script("crash", "text"),
        "deeper/opening": script("text", opening=Opening.CRASH),
        "deeper/hang": script("hang"),
        "deeper/hang at opening": script("text", opening=Opening.HANG),
        "deeper/\udcff name.bin": b"\x00\x01",
        **{f"damaged/{seed}.pdf": damaged(seed) for seed in range(DAMAGED)},
    }
    folder = written(tmp_path / "files", files)

    done = report_on(folder, {**scripted(tmp_path), "PAGE_TIMEOUT_SECONDS": "1"}, "--p99", str(P99_S))

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(files)} files" in done.stdout
    for code in ("PDF_IS_PROTECTED", "PARSER_CRASHED", "TIMEOUT", "TOO_MANY_FAILED_PAGES", "UNSUPPORTED_FILE_TYPE"):
        assert code in done.stdout
    assert "every promise was kept" in done.stdout


def test_a_document_that_took_a_process_over_reaches_no_address_and_fills_no_spool(tmp_path: Path) -> None:
    files = {f"home-{place}": attack(Attack.CALL_HOME, address) for place, address in enumerate(TARGETS)}
    files["fill"] = attack(Attack.FILL_SPOOL, 30)
    env = {**scripted(tmp_path, reader=HOSTILE), "SPOOL_MAX_JOB_BYTES": "4MiB"}

    done = report_on(written(tmp_path / "files", files), env, "--p99", str(P99_S))

    need_namespaces(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SANDBOX_VIOLATION" in done.stdout
    assert "LIMIT_EXCEEDED" in done.stdout


def test_what_is_sent_where_nothing_refuses_it_is_seen(tmp_path: Path) -> None:
    files = {f"home-{place}": attack(Attack.CALL_HOME, address) for place, address in enumerate(TARGETS)}
    env = {**scripted(tmp_path, reader=HOSTILE), "PARSER_SANDBOX": "off"}

    done = report_on(written(tmp_path / "files", files), env, "--p99", str(P99_S))

    need_namespaces(done)
    assert done.returncode == 1
    for address in TARGETS:
        assert f"VIOLATION sent to {address}" in done.stdout


def need_namespaces(done: subprocess.CompletedProcess[str]) -> None:
    if "packets were not watched" in done.stdout:
        pytest.skip("no network namespace of its own can be had here: outbound packets are not seen")


def test_a_job_that_does_not_end_in_time_is_a_broken_promise(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", {"slow": script("slow 3")})

    done = report_on(folder, scripted(tmp_path), "--limit", "1")

    assert done.returncode == 1
    assert "VIOLATION slow: RUNNING at the end of the time limit" in done.stdout


def test_a_job_that_takes_longer_than_most_may_is_a_broken_promise(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", {"slow": script("slow 1.5")})

    done = report_on(folder, scripted(tmp_path), "--p99", "1")

    assert done.returncode == 1
    assert "one job in a hundred takes" in done.stdout
