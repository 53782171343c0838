"""A small tagged PDF, written by hand, as no library at hand writes structure trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tag:
    """An element: its role, its own lines of text, and the elements below it."""

    role: str
    lines: Sequence[str] = ()
    below: Sequence[Tag] = ()
    attributes: str = ""


@dataclass
class _Writer:
    objects: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    marked: int = 0
    y: int = 760

    def add(self, text: str) -> int:
        self.objects.append(text)
        return len(self.objects)

    def element(self, tag: Tag, parent: int) -> int:
        number = self.add("")
        kids = [self._line(line, tag.role) for line in tag.lines]
        kids += [f"{self.element(below, number)} 0 R" for below in tag.below]
        attributes = f" /A << /O /Table {tag.attributes} >>" if tag.attributes else ""
        self.objects[number - 1] = (
            f"<< /Type /StructElem /S /{tag.role} /P {parent} 0 R /Pg 3 0 R /K [{' '.join(kids)}]{attributes} >>"
        )
        return number

    def _line(self, text: str, role: str) -> str:
        number, self.marked = self.marked, self.marked + 1
        self.content.append(f"/{role} << /MCID {number} >> BDC {self.drawn(text)} EMC")
        return str(number)

    def drawn(self, text: str) -> str:
        self.y -= 14
        escaped = text.replace("(", "\\(").replace(")", "\\)")
        return f"BT /F1 10 Tf 72 {self.y} Td ({escaped}) Tj ET"


def tagged_pdf(*tags: Tag, artifact: str = "") -> bytes:
    """Give a page on which these elements stand one below the other, and an artifact at its foot."""
    writer = _Writer()
    for text in (
        "<< /Type /Catalog /Pages 2 0 R /MarkInfo << /Marked true >> /StructTreeRoot 4 0 R >>",
        "",
        "",
        "",
        "",
    ):
        writer.add(text)
    writer.objects[1] = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    kids = [writer.element(tag, 4) for tag in tags]
    if artifact:
        writer.y = 40
        writer.content.append(f"/Artifact BMC {writer.drawn(artifact)} EMC")
    stream = "\n".join(writer.content)
    content = writer.add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    parents = writer.add(f"<< /Nums [0 [{' '.join(_owners(writer))}]] >>")
    writer.objects[2] = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /StructParents 0 "
        "/Resources << /Font << /F1 5 0 R >> >> >>"
    )
    writer.objects[3] = (
        f"<< /Type /StructTreeRoot /K [{' '.join(f'{kid} 0 R' for kid in kids)}] /ParentTree {parents} 0 R >>"
    )
    writer.objects[4] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    return _file(writer.objects)


def _owners(writer: _Writer) -> list[str]:
    """Give the element of each piece of marked content, in their order."""
    owners: dict[int, int] = {}
    for number, text in enumerate(writer.objects, 1):
        if "/StructElem" in text:
            inside = text[text.index("/K [") + 4 : text.index("]", text.index("/K ["))].replace(" 0 R", "R").split()
            owners.update({int(kid): number for kid in inside if kid.isdigit()})
    return [f"{owners[number]} 0 R" for number in range(writer.marked)]


def _file(objects: Sequence[str]) -> bytes:
    out = b"%PDF-1.7\n"
    places = []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
