from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.errors import BackendUnavailable, InvalidJob, StorageFull
from llamaparse_worker.worker import patience
from llamaparse_worker.worker.patience import until_available

pytestmark = pytest.mark.anyio


class Flaky:
    """Fails with each of the errors in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)


async def test_an_answer_is_given_at_once() -> None:
    assert await until_available(Flaky(), what="store") == "answer"


async def test_a_backend_that_is_away_or_full_is_asked_again() -> None:
    call = Flaky(BackendUnavailable("away"), StorageFull("full"), BackendUnavailable("away"))

    assert await until_available(call, what="store") == "answer"
    assert call.calls == 4


async def test_what_waiting_cannot_cure_is_raised() -> None:
    with pytest.raises(InvalidJob):
        await until_available(Flaky(InvalidJob("wrong")), what="store")


async def test_a_cancellation_ends_the_waiting() -> None:
    async def never() -> None:
        raise BackendUnavailable("away")

    with anyio.move_on_after(0.05) as scope:
        await until_available(never, what="store")

    assert scope.cancelled_caught
