"""The report that ``make hostile`` gives, on files made on the spot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from llamaparse_worker.testing.reader import Opening, script
from support import documents
from support.daemon import scripted

TESTS = Path(__file__).parents[1]


def report_on(folder: Path, env: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(TESTS), *env.pop("PYTHONPATH", "").split(os.pathsep)))
    return subprocess.run(
        [sys.executable, "-m", "support.hostile", str(folder), *more],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def test_every_file_of_a_hostile_folder_ends_with_a_status_and_the_daemon_lives(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "deeper").mkdir(parents=True)
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
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)

    done = report_on(folder, {**scripted(tmp_path), "PAGE_TIMEOUT_SECONDS": "1"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(files)} files" in done.stdout
    for code in ("PDF_IS_PROTECTED", "PARSER_CRASHED", "TIMEOUT", "TOO_MANY_FAILED_PAGES", "UNSUPPORTED_FILE_TYPE"):
        assert code in done.stdout
    assert "every promise was kept" in done.stdout


def test_a_job_that_does_not_end_in_time_is_a_broken_promise(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "slow").write_bytes(script("slow 3"))

    done = report_on(folder, scripted(tmp_path), "--limit", "1")

    assert done.returncode == 1
    assert "VIOLATION slow: RUNNING at the end of the time limit" in done.stdout
