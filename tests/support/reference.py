"""The generated parts of the reference pages: tables of variables and languages, the facts of each error code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from llamaparse_worker.backends.ocr.languages import LANGUAGES
from llamaparse_worker.errors import (
    ConfigurationError,
    ModelsUnavailable,
    PageUnreadable,
    TransientError,
    WorkerError,
    every_error,
)
from llamaparse_worker.settings.catalogue import Group, groups
from llamaparse_worker.settings.fields import DefaultText, is_secret, is_size, marker, names_of
from llamaparse_worker.settings.wording import allowed, schemas_of, sized

_BLOCK = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)


def blocks_in(page: str) -> tuple[str, ...]:
    """Give the names of the generated blocks of a page, in order."""
    return tuple(match["name"] for match in _BLOCK.finditer(page))


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """Put fresh text into each generated block of a page; everything between the blocks is prose and stays."""

    def fresh(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- generated: {name} -->\n{blocks[name]}\n<!-- end -->"

    return _BLOCK.sub(fresh, page)


def variable_tables() -> str:
    """Give a table of variables for each group."""
    return "\n\n".join(f"### {group.title}\n\n{_table(group)}" for group in groups())


def error_facts() -> dict[str, str]:
    """Give for each code what it means, what to do, and whether the job is tried again."""
    return {kind.code: _facts(kind) for kind in every_error()}


def language_table() -> str:
    """Give a table of the languages for OCR."""
    rows = (
        f"| `{one.code}` | {one.script} | {'PP-OCR' if one.in_pp_ocr else 'Tesseract'} | `{one.package}` |"
        for one in sorted(LANGUAGES.values(), key=lambda one: one.code)
    )
    return "\n".join(["| code | script | read first by | Debian package for Tesseract |", "|---|---|---|---|", *rows])


def _table(group: Group) -> str:
    fields, schemas = group.model.model_fields, schemas_of(group.model)
    rows = (_row(name, fields[name.lower()], schemas[name]) for name in group.names)
    return "\n".join(["| variable | default | allowed | meaning |", "|---|---|---|---|", *rows])


def _row(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    also = names_of(name, field)[1:]
    aliases = f" Also named {', '.join(f'`{one}`' for one in also)}." if also else ""
    meaning = f"{(field.description or '').rstrip('.')}.{aliases}"
    cells = (f"`{name}`", _default(name, field), allowed(schema, size=is_size(name, field)), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(name: str, field: FieldInfo) -> str:
    if text := marker(field, DefaultText):
        return text.text
    if field.is_required():
        return "required"
    shown = sized(field.default) if is_size(name, field) and field.default else _shown(field.default)
    return "unset" if not shown or is_secret(field) else f"`{shown}`"


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple() | frozenset():
            return ",".join(str(one) for one in value)
        case _:
            return str(value)


def _facts(kind: type[WorkerError]) -> str:
    return "\n".join(_sentences(kind))


def _sentences(kind: type[WorkerError]) -> Iterator[str]:
    yield f"**{(kind.__doc__ or '').strip().splitlines()[0]}**"
    yield f"What to do: {kind.next_step}"
    if issubclass(kind, ConfigurationError):
        yield "Tried again: no, the program does not start (exit status 78)."
    elif issubclass(kind, PageUnreadable):
        yield "Tried again: no, the page is marked as failed and the document goes on."
    elif issubclass(kind, ModelsUnavailable):
        yield "Tried again: yes, after a pause, as often as it takes; no attempt is charged."
    elif issubclass(kind, TransientError):
        yield "Tried again: yes, after a pause, up to JOB_MAX_ATTEMPTS times."
    else:
        yield "Tried again: no, the job is FAILED."
