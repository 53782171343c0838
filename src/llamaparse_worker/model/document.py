"""A document as a whole, and the files that are written of it."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.model.page import PageSummary


@dataclass(frozen=True, slots=True)
class Spooled:
    """A fetched document in the spool folder of its job."""

    path: str
    name: str
    """File name as the user knows it; never used as a path."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What opening a document tells: which reader took it and how many pages it has."""

    reader: str
    page_count: int


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result file in the spool folder, named relative to it."""

    name: str
    size_bytes: int
    content_type: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The end of parsing: summaries of all pages and the written result files."""

    info: DocumentInfo
    pages: tuple[PageSummary, ...]
    files: tuple[ResultFile, ...]
