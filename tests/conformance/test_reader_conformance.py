from __future__ import annotations

import pytest

from llamaparse_worker.backends.reader.image import ImageReader
from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.backends.reader.text import TextReader
from llamaparse_worker.interfaces import Reader
from llamaparse_worker.testing.reader_conformance import ReaderConformance, ReaderSamples
from support.documents import make, prose, two_columns
from support.scans import page_image, tiff


class TestPdfReader(ReaderConformance):
    @pytest.fixture
    def reader(self) -> Reader:
        return PdfReader()

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        content = make(prose(71), two_columns(72), prose(73))
        return ReaderSamples(name="report.pdf", content=content, page_count=3, words=("Section 71", "Report 72"))


class TestTextReader(ReaderConformance):
    @pytest.fixture
    def reader(self) -> Reader:
        return TextReader()

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        content = b"The first page.\n\nIts second paragraph.\fThe second page.\n"
        return ReaderSamples("notes.txt", content, page_count=2, words=("first page", "second page"), renders=False)


class TestImageReader(ReaderConformance):
    @pytest.fixture
    def reader(self) -> Reader:
        return ImageReader()

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        content = tiff(*(page_image(word, width=248, height=350, size=12) for word in ("one", "two")), dpi=(96, 96))
        return ReaderSamples("scan.tif", content, page_count=2, words=("", ""))
