"""Documents made on the spot: every kind of page that the tests and the benchmark need, always the same bytes."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
MARGIN = 64.0

Draw = Callable[[Canvas], None]

_WORDS = tuple(
    word
    for line in (
        "queue worker document page letter line column table figure method result measure water river stone harbour",
        "winter summer market garden engine signal pressure surface current voltage sample reading order paragraph",
        "section volume number season north south bridge lamp paper copper glass window morning evening travel",
    )
    for word in line.split()
)


def make(*pages: Draw, encrypt: str | None = None) -> bytes:
    """Draw each page and give the file; ``encrypt`` is the password that opens it."""
    out = io.BytesIO()
    protection = StandardEncryption(encrypt, canPrint=0) if encrypt else None
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1, encrypt=protection)
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def sentences(seed: int, characters: int) -> str:
    """Give plain prose of about this length."""
    chance = random.Random(seed)
    made: list[str] = []
    while sum(map(len, made)) < characters:
        words = chance.choices(_WORDS, k=chance.randint(7, 15))
        made.append(" ".join(words).capitalize() + ". ")
    return "".join(made).strip()


def wrapped(text: str, width: float, font: str, size: float) -> list[str]:
    """Break text into lines of at most ``width`` points."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if stringWidth(longer, font, size) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


class Pen:
    """Writes downwards in one column; ``y`` is the baseline of the next line, from the bottom."""

    def __init__(self, canvas: Canvas, x: float = MARGIN, width: float = WIDTH - 2 * MARGIN, top: float = 780) -> None:
        self.canvas, self.x, self.width, self.y = canvas, x, width, top

    def write(
        self, text: str, *, size: float = 10, font: str = "Helvetica", after: float = 6, indent: float = 0
    ) -> Pen:
        """Write a paragraph."""
        self.canvas.setFont(font, size)
        for line in wrapped(text, self.width - indent, font, size):
            self.canvas.drawString(self.x + indent, self.y, line)
            self.y -= size * 1.25
        self.y -= after
        return self

    def heading(self, text: str, size: float = 16) -> Pen:
        """Write a bold line with room around it."""
        self.y -= size * 0.6
        return self.write(text, size=size, font="Helvetica-Bold", after=size * 0.4)

    def bullets(self, items: Sequence[str], marks: Sequence[str] | None = None) -> Pen:
        """Write a list; without marks, bullets."""
        for index, item in enumerate(items):
            self.canvas.setFont("Helvetica", 10)
            self.canvas.drawString(self.x + 6, self.y, marks[index] if marks else "\u2022")
            self.write(item, indent=22, after=2)
        self.y -= 6
        return self


def prose(seed: int, characters: int = 2000) -> Draw:
    """Give a page of headings and paragraphs."""

    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).heading(f"Section {seed}", 16)
        for part in range(4):
            pen.write(sentences(seed * 7 + part, characters // 4))

    return draw


def two_columns(seed: int, characters: int = 2000) -> Draw:
    """Give a page with a title over two columns of text."""

    def draw(canvas: Canvas) -> None:
        Pen(canvas).heading(f"Report {seed} over two columns", 18)
        width = (WIDTH - 2 * MARGIN - 24) / 2
        for column in range(2):
            pen = Pen(canvas, MARGIN + column * (width + 24), width, 730)
            for part in range(2):
                pen.write(sentences(seed * 11 + column * 2 + part, characters // 4))

    return draw


def table(rows: Sequence[Sequence[str]], *, ruled: bool = False, widths: Sequence[float] | None = None) -> Draw:
    """Give a page with a heading, a sentence and a table."""
    places = [MARGIN + sum((widths or [110.0] * len(rows[0]))[:index]) for index in range(len(rows[0]))]

    def draw(canvas: Canvas) -> None:
        pen = (
            Pen(canvas)
            .heading("Readings")
            .write("The table lists what was measured at each station during the first week of the year.")
        )
        pen.y -= 12
        for row in rows:
            canvas.setFont("Helvetica", 10)
            for x, cell in zip(places, row, strict=True):
                canvas.drawString(x, pen.y, cell)
            if ruled:
                canvas.line(MARGIN - 4, pen.y - 5, WIDTH - MARGIN, pen.y - 5)
            pen.y -= 18
        pen.y -= 12
        pen.write("All figures were read twice and agree within the stated precision of the instruments.")

    return draw


def measurements(seed: int, rows: int = 12) -> list[list[str]]:
    """Give a header and rows of a small table."""
    chance = random.Random(seed)
    body = [[f"Station {index}", *(f"{chance.uniform(1, 99):.2f}" for _ in range(3))] for index in range(1, rows)]
    return [["Place", "Level", "Flow", "Depth"], *body]


def picture(text: str, width: int = 600, height: int = 200) -> bytes:
    """Give a PNG with large letters, as a camera or scanner would."""
    image = Image.new("L", (width, height), 246)
    ImageDraw.Draw(image).text((24, 60), text, fill=20, font=ImageFont.load_default(40))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def scan(text: str = "Scanned letter") -> Draw:
    """Give a page that is one image."""

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(io.BytesIO(picture(text))), 0, 0, WIDTH, HEIGHT)

    return draw


def blank(_canvas: Canvas) -> None:
    """Draw nothing."""


def white_box(canvas: Canvas) -> None:
    """Draw something that nobody can see."""
    canvas.setFillColorRGB(1, 1, 1)
    canvas.rect(50, 50, 300, 300, stroke=0, fill=1)


def rotated(degrees: int, text: str = "Upright when displayed") -> Draw:
    """Give a page with a display rotation; the text is drawn so that it reads upright."""

    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(degrees)  # the canvas turns the media box as well: the displayed page stays upright
        canvas.translate(*{0: (0, 0), 90: (HEIGHT, 0), 180: (WIDTH, HEIGHT), 270: (0, WIDTH)}[degrees])
        canvas.rotate(degrees)
        canvas.setFont("Helvetica", 14)
        canvas.drawString(100, HEIGHT - 100, text)
        canvas.drawString(100, HEIGHT - 130, "and at the same place")

    return draw


def encrypted() -> bytes:
    """Give a PDF that opens with a password only."""
    return make(prose(1), encrypt="secret")


def truncated() -> bytes:
    """Give the first half of a PDF."""
    whole = make(prose(1), prose(2))
    return whole[: len(whole) // 2]


def garbage() -> bytes:
    """Give a PDF signature with noise behind it."""
    return b"%PDF-1.7\n" + random.Random(5).randbytes(4000)


def without_pages() -> bytes:
    """Give a well-formed PDF with an empty page tree."""
    objects = (b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>")
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out + b"trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)


def with_broken_page(pages: int = 3, broken: int = 2) -> bytes:
    """Give a PDF in which one page object is gone."""
    whole = make(*(prose(number) for number in range(1, pages + 1)))
    kids = whole[whole.index(b"/Kids [") :].split(b"]")[0]
    gone = kids.split(b"[")[1].split(b" 0 R")[broken - 1].split()[-1]
    return whole.replace(b"\n%s 0 obj" % gone, b"\n%s 0 xxx" % gone).replace(b" %s 0 R" % gone, b" 9 0 R")


def mixed_pages(seed: int, pages: int) -> Iterator[Draw]:
    """Give pages of about 2,000 characters: prose, columns, and a table among ten."""
    for index in range(pages):
        number = seed * 1000 + index
        if index % 10 == 9:
            yield table(measurements(number, 30))
        else:
            yield two_columns(number) if index % 3 == 2 else prose(number)
