"""PDFium's C functions through cffi in ABI mode: the shared library of ``pypdfium2_raw``, without its ctypes bindings.

PDFium is not thread-safe and keeps global state: one thread, one document at a time.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any

from llamaparse_worker.backends.reader.pdf import declared

SUCCESS = 0
ERROR_PASSWORD = 4
ERROR_SECURITY = 5
PATH_OBJECT = 2
IMAGE_OBJECT = 3
SHADING_OBJECT = 4
INVISIBLE = (3, 7)
"""Text render modes that leave no ink: neither fill nor stroke, with or without clipping."""
FORM_OBJECT = 5
GREY_BITMAP = 1
COLOUR_BITMAP = 2
RENDER_ANNOTATIONS = 0x01
RENDER_GREY = 0x08
RENDER_RGB = 0x10

ffi: Any = declared.ffi
"""Untyped, as what it makes has the types of ``declarations``."""


@cache
def library() -> Any:  # noqa: ANN401 - the C functions exist only in ``declarations``
    """Load and initialise PDFium, once in a process.

    Raises:
        ImportError: the package ``pypdfium2_raw`` or its shared library is missing.
    """
    spec = importlib.util.find_spec("pypdfium2_raw")
    if spec is None or spec.origin is None:
        raise ImportError("pypdfium2_raw is not installed")
    name = {"darwin": "libpdfium.dylib", "win32": "pdfium.dll"}.get(sys.platform, "libpdfium.so")
    loaded = ffi.dlopen(str(Path(spec.origin).parent / name))
    loaded.FPDF_InitLibrary()
    return loaded
