"""A plugin is found by its entry point, and used only when the allow-list names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.daemon import command, environment


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "levels.csv"
    path.write_text("station,level\nOld mill,1.96\n", encoding="utf-8")
    return path


def test_an_enabled_plugin_reads_its_format(table: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, {"PLUGINS": "reader:csv"})
    ran = command(["parse", str(table), "--output", str(tmp_path / "out"), "--json"], env)
    assert ran.returncode == 0, ran.stderr
    output = Path(json.loads(ran.stdout)["output"])
    assert "| Old mill | 1.96 |" in (output / "result.md").read_text()
    assert json.loads((output / "manifest.json").read_text())["reader"] == "csv"


def test_a_plugin_that_is_installed_but_not_enabled_reads_nothing(table: Path, tmp_path: Path) -> None:
    ran = command(["parse", str(table), "--output", str(tmp_path / "out"), "--json"], environment(tmp_path))
    listed = command(["components"], environment(tmp_path))
    assert "llamaparse-reader-csv" in listed.stdout
    assert json.loads(ran.stdout)["error_code"] == "UNSUPPORTED_FILE_TYPE"
