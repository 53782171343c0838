from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.backends.reader.pdf.document import PdfDocument
from llamaparse_worker.interfaces import Drawn, ReaderLimits
from llamaparse_worker.layout.captions import is_caption
from llamaparse_worker.layout.figure_regions import figure_regions, outermost
from llamaparse_worker.layout.raster import Raster
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.pipeline.images import ImageLimits, with_images
from support.documents import HEIGHT, MARGIN, WIDTH, Pen, make, measurements, picture, rotated, sentences, table
from support.drawings import bar_chart, flow_chart, line_chart, pie
from support.tasks import Parsed, parsed

Draw = Callable[[Canvas], None]
LAYOUT = {"output_options": {"images_to_save": ["layout"]}}
INLINE = {"output_options": {"markdown": {"inline_images": True}}}


def places(found: Parsed) -> list[dict[str, float]]:
    images = json.loads(found.files["result.json"])["images_content_metadata"]["images"]
    assert all(image["category"] == "layout" for image in images)
    return [image["bbox"] for image in images]


def shown(found: Parsed, index: int = 1) -> Image.Image:
    return Image.open(io.BytesIO(found.files[f"images/page_1_figure_{index}.png"])).convert("RGB")


def between_text(draw: Draw) -> Draw:
    def page(canvas: Canvas) -> None:
        Pen(canvas).heading("Levels of the river").write(sentences(1, 500))
        draw(canvas)
        Pen(canvas, top=330).write(sentences(2, 500))

    return page


def photograph(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(io.BytesIO(picture("CLOSED"))), 100, 450, 200, 100)


def scatter(canvas: Canvas) -> None:
    canvas.line(100, 450, 300, 450)
    canvas.line(100, 450, 100, 570)
    for index in range(12):
        canvas.circle(112 + 15 * index, 462 + (index * 37) % 95, 2, stroke=0, fill=1)


def shading(canvas: Canvas) -> None:
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(100, 450, 150, 100)
    canvas.clipPath(clip, stroke=0)
    canvas.linearGradient(0, 0, 500, 800, ((1, 0, 0), (0, 0, 1)))
    canvas.restoreState()


def clipped_curve(canvas: Canvas) -> None:
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(100, 450, 150, 100)
    canvas.clipPath(clip, stroke=0)
    canvas.bezier(0, 300, 200, 900, 300, 0, 500, 800)
    canvas.restoreState()


@pytest.mark.parametrize(
    ("draw", "inside", "within"),
    [
        pytest.param(lambda c: line_chart(c, 110, 430), (92, 405, 362, 574), 8, id="curve, axes, numbers and title"),
        pytest.param(lambda c: bar_chart(c, 90, 430), (90, 417, 300, 550), 6, id="bars and their names"),
        pytest.param(lambda c: pie(c, 300, 500), (250, 450, 350, 550), 5, id="pie"),
        pytest.param(lambda c: flow_chart(c, 100, 450), (100, 450, 390, 490), 4, id="boxes and arrows"),
        pytest.param(photograph, (100, 450, 300, 550), 4, id="bitmap"),
        pytest.param(scatter, (100, 450, 300, 570), 4, id="dots between axes"),
        pytest.param(shading, (100, 450, 250, 550), 4, id="shading in its clip path"),
        pytest.param(clipped_curve, (100, 450, 250, 550), 4, id="curve cut to its clip path"),
    ],
)
def test_what_is_drawn_on_a_page_is_a_figure_with_its_labels(
    draw: Draw, inside: tuple[float, float, float, float], within: float
) -> None:
    found = parsed(make(between_text(draw)), LAYOUT)
    (place,) = places(found)
    left, bottom, right, top = inside
    expected = (left, HEIGHT - top, right, HEIGHT - bottom)
    box = (place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"])
    assert np.abs(np.subtract(box, expected)).max() <= within
    image = shown(found)
    assert image.size == pytest.approx((place["w"] * 150 / 72, place["h"] * 150 / 72), abs=5)
    assert np.asarray(image).min() < 100


def underlined(canvas: Canvas) -> None:
    Pen(canvas).write(sentences(1, 900))
    for line in range(5):
        canvas.line(MARGIN, 778 - 12.5 * line, 400, 778 - 12.5 * line)


def panel(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.85, 0.9, 1)
    canvas.roundRect(MARGIN - 10, 600, WIDTH - 2 * MARGIN + 20, 200, 12, stroke=1, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    Pen(canvas).write(sentences(1, 900))


def framed(canvas: Canvas) -> None:
    canvas.rect(30, 30, WIDTH - 60, HEIGHT - 60)
    Pen(canvas).write(sentences(1, 2500))


def wallpaper(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(io.BytesIO(picture(""))), 0, 0, WIDTH, HEIGHT)
    Pen(canvas).write(sentences(1, 900))


def bulleted(canvas: Canvas) -> None:
    pen = Pen(canvas)
    for item in range(12):
        canvas.circle(MARGIN + 4, pen.y + 3, 2.5, stroke=0, fill=1)
        pen.write(sentences(item, 60), indent=16)


def separated(canvas: Canvas) -> None:
    Pen(canvas).write(sentences(1, 900))
    canvas.line(MARGIN, 500, WIDTH - MARGIN, 500)
    canvas.line(MARGIN, 496, WIDTH - MARGIN, 496)
    Pen(canvas, top=480).write(sentences(2, 900))


def ruled_table(canvas: Canvas) -> None:
    table(measurements(1), ruled=True)(canvas)


def shaded_table(canvas: Canvas) -> None:
    for row, cells in enumerate(measurements(2)):
        y = 700 - 20 * row
        if row % 2 == 0:
            canvas.setFillColorRGB(0.8, 0.85, 0.9)
            canvas.rect(MARGIN, y - 6, 400, 20, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)
        for column, cell in enumerate(cells):
            canvas.rect(MARGIN + 100 * column, y - 6, 100, 20)
            canvas.drawString(MARGIN + 100 * column + 4, y, cell)


def table_on_wallpaper(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(io.BytesIO(picture(""))), 0, 0, WIDTH, HEIGHT)
    ruled_table(canvas)


def boxes_to_fill(canvas: Canvas) -> None:
    for row in range(5):
        canvas.drawString(MARGIN, 700 - 40 * row, "Name of the ship")
        canvas.rect(220, 692 - 40 * row, 250, 20)


def invisible(canvas: Canvas) -> None:
    Pen(canvas).write(sentences(1, 300))
    canvas.setFillColorRGB(1, 1, 1)
    canvas.circle(300, 400, 80, stroke=0, fill=1)


def white_image(canvas: Canvas) -> None:
    image = io.BytesIO()
    Image.new("L", (40, 30), 255).save(image, "PNG")
    canvas.drawImage(ImageReader(image), 100, 450, 200, 150)


def ornament(canvas: Canvas) -> None:
    Pen(canvas).write(sentences(1, 300))
    canvas.setFillColorRGB(0.2, 0.3, 0.5)
    canvas.rect(0, HEIGHT - 40, WIDTH, 40, stroke=0, fill=1)
    canvas.rect(0, 0, 20, HEIGHT, stroke=0, fill=1)


@pytest.mark.parametrize(
    "draw",
    [
        underlined,
        panel,
        framed,
        wallpaper,
        bulleted,
        separated,
        ruled_table,
        shaded_table,
        table_on_wallpaper,
        boxes_to_fill,
        invisible,
        white_image,
        ornament,
    ],
)
def test_what_text_is_set_with_is_no_figure(draw: Draw) -> None:
    assert places(parsed(make(draw), LAYOUT)) == []


def captioned(canvas: Canvas) -> None:
    Pen(canvas).write("Before it. " + sentences(1, 300))
    line_chart(canvas, 110, 520)
    Pen(canvas, top=485).write("Figure 1: Levels of the river.").write("Figure 1 shows a wave. " + sentences(2, 300))
    photograph_at(canvas, 200)


def photograph_at(canvas: Canvas, y: float) -> None:
    canvas.drawImage(ImageReader(io.BytesIO(picture("CLOSED"))), MARGIN, y, 200, 100)


def test_a_figure_is_an_item_with_its_caption_before_which_it_stands_in_the_markdown() -> None:
    found = parsed(make(captioned), INLINE)
    first, second = (item for item in found.items(1) if item["type"] == "image")
    assert (first["url"], first["caption"]) == ("images/page_1_figure_1.png", "Figure 1: Levels of the river.")
    assert (second["url"], second["caption"]) == ("images/page_1_figure_2.png", "")
    parts = found.markdown.strip().split("\n\n")
    at = parts.index("Figure 1: Levels of the river.")
    assert parts[at - 1] == "![Figure 1: Levels of the river.](images/page_1_figure_1.png)"
    assert parts[-1] == "![](images/page_1_figure_2.png)"


def test_the_caption_is_no_part_of_the_figure() -> None:
    (chart, _) = places(parsed(make(captioned), LAYOUT))
    assert chart["y"] + chart["h"] <= HEIGHT - 494


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"markdown": {"inline_images": True}}, {"layout"}),
        ({"markdown": {"inline_images": True}, "images_to_save": ["screenshot"]}, {"screenshot", "layout"}),
        ({"markdown": {"inline_images": True}, "images_to_save": ["embedded"]}, {"embedded"}),
        ({"markdown": {"inline_images": True}, "images_to_save": []}, set()),
        ({"images_to_save": ["layout", "embedded"]}, {"layout", "embedded"}),
        ({}, set()),
    ],
)
def test_figures_are_saved_where_images_are_shown_unless_the_job_names_others(
    asked: Mapping[str, object], kinds: set[str]
) -> None:
    found = json.loads(parsed(make(captioned), {"output_options": asked}).files["result.json"])
    assert {image["category"] for image in found["images_content_metadata"]["images"]} == kinds


def test_an_embedded_image_that_a_figure_shows_is_not_shown_again() -> None:
    asked = {"markdown": {"inline_images": True}, "images_to_save": ["layout", "embedded"]}
    assert parsed(make(captioned), {"output_options": asked}).markdown.count("![") == 2


def test_without_the_option_figures_are_items_but_not_in_the_markdown() -> None:
    found = parsed(make(captioned), LAYOUT)
    assert [item["url"] for item in found.items(1) if item["type"] == "image"] == [
        "images/page_1_figure_1.png",
        "images/page_1_figure_2.png",
    ]
    assert "![" not in found.markdown


def test_a_page_is_looked_at_for_figures_only_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(PdfDocument, "shapes", refused)
    monkeypatch.setattr(PdfDocument, "screenshot", refused)
    content = make(captioned)
    assert parsed(content, {"output_options": {"images_to_save": ["embedded"]}}).pages[0].error is None
    assert parsed(content, LAYOUT).pages[0].error is not None


def test_a_page_without_figures_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(PdfDocument, "screenshot", refused)
    assert parsed(make(panel), LAYOUT).pages[0].error is None


def test_a_figure_shows_what_is_drawn_over_an_image_and_printing_colours() -> None:
    def draw(canvas: Canvas) -> None:
        image = io.BytesIO()
        Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(image, "JPEG")
        canvas.drawImage(ImageReader(image), 100, 450, 200, 100)
        canvas.setFillColorRGB(0, 0, 1)
        canvas.rect(150, 480, 100, 40, stroke=0, fill=1)

    image = shown(parsed(make(between_text(draw)), LAYOUT))
    assert image.getpixel((image.width // 2, image.height // 2)) == (0, 0, 255)
    edge = image.getpixel((20, 20))
    assert isinstance(edge, tuple)
    assert edge[0] > 180
    assert max(edge[1:]) < 100


def test_a_page_gives_its_largest_figures_and_says_how_many_are_left_out() -> None:
    def draw(canvas: Canvas) -> None:
        for index in range(5):
            pie(canvas, 100, 100 + 130 * index, 20 + 5 * index)

    found = parsed(make(draw), LAYOUT, images=2)
    assert [place["w"] for place in places(found)] == [84, 74]
    assert found.pages[0].images_left_out == 3


def test_figures_outside_of_the_crop_box_are_not_saved() -> None:
    (place,) = places(parsed(make(captioned), {**LAYOUT, "crop_box": {"top": 0.5}}))
    assert place["y"] > HEIGHT / 2


def test_a_figure_on_a_turned_page_is_found_where_it_is_displayed() -> None:
    def turned(canvas: Canvas) -> None:
        rotated(90)(canvas)
        pie(canvas, 300, 400)

    (place,) = places(parsed(make(turned), LAYOUT))
    assert [place[side] for side in "xywh"] == pytest.approx([248, HEIGHT - 452, 104, 104], abs=5)


def test_a_figure_of_a_page_that_goes_to_ocr_is_found_without_its_text() -> None:
    content = make(lambda canvas: pie(canvas, 300, 400))
    with PdfReader().open(io.BytesIO(content), ReaderLimits(10, 1_000_000)) as document:
        assert isinstance(document, Drawn)
        (box,) = figure_regions(document.read(1), document.shapes(1))
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((248, HEIGHT - 452, 352, HEIGHT - 348), abs=3)


def test_a_figure_of_a_large_page_is_drawn_within_the_limit_on_pixels(tmp_path: Path) -> None:
    content = make(lambda canvas: pie(canvas, 300, 400))
    options = ParseOptions(images_to_save=(ImageKind.LAYOUT,))
    with PdfReader().open(io.BytesIO(content), ReaderLimits(10, 50_000)) as document:
        page = document.read(1)
        found = with_images(page, page, document, options, tmp_path, ImageLimits(30, 150))
    (image,) = found.images
    scale = (50_000 / (WIDTH * HEIGHT)) ** 0.5
    assert image.width == pytest.approx(image.box.width * scale, abs=2)


def test_boxes_are_in_one_group_where_a_chain_of_them_is_near_enough() -> None:
    boxes = [Box(0, 0, 10, 10), Box(14, 0, 24, 10), Box(28, 0, 38, 10), Box(80, 0, 90, 10), Box(0, 100, 90, 102)]
    array = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.float32)
    found = Raster(200, 200).components(array, 6).tolist()
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 3


def test_groups_are_those_of_a_search_through_all_cells() -> None:
    chance = np.random.default_rng(3)
    corners = chance.uniform(0, 380, (60, 2))
    boxes = np.concatenate((corners, corners + chance.uniform(1, 20, (60, 2))), axis=1).astype(np.float32)
    found = Raster(400, 400).components(boxes, 4)
    cells = [
        {(x, y) for x in range(int((b[0] - 2) // 2), int(-(-(b[2] + 2) // 2))) for y in
         range(int((b[1] - 2) // 2), int(-(-(b[3] + 2) // 2)))}
        for b in boxes.tolist()
    ]  # fmt: skip
    near = [{(x + a, y + b) for x, y in one for a in (-1, 0, 1) for b in (-1, 0, 1)} for one in cells]
    groups = list(range(60))
    for _ in range(60):
        for one in range(60):
            for other in range(60):
                if near[one] & cells[other]:
                    groups[one] = groups[other] = min(groups[one], groups[other])
    assert len(set(groups)) > 20
    assert (np.equal.outer(found, found) == np.equal.outer(groups, groups)).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Figure 3: Levels of the river", True),
        ("Fig. 2 Levels", True),
        ("Figure 2.1. the same in winter", True),
        ("Figure 4a", True),
        ("Abbildung 7 – Pegel", True),
        ("図 3 水位", True),
        ("Figure 3 shows the levels", False),
        ("Figure 2.1 shows the levels", False),
        ("Figures are drawn", False),
        ("Figure 3, which is the last one", False),
    ],
)
def test_a_caption_is_told_from_a_sentence_about_the_figure(text: str, *, expected: bool) -> None:
    assert is_caption(text) is expected


def test_of_regions_within_each_other_the_outer_ones_stay() -> None:
    outer, inner, apart = (0, 0, 100, 100), (10, 10, 50, 50), (80, 80, 120, 120)
    found = outermost(np.array([inner, outer, apart, outer], np.float32))
    assert sorted(map(tuple, found.tolist())) == [outer, apart]
