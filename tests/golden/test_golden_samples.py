"""The Markdown of the bundled samples, as it was read and approved by a person.

After a wanted change: ``UPDATE_GOLDEN=1 pytest tests/golden``, read the difference, commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.parsing import Assemble, Inspect, Inspected, ParserEvent, ReadPages
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.tasks import make_tasks

SAMPLES = sorted((Path(__file__).parents[2] / "config" / "samples").glob("*.pdf"))
APPROVED = Path(__file__).parent / "samples"
CONFIG = TaskConfig(
    readers=("llamaparse_worker.backends.reader.pdf:PdfReader",),
    writers=("llamaparse_worker.backends.writer.markdown:MarkdownWriter",),
)


def markdown_of(document: Path, folder: Path) -> str:
    events: list[ParserEvent] = []
    tasks = make_tasks(CONFIG.model_dump_json())
    spooled = Spooled(str(document), document.name, document.stat().st_size, "")
    tasks.run(Inspect(spooled), lambda event, _: events.append(event))
    (inspected,) = events
    assert isinstance(inspected, Inspected)
    pages = tuple(range(1, inspected.info.page_count + 1))
    blob = str(folder / "blob")
    tasks.run(ReadPages(spooled, pages, blob, ParseOptions(), ocr=False), lambda event, _: events.append(event))
    tasks.run(Assemble((blob,), (), str(folder), ParseOptions()), lambda event, _: events.append(event))
    return (folder / "result.md").read_text()


def test_every_sample_is_covered() -> None:
    assert SAMPLES
    assert [path.stem for path in SAMPLES] == sorted(path.stem for path in APPROVED.glob("*.md"))


@pytest.mark.parametrize("document", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_reads_as_approved(document: Path, tmp_path: Path) -> None:
    approved = APPROVED / f"{document.stem}.md"
    found = markdown_of(document, tmp_path)
    if os.environ.get("UPDATE_GOLDEN"):
        approved.write_text(found)
    assert found == approved.read_text()
