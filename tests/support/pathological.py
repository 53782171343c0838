"""PDF pages that cost far more than they look: written by hand, as no drawing library makes so many objects fast."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from itertools import accumulate

WIDTH, HEIGHT = 595, 842
BEFORE, AFTER = "The page before it.", "The page after it."

_FIRST_PAGE_OBJECT = 4


def between_neighbours(content: bytes, *, resources: bytes = b"", forms: Sequence[bytes] = ()) -> bytes:
    """Give a file of three pages with this content on the second; ``forms`` are the objects from ``FORMS`` on."""
    contents = (_line(BEFORE), content, _line(AFTER))
    kids = b" ".join(b"%d 0 R" % (_FIRST_PAGE_OBJECT + 2 * index) for index in range(3))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count 3 >>" % kids,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, stream in enumerate(contents):
        packed = zlib.compress(stream, 1)
        objects += (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R"
            b" /Resources << /Font << /F 3 0 R >> %s >> >>"
            % (WIDTH, HEIGHT, _FIRST_PAGE_OBJECT + 2 * index + 1, resources),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        )
    return file_of([*objects, *forms])


FORMS = _FIRST_PAGE_OBJECT + 6
"""Number of the first form."""


def draw_operations(count: int) -> bytes:
    """Give lines all over the page."""
    chance = random.Random(1)
    block = b"".join(b"%d %d m %d %d l S\n" % tuple(chance.choices(range(WIDTH), k=4)) for _ in range(1000))
    return block * (count // 1000)


def scattered_words(count: int) -> bytes:
    """Give small words that stand anywhere."""
    chance = random.Random(2)
    placed = (
        b"1 0 0 1 %.1f %.1f Tm (%s) Tj\n"
        % (chance.random() * WIDTH, chance.random() * HEIGHT, bytes(chance.choices(range(97, 123), k=5)))
        for _ in range(count)
    )
    return b"BT /F 4 Tf\n" + b"".join(placed) + b"ET\n"


def rules(count: int) -> bytes:
    """Give half as many level lines and half as many upright ones, from side to side."""
    half = count // 2
    level = (b"10 %.3f m 580 %.3f l S\n" % ((10 + 820 * index / half,) * 2) for index in range(half))
    upright = (b"%.3f 10 m %.3f 830 l S\n" % ((10 + 570 * index / half,) * 2) for index in range(half))
    return b"0.1 w\n" + b"".join(level) + b"".join(upright)


def cells(rows: int, columns: int) -> bytes:
    """Give a ruled table with a tiny number in each cell."""
    level = (b"10 %.3f m 580 %.3f l S\n" % ((10 + 820 * row / rows,) * 2) for row in range(rows + 1))
    upright = (b"%.3f 10 m %.3f 830 l S\n" % ((10 + 570 * column / columns,) * 2) for column in range(columns + 1))
    texts = (
        b"1 0 0 1 %.3f %.3f Tm (%d) Tj\n" % (10.5 + 570 * column / columns, 10.2 + 820 * row / rows, row * column % 97)
        for row in range(rows)
        for column in range(columns)
    )
    return b"0.1 w\n" + b"".join(level) + b"".join(upright) + b"BT /F 1 Tf\n" + b"".join(texts) + b"ET\n"


def nested_forms(depth: int, *, uses: int = 1) -> bytes:
    """Give a file whose second page draws a form that draws the next one so many times, and so on."""
    made = [_form(b"/X%d Do " % at * uses, b"/XObject << /X%d %d 0 R >>" % (at, FORMS + at)) for at in range(1, depth)]
    innermost = _form(_line("The innermost form."), b"")
    resources = b"/XObject << /X0 %d 0 R >>" % FORMS
    return between_neighbours(b"/X0 Do\n", resources=resources, forms=[*made, innermost])


def _form(content: bytes, resources: bytes) -> bytes:
    return (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 %d %d] /Resources << /Font << /F 3 0 R >> %s >> /Length %d >>"
        b"\nstream\n%s\nendstream" % (WIDTH, HEIGHT, resources, len(content), content)
    )


def _line(text: str) -> bytes:
    return b"BT /F 12 Tf 72 700 Td (%s) Tj ET\n" % text.encode("ascii")


def file_of(objects: Sequence[bytes]) -> bytes:
    """Give the file of objects numbered from 1, the first of which is its catalog."""
    head = b"%PDF-1.7\n"
    parts = [b"%d 0 obj\n%s\nendobj\n" % (number, body) for number, body in enumerate(objects, 1)]
    *offsets, end = accumulate(map(len, parts), initial=len(head))
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, end)
    return head + b"".join(parts) + table + trailer
