from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.pipeline.handout import ocr_dpi, only_text_images, readable_images, with_drawn_lines
from llamaparse_worker.pipeline.ink import drawn_lines, has_ink, shows_text
from support.scans import grid_image, page_image, with_noise, with_scanner_edges

DPI = 150.0


def pixels(image: Image.Image, dpi: float = DPI) -> PixelImage:
    samples = np.asarray(image)
    return PixelImage(image.width, image.height, 1 if samples.ndim == 2 else 3, samples.reshape(-1).data, dpi)


def empty() -> Image.Image:
    return page_image()


BLANK = {
    "white": empty,
    "grey paper": lambda: Image.new("L", (1240, 1754), 190),
    "black": lambda: Image.new("L", (1240, 1754), 0),
    "grain": lambda: with_noise(empty(), share=0.0, spread=8.0),
    "specks": lambda: with_noise(empty(), share=0.01),
    "edges and shade": lambda: with_scanner_edges(empty()),
    "all of it": lambda: with_noise(with_scanner_edges(empty()), share=0.005),
}


@pytest.mark.parametrize("make", BLANK.values(), ids=BLANK)
def test_a_page_without_a_mark_is_blank_whatever_the_scanner_adds(make: object) -> None:
    assert callable(make)
    assert not has_ink(pixels(make()))


@pytest.mark.parametrize("size", [14, 20, 40], ids=["7 points", "10 points", "19 points"])
def test_a_single_letter_is_ink_also_on_a_bad_scan(size: int) -> None:
    bad = with_noise(with_scanner_edges(page_image("a", size=size)), share=0.003)
    assert has_ink(pixels(bad))


def test_a_word_that_is_cropped_to_its_ink_is_ink() -> None:
    image = page_image("word", size=60)
    inverted = Image.eval(image, lambda value: 255 - value)
    assert has_ink(pixels(image.crop(inverted.getbbox())))


def test_faint_pencil_is_ink() -> None:
    image = Image.new("L", (1240, 1754), 230)
    ImageDraw.Draw(image).line((200, 300, 420, 360), fill=180, width=4)
    assert has_ink(pixels(image))


def test_colour_is_looked_at_as_grey() -> None:
    image = page_image("words").convert("RGB")
    assert has_ink(pixels(image))
    assert not has_ink(pixels(empty().convert("RGB")))


def level(lines: np.ndarray) -> np.ndarray:
    return lines[lines[:, 2] > lines[:, 0]]


def upright(lines: np.ndarray) -> np.ndarray:
    return lines[lines[:, 3] > lines[:, 1]]


XS, YS = (200, 500, 800, 1100), (300, 360, 420, 480, 540)


@pytest.mark.parametrize("thickness", [1, 2, 5])
def test_the_lines_of_a_grid_are_found_where_they_are(thickness: int) -> None:
    found = drawn_lines(pixels(grid_image(XS, YS, thickness=thickness)))
    across, down = level(found), upright(found)
    assert sorted(across[:, 1].round().tolist()) == pytest.approx([y * 72 / DPI for y in YS], abs=1.0)
    assert sorted(down[:, 0].round().tolist()) == pytest.approx([x * 72 / DPI for x in XS], abs=1.0)
    assert across[:, 0] == pytest.approx(XS[0] * 72 / DPI, abs=2.5)
    assert across[:, 2] == pytest.approx(XS[-1] * 72 / DPI, abs=2.5)


@pytest.mark.parametrize("degrees", [-1.5, -0.5, 0.5, 1.5])
def test_the_lines_of_a_sloping_scan_are_found_whole(degrees: float) -> None:
    image = grid_image(XS, YS, thickness=3).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    found = level(drawn_lines(pixels(image)))
    assert len(found) == len(YS)
    assert (found[:, 2] - found[:, 0]) == pytest.approx((XS[-1] - XS[0]) * 72 / DPI, rel=0.03)


def test_text_and_areas_are_no_lines() -> None:
    image = page_image("The keeper counted the lamps again", "AND WROTE THE NUMBER INTO THE BOOK", size=40)
    ImageDraw.Draw(image).rectangle((200, 900, 1000, 1200), fill=40)
    assert len(drawn_lines(pixels(image))) == 0


def test_lines_are_found_in_noise_and_in_any_resolution() -> None:
    noisy = with_noise(grid_image(XS, YS, thickness=3), share=0.003)
    assert len(level(drawn_lines(pixels(noisy)))) == len(YS)
    large = grid_image([2 * x for x in XS], [2 * y for y in YS], width=2480, height=3508, thickness=4)
    assert len(level(drawn_lines(pixels(large, 300)))) == len(YS)


def raw(text: str = "", boxes: object = (), images: tuple[Box, ...] = (), scan_dpi: float = 0.0) -> RawPage:
    count = len(text)
    return RawPage(
        1,
        595.2,
        841.9,
        0,
        text,
        np.array(boxes, np.float32).tobytes(),
        np.full(count, 10, np.float32).tobytes(),
        np.zeros(count, np.uint16).tobytes(),
        (Font(""),),
        image_boxes=images,
        scan_dpi=scan_dpi,
    )


@pytest.mark.parametrize(("native", "used"), [(0.0, 200.0), (72.0, 150.0), (240.0, 240.0), (600.0, 300.0)])
def test_a_scan_is_drawn_in_its_own_resolution_within_limits(native: float, used: float) -> None:
    assert ocr_dpi(raw(scan_dpi=native), 200.0) == used


def test_only_scans_get_the_lines_of_their_image() -> None:
    image = pixels(grid_image(XS, YS))
    assert with_drawn_lines(raw(), image).rules == b""
    assert len(with_drawn_lines(raw(scan_dpi=150), image).rules) == 16 * (len(XS) + len(YS))


TEXT = "The page says this in its own characters, and more than that."
PLACES = [(72 + 7 * index, 700, 78 + 7 * index, 710) for index in range(len(TEXT))]


def test_large_images_beside_a_text_layer_may_be_read_and_small_ones_are_not() -> None:
    photo, logo, rule = Box(72, 100, 400, 400), Box(500, 20, 560, 50), Box(72, 450, 520, 460)
    assert readable_images(raw(TEXT, PLACES, (photo, logo, rule))) == (photo,)
    assert readable_images(raw(TEXT, PLACES)) == ()
    assert readable_images(raw("", (), (photo,))) == (), "the whole page goes to OCR then"


def test_an_image_behind_text_has_been_read() -> None:
    behind = Box(60, 690, 540, 730)
    assert readable_images(raw(TEXT, PLACES, (behind,))) == ()


def test_of_many_images_the_largest_are_read() -> None:
    tiles = tuple(Box(10, 40 * index, 300 + index, 40 * index + 38) for index in range(15))
    assert len(readable_images(raw(TEXT, PLACES, tiles))) == 8


def photo() -> Image.Image:
    grain = np.random.default_rng(1).integers(0, 256, (25, 40), np.uint8)
    return Image.fromarray(grain).resize((640, 400), Image.Resampling.BICUBIC)


def test_text_in_an_image_is_told_from_a_picture() -> None:
    words = page_image("Words that a figure", "shows to its readers", width=640, height=400, size=24)
    assert shows_text(np.asarray(words), DPI)
    assert shows_text(255 - np.asarray(words), DPI), "bright on dark"
    assert not shows_text(np.asarray(photo()), DPI)
    assert not shows_text(np.full((400, 640), 255, np.uint8), DPI)


def test_nothing_is_left_but_images_with_text_and_without_the_layer() -> None:
    image = page_image("The layer", size=30)
    words = page_image("Words that a figure", "shows to its readers", width=640, height=400, size=24)
    image.paste(words, (200, 900))
    image.paste(photo(), (200, 400))
    of_words, of_photo = (Box(96, top * 72 / DPI, 403.2, (top + 400) * 72 / DPI) for top in (900, 400))
    page = raw(TEXT, PLACES, (of_words, of_photo))

    left = only_text_images(page, (of_words, of_photo), pixels(image))

    assert left is not None
    left = left[:, :, 0]
    assert left.shape == (1754, 1240)
    assert (left[:900] == 255).all()
    assert (left[900:1300, 200:840] == np.asarray(words)).all()
    assert only_text_images(page, (of_photo,), pixels(image)) is None
