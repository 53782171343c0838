"""A stored JPEG as an image viewer shows it: on a PDF page of its own that says nothing else of it.

A page may show the same file otherwise: inverted (``/Decode``), masked (``/SMask``, ``/Mask``) or in colours of its own
(ISO 32000-2, 8.9.5). PDFium tells none of these, but draws both, which can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

from llamaparse_worker.backends.reader.pdf.pdfium import IMAGE_OBJECT, ffi, library

_HEAD = b"%PDF-1.7\n"
_CONTENT = b"9 0 0 9 0 0 cm /I Do"


@contextmanager
def jpeg_alone(jpeg: bytes, width: int, height: int, *, grey: bool) -> Iterator[tuple[int, int, int] | None]:
    """Open a JPEG by itself; gives the handles of document, page and image, or None if PDFium finds no image."""
    content = _file(jpeg, width, height, b"DeviceGray" if grey else b"DeviceRGB")
    pdfium = library()
    with ffi.from_buffer(content) as data:
        document = pdfium.FPDF_LoadMemDocument64(data, len(content), ffi.NULL)
        page = pdfium.FPDF_LoadPage(document, 0) if document else 0
        try:
            image = pdfium.FPDFPage_GetObject(page, 0) if page else 0
            is_image = image and pdfium.FPDFPageObj_GetType(image) == IMAGE_OBJECT
            yield (document, page, image) if is_image else None
        finally:
            if page:
                pdfium.FPDF_ClosePage(page)
            if document:
                pdfium.FPDF_CloseDocument(document)


def _file(jpeg: bytes, width: int, height: int, colours: bytes) -> bytes:
    bodies = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(_CONTENT), _CONTENT),
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /%s"
        b" /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, colours, len(jpeg), jpeg),
    )
    objects = [b"%d 0 obj\n%s\nendobj\n" % (number, body) for number, body in enumerate(bodies, 1)]
    *offsets, end = accumulate(map(len, objects), initial=len(_HEAD))
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, end)
    return b"".join((_HEAD, *objects, table, trailer))
