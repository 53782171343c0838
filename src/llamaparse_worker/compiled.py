"""Finds what was compiled from the C sources of the package when it was installed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def load(ffi: Any, beside: str, name: str, version: int) -> Any | None:  # noqa: ANN401 - its functions stand in ``ffi``
    """Open the library of the source ``name``.c in the folder of the module ``beside``, as ``ffi`` declares it.

    None: it was not built, or an earlier version has left it, of whose source another ``version`` was set.
    """
    try:
        found = ffi.dlopen(str(Path(beside).with_name(f"lib{name}.so")))
        return found if getattr(found, f"{name}_version")() == version else None
    except (OSError, AttributeError):
        return None


def load_module(name: str, version: int) -> ModuleType | None:
    """Import the module that was compiled from a source that needs the header files of Python.

    None: it was not built, as there was no compiler, or no such files; or an earlier version has left it.
    """
    try:
        found = import_module(name)
    except ImportError:
        return None
    return found if version == found.VERSION else None
