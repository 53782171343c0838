"""Which of the reader's compiled parts are there; what is not works in Python, slower, and gives the same."""

from __future__ import annotations

from llamaparse_worker.backends.reader.pdf import compiled, compiled_paths, compiled_structure


def way() -> str:
    """Say in a few words how pages are read."""
    parts = {
        "characters": compiled.is_compiled(),
        "paths": compiled_paths.is_compiled(),
        "structure": compiled_structure.is_compiled(),
    }
    slower = [name for name, found in parts.items() if not found]
    return f"in Python, slower: {', '.join(slower)}" if slower else f"compiled: {', '.join(parts)}"
