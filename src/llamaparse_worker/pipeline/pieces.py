"""Pieces of a checkpoint: finished pages, with the images saved of them, as one object each.

A piece is the frames of its pages, the images one after the other, an index in JSON, and the lengths of frames and
index (64 bits each, little-endian). Who reads one knows its SHA-256 from elsewhere: only a whole one is looked into.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.frames import Frame, whole_frames

PIECE_BYTES = 32 * 1024 * 1024
"""The most of frames and images in one piece, which is held in memory. A page that has more alone is in none."""
MOST_BYTES = 2 * PIECE_BYTES
"""The most that a piece has with its index."""

_LENGTHS = struct.Struct("<QQ")
_IMAGE = re.compile(r"images/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""Names of images come from parser processes, which are trusted with no path."""


class BrokenPieceError(Exception):
    """A piece is not what was written."""


@dataclass(frozen=True, slots=True)
class PieceIndex:
    """What is in a piece."""

    pages: tuple[PageSummary, ...]
    """In the order of their frames. An image of a page may lie in an earlier piece."""
    images: Mapping[str, int]
    """The sizes of the images that lie here, in bytes, in their order."""
    refined: bool = False
    """Whether a mode has refined the pages."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece, and how far it goes."""

    content: bytes
    sha256: str
    pages: int
    refined: bool
    images: frozenset[str]
    taken_to: Mapping[str, int]
    """For each blob up to where its frames are in this or an earlier piece, in bytes."""


class PieceWriter:
    """Makes pieces of what has been finished since the last one that counts. One call at a time, in any thread.

    Refined pages come first: they are what an attempt would have to pay for again.
    """

    def __init__(self, finished: FinishedPages, folder: Path) -> None:
        self.folder = folder
        """The spool folder of the document."""
        self._finished = finished
        self._restored = frozenset((*finished.blobs, *finished.refined_blobs))
        self._images = frozenset(name for page in finished.summaries.values() for name in page.images)
        self._refined = len(finished.refined)
        self._taken_to: Mapping[str, int] = {}

    @property
    def owes_refined(self) -> bool:
        """Whether pages have been refined that are in no piece."""
        return len(self._finished.refined) > self._refined

    def next(self, *, refined_only: bool = False) -> Piece | None:
        """Give the next piece; None when nothing new is finished. Until it counts, it will be given again."""
        return self._made(refined=True) or (None if refined_only else self._made(refined=False))

    def _made(self, *, refined: bool) -> Piece | None:
        draft = _Draft(dict(self._taken_to))
        for blob in self._finished.refined_blobs if refined else self._finished.blobs:
            if blob not in self._restored and not self._take(blob, draft, refined=refined):
                break
        if not draft.pages:
            self._taken_to = draft.taken_to  # pages too large for any piece need no second look
            return None
        images = {name: len(image) for name, image in draft.images.items()}
        index = PieceIndex(tuple(draft.pages), images, refined)
        end = _index().dump_json(index)
        lengths = _LENGTHS.pack(sum(map(len, draft.frames)), len(end))
        content = b"".join((*draft.frames, *draft.images.values(), end, lengths))
        digest = hashlib.sha256(content).hexdigest()
        return Piece(content, digest, len(draft.pages), refined, frozenset(draft.images), draft.taken_to)

    def count(self, piece: Piece) -> None:
        """Go on behind this piece: it is stored."""
        self._taken_to = piece.taken_to
        self._images |= piece.images
        self._refined += piece.pages if piece.refined else 0

    def _take(self, blob: str, draft: _Draft, *, refined: bool) -> bool:
        """Add the new pages of a blob; False when the draft is full."""
        with suppress(OSError), _opened(Path(blob)) as file:
            for frame in whole_frames(file, draft.taken_to.get(blob, 0)):
                summary = self._finished.summaries.get(frame.number)
                if summary is None or (refined and frame.number not in self._finished.refined):
                    break  # it has yet to be reported
                if not refined and frame.number in self._finished.refined:
                    draft.taken_to[blob] = frame.end
                    continue  # nobody needs what was improved on
                images = self._new_images(summary, draft)
                size = frame.end - frame.start + sum(map(len, (images or {}).values()))
                if draft.pages and size > draft.room:
                    return False
                draft.taken_to[blob] = frame.end
                if images is not None and size <= draft.room and summary.status is PageStatus.PARSED:
                    file.seek(frame.start)
                    draft.add(summary, file.read(frame.end - frame.start), images)
        return True

    def _new_images(self, page: PageSummary, draft: _Draft) -> dict[str, bytes] | None:
        """Read the images that no piece has yet; None where one is none, or too large for a piece."""
        found = {}
        for name in page.images:
            if name in self._images or name in draft.images:
                continue
            if not _IMAGE.fullmatch(name):
                return None
            try:
                with _opened(self.folder / name) as file:
                    found[name] = file.read(PIECE_BYTES + 1)
            except OSError:
                return None
        return found


@dataclass(slots=True)
class _Draft:
    """A piece that is being filled."""

    taken_to: dict[str, int]
    pages: list[PageSummary] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    room: int = field(default_factory=lambda: PIECE_BYTES)

    def add(self, page: PageSummary, frame: bytes, images: dict[str, bytes]) -> None:
        self.pages.append(page)
        self.frames.append(frame)
        self.images |= images
        self.room -= len(frame) + sum(map(len, images.values()))


class PieceReader:
    """Takes pieces apart into the spool folder of a document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages: dict[int, PageSummary] = {}
        self._blobs: list[str] = []
        self._refined: set[int] = set()
        self._refined_blobs: list[str] = []
        self._images: set[str] = set()

    @property
    def finished(self) -> FinishedPages:
        """The pages whose images are all there."""
        whole = {number: page for number, page in self._pages.items() if self._images.issuperset(page.images)}
        return FinishedPages(whole, list(self._blobs), self._refined & whole.keys(), list(self._refined_blobs))

    def add(self, content: bytes, sha256: str) -> None:
        """Take one piece.

        Raises:
            BrokenPieceError: it is cut short or was changed.
            OSError: the spool folder is full.
        """
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BrokenPieceError("its SHA-256 is another")
        frames, images, index = _parts(content)
        for name, image in images.items():
            path = self._folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(image)
        blobs = self._refined_blobs if index.refined else self._blobs
        blob = self._folder / f"restored-{len(self._blobs) + len(self._refined_blobs)}.blob"
        blob.write_bytes(frames)
        blobs.append(str(blob))
        self._images |= images.keys()
        if index.refined:
            self._refined.update(page.number for page in index.pages)
        for page in index.pages:
            self._pages.setdefault(page.number, page)


def _parts(content: bytes) -> tuple[bytes, dict[str, bytes], PieceIndex]:
    """Cut a piece into frames, images and index."""
    try:
        frames_size, index_size = _LENGTHS.unpack(content[-_LENGTHS.size :])
        end = len(content) - _LENGTHS.size - index_size
        index = _index().validate_json(content[max(end, 0) : len(content) - _LENGTHS.size])
    except (struct.error, ValidationError) as error:
        raise BrokenPieceError("its index cannot be read") from error
    frames, at, images = content[:frames_size], frames_size, {}
    for name, size in index.images.items():
        if not _IMAGE.fullmatch(name):
            raise BrokenPieceError("an image has a name that no image has")
        images[name], at = content[at : at + size], at + size
    held = [frame.number for frame in _all_frames(frames)]
    if at != end or held != [page.number for page in index.pages]:
        raise BrokenPieceError("it does not hold what its index says")
    return frames, images, index


def _all_frames(frames: bytes) -> Iterator[Frame]:
    return whole_frames(io.BytesIO(frames))


def _opened(path: Path) -> BinaryIO:
    """Open a file that a parser process has written, and nothing that it may have put in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise FileNotFoundError(path)
    return file


@cache
def _index() -> TypeAdapter[PieceIndex]:
    return TypeAdapter(PieceIndex)
