"""The structure of a tagged page: which element is a block of text, and which ones are only parts of its lines.

The structure types are those of ISO 32000-2, 14.8.4. Programs write many more elements than blocks: a ``Span`` or a
``NonStruct`` for every run of letters. An element *owns* the text below it if that text is read as one block.
"""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.model.characters import Element

TEXT_BLOCKS = frozenset(
    {
        "P",
        "H",
        "H1",
        "H2",
        "H3",
        "H4",
        "H5",
        "H6",
        "Title",
        "LI",
        "Lbl",
        "LBody",
        "TD",
        "TH",
        "Caption",
        "Note",
        "FENote",
    }
)
"""What holds running text, whatever runs it is made of."""
_INLINE = frozenset(
    {"Span", "Quote", "Strong", "Em", "Sub", "Link", "Reference", "Annot", "Ruby", "RB", "RT", "Warichu", "BibEntry"}
)
_TRANSPARENT = _INLINE | {"NonStruct", "Private", "Code", "Lbl"}
_INFORMATIVE = frozenset({"H1", "H2", "H3", "H4", "H5", "H6", "Title", "L", "Table", "BlockQuote", "Note", "FENote"})


def owners(table: Sequence[Element]) -> list[int]:
    """Give the index of the owner of each element's text; an element may own itself."""
    found: list[int] = []
    for index, element in enumerate(table):
        found.append(_owner(table, index, element))
    return found


def is_informative(table: Sequence[Element]) -> bool:
    """Tell whether the structure says more than where paragraphs begin and end."""
    return any(element.role in _INFORMATIVE for element in table)


def _owner(table: Sequence[Element], index: int, element: Element) -> int:
    block = index
    while block >= 0 and table[block].role in _TRANSPARENT:
        if table[block].role == "Lbl" and not _labels_text(table, block):
            return block
        block = table[block].parent
    if block >= 0 and table[block].role in TEXT_BLOCKS:
        return block
    # Nothing around it is a block of text: the outermost of its runs is.
    runs = index
    while element.role in _INLINE | {"NonStruct"} and table[runs].role != "Code" and element.parent >= 0:
        parent = table[runs].parent
        if parent < 0 or table[parent].role not in _TRANSPARENT:
            break
        runs = parent
        if table[runs].role == "NonStruct":
            break
    return runs


def _labels_text(table: Sequence[Element], index: int) -> bool:
    """Tell whether a label stands within running text, as the mark of a footnote does."""
    parent = table[index].parent
    return parent >= 0 and table[parent].role in {"P", "Span", "Link", "H1", "H2", "H3", "H4", "H5", "H6", "TD", "TH"}
