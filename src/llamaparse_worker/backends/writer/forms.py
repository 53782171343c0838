"""The part ``forms`` of ``result.json``: the fields of each page as the LlamaParse v2 result model names them.

A node of the tree is a field; sections, tables and texts of the model are left to modes that understand a form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from llamaparse_worker.backends.writer.items import Place, place
from llamaparse_worker.layout.form_values import CHECKED, UNCHECKED
from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.model.forms import FieldKind, FormField
from llamaparse_worker.model.page import ParsedPage

_NUMBERED = re.compile(r"\(?(\d{1,3}[a-z]?)(?:[.)]|(?<=[a-z]))\s+(?=\S)")
"""A number that the form prints before a label; alone it needs a mark behind it, as ``2 copies`` has none."""


@dataclass(frozen=True, slots=True)
class FieldNode:
    """A field. ``value`` is text, or whether a box is checked or a signature given; a choice has its options."""

    field: FieldKind
    label: str | None = None
    id: str | None = None
    """The number that the form prints before the label."""
    value: str | bool | None = None
    is_empty: Annotated[Literal[True] | None, Field(serialization_alias="isEmpty")] = None
    value_items: Annotated[tuple[FieldNode, ...] | None, Field(serialization_alias="valueItems")] = None
    bbox: tuple[Place, ...] | None = None
    type: Literal["field"] = "field"


@dataclass(frozen=True, slots=True)
class FormLine:
    """One field as a line of text."""

    value: str
    md: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class FormList:
    """All fields of a form as lines."""

    items: tuple[FormLine, ...]
    md: str
    ordered: bool = False
    type: Literal["list"] = "list"


@dataclass(frozen=True, slots=True)
class FormResult:
    """The form of a page, in two representations of the same."""

    json: tuple[FieldNode, ...]
    list: FormList


@dataclass(frozen=True, slots=True)
class FormsPage:
    """The forms of a page: one or none."""

    page_number: int
    page_width: float
    page_height: float
    forms: tuple[FormResult, ...]
    success: Literal[True] = True


def forms_page(page: ParsedPage) -> FormsPage:
    """Give the form of a page, its fields from top to bottom."""
    nodes = tuple(map(_node, _groups(_in_rows(page.fields))))
    if not nodes:
        return FormsPage(page.number, page.width, page.height, ())
    lines = tuple(map(_line, nodes))
    listed = FormList(lines, "\n".join(f"- {line.md}" for line in lines))
    return FormsPage(page.number, page.width, page.height, (FormResult(nodes, listed),))


def _in_rows(fields: Sequence[FormField]) -> Iterator[FormField]:
    """Give fields line by line: on one line are those whose middle lies within the height of its first."""
    row: list[FormField] = []
    for field in sorted(fields, key=lambda one: one.box.y0 + one.box.y1):
        if row and (field.box.y0 + field.box.y1) / 2 > row[0].box.y1:
            yield from sorted(row, key=lambda one: one.box.x0)
            row = []
        row.append(field)
    yield from sorted(row, key=lambda one: one.box.x0)


def _groups(fields: Iterator[FormField]) -> tuple[tuple[FormField, ...], ...]:
    """Put the buttons of one choice together, in the place of the first; any other field stands by itself."""
    groups: dict[object, list[FormField]] = {}
    for at, field in enumerate(fields):
        is_button = field.kind is FieldKind.SINGLE_SELECT and field.checked is not None
        groups.setdefault(field.name if is_button else at, []).append(field)
    return tuple(tuple(group) for group in groups.values())


def _node(group: tuple[FormField, ...]) -> FieldNode:
    field = group[0]
    bbox = tuple(place(one.box) for one in group)
    if field.kind is FieldKind.SINGLE_SELECT and field.checked is not None:
        return FieldNode(field.kind, field.group or None, value_items=tuple(map(_button, group)), bbox=bbox)
    number, label = _parted(field.label)
    named = FieldNode(field.kind, label or None, number, bbox=bbox)
    match field.kind:
        case FieldKind.CHECKBOX | FieldKind.SIGNATURE:
            return replace(named, value=bool(field.checked))
        case FieldKind.TEXT if field.withheld:
            return named
        case FieldKind.TEXT:
            return replace(named, value=field.value) if field.value else replace(named, is_empty=True)
        case _:
            return replace(named, value_items=_options(field))


def _button(field: FormField) -> FieldNode:
    label = field.label or field.value or None
    return FieldNode(FieldKind.CHECKBOX, label, value=bool(field.checked), bbox=(place(field.box),))


def _options(field: FormField) -> tuple[FieldNode, ...]:
    """Give what can be chosen, and what was written in where that may be."""
    made = tuple(FieldNode(FieldKind.CHECKBOX, choice.label, value=choice.chosen) for choice in field.choices)
    if field.value and not any(choice.chosen for choice in field.choices):
        return (*made, FieldNode(FieldKind.TEXT, value=field.value))
    return made


def _parted(label: str) -> tuple[str | None, str]:
    found = _NUMBERED.match(label)
    return (found[1], label[found.end() :]) if found else (None, label)


def _line(node: FieldNode) -> FormLine:
    number = f"[{node.id}] " if node.id else ""
    label = node.label or ""
    if node.field is FieldKind.CHECKBOX:
        mark, task = (CHECKED, "[x]") if node.value else (UNCHECKED, "[ ]")
        return FormLine(f"{mark} {number}{label}".rstrip(), f"{task} {phrase(number + label, ())}".rstrip())
    text = f"{number}{label}: {_shown(node)}".strip()
    return FormLine(text, phrase(text, (), in_line=True))


def _shown(node: FieldNode) -> str:
    if node.field is FieldKind.SIGNATURE:
        return "signed" if node.value else "not signed"
    if node.value_items is not None:
        chosen = (one.label or one.value for one in node.value_items if one.value)
        return ", ".join(str(one) for one in chosen)
    return "" if node.value is None else str(node.value)
