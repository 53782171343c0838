"""What every OCR must do, as tests: subclass a class of this module and give its fixture ``ocr``."""

from __future__ import annotations

from math import isfinite

import anyio
import numpy as np
import pytest

from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.testing.ocr_pages import HEIGHT, LINES, WIDTH, as_image, blank, lettered

_ENGLISH = ("en",)
_NEARLY_ALL = 0.9
_TOLERANCE = 6.5
"""Points between a box and the ink of its word, half an em: boxes may be as high as the line."""
_POINTS = 72 / 200


def plain_words(found: Recognition) -> list[str]:
    """Give the words without marks beside them, in lower case."""
    return [word.text.strip(".,;:|").lower() for word in found.words]


def share_found(found: Recognition) -> float:
    """Give how many of the drawn words were read."""
    wanted = " ".join(LINES).lower().split()
    left = plain_words(found)
    hits = 0
    for word in wanted:
        if word in left:
            left.remove(word)
            hits += 1
    return hits / len(wanted)


@pytest.mark.anyio
class OcrConformance:
    """The contract of ``Ocr`` that needs no eyes: a fake keeps it too."""

    soon_s = 45.0
    """Long enough for a busy machine that loads models; nothing waits so long when it works."""

    async def test_a_reading_has_possible_boxes_and_confidences(self, ocr: Ocr) -> None:
        """Boxes in points on the image, confidences from 0 to 1, and the name of who has read."""
        samples, _ = lettered()

        with anyio.fail_after(self.soon_s):
            found = await ocr.read(as_image(samples), languages=_ENGLISH)

        assert found.words
        assert found.engine == ocr.name
        assert found.turn in range(4)
        for word in found.words:
            box = word.box
            assert word.text.strip() == word.text != ""
            assert all(map(isfinite, (box.x0, box.y0, box.x1, box.y1)))
            assert 0 <= box.x0 < box.x1 <= WIDTH * _POINTS + 1
            assert 0 <= box.y0 < box.y1 <= HEIGHT * _POINTS + 1
            assert 0 <= word.confidence <= 1

    async def test_pages_can_be_read_at_the_same_time(self, ocr: Ocr) -> None:
        """More than an engine has threads; each caller gets its own answer, and equal pages equal ones."""
        samples, _ = lettered()
        answers: list[Recognition] = []

        async def read() -> None:
            answers.append(await ocr.read(as_image(samples), languages=_ENGLISH))

        with anyio.fail_after(self.soon_s):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(read)

        assert len(answers) == 5
        assert all(answer == answers[0] for answer in answers)

    async def test_a_cancelled_reading_leaves_pixels_and_engine_alone(self, ocr: Ocr) -> None:
        """The samples may be released at once, and the next page is read."""
        samples, _ = lettered()
        image = as_image(samples)
        with anyio.move_on_after(0.01):
            await ocr.read(image, languages=_ENGLISH)
        image.samples.release()

        with anyio.fail_after(self.soon_s):
            found = await ocr.read(as_image(samples), languages=_ENGLISH)

        assert found.words

    async def test_ping_names_the_engine(self, ocr: Ocr) -> None:
        """Its answer is shown to operators."""
        with anyio.fail_after(self.soon_s):
            assert ocr.name in await ocr.ping()


@pytest.mark.anyio
class ReadingConformance(OcrConformance):
    """The contract of an engine that really reads. English must be among its languages."""

    async def test_the_words_of_a_page_are_read_where_they_stand(self, ocr: Ocr) -> None:
        """Nearly all of them, in reading order, with boxes around their ink."""
        samples, words = lettered()

        found = await ocr.read(as_image(samples), languages=_ENGLISH)

        assert share_found(found) >= _NEARLY_ALL
        firsts = [line.split()[0].lower() for line in LINES]
        order = [word for word in plain_words(found) if word in firsts and word != "the"]
        assert order == firsts[1:]
        drawn = {word.text: word.box for word in words if [one.text for one in words].count(word.text) == 1}
        read = {word.text: word.box for word in found.words if word.text in drawn}
        assert len(read) >= _NEARLY_ALL * len(drawn)
        for text, box in read.items():
            assert _distance(box, drawn[text]) <= _TOLERANCE, text

    @pytest.mark.parametrize("turn", [1, 2, 3])
    async def test_a_turned_page_is_read_and_its_turn_told(self, ocr: Ocr, turn: int) -> None:
        """The boxes lie on the page as it was given."""
        samples, words = lettered()
        turned = np.rot90(samples, -turn)
        upright = {word.text: word.box for word in words}

        found = await ocr.read(as_image(turned), languages=_ENGLISH)

        assert found.turn == turn
        assert share_found(found) >= _NEARLY_ALL
        place = next(word.box for word in found.words if word.text == "northern")
        assert _distance(place, _turned(upright["northern"], turn)) <= _TOLERANCE

    async def test_a_grey_page_of_low_resolution_is_read(self, ocr: Ocr) -> None:
        """As faxes are."""
        samples, words = lettered()
        grey = samples.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3, 4)).astype(np.uint8)[:, :, np.newaxis]
        upright = {word.text: word.box for word in words}

        found = await ocr.read(as_image(grey, 100.0), languages=_ENGLISH)

        assert share_found(found) >= _NEARLY_ALL
        place = next(word.box for word in found.words if word.text == "northern")
        assert _distance(place, upright["northern"]) <= _TOLERANCE

    async def test_white_letters_on_black_are_read(self, ocr: Ocr) -> None:
        """As slides have them."""
        samples, _ = lettered()

        assert share_found(await ocr.read(as_image(255 - samples), languages=_ENGLISH)) >= _NEARLY_ALL

    async def test_a_blank_page_has_no_words(self, ocr: Ocr) -> None:
        """And that is no failure."""
        assert (await ocr.read(blank(), languages=_ENGLISH)).words == ()

    async def test_a_page_is_read_without_any_language(self, ocr: Ocr) -> None:
        """The engine finds out by itself."""
        samples, _ = lettered()

        assert share_found(await ocr.read(as_image(samples), languages=())) >= _NEARLY_ALL

    async def test_a_reading_does_not_depend_on_the_pages_before(self, ocr: Ocr) -> None:
        """An engine does not learn from pages."""
        samples, _ = lettered()
        first = await ocr.read(as_image(samples), languages=_ENGLISH)
        await ocr.read(as_image(np.rot90(samples[:500], 2)), languages=_ENGLISH)

        assert await ocr.read(as_image(samples), languages=_ENGLISH) == first

    async def test_languages_are_judged_before_any_work(self, ocr: Ocr) -> None:
        """Known ones pass; an unknown one is named."""
        ocr.check_languages(())
        ocr.check_languages(_ENGLISH)
        with pytest.raises(InvalidOption, match="klingon"):
            ocr.check_languages(("en", "klingon"))


def _distance(one: Box, other: Box) -> float:
    pairs = ((one.x0, other.x0), (one.y0, other.y0), (one.x1, other.x1), (one.y1, other.y1))
    return max(abs(first - second) for first, second in pairs)


def _turned(box: Box, turn: int) -> Box:
    width, height = WIDTH * _POINTS, HEIGHT * _POINTS
    match turn:
        case 1:
            return Box(height - box.y1, box.x0, height - box.y0, box.x1)
        case 2:
            return Box(width - box.x1, height - box.y1, width - box.x0, height - box.y0)
        case _:
            return Box(box.y0, width - box.x1, box.y1, width - box.x0)
