"""Composes the content of a document from a seed: sections, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from support.layouts import tabular
from support.layouts.prose import Prose
from support.layouts.truth import (
    Beside,
    Block,
    Code,
    Figure,
    FigureKind,
    Heading,
    Item,
    Items,
    Look,
    Note,
    Paragraph,
    Phrase,
    Role,
    Run,
    Truth,
    plain,
)

_TITLE = 1


@dataclass(frozen=True, slots=True)
class Content:
    """What documents of one kind are made of."""

    blocks: Mapping[str, float] = field(default_factory=lambda: {"text": 1.0})
    """Which blocks stand in a section (names of ``MAKERS``), and how often."""
    depth: int = 2
    """Levels of headings below the title; 0 for none."""
    numbered: bool = False
    titled: bool = True
    lead: bool = False
    """Whether a paragraph stands between the title and the columns."""
    paragraph: tuple[int, int] = (250, 700)
    """Characters of a paragraph."""
    rich: float = 0.0
    """Share of sentences in which something is set apart."""
    noted: float = 0.0
    """Share of paragraphs with a footnote."""
    aside: int = 0
    """Characters in a column of its own beside the text."""
    widest: int = 6
    """Most columns of a table."""


def compose(prose: Prose, content: Content, characters: int, *, aside_first: bool = False) -> Truth:
    """Make a document of about this many characters."""
    opening: list[Block] = []
    if content.titled:
        opening.append(Heading(_TITLE, prose.title(3, 6)))
    if content.lead:
        opening.append(Paragraph(prose.paragraph(300)))
    composer = _Composer(prose, content)
    aside = tuple(composer.aside()) if content.aside else ()
    body = tuple(composer.body(characters - sum(map(size_of, opening))))
    return Truth(prose.language, tuple(opening), body, aside, aside_first)


def size_of(block: Block) -> int:
    """Count the characters of a block."""
    match block:
        case Heading():
            return len(block.text)
        case Paragraph():
            return len(plain(block.phrase)) + sum(len(plain(note.phrase)) for note in block.notes)
        case Items():
            return sum(len(plain(item.phrase)) for item in block.items)
        case Code():
            return sum(map(len, block.lines))
        case Beside():
            return sum(map(size_of, block.tables))
        case Figure():
            return 0
        case _:
            return sum(len(cell.text) for row in block.rows for cell in row if cell)


class _Composer:
    """Makes the blocks of one document, and keeps count of its sections, notes and captions."""

    def __init__(self, prose: Prose, content: Content) -> None:
        self._prose, self._content = prose, content
        self._chance = prose.chance
        self._sections = [0] * content.depth
        self._notes = 0
        self._captions = 0
        self._after_text = False

    def body(self, characters: int) -> Iterator[Block]:
        made = 0
        while made < characters:
            for block in self._section():
                made += size_of(block)
                yield block
                if made >= characters and not isinstance(block, Heading):
                    return

    def aside(self) -> Iterator[Block]:
        yield Heading(_TITLE + 1, self._prose.title(1, 2))
        yield Paragraph(self._prose.paragraph(self._content.aside // 2))
        yield Paragraph(self._prose.paragraph(self._content.aside // 2))

    def _section(self) -> Iterator[Block]:
        if self._content.depth:
            yield self._heading()
            yield from self._text()
        names, weights = tuple(self._content.blocks), tuple(self._content.blocks.values())
        for name in self._chance.choices(names, weights, k=self._chance.randint(1, 3)):
            if name != "text":  # what is no text stands between texts
                yield from MAKERS[name](self)
            yield from self._text()

    def _heading(self) -> Heading:
        deepest = max((level for level, count in enumerate(self._sections, 1) if count), default=0)
        level = self._chance.randint(1, min(self._content.depth, deepest + 1))
        self._sections[level - 1] += 1
        self._sections[level:] = [0] * (self._content.depth - level)
        number = ".".join(map(str, self._sections[:level])) if self._content.numbered else ""
        return Heading(_TITLE * self._content.titled + level, self._prose.title(), number)

    def _text(self) -> Iterator[Block]:
        characters = self._chance.randint(*self._content.paragraph)
        phrase = self._prose.paragraph(characters, rich=self._content.rich)
        if self._chance.random() >= self._content.noted:
            yield Paragraph(phrase)
            return
        self._notes += 1
        label = str(self._notes)
        phrase = (*phrase, Run(label, Look.NOTE))
        yield Paragraph(phrase, notes=(Note(label, self._prose.paragraph(90)),))

    def items(self) -> Iterator[Block]:
        """A list of short items, some nested, or of a few long ones."""
        ordered = self._chance.random() < 0.4
        nested = self._chance.random() < 0.4
        characters = self._chance.choice((25, 60, 150))
        made: list[Item] = []
        for number in range(1, self._chance.randint(3, 6) + 1):
            made.append(Item(self._item(characters), number * ordered))
            if nested and number % 2:
                made.extend(Item(self._item(30), 0, 1) for _ in range(self._chance.randint(1, 3)))
        yield Items(tuple(made))

    def _item(self, characters: int) -> Phrase:
        return self._prose.paragraph(characters, rich=self._content.rich / 2)

    def code(self) -> Iterator[Block]:
        yield Code(self._prose.code(self._chance.randint(3, 9)))

    def quote(self) -> Iterator[Block]:
        yield Paragraph(self._prose.paragraph(200), Role.QUOTE)

    def numbers(self) -> Iterator[Block]:
        yield self._caption("Table")
        columns = self._chance.randint(3, max(3, self._content.widest))
        yield tabular.numbers(self._prose, columns, self._chance.randint(4, 10))

    def long_table(self) -> Iterator[Block]:
        yield self._caption("Table")
        columns = self._chance.randint(3, max(3, self._content.widest))
        yield tabular.numbers(self._prose, columns, self._chance.randint(40, 75))

    def texts(self) -> Iterator[Block]:
        yield self._caption("Table")
        yield tabular.texts(self._prose, min(3, self._content.widest), self._chance.randint(3, 6))

    def spanned(self) -> Iterator[Block]:
        yield self._caption("Table")
        yield tabular.spanned(self._prose, self._chance.randint(2, 3))

    def beside(self) -> Iterator[Block]:
        yield Beside(tuple(tabular.numbers(self._prose, 2, 5) for _ in range(2)))

    def bill(self) -> Iterator[Block]:
        yield tabular.bill(self._prose, self._chance.randint(4, 14))

    def figure(self) -> Iterator[Block]:
        yield Figure(self._chance.choice(tuple(FigureKind)), self._chance.randrange(1000))
        yield self._caption("Figure")

    def _caption(self, word: str) -> Paragraph:
        self._captions += 1
        return Paragraph((Run(f"{word} {self._captions}: {self._prose.sentence()}"),), Role.CAPTION)


MAKERS: Mapping[str, Callable[[_Composer], Iterator[Block]]] = {
    "items": _Composer.items,
    "code": _Composer.code,
    "quote": _Composer.quote,
    "numbers": _Composer.numbers,
    "long": _Composer.long_table,
    "texts": _Composer.texts,
    "spanned": _Composer.spanned,
    "beside": _Composer.beside,
    "bill": _Composer.bill,
    "figure": _Composer.figure,
}
