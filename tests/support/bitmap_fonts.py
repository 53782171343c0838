"""A page in fonts without names, as those of TeX that are made of bitmaps: codes, and shapes that tell nothing."""

from __future__ import annotations

from collections.abc import Sequence

from support.pathological import file_of

_GLYPH = "500 0 0 0 400 600 d1 0 0 400 600 re f"
_LEADING = 20


def set_in_bitmaps(*fonts: Sequence[bytes]) -> bytes:
    """Give a page of 595 × 842 points with these lines in one font after the other; words are parted by moves."""
    content, y = "", 780
    for index, lines in enumerate(fonts):
        for line in lines:
            words = " -400 ".join(f"<{word.hex()}>" for word in line.split(b" "))
            content += f"BT /F{index} 12 Tf 1 0 0 1 72 {y} Tm [{words}] TJ ET\n"
            y -= _LEADING
    names = " ".join(f"/F{index} {8 + index} 0 R" for index in range(len(fonts)))
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 5 0 R >>",
            _stream(content),
            f"<< /Font << {names} >> >>".encode(),
            _stream(_GLYPH),
            f"<< {' '.join(f'/a{code} 6 0 R' for code in range(256))} >>".encode(),
            *[_font(index) for index in range(len(fonts))],
        ]
    )


def _font(index: int) -> bytes:
    widths = " ".join(str(350 + index + 50 * (code % 7)) for code in range(256))
    names = " ".join(f"/a{code}" for code in range(256))
    return (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 0 "
        f"/LastChar 255 /CharProcs 7 0 R /Encoding << /Type /Encoding /Differences [0 {names}] >> /Widths [{widths}] >>"
    ).encode()


def _stream(text: str) -> bytes:
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream".encode("latin-1")
