"""The OCR that reads what it is told to read against the contract."""

from __future__ import annotations

import pytest

from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.ocr_conformance import OcrConformance


class TestFake(OcrConformance):
    @pytest.fixture
    def ocr(self) -> Ocr:
        return FakeOcr()
