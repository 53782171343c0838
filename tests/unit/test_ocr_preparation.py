from __future__ import annotations

import cv2
import numpy as np
import pytest

from llamaparse_worker.backends.ocr.engine import Picture, Samples
from llamaparse_worker.backends.ocr.tesseract.preparation import Prepared, prepared
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.testing.ocr_pages import HEIGHT, WIDTH, lettered


def scaled(factor: float) -> Samples:
    samples, _ = lettered()
    return np.asarray(cv2.resize(samples, None, fx=factor, fy=factor), np.uint8)


def test_large_letters_stay_as_they_are() -> None:
    samples = scaled(1.5)
    assert prepared(Picture(samples, 200.0)).samples.shape == samples.shape[:2]


def test_small_letters_are_enlarged_whatever_the_resolution_says() -> None:
    for dpi in (72.0, 600.0):
        made = prepared(Picture(scaled(0.4), dpi))
        assert made.samples.shape[0] > 1.5 * scaled(0.4).shape[0]
        assert made.dpi == pytest.approx(dpi * made.samples.shape[0] / scaled(0.4).shape[0], rel=0.01)


def test_specks_do_not_pass_for_letters() -> None:
    samples = scaled(1.5)
    noisy = samples.copy()
    places = np.random.default_rng(1).integers(0, min(noisy.shape[:2]) - 8, (800, 2))
    for y, x in places:
        noisy[y : y + 5, x : x + 5] = 0
    assert prepared(Picture(noisy, 200.0)).samples.shape == samples.shape[:2]


def test_dark_paper_becomes_light() -> None:
    samples, _ = lettered()
    light, dark = prepared(Picture(samples, 200.0)), prepared(Picture(255 - samples, 200.0))
    assert light.samples.mean() > 200
    assert np.abs(light.samples.astype(int) - dark.samples).max() <= 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_even_picture_stays_of_its_size(value: int) -> None:
    assert prepared(Picture(np.full((40, 30, 3), value, np.uint8), 72.0)).samples.shape == (40, 30)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_place_on_an_upright_page_leads_back_to_the_picture(turn: int) -> None:
    picture = np.zeros((60, 100), np.uint8)
    picture[10:20, 30:70] = 255
    upright = Prepared(picture, 72.0).upright(turn)
    rows, columns = np.nonzero(upright.samples)

    box = upright.place(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)

    assert box == Box(30, 10, 70, 20)


@pytest.mark.parametrize("degrees", [-8.0, -2.0, 0.0, 2.0, 8.0])
@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_sloping_lines_become_level_and_lead_back_too(degrees: float, turn: int) -> None:
    samples, _ = lettered()
    clockwise = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 1.0)
    sloping = cv2.warpAffine(samples, clockwise, (WIDTH, HEIGHT), borderValue=(255, 255, 255))
    picture = Picture(np.rot90(np.asarray(sloping, np.uint8), -turn).copy(), 72.0)

    page = prepared(picture).upright(turn).level()

    assert page.skew == pytest.approx(degrees, abs=0.3)
    rows, columns = np.nonzero(page.samples < 128)
    ink = page.place(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    true_rows, true_columns = np.nonzero(picture.samples[:, :, 0] < 128)
    assert ink.x0 <= true_columns.min() + 1
    assert ink.y0 <= true_rows.min() + 1
    assert ink.x1 >= true_columns.max()
    assert ink.y1 >= true_rows.max()


def test_a_page_without_lines_does_not_slope() -> None:
    random = np.random.default_rng(2)
    page = np.full((1000, 1000), 255, np.uint8)
    for y, x in random.integers(0, 980, (300, 2)):
        page[y : y + 20, x : x + 12] = 0
    assert Prepared(page, 72.0).level().skew == 0.0
