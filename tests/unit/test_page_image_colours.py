"""Embedded images of every colour space and mask, written by hand as no drawing library makes them all."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.images import EmbeddedImage
from llamaparse_worker.pipeline.png import png
from support.pathological import FORMS, between_neighbours

WIDTH, HEIGHT = 40, 30
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def image(entries: bytes, data: bytes) -> bytes:
    head = b"<< /Type /XObject /Subtype /Image /Width %d /Height %d %s /Length %d >>" % (
        *(WIDTH, HEIGHT),
        entries,
        len(data),
    )
    return head + b"\nstream\n%s\nendstream" % data


def embedded(*objects: bytes, before: bytes = b"") -> EmbeddedImage:
    content = between_neighbours(
        before + b"q 200 0 0 150 100 500 cm /I Do Q\n",
        resources=b"/XObject << /I %d 0 R >>" % FORMS,
        forms=objects,
    )
    with PdfReader().open(io.BytesIO(content), ReaderLimits(10, 1_000_000)) as document:
        (found,) = document.images(2)
    return found


def halves(found: EmbeddedImage) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the colours in the middle of the left and of the right half."""
    content = found.jpeg or png(found.samples, found.width, found.height, found.channels)
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    return tuple(pixels[15, 10].tolist()), tuple(pixels[15, 30].tolist())


def two(left: Sequence[int], right: Sequence[int]) -> Image.Image:
    pixels = np.array([left] * (WIDTH // 2) + [right] * (WIDTH // 2), np.uint8)
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[len(left)]
    return Image.frombytes(mode, (WIDTH, HEIGHT), np.tile(pixels, (HEIGHT, 1, 1)).tobytes())


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


RED_BLUE = jpeg(two(RED, BLUE))
GREY = jpeg(two([40], [200]))
LEFT_HIDDEN = two([0], [255]).tobytes()
LEFT_BITS = np.packbits(np.frombuffer(LEFT_HIDDEN, np.uint8).reshape(HEIGHT, WIDTH) == 0, axis=1).tobytes()
RGB_JPEG = b"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode "
CMYK = b"/ColorSpace /DeviceCMYK /BitsPerComponent 8 "
MASK = b"%d 0 R" % (FORMS + 1)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param(
            [image(RGB_JPEG + b"/Decode [1 0 1 0 1 0]", RED_BLUE)], ((0, 255, 255), (255, 255, 0)), id="inverted"
        ),
        pytest.param(
            [image(b"/ColorSpace /DeviceGray /BitsPerComponent 8 /Decode [1 0] /Filter /DCTDecode", GREY)],
            ((215, 215, 215), (55, 55, 55)),
            id="inverted grey",
        ),
        pytest.param(
            [
                image(RGB_JPEG + b"/SMask " + MASK, RED_BLUE),
                image(b"/ColorSpace /DeviceGray /BitsPerComponent 8", LEFT_HIDDEN),
            ],
            (WHITE, BLUE),
            id="soft mask",
        ),
        pytest.param(
            [
                image(RGB_JPEG + b"/Mask " + MASK, RED_BLUE),
                image(b"/ImageMask true /BitsPerComponent 1", LEFT_BITS),
            ],
            (WHITE, BLUE),
            id="stencil mask",
        ),
        pytest.param([image(RGB_JPEG + b"/Mask [240 255 0 20 0 20]", RED_BLUE)], (WHITE, BLUE), id="colour key mask"),
    ],
)
def test_a_jpeg_that_its_page_shows_otherwise_is_saved_as_it_is_shown(
    objects: Sequence[bytes], expected: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    found = embedded(*objects)
    assert not found.jpeg
    assert np.abs(np.subtract(halves(found), expected)).max() <= 12


@pytest.mark.parametrize("entries", [b"", b"/Decode [0 1 0 1 0 1]", b"/Interpolate true"])
def test_a_jpeg_that_its_page_shows_as_it_is_stays_the_same_file(entries: bytes) -> None:
    assert embedded(image(RGB_JPEG + entries, RED_BLUE)).jpeg == RED_BLUE


def test_a_grey_jpeg_stays_the_same_file() -> None:
    found = embedded(image(b"/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", GREY))
    assert found.jpeg == GREY


def test_a_damaged_jpeg_is_not_passed_on() -> None:
    content = between_neighbours(
        b"q 200 0 0 150 100 500 cm /I Do Q\n",
        resources=b"/XObject << /I %d 0 R >>" % FORMS,
        forms=[image(RGB_JPEG, RED_BLUE[:40])],
    )
    with PdfReader().open(io.BytesIO(content), ReaderLimits(10, 1_000_000)) as document:
        assert [found.jpeg for found in document.images(2) if found.jpeg] == []


RED_CYAN = two((0, 255, 255, 0), (255, 0, 0, 0))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(lambda: image(CMYK, RED_CYAN.tobytes()), id="plain"),
        pytest.param(
            # Pillow writes inverted samples with Adobe's marker, as Photoshop does; /Decode turns them back.
            lambda: image(CMYK + b"/Filter /DCTDecode /Decode [1 0 1 0 1 0 1 0]", jpeg(RED_CYAN)),
            id="JPEG of Adobe",
        ),
    ],
)
def test_printing_colours_come_out_as_red_and_cyan(found: object) -> None:
    assert callable(found)
    left, right = halves(embedded(found()))
    assert left[0] > 200
    assert max(left[1:]) < 100
    assert right[0] < 80
    assert min(right[1:]) > 130


INDEX = np.repeat(np.array([0, 1], np.uint8), WIDTH // 2)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_an_indexed_image_has_the_colours_of_its_table(bits: int) -> None:
    digits = np.unpackbits(INDEX[:, None], axis=1)[:, -bits:].ravel()
    data = np.packbits(digits).tobytes() * HEIGHT
    entries = b"/ColorSpace [/Indexed /DeviceRGB 1 <FF00000000FF>] /BitsPerComponent %d" % bits
    assert halves(embedded(image(entries, data))) == (RED, BLUE)


@pytest.mark.parametrize(("decode", "expected"), [(b"", (WHITE, BLACK)), (b"/Decode [1 0]", (BLACK, WHITE))])
def test_an_image_of_single_bits_is_black_and_white(
    decode: bytes, expected: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    found = embedded(image(b"/ColorSpace /DeviceGray /BitsPerComponent 1 " + decode, LEFT_BITS))
    assert halves(found) == expected
    assert found.channels == 1


def test_a_stencil_has_the_colour_that_it_is_painted_with() -> None:
    stencil = image(b"/ImageMask true /BitsPerComponent 1", LEFT_BITS)
    assert halves(embedded(stencil, before=b"0 1 0 rg\n")) == (WHITE, GREEN)


def test_an_image_of_16_bits_keeps_the_upper_eight() -> None:
    samples = np.asarray(two(RED, BLUE)).astype(">u2") * 257
    found = embedded(image(b"/ColorSpace /DeviceRGB /BitsPerComponent 16", samples.astype(">u2").tobytes()))
    assert halves(found) == (RED, BLUE)
