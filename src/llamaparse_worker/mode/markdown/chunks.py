"""An answer in chunks: its lines as the blocks on the outermost level take them."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.mode.markdown.parser import parse


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines ``start`` to ``end`` of an answer, from 0, the end excluded, and their Markdown."""

    start: int
    end: int
    markdown: str


def chunks_of(markdown: str) -> tuple[Chunk, ...]:
    """Give the chunks in order; blank lines between belong to none."""
    lines = markdown.split("\n")
    edges = sorted({(token.map[0], token.map[1]) for token in parse(markdown) if token.map and token.level == 0})
    return tuple(Chunk(start, end, "\n".join(lines[start:end]).strip("\n")) for start, end in edges)


def with_chunk(markdown: str, start: int, end: int, better: str) -> str:
    """Give the answer with other Markdown for its lines ``start`` to ``end``, and blank lines around it."""
    lines = markdown.split("\n")
    parts = ["\n".join(lines[:start]).rstrip("\n"), better.strip("\n"), "\n".join(lines[end:]).lstrip("\n")]
    return "\n\n".join(part for part in parts if part)
