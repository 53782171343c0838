"""How the worker and its processes talk: frames of JSON over a stream socket, with pixels as file descriptors.

Nothing here trusts the other end: a frame has a mark and a bounded length, its content is validated, and no object is
ever unpickled. Errors carry nothing of the content, which is document text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from llamaparse_worker.model.parsing import Completed, Inspected, ParserEvent, ParserRequest, Refused

MAX_FRAME_BYTES = 64 << 20
"""A page with its boxes takes about 30 bytes a character: two million characters on one page."""

MAX_TRACE_BYTES = 4096

OUT_OF_MEMORY_STATUS = 86
"""Exit status by which a parser process says that it met its memory limit: needs no memory to say."""

_MARK = b"lpw1"
_HEADER = struct.Struct("<4sBI")
_NUMBER = struct.Struct("<Q")
_CONFIG = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

FinalEvent = Inspected | Completed | Refused


class FrameKind(IntEnum):
    """What a frame carries."""

    REQUEST = 1
    """To the process: a ``ParserRequest``, or a page for OCR, which has one file descriptor attached."""
    IMAGE_GRANTED = 2
    """To the process: the image that it asked for may be sent."""
    EVENT = 3
    """From the process: a ``ParserEvent``, or what OCR has read; a ``PageNeedsOcr`` has a file descriptor attached."""
    IMAGE_WANTED = 4
    """From the process: the size in bytes of the image that waits to be sent."""
    USAGE = 5
    """From the process, before each last event: its peak of resident memory in bytes."""
    TRACE = 6
    """From the process: where an untyped error came from; for the log."""


_KINDS = {int(kind): kind for kind in FrameKind}


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it was received."""

    kind: FrameKind
    payload: bytes


class BrokenProtocol(Exception):
    """The other end sent something that is no message; it is not to be listened to any longer."""


class FrameTooLong(BrokenProtocol):
    """A message announces more bytes than allowed."""


class FrameBuffer:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, received: bytes) -> None:
        """Append what was received."""
        self._bytes += received

    def next(self) -> Frame | None:
        """Take the next whole frame, if there is one.

        Raises:
            BrokenProtocol: these bytes are no frame.
        """
        if len(self._bytes) < _HEADER.size:
            return None
        kind, length = self._header()
        end = _HEADER.size + length
        if len(self._bytes) < end:
            return None
        payload = bytes(memoryview(self._bytes)[_HEADER.size : end])
        del self._bytes[:end]
        return Frame(kind, payload)

    def _header(self) -> tuple[FrameKind, int]:
        mark, kind, length = _HEADER.unpack_from(self._bytes)
        if mark != _MARK or kind not in _KINDS:
            raise BrokenProtocol("bytes that are no message")
        if length > MAX_FRAME_BYTES:
            raise FrameTooLong(f"a message of {length} bytes, more than {MAX_FRAME_BYTES}")
        return _KINDS[kind], length


def frame(kind: FrameKind, payload: bytes = b"") -> bytes:
    """Give a frame as bytes.

    Raises:
        FrameTooLong: the payload is longer than the other end accepts.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameTooLong(f"a message of {len(payload)} bytes, more than {MAX_FRAME_BYTES}")
    return _HEADER.pack(_MARK, kind, len(payload)) + payload


def prepare() -> None:
    """Build the validators, some 40 ms of work, now instead of with the first message."""
    _requests()
    _events()


def encode_request(request: ParserRequest) -> bytes:
    """Give the payload of a request."""
    return _requests().serializer.to_json(request)


def decode_request(payload: bytes) -> ParserRequest:
    """Read the payload of a request, which comes from the worker."""
    request: ParserRequest = _requests().validator.validate_json(payload)
    return request


def encode_event(event: ParserEvent) -> bytes:
    """Give the payload of an event."""
    return _events().serializer.to_json(event)


def decode_event(payload: bytes) -> ParserEvent:
    """Read the payload of an event.

    Raises:
        BrokenProtocol: it is none.
    """
    try:
        event: ParserEvent = _events().validator.validate_json(payload)
    except ValidationError as error:
        raise BrokenProtocol(f"an event with {error.error_count()} errors") from None
    return event


def encode_number(number: int) -> bytes:
    """Give a count of bytes as a payload."""
    return _NUMBER.pack(number)


def decode_number(payload: bytes) -> int:
    """Read a count of bytes.

    Raises:
        BrokenProtocol: it is none.
    """
    try:
        (number,) = _NUMBER.unpack(payload)
    except struct.error:
        raise BrokenProtocol("a number of the wrong length") from None
    return int(number)


@cache
def _requests() -> TypeAdapter[ParserRequest]:
    return TypeAdapter(Annotated[ParserRequest, Field(discriminator="type")], config=_CONFIG)


@cache
def _events() -> TypeAdapter[ParserEvent]:
    return TypeAdapter(Annotated[ParserEvent, Field(discriminator="type")], config=_CONFIG)
