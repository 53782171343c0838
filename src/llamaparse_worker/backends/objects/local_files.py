"""Documents from allowed folders of this machine. Everything here blocks and is called in a thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG

from llamaparse_worker.backends.objects.beneath import copy_into, opened
from llamaparse_worker.backends.objects.failures import read_failure
from llamaparse_worker.errors import SourceForbidden


def fetch_local(path: Path, roots: Sequence[Path], target: Path, limit_bytes: int) -> None:
    """Copy a regular file below one of the roots.

    Links may be used inside a root. The path is resolved first, and what it resolves to is opened without following
    links, so that swapping a folder for a link in between gains nothing.

    Raises:
        SourceForbidden: the path leads out of every root, whether or not something is there.
    """
    resolved = Path(os.path.realpath(path))
    for root in roots:
        real_root = Path(os.path.realpath(root))
        if resolved != real_root and resolved.is_relative_to(real_root):
            _copy(real_root, resolved.relative_to(real_root), target, limit_bytes)
            return
    raise SourceForbidden(f"{path} is not below FILE_SOURCE_ROOTS")


def _copy(root: Path, path: Path, target: Path, limit_bytes: int) -> None:
    name = str(path)
    try:
        with opened(root, path.parts) as source:
            if not S_ISREG(os.fstat(source).st_mode):
                raise SourceForbidden(f"{name} is not a regular file")
            copy_into(source, target, limit_bytes=limit_bytes, name=name)
    except OSError as error:
        raise read_failure(error, name) from error
