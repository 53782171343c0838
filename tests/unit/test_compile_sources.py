from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.c"))


@pytest.fixture
def build() -> ModuleType:
    spec = spec_from_file_location("compile_sources", ROOT / "config/compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_compiles_without_a_warning(
    source: Path, build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (build.system_compiler() or build.wheel_compiler()):
        pytest.skip("there is no C compiler")
    monkeypatch.setattr(build, "OPTIONS", (*build.OPTIONS, "-Wall", "-Wextra", "-Werror"))
    made = tmp_path / "libmade.so"
    problem = build.compiled(source, made)
    if source.name in build.MODULES and "header files" in problem:
        pytest.skip(problem)
    assert problem == ""
    assert made.read_bytes()[:4] in {b"\x7fELF", b"\xcf\xfa\xed\xfe"}


def test_without_a_compiler_the_build_says_so_and_leaves_no_older_library(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "system_compiler", list)
    monkeypatch.setattr(build, "wheel_compiler", list)
    older = tmp_path / "libmade.so"
    older.write_bytes(b"older")
    assert build.compiled(SOURCES[0], older) == "there is no C compiler"
    assert not older.exists()


def test_without_the_header_files_of_python_the_modules_alone_are_left_out(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "system_compiler", lambda: ["/bin/true"])
    monkeypatch.setattr(build.sysconfig, "get_path", lambda _: str(tmp_path))
    for source in SOURCES:
        if source.name in build.MODULES:
            assert build.compiled(source, tmp_path / "made.so") == "the header files of Python are not installed"


def test_a_wheel_with_a_module_is_for_one_version_of_python(build: ModuleType) -> None:
    assert build.tag(for_this_version=False).startswith("py3-none-")
    assert build.tag(for_this_version=True).startswith(f"cp{sys.version_info.major}{sys.version_info.minor}-cp")


def test_every_source_is_built(build: ModuleType) -> None:
    assert sorted(ROOT / source for source in build.SOURCES) == SOURCES
