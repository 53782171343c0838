from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from llamaparse_worker.backends.reader.image import ImageReader
from llamaparse_worker.backends.reader.image.document import ImageDocument
from llamaparse_worker.errors import (
    CorruptDocument,
    DocumentError,
    LimitExceeded,
    PageUnreadable,
    TooManyPages,
    UnsupportedFormat,
)
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.quality import text_layer_problem
from llamaparse_worker.model.page import PageReason
from support.scans import encoded, page_image, tiff

LIMITS = ReaderLimits(max_pages=100, max_pixels=4_000_000)


def quarters() -> Image.Image:
    """Give an image whose top left quarter is black and whose rest is white: it shows how it is turned."""
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (0, 0, 30, 20))
    return image


def opened(content: bytes, limits: ReaderLimits = LIMITS) -> ImageDocument:
    context = ImageReader().open(io.BytesIO(content), limits)
    return context.__enter__()


def pixels(content: bytes, *, dpi: float = 2000.0, limits: ReaderLimits = LIMITS) -> np.ndarray:
    with opened(content, limits).render(1, dpi=dpi) as image:
        return np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width)


def is_quarters(found: np.ndarray) -> bool:
    corners = found[5, 5], found[5, -6], found[-6, 5], found[-6, -6]
    return found.shape == (40, 60) and corners[0] < 60 and min(corners[1:]) > 200


def by_vips(suffix: str, **options: object) -> bytes:
    image = pyvips.Image.new_from_array(np.asarray(quarters()))
    made: bytes = image.write_to_buffer(suffix, **options)
    return made


def vips_tiff(change: Callable[[pyvips.Image], pyvips.Image], **options: object) -> bytes:
    grey = pyvips.Image.new_from_array(np.asarray(quarters().convert("L")))
    made: bytes = change(grey).write_to_buffer(".tif", **options)
    return made


FILES = {
    "png": lambda: encoded(quarters(), "PNG"),
    "png with a palette": lambda: encoded(quarters().convert("P"), "PNG"),
    "png of 1 bit": lambda: encoded(quarters().convert("1"), "PNG"),
    "png of 16 bits": lambda: encoded(quarters().convert("I;16").point(lambda value: value * 257), "PNG"),
    "jpeg": lambda: encoded(quarters(), "JPEG"),
    "jpeg in CMYK, inverted as Adobe does": lambda: encoded(quarters().convert("CMYK"), "JPEG"),
    "gif": lambda: encoded(quarters(), "GIF"),
    "bmp": lambda: encoded(quarters(), "BMP"),
    "bmp with a palette": lambda: encoded(quarters().convert("P"), "BMP"),
    "webp": lambda: encoded(quarters(), "WEBP", lossless=True),
    "avif": lambda: by_vips(".avif", Q=90),
    "jpeg 2000": lambda: encoded(quarters(), "JPEG2000"),
    "tiff, bilevel by fax": lambda: encoded(quarters().convert("1"), "TIFF", compression="group4"),
    "tiff of 4 bits": lambda: vips_tiff(lambda image: image, bitdepth=4),
    "tiff of 16 bits": lambda: vips_tiff(lambda image: (image * 257).cast("ushort").copy(interpretation="grey16")),
    "tiff of floats": lambda: vips_tiff(lambda image: image / 255),
    "tiff in CMYK": lambda: encoded(quarters().convert("CMYK"), "TIFF"),
    "tiff with a palette": lambda: encoded(quarters().convert("P"), "TIFF"),
    "tiff by LZW": lambda: encoded(quarters(), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_every_format_gives_the_pixels_that_it_shows(make: Callable[[], bytes]) -> None:
    content = make()
    assert ImageReader().accepts(content[:4096], "no-suffix")
    assert is_quarters(pixels(content))


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_damaged_files_are_typed_errors(make: Callable[[], bytes]) -> None:
    content = make()
    for size in range(0, len(content), max(1, len(content) // 25)):
        try:
            pixels(content[:size])
        except (DocumentError, PageUnreadable):
            continue


def test_half_an_image_is_no_image() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (400, 400), np.uint8))
    for kind in ("PNG", "JPEG", "TIFF"):
        content = encoded(noise, kind)
        with pytest.raises((CorruptDocument, PageUnreadable)):
            pixels(content[: len(content) // 2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_camera_was(orientation: int) -> None:
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that undo an orientation
    stored = quarters() if orientation == 1 else quarters().transpose(Image.Transpose(undone[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    document = opened(encoded(stored, "JPEG", exif=exif, quality=95))
    page = document.read(1)
    assert (page.width, page.height) == (60.0, 40.0)
    with document.render(1, dpi=96) as image:
        assert is_quarters(np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width))


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_transparent_shows_paper(bits: int) -> None:
    most = 2**bits - 1
    clear = np.zeros((40, 60, 4), np.uint8 if bits == 8 else np.uint16)
    clear[:20, :30, 3] = most
    image = pyvips.Image.new_from_array(clear, interpretation="srgb" if bits == 8 else "rgb16")
    assert is_quarters(pixels(image.write_to_buffer(".png")))


def test_each_image_of_a_tiff_is_a_page() -> None:
    document = opened(tiff(Image.new("L", (60, 40), 10), Image.new("L", (40, 60), 200), dpi=(96, 96)))
    assert document.page_count == 2
    assert [(document.read(number).width, document.read(number).height) for number in (1, 2)] == [(45, 30), (30, 45)]
    for number, grey in ((2, 200), (1, 10)):
        with document.render(number, dpi=96) as image:
            assert set(bytes(image.samples)) == {grey}
    with pytest.raises(PageUnreadable):
        document.read(3)


def chain(count: int, *, loops: bool = False, big: bool = False) -> bytes:
    """Give a TIFF of descriptions that describe nothing."""
    size = 16 if big else 6
    first, head = (16, struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)) if big else (8, struct.pack("<2sHI", b"II", 42, 8))
    following = [first + size * (index + 1) for index in range(count)]
    following[-1] = first if loops else 0
    return head + b"".join(struct.pack("<QQ" if big else "<HI", 0, at) for at in following)


@pytest.mark.parametrize("big", [False, True])
def test_endless_chains_of_images_are_refused_at_once(big: bool) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(TooManyPages):
        opened(chain(500_000, big=big))
    with pytest.raises((CorruptDocument, PageUnreadable)):
        opened(chain(50, loops=True, big=big)).read(1)


def test_pages_of_a_tiff_on_disk_are_read_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    content = tiff(*(Image.new("L", (60, 40), grey) for grey in (10, 20, 30)))
    path = tmp_path / "fax.tif"
    path.write_bytes(content)
    with path.open("rb") as file, ImageReader().open(file, LIMITS) as document:
        for number in (3, 1, 2):
            with document.render(number, dpi=96) as image:
                assert set(bytes(image.samples)) == {10 * number}
    assert path.read_bytes() == content


def test_a_moving_picture_is_one_page() -> None:
    frames = [Image.new("L", (60, 40), grey) for grey in (0, 128, 255)]
    for kind in ("GIF", "WEBP"):
        assert opened(encoded(frames[0], kind, save_all=True, append_images=frames[1:])).page_count == 1


@pytest.mark.parametrize(
    ("size", "dpi", "points"),
    [
        ((1240, 1754), (150, 150), (595.2, 841.92)),
        ((1728, 1100), (204, 98), (609.88, 808.16)),
        ((800, 600), (72, 72), (800, 600)),
        ((3000, 4000), (72, 72), (631.5, 842)),
        ((3000, 4000), (5, 5), (631.5, 842)),
        ((1000, 500), (200, 10), (750, 375)),
        ((400, 100), None, (300, 75)),
        ((2000, 1000), None, (842, 421)),
    ],
    ids=["scan", "fax", "small by 72", "photo by 72", "absurd", "uneven", "no resolution", "large without"],
)
def test_a_page_has_a_sensible_size(
    size: tuple[int, int], dpi: tuple[int, int] | None, points: tuple[float, float]
) -> None:
    options = {"dpi": dpi} if dpi else {}
    page = opened(encoded(Image.new("L", size, 255), "TIFF", **options)).read(1)
    assert (page.width, page.height) == pytest.approx(points, abs=0.05)
    assert text_layer_problem(page) is PageReason.SCANNED


def test_pixels_of_a_fax_become_square() -> None:
    content = encoded(Image.new("L", (1728, 1100), 255), "TIFF", dpi=(204, 98))
    with opened(content).render(1, dpi=300) as image:
        assert (image.width, image.height) == (1728, 2289)
        assert image.dpi == pytest.approx(204)


def test_an_image_is_never_drawn_finer_than_it_is_nor_larger_than_allowed() -> None:
    content = encoded(page_image("words"), "JPEG", dpi=(150, 150))
    with opened(content).render(1, dpi=600) as image:
        assert (image.width, image.height, round(image.dpi)) == (1240, 1754, 150)
    with opened(content, ReaderLimits(1, 250_000)).render(1, dpi=600) as image:
        assert image.width * image.height <= 250_000
        assert image.width * 72 / image.dpi == pytest.approx(opened(content).read(1).width, abs=1)
    with opened(content).screenshot(1, dpi=100) as image:
        assert (image.width, image.height, image.channels) == (826, 1169, 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF"])
def test_far_too_large_an_image_is_refused_by_its_header(kind: str) -> None:
    content = encoded(Image.new("1", (4000, 3000)), kind)
    with pytest.raises(LimitExceeded, match="4000 × 3000"):
        opened(content, ReaderLimits(1, 1_000_000)).read(1)


def test_a_bomb_of_a_bitmap_is_refused_by_its_header() -> None:
    content = b"BM" + struct.pack("<IHHI", 60, 0, 0, 54) + struct.pack("<IiiHH", 40, 60_000, 60_000, 1, 24) + bytes(28)
    with pytest.raises(LimitExceeded):
        opened(content).read(1)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x97JB2\r\n\x1a\n", "JBIG2"),
    ],
)
def test_formats_that_cannot_be_opened_are_named_with_what_to_do(head: bytes, name: str) -> None:
    assert ImageReader().accepts(head, "picture")
    with pytest.raises(UnsupportedFormat, match=rf"{name}.*(Convert|Export) it"):
        opened(head + bytes(100))


@pytest.mark.parametrize("head", [b"BMW is a maker of cars, as you may know", b"GIF8", b"RIFF\0\0\0\0WAVE", b""])
def test_other_files_are_no_images(head: bytes) -> None:
    assert not ImageReader().accepts(head, "a.png")


def test_the_image_of_a_page_is_given_in_colour() -> None:
    (image,) = opened(encoded(quarters(), "PNG")).images(1)
    assert (image.width, image.height, image.channels) == (60, 40, 3)
    assert image.samples[:3] == b"\x00\x00\x00"
    assert image.samples[-3:] == b"\xff\xff\xff"
