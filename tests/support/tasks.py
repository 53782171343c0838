"""One document through the work of a parser process, in this process: from the configuration of a message to files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamaparse_worker.components import Seam, targets
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.page import PageSummary
from llamaparse_worker.model.parsing import Assemble, Completed, Inspect, Inspected, PageDone, ParserEvent, ReadPages
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.tasks import make_tasks
from llamaparse_worker.wire import job_of, read_message, select_pages


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result files by name, and what the worker would remember of the pages."""

    files: Mapping[str, bytes]
    pages: Sequence[PageSummary]

    @property
    def markdown(self) -> str:
        """The content of ``result.md``."""
        return self.files["result.md"].decode()

    @property
    def text(self) -> str:
        """The content of ``result.txt``."""
        return self.files["result.txt"].decode()

    def items(self, number: int) -> list[dict[str, Any]]:
        """The items of a page in ``result.json``."""
        pages = json.loads(self.files["result.json"])["items"]["pages"]
        items: list[dict[str, Any]] = next(page["items"] for page in pages if page["page_number"] == number)
        return items


def parsed(content: bytes, configuration: Mapping[str, object], *, images: int = 30) -> Parsed:
    """Parse a document as a message with this configuration asks; ``images`` is the most that a page may give."""
    body = {"job_id": "job", "source": "document.pdf", "configuration": configuration}
    options = job_of(read_message(json.dumps(body).encode())).options
    config = TaskConfig(readers=targets(Seam.READER), writers=targets(Seam.WRITER), max_images_per_page=images)
    tasks = make_tasks(config.model_dump_json())
    events: list[ParserEvent] = []

    def emit(event: ParserEvent, _samples: object) -> None:
        events.append(event)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, blob = folder / "document.pdf", str(folder / "pages.blob")
        path.write_bytes(content)
        document = Spooled(str(path), path.name, len(content), "")
        tasks.run(Inspect(document), emit)
        inspected = events[-1]
        assert isinstance(inspected, Inspected)
        pages = select_pages(options, inspected.info.page_count)
        tasks.run(ReadPages(document, pages, blob, options, ocr=False), emit)
        tasks.run(Assemble((blob,), (), name, options), emit)
        last = events[-1]
        assert isinstance(last, Completed)
        files = {file.name: (folder / file.name).read_bytes() for file in last.files}
    return Parsed(files, tuple(event.summary for event in events if isinstance(event, PageDone)))
