"""Which files a command line names, and what their results are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Input:
    """A file to parse, and the name of its result folder."""

    path: Path
    output_name: str


def inputs_of(given: Iterable[str]) -> tuple[Input, ...]:
    """Walk folders (hidden entries left out, sorted) and name the results: a second ``a.pdf`` becomes ``a-2.pdf``."""
    taken: set[str] = set()
    found: list[Input] = []
    for file in (file for name in given for file in _walk(Path(name))):
        output_name = next(name for name in _names(file) if name not in taken)
        taken.add(output_name)
        found.append(Input(file, output_name))
    return tuple(found)


def _names(file: Path) -> Iterator[str]:
    yield file.name
    yield from (f"{file.stem}-{number}{file.suffix}" for number in count(2))


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(folder, name)
