"""Writes every generated file of the repository: ``python -m support.generate``; ``--check`` only compares."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cffi import FFI

from llamaparse_worker.backends.reader.pdf import declarations
from support.contracts import asyncapi, job_event_schema, job_message_schema
from support.reference import error_facts, fill, language_table, variable_tables

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "config" / "contracts"
DOCS = ROOT / "docs"
PDF_READER = Path(declarations.__file__).parent


def examples() -> dict[str, object]:
    """Give the golden examples by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((CONTRACTS / "examples").glob("*.json"))}


def generated() -> Iterator[tuple[Path, str]]:
    """Give each generated file with the text that it must have."""
    yield CONTRACTS / "job-message.schema.json", _json(job_message_schema())
    yield CONTRACTS / "job-event.schema.json", _json(job_event_schema())
    yield CONTRACTS / "asyncapi.json", _json(asyncapi(examples()))
    yield DOCS / "variables.md", fill((DOCS / "variables.md").read_text(), {"variables": variable_tables()})
    yield DOCS / "languages.md", fill((DOCS / "languages.md").read_text(), {"languages": language_table()})
    yield DOCS / "errors.md", fill((DOCS / "errors.md").read_text(), error_facts())
    yield PDF_READER / "declared.py", _declared()


def stale() -> tuple[Path, ...]:
    """Give the files that differ from what the code says."""
    return tuple(path for path, text in generated() if not path.exists() or path.read_text() != text)


def main() -> int:
    """Write what is stale; with ``--check`` only name it and give status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    found = stale()
    texts = dict(generated())
    for path in found:
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(texts[path])
    return int(check and bool(found))


def _declared() -> str:
    """Give the module that knows the C functions of the PDF reader without reading their declarations."""
    made = FFI()
    made.set_source("declared", None)
    made.cdef(declarations.PDFIUM + declarations.COMPILED)
    with TemporaryDirectory() as folder:
        file = Path(made.compile(tmpdir=folder))
        return '"""Made of ``declarations`` by ``make generate``: what cffi knows of them."""\n\n' + file.read_text()


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
