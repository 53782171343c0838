"""What a file is, by its first bytes: only to tell the user why nobody accepted it."""

from __future__ import annotations

HEAD_BYTES = 4096

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office (before 2007)"),
    (b"\x89PNG\r\n", "image (PNG)"),
    (b"\xff\xd8\xff", "image (JPEG)"),
    (b"GIF8", "image (GIF)"),
    (b"II*\x00", "image (TIFF)"),
    (b"MM\x00*", "image (TIFF)"),
    (b"BM", "image (BMP)"),
    (b"{\\rtf", "rich text"),
    (b"%!PS", "PostScript"),
    (b"\x1f\x8b", "gzip"),
)
_OFFICE_PARTS = (b"[Content_Types].xml", b"_rels/", b"word/", b"xl/", b"ppt/", b"mimetypeapplication/vnd.oasis")
_MARKUP = ((b"<!doctype html", "html"), (b"<html", "html"), (b"<?xml", "xml"))


def file_kind(head: bytes) -> str:
    """Name the kind of a file by its first bytes, ``unknown`` where nothing fits."""
    if head.startswith(b"PK\x03\x04"):
        return "office" if any(part in head for part in _OFFICE_PARTS) else "zip"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image (WebP)"
    start = head.lstrip().lower()
    kinds = [kind for mark, kind in _SIGNATURES if head.startswith(mark)]
    kinds += [kind for mark, kind in _MARKUP if start.startswith(mark)]
    return kinds[0] if kinds else "text" if _is_text(head) else "unknown"


def _is_text(head: bytes) -> bool:
    printable = sum(byte >= ord(" ") or byte in b"\t\r\n\f" for byte in head)
    return printable == len(head) and _decodes(head)


def _decodes(head: bytes) -> bool:
    try:
        head[: max(1, len(head) - 4)].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 8
    return True
