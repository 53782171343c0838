"""A page whose font says what each of its codes means, whatever shape the code draws."""

from __future__ import annotations

from collections.abc import Sequence

from support.pathological import file_of

FIRST = 0x41
_MAP = """/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def
1 begincodespacerange <00> <ff> endcodespacerange
{count} beginbfchar
{entries}
endbfchar endcmap end end
"""


def encoded(meanings: Sequence[str], content: str) -> bytes:
    """Give a page of 595 × 842 points whose codes A, B, C and so on, drawn as these letters, mean these texts."""
    entries = (f"<{FIRST + at:02x}> <{text.encode('utf-16-be').hex()}>" for at, text in enumerate(meanings))
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources 7 0 R >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>",
            _stream(content),
            _stream(_MAP.format(count=len(meanings), entries="\n".join(entries))),
            b"<< /Font << /F 4 0 R >> >>",
        ]
    )


def _stream(text: str) -> bytes:
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream".encode("latin-1")
