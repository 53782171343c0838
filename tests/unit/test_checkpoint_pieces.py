from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.pipeline import pieces
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.frames import framed, whole_frames
from llamaparse_worker.pipeline.pieces import BrokenPieceError, Piece, PieceReader, PieceWriter


def page(number: int, *images: str) -> PageSummary:
    return PageSummary(number, PageStatus.PARSED, engine="text_layer", characters=7, images=images)


class Reading:
    """A document in work: pages are finished one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.finished = FinishedPages()
        (folder / "images").mkdir(parents=True)
        self.writer = PieceWriter(self.finished, folder)

    def finish(self, summary: PageSummary, content: bytes = b"content", *, blob: str = "pages.blob") -> None:
        self.write(summary.number, content, blob=blob)
        self.finished.summaries[summary.number] = summary

    def write(self, number: int, content: bytes = b"content", *, blob: str = "pages.blob") -> None:
        path = self.folder / blob
        if str(path) not in self.finished.blobs:
            self.finished.blobs.append(str(path))
        with path.open("ab") as file:
            file.write(framed(number, b"entry", content))

    def save(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path / "first")


@pytest.fixture
def reader(tmp_path: Path) -> PieceReader:
    folder = tmp_path / "second"
    folder.mkdir()
    return PieceReader(folder)


def taken(writer: PieceWriter) -> Piece:
    piece = writer.next()
    assert piece is not None
    writer.count(piece)
    return piece


def frames_of(finished: FinishedPages) -> dict[int, bytes]:
    found = {}
    for path in map(Path, finished.blobs):
        with path.open("rb") as file:
            for frame in whole_frames(file):
                found[frame.number] = path.read_bytes()[frame.page_at : frame.end]
    return found


def test_pieces_carry_each_finished_page_once_into_another_folder(reading: Reading, reader: PieceReader) -> None:
    writer = reading.writer
    assert writer.next() is None
    reading.finish(page(1), b"one")
    reading.finish(page(3), b"three", blob="other.blob")
    first = taken(writer)
    assert writer.next() is None
    reading.finish(page(2), b"two")
    second = taken(writer)

    for piece in (first, second):
        reader.add(piece.content, piece.sha256)

    assert (first.pages, second.pages) == (2, 1)
    assert reader.finished.summaries == reading.finished.summaries
    assert frames_of(reader.finished) == {1: b"one", 2: b"two", 3: b"three"}


def test_a_piece_that_was_not_stored_is_made_again(reading: Reading) -> None:
    writer = reading.writer
    reading.finish(page(1))
    lost = writer.next()
    reading.finish(page(2))

    assert lost is not None
    assert taken(writer).pages == 2


def test_a_page_that_its_process_has_not_reported_waits(reading: Reading) -> None:
    writer = reading.writer
    reading.finish(page(1))
    reading.write(2)
    assert taken(writer).pages == 1
    reading.finished.summaries[2] = page(2)
    assert taken(writer).pages == 1


def test_a_page_that_failed_after_all_is_in_no_piece(reading: Reading) -> None:
    writer = reading.writer
    reading.finish(replace(page(1), status=PageStatus.FAILED))
    reading.finish(page(2))

    assert taken(writer).pages == 1


def test_what_was_restored_is_not_stored_again(reading: Reading, reader: PieceReader, tmp_path: Path) -> None:
    reading.save("images/a.png", b"picture")
    reading.finish(page(1, "images/a.png"))
    piece = taken(reading.writer)
    reader.add(piece.content, piece.sha256)

    assert PieceWriter(reader.finished, tmp_path / "second").next() is None


def test_images_come_with_the_first_page_that_shows_them(reading: Reading, reader: PieceReader, tmp_path: Path) -> None:
    writer = reading.writer
    reading.save("images/a.png", b"picture")
    reading.finish(page(1, "images/a.png"))
    first = taken(writer)
    reading.save("images/b.png", b"other")
    reading.finish(page(2, "images/a.png", "images/b.png"))
    second = taken(writer)
    assert (set(first.images), set(second.images)) == ({"images/a.png"}, {"images/b.png"})

    reader.add(second.content, second.sha256)
    assert reader.finished.summaries == {}, "an image of page 2 is in the other piece"
    reader.add(first.content, first.sha256)
    assert set(reader.finished.summaries) == {1, 2}
    assert (tmp_path / "second/images/a.png").read_bytes() == b"picture"


def test_refined_pages_come_first_and_at_once_if_wished(reading: Reading, reader: PieceReader, tmp_path: Path) -> None:
    writer = reading.writer
    refined = reading.folder / "refined.blob"
    for number in (1, 2):
        reading.finish(page(number), b"read")
    owed = [writer.owes_refined]
    reading.finished.refined_blobs.append(str(refined))
    refined.write_bytes(framed(2, b"entry", b"better") + framed(1, b"entry", b"not reported"))
    reading.finished.refined.add(2)
    owed.append(writer.owes_refined)

    first = writer.next(refined_only=True)
    assert first is not None
    writer.count(first)
    owed.append(writer.owes_refined)
    assert owed == [False, True, False]
    assert writer.next(refined_only=True) is None
    second = taken(writer)
    for piece in (first, second):
        reader.add(piece.content, piece.sha256)

    assert (first.pages, first.refined, second.pages, second.refined) == (1, True, 1, False)
    assert reader.finished.refined == {2}
    assert frames_of(reader.finished) == {1: b"read"}, "what was improved on is not stored any more"
    assert frames_of(FinishedPages(blobs=reader.finished.refined_blobs)) == {2: b"better"}
    assert not PieceWriter(reader.finished, tmp_path / "second").owes_refined


@pytest.mark.parametrize(
    "name", ["../outside", "images/../../outside", "images/.hidden", "/etc/hostname", "images/a/b"]
)
def test_an_image_is_read_nowhere_else(reading: Reading, name: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    reading.finish(page(1, name))

    assert reading.writer.next() is None


def test_a_link_is_not_followed(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(framed(1, b"", b"secret"))
    (reading.folder / "images/a.png").symlink_to(tmp_path / "outside")
    (reading.folder / "pages.blob").symlink_to(tmp_path / "outside")
    reading.finished.blobs.append(str(reading.folder / "pages.blob"))
    reading.finished.summaries[1] = page(1)
    reading.finish(page(2, "images/a.png"), blob="other.blob")

    assert reading.writer.next() is None


def test_a_piece_has_a_limit_and_a_page_beyond_it_is_left_out(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1000)
    for number, size in enumerate((400, 400, 2000, 400), start=1):
        reading.finish(page(number), bytes(size))
    writer = reading.writer

    assert [taken(writer).pages, taken(writer).pages] == [2, 1]
    assert writer.next() is None


def test_no_byte_of_a_piece_may_be_another_or_missing(reading: Reading, reader: PieceReader) -> None:
    reading.finish(page(1), b"one")
    piece = taken(reading.writer)

    for at in range(len(piece.content)):
        changed = bytearray(piece.content)
        changed[at] ^= 1
        for wrong in (bytes(changed), piece.content[:at]):
            with pytest.raises(BrokenPieceError):
                reader.add(wrong, piece.sha256)
    assert reader.finished == FinishedPages()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(8),
        bytes(16),
        b"{}" + bytes(16),
        framed(1, b"", b"x") + b'{"pages":[],"images":{}}' + (25).to_bytes(8, "little") + (24).to_bytes(8, "little"),
        b'{"pages":[],"images":{"images/../x":0}}' + bytes(8) + (39).to_bytes(8, "little"),
        b'{"pages":[],"images":{"images/x":9}}' + bytes(8) + (36).to_bytes(8, "little"),
        b'{"pages":[],"images":{}}' + (1 << 40).to_bytes(8, "little") + (24).to_bytes(8, "little"),
    ],
)
def test_a_whole_object_that_is_no_piece_is_refused(reader: PieceReader, content: bytes) -> None:
    with pytest.raises(BrokenPieceError):
        reader.add(content, sha256(content).hexdigest())
