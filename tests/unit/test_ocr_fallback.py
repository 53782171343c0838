from __future__ import annotations

import numpy as np
import pytest

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.fallback import (
    CLEAR,
    FallbackEngine,
    Languages,
    better,
    check_languages,
    first_reads,
    is_doubtful,
)
from llamaparse_worker.backends.ocr.readings import ENOUGH, POOR, is_poor, is_sound
from llamaparse_worker.errors import InvalidOption, PageUnreadable
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word

PICTURE = Picture(np.zeros((8, 8, 1), np.uint8), 72.0)


def reading(confidence: float, count: int = 400, engine: str = "first") -> Recognition:
    return Recognition((Word("x" * count, Box(0, 0, 1, 1), confidence),) if count else (), engine)


class Engine:
    def __init__(self, answer: Recognition | None, *, needed: bool = False) -> None:
        self._answer = answer
        self._needed = needed
        self.calls: list[str] = []

    def read(self, picture: Picture, languages: Languages) -> Recognition:
        del picture, languages
        self.calls.append("read")
        if self._answer is None:
            raise PageUnreadable("no")
        return self._answer

    def is_needed(self, picture: Picture, languages: Languages) -> bool:
        del picture, languages
        self.calls.append("look")
        return self._needed


def everything(languages: Languages) -> None:
    del languages


def nothing(languages: Languages) -> None:
    del languages
    raise InvalidOption("install it")


@pytest.mark.parametrize(
    ("first", "other", "languages", "reader", "calls"),
    [
        pytest.param(
            reading(0.995), Engine(reading(0.9, engine="second"), needed=True), ("de",), "first", [], id="clear"
        ),
        pytest.param(
            reading(0.5, 10),
            Engine(reading(0.9, engine="second"), needed=True),
            ("de",),
            "first",
            [],
            id="too little to judge by",
        ),
        pytest.param(
            reading(0.95),
            Engine(reading(0.7, engine="second"), needed=False),
            ("de",),
            "first",
            ["look"],
            id="doubtful, a script that it knows",
        ),
        pytest.param(
            reading(0.95),
            Engine(reading(0.7, engine="second"), needed=True),
            ("de",),
            "second",
            ["look", "read"],
            id="doubtful, a foreign script",
        ),
        pytest.param(
            reading(0.6),
            Engine(reading(0.9, engine="second"), needed=False),
            (),
            "second",
            ["look", "read"],
            id="poor, and the other is better",
        ),
        pytest.param(
            reading(0.6),
            Engine(reading(0.5, engine="second"), needed=False),
            (),
            "first",
            ["look", "read"],
            id="poor, and the other is worse",
        ),
        pytest.param(
            reading(0.99),
            Engine(reading(0.1, engine="second"), needed=False),
            ("en", "ru"),
            "second",
            ["read"],
            id="a language that it cannot read",
        ),
        pytest.param(
            reading(0.6), Engine(None, needed=True), (), "first", ["look", "read"], id="the other cannot read it"
        ),
    ],
)
def test_who_reads_a_page(
    first: Recognition, other: Engine, languages: Languages, reader: str, calls: list[str]
) -> None:
    found = FallbackEngine(Engine(first), other, everything).read(PICTURE, languages)

    assert found.engine == reader
    assert other.calls == calls


def test_the_first_reading_stands_where_the_other_engine_has_no_model() -> None:
    other = Engine(reading(1.0, engine="second"), needed=True)
    assert FallbackEngine(Engine(reading(0.3)), other, nothing).read(PICTURE, ("en",)).engine == "first"
    assert other.calls == []


def test_a_page_that_no_engine_can_read_fails() -> None:
    with pytest.raises(PageUnreadable):
        FallbackEngine(Engine(None), Engine(None), everything).read(PICTURE, ())


def test_the_thresholds_are_limits_of_a_mean_over_characters() -> None:
    mixed = Recognition((Word("y" * 300, Box(0, 0, 1, 1), 1.0), Word("x" * 100, Box(0, 0, 1, 1), 0.2)), "first")
    assert not is_poor(mixed)
    assert is_doubtful(mixed)
    assert not is_doubtful(reading(CLEAR))
    assert is_doubtful(reading(CLEAR - 0.001, ENOUGH))
    assert not is_doubtful(reading(CLEAR - 0.001, ENOUGH - 1))
    assert is_poor(reading(POOR - 0.001))
    assert not is_poor(reading(POOR))
    assert is_sound(reading(POOR, ENOUGH))
    assert not is_sound(reading(POOR - 0.001, ENOUGH))
    assert not is_sound(reading(POOR, ENOUGH - 1))


def test_noise_is_no_better_than_a_short_text() -> None:
    text, noise, empty = reading(0.7, 60), reading(0.4, 5000, "second"), reading(0, 0, "second")
    assert better(text, noise) is text
    assert better(text, empty) is text
    assert better(noise, text) is text
    assert better(text, reading(0.7, 600, "second")).engine == "second"


def test_languages_are_judged_by_the_engine_that_reads_them() -> None:
    assert first_reads(())
    assert first_reads(("de", "ch_sim"))
    assert not first_reads(("de", "vi"))
    check_languages(("de", "ja"), nothing)
    check_languages((), nothing)
    with pytest.raises(InvalidOption, match="install it"):
        check_languages(("de", "ar"), nothing)
    with pytest.raises(InvalidOption, match="klingon"):
        check_languages(("klingon",), everything)
