from __future__ import annotations

import numpy as np
import pytest
import pyvips

from llamaparse_worker.backends.ocr.decoding import UNKNOWN_DPI, decode
from llamaparse_worker.backends.ocr.encoding import encode
from llamaparse_worker.errors import LimitExceeded, PageUnreadable, UnsupportedFormat
from llamaparse_worker.model.images import PixelImage

WIDTH, HEIGHT = 30, 20
SAMPLES = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def picture(interpretation: str = "srgb") -> pyvips.Image:
    found = pyvips.Image.new_from_memory(SAMPLES.tobytes(), WIDTH, HEIGHT, 3, "uchar")
    return found.copy(interpretation=interpretation)


def turned(orientation: int) -> pyvips.Image:
    found = picture().copy()
    found.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return found


def pixels(image: PixelImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width, image.channels)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_encoded_comes_back_with_its_resolution(channels: int) -> None:
    samples = np.ascontiguousarray(SAMPLES[:, :, :channels])
    image = PixelImage(WIDTH, HEIGHT, channels, memoryview(samples.tobytes()), 200.0)

    found = decode(encode(image), max_pixels=WIDTH * HEIGHT)

    assert np.array_equal(pixels(found), samples)
    assert found.dpi == pytest.approx(200.0, rel=1e-4)


@pytest.mark.parametrize("save", ["pngsave_buffer", "tiffsave_buffer", "jpegsave_buffer", "webpsave_buffer"])
def test_the_four_formats_are_read(save: str) -> None:
    found = decode(getattr(picture(), save)(), max_pixels=10_000)

    assert (found.width, found.height, found.channels) == (WIDTH, HEIGHT, 3)
    assert found.dpi == UNKNOWN_DPI, "an image that names no resolution"


@pytest.mark.parametrize("save", ["gifsave_buffer", "rawsave_buffer"])
def test_other_formats_are_not_even_tried(save: str) -> None:
    content = bytes(getattr(picture(), save)())

    with pytest.raises(UnsupportedFormat):
        decode(content, max_pixels=10_000)
    with pytest.raises(UnsupportedFormat):
        decode(b"", max_pixels=10_000)
    with pytest.raises(UnsupportedFormat):
        decode(b"<svg xmlns='http://www.w3.org/2000/svg'/>", max_pixels=10_000)


def test_an_exif_orientation_is_applied() -> None:
    found = decode(turned(6).pngsave_buffer(), max_pixels=10_000)

    assert np.array_equal(pixels(found), np.rot90(SAMPLES, -1))


def test_transparent_parts_are_white() -> None:
    found = decode(picture().bandjoin(0).copy(interpretation="srgb").pngsave_buffer(), max_pixels=10_000)

    assert pixels(found).shape == (HEIGHT, WIDTH, 3)
    assert (pixels(found) == 255).all()


def test_sixteen_bits_become_eight() -> None:
    deep = (picture() * 257).cast("ushort").copy(interpretation="rgb16")
    grey = (picture()[0] * 257).cast("ushort").copy(interpretation="grey16")

    assert np.array_equal(pixels(decode(deep.pngsave_buffer(), max_pixels=10_000)), SAMPLES)
    assert np.array_equal(pixels(decode(grey.pngsave_buffer(), max_pixels=10_000)), SAMPLES[:, :, :1])


def test_size_is_judged_before_pixels_are_decoded() -> None:
    bomb = pyvips.Image.black(20_000, 20_000).pngsave_buffer(compression=9, bitdepth=1)

    with pytest.raises(LimitExceeded, match="400000000 pixels"):
        decode(bomb, max_pixels=50_000_000)


@pytest.mark.parametrize("save", ["pngsave_buffer", "tiffsave_buffer", "jpegsave_buffer", "webpsave_buffer"])
def test_a_file_that_is_cut_short_is_no_page(save: str) -> None:
    content = bytes(getattr(picture(), save)())

    for length in (16, len(content) // 2, len(content) - 20):
        with pytest.raises(PageUnreadable):
            decode(content[:length], max_pixels=10_000)
