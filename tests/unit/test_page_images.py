from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import Illustrated, ReaderLimits
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.images import EmbeddedImage
from llamaparse_worker.model.options import CropBox, ImageKind, ParseOptions
from llamaparse_worker.model.parsing import Assemble, Completed, ParserEvent, ReadPages
from llamaparse_worker.pipeline.png import png
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.pipeline.tasks import make_tasks
from support.documents import HEIGHT, WIDTH, make

Draw = Callable[[Canvas], None]


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, width)
    pixels[:, :, 1] = 90
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def placed(content: bytes, x: float = 100, y: float = 500) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(io.BytesIO(content)), x, y, 200, 150, mask="auto")

    return draw


def embedded(draw: Draw) -> list[EmbeddedImage]:
    with PdfReader().open(io.BytesIO(make(draw)), ReaderLimits(10, 1_000_000)) as document:
        return list(document.images(1))


def shown(image: EmbeddedImage) -> Image.Image:
    return Image.open(io.BytesIO(image.jpeg or png(image.samples, image.width, image.height, image.channels)))


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one.convert("RGB"), np.int16) - np.asarray(other.convert("RGB"), np.int16)).mean())


def test_an_image_comes_out_in_its_own_size_and_says_where_it_stands() -> None:
    original = gradient()
    (found,) = embedded(placed(encoded(original, "PNG")))
    assert (found.width, found.height) == original.size
    assert difference(shown(found), original) < 1
    assert found.box.x0 == 100
    assert found.box.y1 == pytest.approx(HEIGHT - 500, abs=0.02)


def test_a_jpeg_stays_the_file_that_it_is() -> None:
    original = encoded(gradient(), "JPEG")
    (found,) = embedded(placed(original))
    assert found.jpeg == original


def test_a_jpeg_in_printing_colours_becomes_one_that_every_viewer_shows_right() -> None:
    (found,) = embedded(placed(encoded(gradient().convert("CMYK"), "JPEG")))
    assert not found.jpeg
    assert difference(shown(found), gradient()) < 60


def test_what_a_mask_hides_is_white() -> None:
    image = gradient().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.repeat(np.array([0, 255], np.uint8), 20), (30, 1))))
    (found,) = embedded(placed(encoded(image, "PNG")))
    pixels = np.asarray(shown(found).convert("RGB"))
    assert (pixels[:, :19] == 255).all()
    assert (pixels[:, 21:, 2] < 10).all()


def test_a_grey_image_has_one_channel_and_a_spacer_is_no_image() -> None:
    def draw(canvas: Canvas) -> None:
        placed(encoded(gradient().convert("L"), "PNG"))(canvas)
        placed(encoded(gradient(1, 1), "PNG"), y=200)(canvas)

    (found,) = embedded(draw)
    assert found.channels == 1


def test_an_image_larger_than_allowed_is_drawn_smaller() -> None:
    with PdfReader().open(
        io.BytesIO(make(placed(encoded(gradient(400, 300), "PNG")))), ReaderLimits(10, 1200)
    ) as document:
        (found,) = document.images(1)
    assert (found.width, found.height) == (40, 30)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_read_back_as_it_was(channels: int) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (7, 5, channels), np.uint8)
    image = Image.open(io.BytesIO(png(samples.tobytes(), 5, 7, channels)))
    assert (np.asarray(image).reshape(7, 5, channels) == samples).all()


def parse(
    folder: Path, content: bytes, pages: Sequence[int], options: ParseOptions, most: int = 30
) -> tuple[list[str], dict[str, object]]:
    path = folder / "report.pdf"
    path.write_bytes(content)
    document = Spooled(str(path), path.name, len(content), "")
    config = TaskConfig(
        readers=("llamaparse_worker.backends.reader.pdf:PdfReader",),
        writers=("llamaparse_worker.backends.writer.json:JsonWriter",),
        max_images_per_page=most,
    )
    tasks = make_tasks(config.model_dump_json())
    events: list[ParserEvent] = []

    def emit(event: ParserEvent, _samples: object) -> None:
        events.append(event)

    blob = str(folder / "pages.blob")
    tasks.run(ReadPages(document, tuple(pages), blob, options, ocr=False), emit)
    tasks.run(Assemble((blob,), (), str(folder), options), emit)
    last = events[-1]
    assert isinstance(last, Completed)
    return [file.name for file in last.files], json.loads((folder / "result.json").read_text())


def test_each_content_is_saved_once_with_all_its_places(tmp_path: Path) -> None:
    logo, photo = encoded(gradient(), "PNG"), encoded(gradient(60, 50), "JPEG")

    def both(canvas: Canvas) -> None:
        placed(logo)(canvas)
        placed(photo, y=200)(canvas)

    files, result = parse(
        tmp_path, make(placed(logo), both), (1, 2), ParseOptions(images_to_save=(ImageKind.EMBEDDED,))
    )
    images = result["images_content_metadata"]
    assert isinstance(images, dict)
    assert images["total_count"] == 3
    assert [image["index"] for image in images["images"]] == [0, 1, 2]
    first, second, third = images["images"]
    assert first["filename"] == second["filename"]
    assert (first["page_number"], second["page_number"], third["page_number"]) == (1, 2, 2)
    assert third["content_type"] == "image/jpeg"
    assert first["bbox"] == {"x": 100, "y": round(HEIGHT - 650), "w": 200, "h": 150}
    assert sorted({image["filename"] for image in images["images"]}) == files[1:]
    assert (tmp_path / third["filename"]).read_bytes() == photo
    assert not list((tmp_path / "images").glob(".*"))


def test_a_page_gives_no_more_images_than_allowed_and_says_how_many_are_left_out(tmp_path: Path) -> None:
    def many(canvas: Canvas) -> None:
        for index in range(5):
            placed(encoded(gradient(20 + index, 20), "PNG"), y=100 + index)(canvas)

    files, result = parse(tmp_path, make(many), (1,), ParseOptions(images_to_save=(ImageKind.EMBEDDED,)), most=2)
    assert len(files) == 3
    metadata = result["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["pages"][0]["images_left_out"] == 3


def test_a_screenshot_shows_the_page_in_colour(tmp_path: Path) -> None:
    def red(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(0, 0, WIDTH, HEIGHT, stroke=0, fill=1)

    files, result = parse(tmp_path, make(red), (1,), ParseOptions(images_to_save=(ImageKind.SCREENSHOT,)))
    assert files == ["result.json", "images/page_1.png"]
    image = Image.open(tmp_path / files[1])
    assert image.getpixel((50, 50)) == (255, 0, 0)
    assert image.width == pytest.approx(WIDTH / 72 * 150, abs=1)
    images = result["images_content_metadata"]
    assert isinstance(images, dict)
    assert images["images"][0]["category"] == "screenshot"


def test_images_outside_of_the_crop_box_and_images_nobody_asked_for_are_not_saved(tmp_path: Path) -> None:
    content = make(placed(encoded(gradient(), "PNG")))
    cropped = ParseOptions(images_to_save=(ImageKind.EMBEDDED,), crop_box=CropBox(top=0.9))
    assert parse(tmp_path, content, (1,), cropped)[0] == ["result.json"]
    (tmp_path / "again").mkdir()
    assert parse(tmp_path / "again", content, (1,), ParseOptions())[0] == ["result.json"]
    assert not (tmp_path / "again" / "images").exists()


def test_the_pdf_reader_is_one_that_gives_images() -> None:
    with PdfReader().open(
        io.BytesIO(make(placed(encoded(gradient(), "PNG")))), ReaderLimits(10, 1_000_000)
    ) as document:
        assert isinstance(document, Illustrated)
