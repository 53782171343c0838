"""Which of the compiled parts of layout are there; what is not works in Python, slower, and gives the same."""

from __future__ import annotations

from llamaparse_worker.layout import characters, codes, columns, levels, lines, rules, segments
from llamaparse_worker.model import value


def way() -> str:
    """Say in a few words how pages are laid out."""
    parts = {
        "lines": lines.compiled is not None,
        "rules": rules.compiled is not None,
        "segments": segments.compiled is not None,
        "characters": characters.compiled is not None,
        "codes": codes.compiled is not None,
        "columns": columns.compiled is not None,
        "levels": levels.compiled is not None,
        "values": value.is_compiled(),
    }
    slower = [name for name, found in parts.items() if not found]
    return f"layout in Python, slower: {', '.join(slower)}" if slower else "layout: compiled"
