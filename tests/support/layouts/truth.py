"""What a generated document says: a tree that knows nothing of how it is set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Look(StrEnum):
    """How a piece of text is set apart."""

    PLAIN = "plain"
    BOLD = "bold"
    ITALIC = "italic"
    CODE = "code"
    RAISED = "raised"
    LINK = "link"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one look."""

    text: str
    """For a reference to a note: its label."""
    look: Look = Look.PLAIN
    target: str = ""
    """Where a link leads to."""


Phrase = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; the title of the document has level 1."""

    level: int
    title: str
    number: str = ""

    @property
    def text(self) -> str:
        """The number and the title."""
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote."""

    label: str
    phrase: Phrase


class Role(StrEnum):
    """What a paragraph is for."""

    TEXT = "text"
    QUOTE = "quote"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, with the notes that it refers to."""

    phrase: Phrase
    role: Role = Role.TEXT
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list; ``depth`` 0 is the outermost."""

    phrase: Phrase
    number: int = 0
    """0 for a bullet."""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of a program."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, over ``rows`` rows and ``columns`` columns."""

    text: str
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, all of one length; ``None`` where a cell further up or left reaches."""

    rows: tuple[tuple[Cell | None, ...], ...]
    header_rows: int = 1

    @property
    def has_spans(self) -> bool:
        """Whether a cell reaches over several rows or columns."""
        return any(cell is None for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Beside:
    """Tables that stand side by side."""

    tables: tuple[Table, ...]


class FigureKind(StrEnum):
    """How a figure is drawn."""

    BARS = "bars"
    CURVE = "curve"
    PHOTOGRAPH = "photograph"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing or photograph without any text."""

    kind: FigureKind
    seed: int


Block = Heading | Paragraph | Items | Code | Table | Beside | Figure


@dataclass(frozen=True, slots=True)
class Truth:
    """A document: what stands above its columns, its columns, and what stands in a column of its own beside them."""

    language: str
    opening: tuple[Block, ...]
    body: tuple[Block, ...]
    aside: tuple[Block, ...] = ()
    aside_first: bool = False

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Everything in reading order."""
        if self.aside_first:
            return (*self.opening, *self.aside, *self.body)
        return (*self.opening, *self.body, *self.aside)

    @property
    def headings(self) -> tuple[Heading, ...]:
        """The headings in order."""
        return tuple(block for block in self.blocks if isinstance(block, Heading))

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables in order."""
        found: list[Table] = []
        for block in self.blocks:
            if isinstance(block, Table):
                found.append(block)
            elif isinstance(block, Beside):
                found.extend(block.tables)
        return tuple(found)


def plain(phrase: Phrase) -> str:
    """Give the text of a phrase as it is printed."""
    return "".join(run.text for run in phrase)
