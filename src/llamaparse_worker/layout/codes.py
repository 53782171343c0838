"""The characters of a text as an array of codes, which tells of all of them at once what is asked.

Where ``codes.c`` was compiled, it tells of a text what pages are mostly asked; both ways give the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from llamaparse_worker.compiled import load_module

Codes = npt.NDArray[np.uint32]

VERSION = 5
"""Of ``codes.c``: what an earlier version has left is not used."""

_LAST_OF_ASCII = 0x7F
_BEHIND_SPACES = 0x3001
_SPACES = np.array([chr(code).isspace() for code in range(_BEHIND_SPACES + 1)], np.bool_)


def codes_of(text: str) -> Codes:
    """Give the code of each character."""
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)


def from_code(codes: Codes, least: int) -> str:
    """Give, in order, the characters whose code is ``least`` or larger."""
    return codes[codes >= least].tobytes().decode("utf-32-le", "replace")


def are_spaces(codes: Codes) -> npt.NDArray[np.bool_]:
    """Tell which characters are white space."""
    return _SPACES[np.minimum(codes, _BEHIND_SPACES)]


def count_visible_in_python(text: str) -> int:
    """Do what ``count_visible`` does."""
    return len(text) - int(np.count_nonzero(are_spaces(codes_of(text))))


def signs_from_in_python(text: str, least: int) -> str:
    """Do what ``signs_from`` does."""
    return "" if text.isascii() and least > _LAST_OF_ASCII else from_code(codes_of(text), least)


def count_among_in_python(text: str, signs: bytes) -> int:
    """Do what ``count_among`` does."""
    plain = text.encode("ascii", "ignore")
    return len(plain) - len(plain.translate(None, signs))


def alphanumeric_in_python(text: str) -> str:
    """Do what ``alphanumeric`` does."""
    return "".join(filter(str.isalnum, text))


compiled = load_module("llamaparse_worker.layout._codes", VERSION)
count_visible: Callable[[str], int] = count_visible_in_python
"""Counts the characters of a text that are no white space."""
alphanumeric: Callable[[str], str] = alphanumeric_in_python
"""Gives the letters and digits of a text."""
count_among: Callable[[str, bytes], int] = count_among_in_python
"""Counts the characters of a text that are among these of ASCII."""
signs_from: Callable[[str, int], str] = signs_from_in_python
"""Gives, in order, the characters of a text whose code is so large or larger."""
if compiled is not None:
    count_visible, count_among = compiled.count_visible, compiled.count_among
    alphanumeric, signs_from = compiled.alphanumeric, compiled.signs_from
