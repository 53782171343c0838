"""What is finished of a document."""

from __future__ import annotations

from dataclasses import dataclass, field

from llamaparse_worker.model.page import PageSummary


@dataclass(slots=True)
class FinishedPages:
    """Grows while a document is read. With pages of an earlier attempt in it, only the others are read."""

    summaries: dict[int, PageSummary] = field(default_factory=dict)
    """By page number."""
    blobs: list[str] = field(default_factory=list)
    """Files with the finished pages, unless their process has kept them; one may yet have to be begun."""
    refined: set[int] = field(default_factory=set)
    """Those that a mode has refined: each has cost a model call."""
    refined_blobs: list[str] = field(default_factory=list)
    """Files with the refined pages."""
