from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.parsing import PageNeedsOcr
from llamaparse_worker.parsers.budget import ByteBudget
from llamaparse_worker.parsers.pixels import SealedImage, image_bytes, seal
from llamaparse_worker.parsers.protocol import BrokenProtocol

SAMPLES = bytes(range(24))


def announced(width: int = 4, height: int = 2, channels: int = 3) -> PageNeedsOcr:
    page = RawPage(1, 1.0, 1.0, 0, "", b"", b"", b"", ())
    return PageNeedsOcr(page, width=width, height=height, channels=channels, dpi=72.0)


@pytest.fixture
def sealed() -> Iterator[int]:
    descriptor = seal(memoryview(SAMPLES))
    yield descriptor
    os.close(descriptor)


def test_sealed_pixels_arrive_as_they_were_and_cannot_be_changed(sealed: int) -> None:
    received = SealedImage(announced(), sealed)

    assert bytes(received.image.samples) == SAMPLES
    assert received.image.samples.readonly
    with pytest.raises(PermissionError):
        os.write(sealed, b"x")
    with pytest.raises(PermissionError):
        os.ftruncate(sealed, 0)
    received.close()


def test_closing_twice_is_fine_even_while_a_view_is_held(sealed: int) -> None:
    received = SealedImage(announced(), sealed)
    view = received.image.samples[:4]

    received.close()
    received.close()

    assert bytes(view) == SAMPLES[:4]


@pytest.mark.parametrize(
    "event", [announced(width=5), announced(channels=4, height=1), announced(width=-4, height=-2), announced(height=0)]
)
def test_an_image_of_another_shape_than_announced_is_refused(sealed: int, event: PageNeedsOcr) -> None:
    with pytest.raises(BrokenProtocol):
        SealedImage(event, sealed)


def test_an_image_that_its_sender_can_still_change_is_refused() -> None:
    descriptor = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(descriptor, SAMPLES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)

    with pytest.raises(BrokenProtocol):
        SealedImage(announced(), descriptor)
    os.close(descriptor)


def test_a_file_on_disk_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    path.write_bytes(SAMPLES)

    with path.open("rb") as file, pytest.raises(BrokenProtocol):
        SealedImage(announced(), file.fileno())


def test_the_size_of_an_image_is_its_samples() -> None:
    assert image_bytes(announced()) == len(SAMPLES)


@pytest.mark.anyio
async def test_who_asks_first_is_served_first_even_if_a_later_one_would_fit() -> None:
    budget = ByteBudget(10)
    served: list[int] = []

    async def take(size: int) -> None:
        await budget.take(size)
        served.append(size)

    await budget.take(6)
    async with anyio.create_task_group() as group:
        for size in (8, 2):
            group.start_soon(take, size)
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert served == []
        budget.give_back(6)
    assert served == [8, 2]
    assert budget.used == 10


@pytest.mark.anyio
async def test_who_gives_up_waiting_leaves_nothing_taken_and_lets_the_next_pass() -> None:
    budget = ByteBudget(10)
    await budget.take(6)
    async with anyio.create_task_group() as group:
        with anyio.move_on_after(0.01) as patience:
            group.start_soon(budget.take, 3)
            await budget.take(8)
        assert patience.cancelled_caught
    await budget.take(1)

    assert budget.used == 10
