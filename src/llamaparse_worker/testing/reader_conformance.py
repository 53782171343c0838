"""What every reader must do.

Subclass it in a test module and give the reader and one of its documents::

class TestMyReader(ReaderConformance):
    @pytest.fixture
    def reader(self) -> Reader:
        return MyReader()

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        return ReaderSamples(name="a.xyz", content=..., page_count=2, words=("first", "second"))
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from llamaparse_worker.errors import DocumentError, PageUnreadable, TooManyPages
from llamaparse_worker.interfaces import Reader, ReaderLimits
from llamaparse_worker.model.page import LaidOutPage, RawPage

LIMITS = ReaderLimits(max_pages=1000, max_pixels=4_000_000)
HEAD_BYTES = 4096

_NOT_TEXT = frozenset({"\x00", "\ufffe", "\uffff", *map(chr, range(0xD800, 0xE000))})


@dataclass(frozen=True, slots=True)
class ReaderSamples:
    """A document of the reader's format with at least two pages, and what stands on its first two pages."""

    name: str
    content: bytes
    page_count: int
    words: tuple[str, str]
    renders: bool = True
    """Whether the format has pixels."""


class ReaderConformance:
    """The contract of ``Reader`` and ``OpenDocument`` as tests."""

    @pytest.fixture
    def reader(self) -> Reader:
        """Give the reader under test."""
        raise NotImplementedError

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        """Give documents of its format."""
        raise NotImplementedError

    def test_it_has_a_name(self, reader: Reader) -> None:
        """Settings and metrics use the name."""
        assert reader.name.isidentifier()

    def test_it_accepts_its_own_format(self, reader: Reader, samples: ReaderSamples) -> None:
        """The first bytes and the name suffice."""
        assert reader.accepts(samples.content[:HEAD_BYTES], samples.name)

    def test_it_declines_bytes_of_no_known_format(self, reader: Reader) -> None:
        """What nobody knows is not for this reader either."""
        assert not reader.accepts(bytes(range(256)) * 4, "unknown.bin")

    def test_it_counts_the_pages(self, reader: Reader, samples: ReaderSamples) -> None:
        """The count is known once the document is open."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as document:
            assert document.page_count == samples.page_count

    def test_it_reads_from_a_file_on_disk(self, reader: Reader, samples: ReaderSamples, tmp_path: Path) -> None:
        """A file may be mapped instead of read."""
        path = tmp_path / "document"
        path.write_bytes(samples.content)
        with path.open("rb") as file, reader.open(file, LIMITS) as document:
            assert samples.words[0] in document.read(1).text

    def test_it_reads_pages_in_any_order(self, reader: Reader, samples: ReaderSamples) -> None:
        """Another process may begin in the middle."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as document:
            for number in (2, 1, 2):
                page = document.read(number)
                assert page.number == number
                assert samples.words[number - 1] in page.text

    def test_the_same_page_reads_the_same_twice(self, reader: Reader, samples: ReaderSamples) -> None:
        """Results can be compared byte by byte."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as first:
            page = first.read(1)
        with reader.open(io.BytesIO(samples.content), LIMITS) as second:
            assert second.read(1) == page

    def test_pages_have_a_size_and_a_rotation(self, reader: Reader, samples: ReaderSamples) -> None:
        """Boxes need a page to stand on."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as document:
            page = document.read(1)
        assert page.width > 0
        assert page.height > 0
        assert page.rotation in {0, 90, 180, 270}

    def test_text_holds_characters_only(self, reader: Reader, samples: ReaderSamples) -> None:
        """No NUL, no surrogate, no noncharacter leaves a reader."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as document:
            for number in range(1, samples.page_count + 1):
                assert not _NOT_TEXT & set(document.read(number).text)

    def test_arrays_and_boxes_fit_the_text(self, reader: Reader, samples: ReaderSamples) -> None:
        """Every character has a box, a size and a font; a laid-out page has boxes with corners in order."""
        with reader.open(io.BytesIO(samples.content), LIMITS) as document:
            page = document.read(1)
        if isinstance(page, LaidOutPage):
            for block in page.blocks:
                assert block.box.x0 <= block.box.x1
                assert block.box.y0 <= block.box.y1
        else:
            _check_arrays(page)

    def test_a_page_that_is_not_there_is_unreadable_or_an_error_of_the_page(
        self, reader: Reader, samples: ReaderSamples
    ) -> None:
        """A wrong page number never gives some other page."""
        with (
            reader.open(io.BytesIO(samples.content), LIMITS) as document,
            pytest.raises((PageUnreadable, LookupError, ValueError)),
        ):
            document.read(samples.page_count + 1)

    def test_more_pages_than_allowed_are_refused(self, reader: Reader, samples: ReaderSamples) -> None:
        """The limit holds at opening."""
        limits = ReaderLimits(max_pages=samples.page_count - 1, max_pixels=LIMITS.max_pixels)
        with pytest.raises(TooManyPages), reader.open(io.BytesIO(samples.content), limits):
            pass

    def test_an_empty_file_is_a_typed_error(self, reader: Reader) -> None:
        """Nothing to read is said, not crashed upon."""
        with pytest.raises(DocumentError), reader.open(io.BytesIO(b""), LIMITS):
            pass

    def test_an_image_is_as_large_as_it_says_and_no_larger_than_allowed(
        self, reader: Reader, samples: ReaderSamples
    ) -> None:
        """Pixels are clamped before anything is allocated; a format without pixels says so."""
        limits = ReaderLimits(max_pages=LIMITS.max_pages, max_pixels=10_000)
        with reader.open(io.BytesIO(samples.content), limits) as document:
            if not samples.renders:
                with pytest.raises(PageUnreadable), document.render(1, dpi=100):
                    pass
                return
            with document.render(1, dpi=100) as image:
                assert len(image.samples) == image.width * image.height * image.channels
                assert image.width * image.height <= limits.max_pixels
                assert 0 < image.dpi <= 100


def _check_arrays(page: RawPage) -> None:
    count = len(page.text)
    floats = struct.unpack(f"<{count * 4}f", page.boxes)
    assert all(map(math.isfinite, floats))
    assert len(page.sizes) == count * 4
    fonts = struct.unpack(f"<{count}H", page.fonts)
    assert max(fonts, default=0) < len(page.font_table)
