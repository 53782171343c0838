from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.errors import (
    CorruptDocument,
    EmptyDocument,
    EncryptedDocument,
    ErrorReport,
    ParserCrashed,
    TooManyPages,
    UnsupportedFormat,
    WorkerError,
)
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import Granularity, ImageKind, ParseOptions
from llamaparse_worker.model.page import LaidOutPage, PageReason, PageStatus, PageSummary
from llamaparse_worker.model.parsing import (
    Assemble,
    Completed,
    Inspect,
    Inspected,
    LayOut,
    PageDone,
    PageNeedsOcr,
    PageStarted,
    ParserEvent,
    ParserRequest,
    ReadPages,
)
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.pipeline import blob
from llamaparse_worker.pipeline.kept import MOST_SECONDS, KeptPages
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.tasks import DocumentTasks, make_tasks
from support import documents
from support.drawings import pie
from support.scans import page_image, tiff, with_noise, with_scanner_edges

READERS = ("llamaparse_worker.backends.reader.pdf:PdfReader", "llamaparse_worker.backends.reader.text:TextReader")
WRITERS = (
    "llamaparse_worker.backends.writer.markdown:MarkdownWriter",
    "llamaparse_worker.backends.writer.json:JsonWriter",
)


def made(config: TaskConfig) -> DocumentTasks:
    tasks = make_tasks(config.model_dump_json())
    assert isinstance(tasks, DocumentTasks)
    return tasks


@pytest.fixture
def tasks() -> Iterator[DocumentTasks]:
    with closing(made(TaskConfig(readers=READERS, writers=WRITERS))) as opened:
        yield opened


class Recorder:
    def __init__(self) -> None:
        self.events: list[ParserEvent] = []
        self.pixels: list[int] = []

    def __call__(self, event: ParserEvent, samples: memoryview | None) -> None:
        self.events.append(event)
        if samples is not None:
            self.pixels.append(len(samples.tobytes()))


def run(tasks: DocumentTasks, request: ParserRequest) -> Recorder:
    recorder = Recorder()
    tasks.run(request, recorder)
    return recorder


def spooled(folder: Path, content: bytes, name: str = "report.pdf") -> Spooled:
    path = folder / f"spooled-{name}"
    path.write_bytes(content)
    return Spooled(str(path), name, len(content), "")


def read(tasks: DocumentTasks, folder: Path, document: Spooled, pages: Sequence[int], *, ocr: bool = False) -> Recorder:
    return run(tasks, ReadPages(document, tuple(pages), str(folder / "blob"), ParseOptions(), ocr))


def assemble(tasks: DocumentTasks, folder: Path, *failed: PageSummary) -> tuple[str, ...]:
    recorder = run(tasks, Assemble((str(folder / "blob"),), failed, str(folder), ParseOptions()))
    (event,) = recorder.events
    assert isinstance(event, Completed)
    return tuple(file.name for file in event.files)


def summaries(recorder: Recorder) -> list[PageSummary]:
    return [event.summary for event in recorder.events if isinstance(event, PageDone)]


def test_a_document_becomes_result_files(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(documents.prose(1), documents.table(documents.measurements(1))))
    (inspected,) = run(tasks, Inspect(document)).events
    assert isinstance(inspected, Inspected)
    assert (inspected.info.reader, inspected.info.page_count) == ("pdf", 2)
    events = read(tasks, tmp_path, document, (1, 2)).events
    assert [type(event) for event in events] == [PageStarted, PageDone, PageStarted, PageDone, Completed]
    assert assemble(tasks, tmp_path) == ("result.md", "result.json")
    assert "| Station 1 |" in (tmp_path / "result.md").read_text()


def test_pages_are_written_in_order_whatever_the_order_of_reading(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(*map(documents.prose, (1, 2, 3))))
    for number in (3, 1, 2):
        read(tasks, tmp_path, document, (number,))
    assemble(tasks, tmp_path)
    content = (tmp_path / "result.md").read_text()
    assert [line for line in content.splitlines() if line.startswith("#")] == [f"# Section {n}" for n in (1, 2, 3)]


def test_results_are_the_same_bytes_each_time(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(documents.prose(1), documents.two_columns(2)))
    found = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        folder.mkdir()
        read(tasks, folder, document, (1, 2))
        found.append([(folder / name).read_bytes() for name in assemble(tasks, folder)])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (documents.encrypted, "a.pdf", EncryptedDocument),
        (documents.truncated, "a.pdf", CorruptDocument),
        (documents.garbage, "a.pdf", CorruptDocument),
        (documents.without_pages, "a.pdf", EmptyDocument),
        (bytes, "a.pdf", EmptyDocument),
        (lambda: b"PK\x03\x04" + bytes(40), "a.zip", UnsupportedFormat),
        (lambda: b"words only", "a.pdf", UnsupportedFormat),
        (lambda: b" \n\n", "a.txt", EmptyDocument),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_error(
    tasks: DocumentTasks, tmp_path: Path, content: Callable[[], bytes], name: str, error: type[WorkerError]
) -> None:
    with pytest.raises(error):
        run(tasks, Inspect(spooled(tmp_path, content(), name)))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x03\x04 [Content_Types].xml", "office"),
        (b"PK\x03\x04", "zip"),
        (b"\x89PNG\r\n\x1a\n", "image (PNG)"),
        (b"<!DOCTYPE html><p>", "html"),
        (b"plain words", "text"),
        (bytes(range(256)), "unknown"),
    ],
)
def test_an_unknown_format_is_named_as_far_as_it_is_known(
    tasks: DocumentTasks, tmp_path: Path, head: bytes, kind: str
) -> None:
    with pytest.raises(UnsupportedFormat, match=f"looks like: {kind}".replace("(", r"\(").replace(")", r"\)")):
        run(tasks, Inspect(spooled(tmp_path, head, "file.bin")))


def test_a_document_over_the_page_limit_is_refused(tmp_path: Path) -> None:
    tasks = made(TaskConfig(readers=READERS, max_pages=2))
    with pytest.raises(TooManyPages, match="3 pages; 2 are allowed"):
        run(tasks, Inspect(spooled(tmp_path, documents.make(*map(documents.prose, (1, 2, 3))))))


def test_a_damaged_page_fails_alone(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.with_broken_page(3))
    found = summaries(read(tasks, tmp_path, document, (1, 2, 3)))
    failed = [summary for summary in found if summary.status is PageStatus.FAILED]
    assert len(found) == 3
    assert [summary.error.code for summary in failed if summary.error] == ["PAGE_UNREADABLE"]
    assemble(tasks, tmp_path, *failed)
    pages = json.loads((tmp_path / "result.json").read_bytes())["items"]["pages"]
    assert sorted(page["success"] for page in pages) == [False, True, True]


def test_a_page_number_beyond_the_end_fails_as_a_page(tasks: DocumentTasks, tmp_path: Path) -> None:
    (summary,) = summaries(read(tasks, tmp_path, spooled(tmp_path, b"one page", "a.txt"), (7,)))
    assert summary.error == ErrorReport("PAGE_UNREADABLE", "Page 7 cannot be read (IndexError).")


def test_a_scan_goes_out_as_pixels_and_comes_back_as_words(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(documents.scan()))
    recorder = read(tasks, tmp_path, document, (1,), ocr=True)
    started, needs, completed = recorder.events
    assert (started, completed) == (PageStarted(1), Completed())
    assert isinstance(needs, PageNeedsOcr)
    assert recorder.pixels == [needs.width * needs.height]
    assert needs.dpi == pytest.approx(150, abs=0.2)
    words = (Word("Scanned", Box(72, 72, 130, 84), 0.9), Word("letter", Box(134, 72, 170, 84), 0.9))
    request = LayOut(needs.page, Recognition(words, "fake"), str(tmp_path / "blob"), ParseOptions())
    (summary,) = summaries(run(tasks, request))
    assert (summary.engine, summary.characters, summary.confidence) == ("fake", 14, 0.9)
    assemble(tasks, tmp_path)
    assert (tmp_path / "result.md").read_text() == "Scanned letter\n"


def test_the_figures_of_a_page_that_goes_to_ocr_come_back_with_its_words(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(lambda canvas: pie(canvas, 300, 400)))
    options, blob_path = ParseOptions(images_to_save=(ImageKind.LAYOUT,)), str(tmp_path / "blob")
    _, needs, _ = run(tasks, ReadPages(document, (1,), blob_path, options, ocr=True)).events
    assert isinstance(needs, PageNeedsOcr)
    words = (Word("Rainfall", Box(72, 72, 130, 84)),)
    run(tasks, LayOut(needs.page, Recognition(words, "fake"), blob_path, options))
    (event,) = run(tasks, Assemble((blob_path,), (), str(tmp_path), options)).events
    assert isinstance(event, Completed)
    assert [file.name for file in event.files] == ["result.md", "result.json", "images/page_1_figure_1.png"]


def image_page(image: Image.Image, text: str = "") -> bytes:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(image), 0, 0, documents.WIDTH, documents.HEIGHT)
        canvas.drawString(72, 400, text)

    return documents.make(draw)


def test_a_scan_of_an_empty_sheet_is_blank_and_goes_to_no_engine(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, image_page(with_noise(with_scanner_edges(page_image()), share=0.003)))
    (summary,) = summaries(read(tasks, tmp_path, document, (1,), ocr=True))
    assert (summary.reason, summary.status, summary.engine) == (PageReason.BLANK, PageStatus.PARSED, "text_layer")


def test_an_image_file_goes_out_as_it_is(tmp_path: Path) -> None:
    name = "llamaparse_worker.backends.reader.image:ImageReader"
    with closing(made(TaskConfig(readers=(*READERS, name), writers=WRITERS))) as tasks:
        document = spooled(tmp_path, tiff(page_image("words"), page_image(), dpi=(150, 150)), "fax.tif")
        _, needs, _, done, _ = read(tasks, tmp_path, document, (1, 2), ocr=True).events
    assert isinstance(needs, PageNeedsOcr)
    assert (needs.width, needs.height) == (1240, 1754)
    assert needs.dpi == pytest.approx(150)
    assert isinstance(done, PageDone)
    assert done.summary.reason is PageReason.BLANK


def figured(canvas: Canvas) -> None:
    documents.prose(1)(canvas)
    figure = page_image("Words that a figure", "shows to its readers", width=640, height=300, size=26)
    canvas.drawImage(ImageReader(figure), 72, 60, 320, 150)


def test_the_words_of_a_figure_join_the_text_around_it(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(figured))
    _, needs, _ = read(tasks, tmp_path, document, (1,), ocr=True).events
    assert isinstance(needs, PageNeedsOcr)
    assert needs.joins
    words = (Word("Seen", Box(90, 660, 115, 672), 0.8), Word("here", Box(119, 660, 140, 672), 0.6))
    options = ParseOptions(granular_bboxes=(Granularity.WORD,))
    request = LayOut(needs.page, Recognition(words, "fake"), str(tmp_path / "blob"), options, joins=True)
    (summary,) = summaries(run(tasks, request))
    assert (summary.engine, summary.confidence, summary.reason) == ("text_layer", 0.7, None)
    run(tasks, Assemble((str(tmp_path / "blob"),), (), str(tmp_path), options))
    content = (tmp_path / "result.md").read_text()
    assert content.startswith("# Section 1")
    assert content.strip().endswith("Seen here")
    row = json.loads((tmp_path / "grounded_items.jsonl").read_bytes())
    assert [word.get("confidence") for word in row["words"]][-2:] == [0.8, 0.6]
    assert "confidence" not in row["words"][0]


def test_images_are_not_looked_at_where_the_job_ignores_their_text_or_ocr_is_off(
    tasks: DocumentTasks, tmp_path: Path
) -> None:
    document = spooled(tmp_path, documents.make(figured))
    ignoring = ReadPages(document, (1,), str(tmp_path / "blob"), ParseOptions(ignore_text_in_image=True), ocr=True)
    for recorder in (run(tasks, ignoring), read(tasks, tmp_path, document, (1,))):
        assert [summary.engine for summary in summaries(recorder)] == ["text_layer"]


def test_a_page_that_only_has_a_photo_is_finished_at_once(tasks: DocumentTasks, tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        documents.prose(1)(canvas)
        canvas.drawImage(ImageReader(Image.radial_gradient("L")), 72, 60, 300, 150)

    document = spooled(tmp_path, documents.make(draw))
    assert len(summaries(read(tasks, tmp_path, document, (1,), ocr=True))) == 1


def test_without_ocr_a_page_says_why_it_has_no_text(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(documents.scan(), documents.blank, documents.white_box))
    found = summaries(read(tasks, tmp_path, document, (1, 2, 3)))
    assert [summary.reason for summary in found] == [PageReason.SCANNED, PageReason.BLANK, PageReason.BLANK]
    assert {summary.status for summary in found} == {PageStatus.PARSED}


def test_a_blank_page_is_not_sent_to_ocr(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(documents.blank))
    (summary,) = summaries(read(tasks, tmp_path, document, (1,), ocr=True))
    assert summary.reason is PageReason.BLANK


def test_a_page_number_stamped_on_a_scan_is_not_its_text(tasks: DocumentTasks, tmp_path: Path) -> None:
    def stamped(canvas: Canvas) -> None:
        documents.scan()(canvas)
        canvas.drawString(300, 30, "Page 1 of 9")

    recorder = read(tasks, tmp_path, spooled(tmp_path, documents.make(stamped)), (1,), ocr=True)
    assert recorder.pixels


def test_a_frame_cut_short_is_dropped_and_written_over(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, documents.make(*map(documents.prose, (1, 2))))
    read(tasks, tmp_path, document, (1, 2))
    path = tmp_path / "blob"
    path.write_bytes(path.read_bytes()[:-100])
    assert [page.number for page in blob.index(path)] == [1]
    read(tasks, tmp_path, document, (2,))
    assert [page.number for page in blob.index(path)] == [1, 2]
    with path.open("rb") as file:
        assert "Section 2" in blob.read_page(file, blob.index(path)[1]).text


def test_every_length_of_a_torn_blob_gives_whole_pages_only(tasks: DocumentTasks, tmp_path: Path) -> None:
    read(tasks, tmp_path, spooled(tmp_path, b"one\ftwo\fthree", "a.txt"), (1, 2, 3))
    whole, torn = (tmp_path / "blob").read_bytes(), tmp_path / "torn"
    counts = []
    for size in range(len(whole) + 1):
        torn.write_bytes(whole[:size])
        counts.append(len(blob.index(torn)))
    assert counts == sorted(counts)
    assert counts[-2:] == [2, 3]


def test_a_blob_that_nobody_began_has_no_pages(tmp_path: Path) -> None:
    assert blob.index(tmp_path / "missing") == ()


@pytest.mark.parametrize("growth", [-(2**60), 2**60], ids=["before each page", "never"])
def test_a_document_that_is_opened_anew_between_pages_gives_the_same(
    tasks: DocumentTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, growth: int
) -> None:
    (tmp_path / "source.pdf").write_bytes(documents.make(*documents.mixed_pages(3, 3)))
    document = Spooled(str(tmp_path / "source.pdf"), "source.pdf", 1, "")
    for name, most in (("one.blob", 64 * 2**20), ("other.blob", growth)):
        monkeypatch.setattr("llamaparse_worker.pipeline.tasks._MOST_GROWTH_BYTES", most)
        tasks.run(ReadPages(document, (1, 2, 3), str(tmp_path / name), ParseOptions(), ocr=False), Recorder())

    assert (tmp_path / "one.blob").read_bytes() == (tmp_path / "other.blob").read_bytes()
    assert len(blob.index(tmp_path / "one.blob")) == 3


def keeping(tasks: DocumentTasks, folder: Path, document: Spooled, pages: Sequence[int]) -> Recorder:
    return run(tasks, ReadPages(document, tuple(pages), str(folder / "blob"), ParseOptions(), ocr=False, keep=True))


def assembled(tasks: DocumentTasks, folder: Path, results: str, *, kept: bool) -> dict[str, bytes]:
    (folder / results).mkdir()
    request = Assemble((str(folder / "blob"),), (), str(folder / results), ParseOptions(), kept)
    (event,) = run(tasks, request).events
    assert isinstance(event, Completed)
    return {file.name: (folder / results / file.name).read_bytes() for file in event.files}


@pytest.mark.parametrize(("room", "written"), [(1 << 18, 0), (512, 1), (0, 3)], ids=["all", "some", "none"])
def test_pages_that_are_kept_give_the_same_files_as_pages_on_disk(
    tasks: DocumentTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, written: int
) -> None:
    document = spooled(tmp_path, b"first words\fsecond words\fthird words", "a.txt")
    monkeypatch.setattr("llamaparse_worker.pipeline.kept.MOST_CHARACTERS", room)
    events = keeping(tasks, tmp_path, document, (1, 2, 3)).events
    assert len(blob.index(tmp_path / "blob")) == written
    kept = assembled(tasks, tmp_path, "kept", kept=True)

    assert read(tasks, tmp_path, document, (1, 2, 3)).events == events
    assert assembled(tasks, tmp_path, "written", kept=False) == kept


def test_pages_are_not_kept_for_long(tasks: DocumentTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = spooled(tmp_path, b"first words\fsecond words\fthird words", "a.txt")
    monkeypatch.setattr("llamaparse_worker.pipeline.kept.MOST_SECONDS", 0)
    keeping(tasks, tmp_path, document, (1, 2, 3))

    assert [page.number for page in blob.index(tmp_path / "blob")] == [1, 2, 3]
    assert b"third words" in assembled(tasks, tmp_path, "kept", kept=True)["result.md"]


def test_what_was_kept_for_too_long_is_written_once_and_before_what_follows() -> None:
    now = 100.0
    with patch("llamaparse_worker.pipeline.kept.time.monotonic", lambda: now):
        kept = KeptPages("blob")
        page = LaidOutPage(1, 1.0, 1.0, 0, (), "text", "engine")
        assert kept.keep(page)
        assert list(kept.outlived()) == []
        now += MOST_SECONDS
        assert list(kept.outlived()) == [page]
        assert list(kept.outlived()) == []
        assert not kept.keep(page)
    assert kept.pages == {}


def test_pages_that_another_process_kept_are_not_silently_missing(tasks: DocumentTasks, tmp_path: Path) -> None:
    document = spooled(tmp_path, b"first\fsecond", "a.txt")
    keeping(tasks, tmp_path, document, (1, 2))
    with closing(made(TaskConfig(readers=READERS, writers=WRITERS))) as other, pytest.raises(ParserCrashed):
        assembled(other, tmp_path, "other", kept=True)

    run(tasks, Inspect(document))
    with pytest.raises(ParserCrashed):
        assembled(tasks, tmp_path, "later", kept=True)


def test_a_kept_page_with_text_that_no_file_can_hold_fails_alone(
    tasks: DocumentTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(page: LaidOutPage, _options: ParseOptions) -> LaidOutPage:
        return replace(page, text="\ud800") if page.number == 1 else page

    monkeypatch.setattr("llamaparse_worker.pipeline.tasks.finished", spoilt)
    document = spooled(tmp_path, b"first\fsecond", "a.txt")
    statuses = [page.status for page in summaries(keeping(tasks, tmp_path, document, (1, 2)))]
    assert statuses == [PageStatus.FAILED, PageStatus.PARSED]
