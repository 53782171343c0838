"""What was compiled is used only where it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from llamaparse_worker import compiled
from llamaparse_worker.backends.reader.pdf import compiled as glyphs


def _declared(name: str) -> Any:  # noqa: ANN401 - cffi has no types
    ffi = FFI()
    ffi.cdef(f"int {name}_version(void);")
    return ffi


@pytest.mark.skipif(not glyphs.is_compiled(), reason="glyphs.c is not compiled")
def test_a_library_of_the_right_version_is_opened() -> None:
    found = compiled.load(_declared("glyphs"), glyphs.__file__, "glyphs", glyphs.VERSION)
    assert found is not None
    assert found.glyphs_version() == glyphs.VERSION


@pytest.mark.skipif(not glyphs.is_compiled(), reason="glyphs.c is not compiled")
def test_a_library_that_an_earlier_version_has_left_is_not() -> None:
    assert compiled.load(_declared("glyphs"), glyphs.__file__, "glyphs", glyphs.VERSION + 1) is None


def test_what_is_missing_or_no_library_is_not_opened(tmp_path: Path) -> None:
    module = str(tmp_path / "module.py")
    assert compiled.load(_declared("absent"), module, "absent", 1) is None
    (tmp_path / "libtext.so").write_text("no library")
    assert compiled.load(_declared("text"), module, "text", 1) is None


@pytest.mark.skipif(not glyphs.is_compiled(), reason="glyphs.c is not compiled")
def test_a_library_without_a_version_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "libother.so").write_bytes(Path(glyphs.__file__).with_name("libglyphs.so").read_bytes())
    assert compiled.load(_declared("other"), str(tmp_path / "module.py"), "other", 1) is None
