"""The work of a parser process: open, read, lay out, assemble. Loaded by name inside the process."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from io import SEEK_END
from pathlib import Path
from pkgutil import resolve_name
from typing import BinaryIO, TypeVar

from llamaparse_worker.errors import (
    EmptyDocument,
    ErrorReport,
    PageUnreadable,
    ParserCrashed,
    UnsupportedFormat,
    WorkerError,
    report,
)
from llamaparse_worker.interfaces import Emit, OpenDocument, Reader, ReaderLimits, Tasks, Writer
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.layout.figures import with_figures
from llamaparse_worker.model.document import DocumentInfo, ResultFile, Spooled
from llamaparse_worker.model.images import PageImage
from llamaparse_worker.model.page import FailedPage, LaidOutPage, PageSummary, ParsedPage, RawPage
from llamaparse_worker.model.parsing import (
    Assemble,
    Completed,
    Draw,
    Inspect,
    Inspected,
    LayOut,
    PageDone,
    PageNeedsOcr,
    PageStarted,
    ParserRequest,
    ReadPages,
)
from llamaparse_worker.pipeline import blob
from llamaparse_worker.pipeline.file_kind import HEAD_BYTES, file_kind
from llamaparse_worker.pipeline.forms import with_forms
from llamaparse_worker.pipeline.grounded import GroundedWriter
from llamaparse_worker.pipeline.images import ImageLimits, image_files, with_images
from llamaparse_worker.pipeline.kept import KeptPages
from llamaparse_worker.pipeline.links import with_page_links
from llamaparse_worker.pipeline.page import blank, failure, finished, needs_ocr, recognised, summary, wanted
from llamaparse_worker.pipeline.remarks import commented, remarks_on
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.upgrades import upgraded

P = TypeVar("P", RawPage, LaidOutPage)

_STUMBLES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What a reader raises that stumbles over the content of one page: that page is lost, the others need not be."""


def make_tasks(config_json: str | bytes) -> Tasks:
    """Load readers and writers as a ``TaskConfig`` in JSON names them."""
    config = TaskConfig.model_validate_json(config_json)
    readers: tuple[Reader, ...] = tuple(resolve_name(name)() for name in config.readers)
    writers: tuple[Writer, ...] = tuple(resolve_name(name)() for name in config.writers)
    return DocumentTasks(config, readers, writers)


_MOST_GROWTH_BYTES = 64 * 1024 * 1024
_STATM_BYTES = 256
_BUFFER_BYTES = 1 << 16
"""Result files are written in pieces of this size, not page by page."""
_SIGN_OF_LIFE_PAGES = 64
"""A process that is silent for too long is killed: assembly of a long document says now and then that it goes on."""


class DocumentTasks:
    """Answers requests, one at a time; the document of the last one stays open for the next."""

    def __init__(self, config: TaskConfig, readers: tuple[Reader, ...], writers: tuple[Writer, ...]) -> None:
        self._config = config
        self._limits = ReaderLimits(config.max_pages, config.max_pixels)
        self._image_limits = ImageLimits(config.max_images_per_page, config.screenshot_dpi)
        self._readers = readers
        self._writers = writers
        self._open: _Opened | None = None
        self._kept: KeptPages | None = None

    def run(self, request: ParserRequest, emit: Emit) -> None:
        """Answer a request. What is no ``WorkerError`` is a bug, and left to end the process."""
        match request:
            case Inspect():
                self.close()
                self._kept = None
                emit(Inspected(self._opened(request.document).info), None)
            case ReadPages():
                self._read_pages(request, emit)
            case LayOut():
                self._lay_out(request, emit)
            case Draw():
                # Loaded where a mode looks at pages.
                from llamaparse_worker.pipeline.drawing import draw  # noqa: PLC0415

                emit(Completed((draw(request, self._opened(request.document).pages),)), None)
            case Assemble():
                self.close()
                kept, self._kept = self._kept, None
                emit(Completed(self._assemble(request, _kept_pages(request, kept), emit)), None)

    def close(self) -> None:
        """Close the open document; safe to repeat."""
        if self._open is not None:
            opened, self._open = self._open, None
            opened.stack.close()

    def _opened(self, document: Spooled) -> _Opened:
        if self._open is not None and self._open.path == document.path and not self._open.is_swollen:
            return self._open
        self.close()
        with ExitStack() as stack:
            file = stack.enter_context(Path(document.path).open("rb"))
            reader = self._reader(file, document.name)
            pages = stack.enter_context(reader.open(file, self._limits))
            info = DocumentInfo(reader.name, pages.page_count)
            self._open = _Opened(document.path, info, pages, stack.pop_all())
        return self._open

    def _reader(self, file: BinaryIO, name: str) -> Reader:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if not head:
            raise EmptyDocument("The file is empty.")
        for reader in self._readers:
            if reader.accepts(head, name):
                return reader
        raise UnsupportedFormat(f"No enabled reader accepts this file; its content looks like: {file_kind(head)}.")

    def _read_pages(self, request: ReadPages, emit: Emit) -> None:
        self._kept = KeptPages(request.blob) if request.keep else None
        with blob.appending(Path(request.blob)) as out:
            for number in request.pages:
                pages = self._opened(request.document).pages
                emit(PageStarted(number), None)
                done = self._page(pages, number, request, out, emit)
                if done is not None:
                    emit(PageDone(done), None)
                else:
                    self._write_kept(out)
        emit(Completed(), None)

    def _page(
        self, pages: OpenDocument, number: int, request: ReadPages, out: blob.BlobWriter, emit: Emit
    ) -> PageSummary | None:
        """Read one page; None: it went out as pixels."""
        try:
            read = with_page_links(pages.read(number), pages, request.options)
            page = wanted(with_forms(read, pages, request.options), request.options)
            page, remarks = remarks_on(page, pages, request.options)
            if request.ocr and isinstance(page, RawPage):
                if needs_ocr(page):
                    laid_out = self._hand_out(pages, page, request, emit)
                else:
                    laid_out = self._hand_out_images(pages, page, request, emit)
                if laid_out is None:
                    return None
            else:
                laid_out = finished(page, request.options)
            done = self._illustrated(laid_out, page, pages, request)
            return self._keep_or_append(upgraded(commented(done, remarks), page, request.options), out)
        except WorkerError as error:
            return failure(number, report(error))
        except _STUMBLES as error:
            found = f"Page {number} cannot be read ({type(error).__name__})."
            return failure(number, ErrorReport(PageUnreadable.code, found))

    def _illustrated(self, page: P, read: RawPage | LaidOutPage, pages: OpenDocument, request: ReadPages) -> P:
        if not request.options.images_to_save:
            return page
        return with_images(page, read, pages, request.options, Path(request.blob).parent, self._image_limits)

    def _keep_or_append(self, page: LaidOutPage, out: blob.BlobWriter) -> PageSummary:
        if self._kept is not None:
            for outlived in self._kept.outlived():
                out.append(outlived)
            if self._kept.keep(page):
                return summary(page)
        return _append(page, out)

    def _write_kept(self, out: blob.BlobWriter) -> None:
        """Write what was kept: a page comes back from OCR to any process, and so does the document."""
        kept, self._kept = self._kept, None
        for page in kept.pages.values() if kept is not None else ():
            out.append(page)

    def _hand_out(self, pages: OpenDocument, page: RawPage, request: ReadPages, emit: Emit) -> LaidOutPage | None:
        """Let a page leave as pixels, unless nothing is on it: then it is given laid out."""
        # OpenCV is loaded where a page goes to OCR.
        from llamaparse_worker.pipeline.handout import ocr_dpi, with_drawn_lines  # noqa: PLC0415
        from llamaparse_worker.pipeline.ink import has_ink  # noqa: PLC0415

        with pages.render(page.number, dpi=ocr_dpi(page, self._config.ocr_dpi)) as image:
            if not has_ink(image):
                return blank(page, request.options)
            page = self._illustrated(with_drawn_lines(page, image), page, pages, request)
            emit(PageNeedsOcr(page, image.width, image.height, image.channels, image.dpi), image.samples)
        return None

    def _hand_out_images(
        self, pages: OpenDocument, page: RawPage, request: ReadPages, emit: Emit
    ) -> LaidOutPage | None:
        """Let the images of a page leave that may hold text; without any it is given laid out."""
        if not page.image_boxes or request.options.ignore_text_in_image:
            return finished(page, request.options)
        from llamaparse_worker.pipeline.handout import only_text_images, readable_images  # noqa: PLC0415 - as above

        if regions := readable_images(page):
            with pages.render(page.number, dpi=self._config.ocr_dpi) as image:
                samples = only_text_images(page, regions, image)
            if samples is not None:
                height, width, channels = samples.shape
                page = self._illustrated(page, page, pages, request)
                emit(PageNeedsOcr(page, width, height, channels, image.dpi, joins=True), samples.reshape(-1).data)
                return None
        return finished(page, request.options)

    def _lay_out(self, request: LayOut, emit: Emit) -> None:
        emit(PageStarted(request.page.number), None)
        with blob.appending(Path(request.blob)) as out:
            page = recognised(request.page, request.found, request.options, joins=request.joins)
            emit(PageDone(_append(upgraded(page, request.page, request.options), out)), None)
        emit(Completed(), None)

    def _assemble(self, request: Assemble, kept: Mapping[int, LaidOutPage], emit: Emit) -> tuple[ResultFile, ...]:
        folder = Path(request.folder)
        writers = [one for one in self._writers if request.options.wants(one.file_name)]
        if request.options.granular_bboxes:
            writers.append(GroundedWriter())
        images: list[PageImage] = []
        with ExitStack() as files:
            outs = [files.enter_context((folder / one.file_name).open("wb", _BUFFER_BYTES)) for one in writers]
            with ExitStack() as stack:
                opened = zip(writers, outs, strict=True)
                sinks = [stack.enter_context(writer.open(out, request.options)) for writer, out in opened]
                for count, page in enumerate(_pages(request, kept), 1):
                    images.extend(page.images if isinstance(page, ParsedPage) else ())
                    for sink in sinks:
                        sink.add(page)
                    if count % _SIGN_OF_LIFE_PAGES == 0:
                        emit(PageStarted(page.number), None)
            sizes = [out.seek(0, SEEK_END) for out in outs]
        written = (
            ResultFile(writer.file_name, size, writer.content_type) for writer, size in zip(writers, sizes, strict=True)
        )
        return (*written, *image_files(folder, images))


class _Opened:
    """The document that is open, and what closes it."""

    def __init__(self, path: str, info: DocumentInfo, pages: OpenDocument, stack: ExitStack) -> None:
        self.path = path
        self.info = info
        self.pages = pages
        self.stack = stack
        self._memory = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)  # asked for each page: opened once
        stack.callback(os.close, self._memory)
        self._begun_with = self._private_bytes()

    @property
    def is_swollen(self) -> bool:
        """Whether memory has grown so much that the document is better opened anew: readers keep what they met."""
        return self._private_bytes() - self._begun_with > _MOST_GROWTH_BYTES

    def _private_bytes(self) -> int:
        """Give the resident memory of this process without what it maps of files."""
        _, resident, shared, *_ = os.pread(self._memory, _STATM_BYTES, 0).split()
        return (int(resident) - int(shared)) * resource.getpagesize()


def _append(page: LaidOutPage, out: blob.BlobWriter) -> PageSummary:
    out.append(page)
    return summary(page)


def _kept_pages(request: Assemble, kept: KeptPages | None) -> Mapping[int, LaidOutPage]:
    if not request.kept:
        return {}
    if kept is None or kept.blob not in request.blobs:
        raise ParserCrashed("The parser process that kept the pages has ended.")
    return kept.pages


def _pages(request: Assemble, kept: Mapping[int, LaidOutPage]) -> Iterator[ParsedPage | FailedPage]:
    """Give all pages in order: first a look at every index, then one page after the other."""
    with ExitStack() as stack:
        stored: dict[int, tuple[BinaryIO, blob.StoredPage]] = {}
        for path in map(Path, request.blobs):
            found = blob.index(path)
            file = stack.enter_context(path.open("rb")) if found else None
            if file is not None:
                stored.update((page.number, (file, page)) for page in found)
        read = sorted({*stored, *kept})
        document = document_signs(page_signs(kept[n]) if n in kept else stored[n][1].signs for n in read)
        failed = {page.number: _failed_page(page) for page in request.failed}
        laid_out = (
            failed.get(number) or kept.get(number) or blob.read_page(*stored[number])
            for number in sorted({*read, *failed})
        )
        for page in finish(laid_out, document, request.options.tables):
            if isinstance(page, ParsedPage) and page.images:
                yield with_figures(page, inline=request.options.inline_images)
            else:
                yield page


def _failed_page(page: PageSummary) -> FailedPage:
    return FailedPage(page.number, page.error or ErrorReport(PageUnreadable.code, f"Page {page.number} was not read."))
