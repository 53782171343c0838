"""The form of an object key: the one check that every object store and every fake makes first."""

from __future__ import annotations

import re

from llamaparse_worker.errors import SourceForbidden

MAX_KEY_BYTES = 1024
"""What S3 allows."""

_UNWRITABLE = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff]")
"""Control characters and halves of surrogate pairs."""


def key_parts(key: str) -> tuple[str, ...]:
    """Split a key at its slashes.

    Raises:
        SourceForbidden: the key is empty, too long, absolute, leaves the store or holds control characters.
    """
    parts = tuple(key.split("/"))
    if _UNWRITABLE.search(key) or len(key.encode()) > MAX_KEY_BYTES:
        raise SourceForbidden(
            f"object key {key[:80]!r} is longer than {MAX_KEY_BYTES} bytes or holds control characters"
        )
    if any(part in {"", ".", ".."} for part in parts):
        raise SourceForbidden(f"object key {key[:80]!r} is absolute or has an empty part, '.' or '..'")
    return parts


def below(prefix: str) -> str:
    """Give the start that all keys below a prefix share: ``a/b`` has ``a/b/c`` below it, but not ``a/bc``.

    Raises:
        SourceForbidden: the prefix is no key; an empty one is fine and has every key below it.
    """
    trimmed = prefix.rstrip("/")
    return "/".join((*key_parts(trimmed), "")) if trimmed else ""
