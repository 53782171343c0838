from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llamaparse_worker.backends.reader.pdf import compiled_structure, elements
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from support.tagged import Tag, tagged_pdf

ROOT = Path(__file__).resolve().parents[2]

needs_compiled = pytest.mark.skipif(not compiled_structure.is_compiled(), reason="structure.c is not compiled")

SMALL = (Tag("H1", ["Head"]), Tag("L", below=[Tag("LI", ["one"]), Tag("LI", ["two", "lines"])]))
DEEP = Tag("Sect", below=[Tag("P", ["end"])])
for _ in range(20):  # PDFium leaves out what is deeper than 32
    DEEP = Tag("Sect", below=[DEEP])
LONG_ROLE = Tag("R" * elements.ROLE_BYTES, ["of a role that is too long"])
MANY_ROLES = tuple(Tag(f"Role{number}", ["x"]) for number in range(300))


@contextmanager
def tree(content: bytes) -> Iterator[int]:
    pdfium = library()
    with io.BytesIO(content) as file, ffi.from_buffer(file.getvalue()) as data:
        document = pdfium.FPDF_LoadMemDocument64(data, len(content), ffi.NULL)
        page = pdfium.FPDF_LoadPage(document, 0)
        found = pdfium.FPDF_StructTree_GetForPage(page)
        yield found
        pdfium.FPDF_StructTree_Close(found)
        pdfium.FPDF_ClosePage(page)
        pdfium.FPDF_CloseDocument(document)


@needs_compiled
@pytest.mark.parametrize(
    "content",
    [tagged_pdf(*SMALL, artifact="foot"), tagged_pdf(DEEP), tagged_pdf(LONG_ROLE)],
    ids=["small", "deep", "role"],
)
def test_both_ways_read_the_same_elements(content: bytes) -> None:
    with tree(content) as found:
        expected = elements.read(found)
        assert compiled_structure.read(found) == expected
        assert expected.handles


@needs_compiled
def test_more_roles_than_there_is_room_for_are_left_to_the_general_way() -> None:
    with tree(tagged_pdf(*MANY_ROLES)) as found:
        assert compiled_structure.read(found) is None
        assert len(elements.read(found).roles) == len(MANY_ROLES)


@needs_compiled
def test_elements_with_too_many_children_are_too_wide_both_ways() -> None:
    with tree(tagged_pdf(Tag("Sect", below=[Tag("P", ["x"])] * (elements.MAX_CHILDREN + 1)))) as found:
        assert elements.read(found).too_wide
        read = compiled_structure.read(found)
        assert read is not None
        assert read.too_wide


def test_the_library_and_the_code_that_calls_it_are_of_one_version() -> None:
    source = ROOT / "src/llamaparse_worker/backends/reader/pdf/structure.c"
    assert f"#define VERSION {compiled_structure.VERSION}\n" in source.read_text()
