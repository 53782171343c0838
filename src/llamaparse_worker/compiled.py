"""Finds what was compiled from the C sources of the package when it was installed."""

from __future__ import annotations

from pathlib import Path
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
