"""Small files that become large: what an attacker sends instead of a document."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from support.pathological import file_of

_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_MIB = 1 << 20


def _packed(pieces: Iterable[bytes]) -> bytes:
    press = zlib.compressobj(1)
    return b"".join(press.compress(piece) for piece in pieces) + press.flush()


def _blanks(mebibytes: int) -> Iterator[bytes]:
    return (b" " * _MIB for _ in range(mebibytes))


def _one_page(content: bytes, *more: bytes, filters: bytes = b"/FlateDecode", page: bytes = b"") -> bytes:
    """Give a file of one page whose content is packed already; ``more`` are the objects from 6 on."""
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> %s >> >>" % page,
            b"<< /Length %d /Filter [%s] >>\nstream\n%s\nendstream" % (len(content), filters, content),
            _FONT,
            *more,
        ]
    )


def inflating(mebibytes: int) -> bytes:
    """Give a page whose content is packed twice: a few kilobytes in the file."""
    inner = _packed(_blanks(mebibytes))
    return _one_page(_packed([inner]), filters=b"/FlateDecode /FlateDecode")


def wide_image(side: int) -> bytes:
    """Give a page with an image of so many pixels a side, which the file says in a few bytes."""
    rows = _packed(bytes(side // 8) for _ in range(1000))
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceRGB"
        b" /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (side, side, len(rows), rows)
    )
    return _one_page(_packed([b"595 0 0 842 0 0 cm /I Do"]), image, page=b"/XObject << /I 6 0 R >>")


def endless_paper(side: int) -> bytes:
    """Give a page of so many points a side."""
    line = b"<< /Length 41 >>\nstream\nBT /F 12 Tf 72 700 Td (Endless paper) Tj ET\nendstream"
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 %d %d] >>" % (side, side),
            b"<< /Type /Page /Parent 2 0 R /UserUnit 1000 /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
            line,
            _FONT,
        ]
    )


def same_page_again(times: int) -> bytes:
    """Give a page tree that names one page over and over."""
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] >>" % (b"3 0 R " * times, times),
            b"<< /Type /Page /Parent 2 0 R >>",
        ]
    )


def claimed_pages(count: int) -> bytes:
    """Give a file that says it has so many pages, and has one."""
    return same_page_again(1).replace(b"/Count 1", b"/Count %d" % count)


def deep_page_tree(depth: int) -> bytes:
    """Give a page tree of so many levels above its only page."""
    levels = [b"<< /Type /Pages /Kids [%d 0 R] /Count 1 /MediaBox [0 0 595 842] >>" % (at + 3) for at in range(depth)]
    page = b"<< /Type /Page /Parent %d 0 R >>" % (depth + 1)
    return file_of([b"<< /Type /Catalog /Pages 2 0 R >>", *levels, page])


def deep_arrays(depth: int) -> bytes:
    """Give a page that has arrays within arrays among its resources, and in its content."""
    nested = b"[" * depth + b"]" * depth
    return _one_page(_packed([nested, b" 0 Tj"]), page=b"/Deep %s" % nested)


def endless_mapping() -> bytes:
    """Give a font that says what four billion codes stand for."""
    mapping = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <ffffffff> endcodespacerange"
        b" 1 beginbfrange <00000000> <ffffffff> <0041> endbfrange endcmap end"
    )
    text = b"BT /G 12 Tf 72 700 Td (Endless mapping) Tj ET"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 7 0 R >>"
    stream = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(mapping), mapping)
    return _one_page(_packed([text]), font, stream, page=b"/Font << /G 6 0 R >>")


def huge_png(side: int) -> bytes:
    """Give a PNG of so many pixels a side, all of one colour, with the data of a few rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    rows = _packed(bytes(1 + side * 4) for _ in range(8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zip_of(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Give an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def office_file(document: str, more: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Give what looks like a Word document with this main part."""
    types = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    return zip_of([("[Content_Types].xml", types), ("word/document.xml", document.encode()), *more])


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]><svg>&l9;</svg>"
)
"""A billion laughs."""
