"""Opens PDF files."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from llamaparse_worker.backends.reader.pdf.document import PdfDocument
from llamaparse_worker.backends.reader.pdf.pdfium import ERROR_PASSWORD, ERROR_SECURITY, ffi, library
from llamaparse_worker.errors import CorruptDocument, EmptyDocument, EncryptedDocument, TooManyPages, WorkerError
from llamaparse_worker.interfaces import ReaderLimits

_SIGNATURE_WITHIN = 1024
"""PDFium, like other viewers, finds the signature behind up to this many bytes of something else."""


class PdfReader:
    """Reads PDF through PDFium."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "pdf"

    def __init__(self) -> None:
        library()  # loaded here, and so shared by all processes that are forked later

    def accepts(self, head: bytes, file_name: str) -> bool:  # noqa: ARG002 - content alone decides
        """Tell whether the signature of a PDF stands near the start."""
        return b"%PDF-" in head[:_SIGNATURE_WITHIN]

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[PdfDocument]:
        """Open a PDF; see ``Reader.open`` for what it raises."""
        with _content(file) as content, ffi.from_buffer(content) as data:
            handle = library().FPDF_LoadMemDocument64(data, len(content), ffi.NULL)
            if not handle:
                raise _refusal(library().FPDF_GetLastError())
            document = PdfDocument(handle, library().FPDF_GetPageCount(handle), limits)
            try:
                _check_page_count(document.page_count, limits)
                yield document
            finally:
                document.close()


@contextmanager
def _content(file: BinaryIO) -> Iterator[mmap.mmap | bytes]:
    """Map the file, so that a large one does not count twice; what is no file on disk is read."""
    try:
        number = file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        file.seek(0)
        yield _not_empty(file.read())
        return
    if not file.seek(0, io.SEEK_END):
        raise EmptyDocument("The file is empty.")
    with mmap.mmap(number, 0, access=mmap.ACCESS_READ) as mapped:
        yield mapped


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise EmptyDocument("The file is empty.")
    return content


def _check_page_count(page_count: int, limits: ReaderLimits) -> None:
    if page_count < 1:
        raise EmptyDocument("The PDF has no pages.")
    if page_count > limits.max_pages:
        raise TooManyPages(f"The document has {page_count} pages; {limits.max_pages} are allowed.")


def _refusal(code: int) -> WorkerError:
    match code:
        case found if found == ERROR_PASSWORD:
            return EncryptedDocument("The PDF opens only with a password.")
        case found if found == ERROR_SECURITY:
            return EncryptedDocument("The PDF is protected in a way that cannot be opened.")
        case _:
            # Also "success": PDFium gives up on some files, such as those without pages, and reports no error.
            return CorruptDocument("The PDF is damaged and cannot be opened.")
