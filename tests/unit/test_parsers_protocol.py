from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.parsing import LayOut, PageNeedsOcr, PageStarted
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.parsers.protocol import (
    MAX_FRAME_BYTES,
    BrokenProtocol,
    Frame,
    FrameBuffer,
    FrameKind,
    FrameTooLong,
    decode_event,
    decode_number,
    decode_request,
    encode_event,
    encode_number,
    encode_request,
    frame,
)

PAGE = RawPage(
    number=3,
    width=612.0,
    height=792.0,
    rotation=90,
    text="aé\u2029\U0001f600",
    boxes=bytes(range(64)),
    sizes=b"\xff" * 16,
    fonts=b"\0\xfe" * 4,
    font_table=(Font("Times", bold=True),),
)


def every_frame(buffer: FrameBuffer) -> list[Frame]:
    frames = []
    while (found := buffer.next()) is not None:
        frames.append(found)
    return frames


@given(st.lists(st.tuples(st.sampled_from(FrameKind), st.binary(max_size=50))), st.integers(1, 40))
def test_frames_come_out_whole_however_the_stream_is_cut(sent: list[tuple[FrameKind, bytes]], step: int) -> None:
    stream = b"".join(frame(kind, payload) for kind, payload in sent)
    buffer = FrameBuffer()
    received: list[Frame] = []
    for start in range(0, len(stream), step):
        buffer.feed(stream[start : start + step])
        received += every_frame(buffer)

    assert [(found.kind, found.payload) for found in received] == sent
    assert not buffer


@pytest.mark.parametrize("garbage", [b"\0" * 9, b"lpw1\0\0\0\0\0", b"lpw1\x63\0\0\0\0", b"HTTP/1.1 200 OK"])
def test_bytes_that_are_no_frame_are_refused(garbage: bytes) -> None:
    buffer = FrameBuffer()
    buffer.feed(garbage)

    with pytest.raises(BrokenProtocol):
        buffer.next()


def test_a_frame_that_announces_too_much_is_refused_before_it_is_received() -> None:
    buffer = FrameBuffer()
    buffer.feed(b"lpw1\x03" + (MAX_FRAME_BYTES + 1).to_bytes(4, "little"))

    with pytest.raises(FrameTooLong):
        buffer.next()


def test_a_page_with_its_arrays_survives_the_way_as_event_and_as_request() -> None:
    event = PageNeedsOcr(PAGE, width=10, height=20, channels=3, dpi=150.0)
    request = LayOut(
        PAGE, Recognition((Word("é", Box(0.0, 1.0, 2.0, 3.0), 0.5),), "tesseract", 1, 0.5), "blob", ParseOptions()
    )

    assert decode_event(encode_event(event)) == event
    assert decode_request(encode_request(request)) == request


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"type":"page_started","number":"the text"}', b"\xff\xfe"])
def test_an_event_that_is_none_is_refused_without_quoting_it(payload: bytes) -> None:
    with pytest.raises(BrokenProtocol) as refused:
        decode_event(payload)

    assert "the text" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_number_of_the_wrong_length_is_refused() -> None:
    assert decode_number(encode_number(1 << 40)) == 1 << 40
    with pytest.raises(BrokenProtocol):
        decode_number(b"\1\2\3")


def test_an_event_is_small() -> None:
    assert len(frame(FrameKind.EVENT, encode_event(PageStarted(1)))) < 60
