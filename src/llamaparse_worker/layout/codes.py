"""The characters of a text as an array of codes, which tells of all of them at once what is asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]

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
