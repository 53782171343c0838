"""What the documentation tells its readers to type works, and what it links to exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import command, daemon

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
NEEDS_A_DAEMON = {"submit", "healthcheck"}

_FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands_in(page: Path) -> Iterator[list[str]]:
    """Give the arguments of every command of ours that stands in a fence."""
    for block in _FENCED.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("llamaparse-worker "):
                yield shlex.split(line, comments=True)[1:]


COMMANDS = sorted({tuple(arguments) for page in PAGES for arguments in commands_in(page)})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that looks like the repository to a reader who types along."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


@pytest.fixture
def env(place: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(place), "LANG": "C.UTF-8", "TMPDIR": str(place)}


def test_the_documentation_shows_the_main_commands() -> None:
    assert {"parse", "run", "submit", "check"} <= {arguments[0] for arguments in COMMANDS}


@pytest.mark.parametrize("arguments", [one for one in COMMANDS if one != ("run",)], ids=" ".join)
def test_a_documented_command_works_as_it_stands(place: Path, env: dict[str, str], arguments: tuple[str, ...]) -> None:
    if arguments[0] in NEEDS_A_DAEMON:
        with daemon(env, place, cwd=place):
            done = command(arguments, env, cwd=place)
    else:
        done = command(arguments, env, cwd=place)

    assert done.returncode == 0, done.stderr
    assert done.stdout or arguments[0] == "healthcheck"


def test_the_demo_shows_readable_results_and_keeps_them(place: Path) -> None:
    done = subprocess.run(
        [place / "config" / "demo.sh"],
        env={**os.environ, "BIN": str(Path(sys.executable).parent)},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    output = place / "demo-output"
    samples = sorted(path.name for path in (place / "config" / "samples").iterdir())
    for name in samples:
        result = output / name / "result.md"
        assert f"\n{result}\n" in done.stdout, "the absolute path of each result is printed"
        first = result.read_text().splitlines()[0]
        assert f"    {first}\n" in done.stdout, "and how it begins"
        assert re.search(rf"^COMPLETED  config/samples/{re.escape(name)}  \d+ pages?", done.stdout, re.MULTILINE)
    assert "Draining the daemon: SIGTERM" in done.stdout
    assert done.stdout.endswith(f"Done. The results stay in {output}\n")


def test_the_first_screen_of_the_readme_tells_the_two_commands_to_begin_with() -> None:
    start = (ROOT / "README.md").read_text()[:2000]

    assert "\n    make demo\n" in start
    assert "\n    make test\n" in start


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_of_the_repository_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []
