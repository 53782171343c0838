"""Scans and photographs, read by the engine that is on by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from support import documents
from support.daemon import command, daemon, environment
from support.scans import page_image

TEXT = "Harbour dues for March"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Give the environment of somebody who has said nothing of OCR."""
    return {name: value for name, value in environment(tmp_path).items() if name != "OCR_ENGINE"}


def scanned(canvas: Canvas) -> None:
    """Draw the image of a page."""
    canvas.drawImage(ImageReader(page_image(TEXT)), 0, 0, documents.WIDTH, documents.HEIGHT)


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_a_scan_and_a_picture_are_read_without_any_setting(tmp_path: Path, env: dict[str, str]) -> None:
    mixed = documents.make(documents.prose(1), scanned)
    inputs = [written(tmp_path / "scan.pdf", mixed), written(tmp_path / "picture.png", documents.picture(TEXT))]

    done = command(["parse", *inputs, "--output", str(tmp_path / "out")], env)

    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("scan.pdf", "picture.png"):
        assert TEXT in (tmp_path / "out" / name / "result.md").read_text()
        assert TEXT in (tmp_path / "out" / name / "result.txt").read_text()
    pages = json.loads((tmp_path / "out" / "scan.pdf" / "manifest.json").read_text())["pages"]
    assert [page["engine"] for page in pages] == ["text_layer", "openvino"]


def test_the_daemon_reads_a_scan_once_its_models_are_loaded(tmp_path: Path, env: dict[str, str]) -> None:
    scan = written(tmp_path / "scan.pdf", documents.make(scanned))

    with daemon(env, tmp_path):
        done = command(["submit", scan, "--wait", "--output", str(tmp_path / "out")], env)

    assert done.returncode == 0, done.stderr
    assert TEXT in (tmp_path / "out" / "scan.pdf" / "result.md").read_text()
