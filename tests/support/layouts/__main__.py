"""Writes documents with their truths, to look at: ``python -m support.layouts FOLDER [GENRE ...]``."""

from __future__ import annotations

import sys
from pathlib import Path

from support.layouts.genres import GENRES, document
from support.layouts.truth_markdown import truth_markdown, truth_text

_SEEDS = (1, 2)


def write(folder: Path, genres: list[str]) -> None:
    """Write two documents of each genre."""
    folder.mkdir(parents=True, exist_ok=True)
    for genre in genres or GENRES:
        for seed in _SEEDS:
            made = document(genre, seed)
            path = folder / f"{genre}-{seed}"
            path.with_suffix(".pdf").write_bytes(made.pdf)
            path.with_suffix(".md").write_text(truth_markdown(made.truth))
            path.with_suffix(".txt").write_text(truth_text(made.truth))


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
