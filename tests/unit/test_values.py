"""Values that compiled code makes are those that Python makes."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.backends.writer.items import Place, place, place_in_python
from llamaparse_worker.layout.grid import GridSegment
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.geometry import Box, enclosing, enclosing_in_python
from llamaparse_worker.model.value import changed, compiled, is_compiled, quick, unguarded

needs_compiled = pytest.mark.skipif(not is_compiled(), reason="values.c is not compiled")


@quick
@dataclass(slots=True)
class Quick:
    name: str
    size: float
    parts: tuple[object, ...] = ()
    note: str | None = None


@dataclass(slots=True)
class Usual:
    name: str
    size: float
    parts: tuple[object, ...] = ()
    note: str | None = None


@unguarded
@dataclass(frozen=True, slots=True)
class Unguarded:
    name: str
    size: float = 1.0


@quick
@dataclass(frozen=True, slots=True, weakref_slot=True)
class Frozen:
    parts: list[object]


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a", 1.0), {}),
    (("a", 1.0, (2,), "b"), {}),
    (("a",), {"size": 1.0}),
    ((), {"size": 1.0, "name": "a", "note": "b"}),
    (("a", 1.0), {str(b"note", "ascii"): "b"}),
    ((), {}),
    (("a",), {}),
    (("a", 1.0, (), None, 5), {}),
    (("a", 1.0), {"name": "b"}),
    (("a", 1.0), {"colour": "red"}),
]
"""Arguments that fit, and some that do not."""


def outcome(made: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> object:
    try:
        value = made(*positional, **named)
    except TypeError as error:
        return str(error).replace("Quick", "Usual")
    return [getattr(value, one.name) for one in fields(value)]


@pytest.mark.parametrize(("positional", "named"), CALLS)
def test_a_call_gives_what_it_gives_in_python(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    assert outcome(Quick, positional, named) == outcome(Usual, positional, named)
    assert outcome(Quick, positional, named) == outcome(Usual, positional, named)


def test_values_can_be_compared_changed_copied_and_sent() -> None:
    value = Quick("a", 1.0)
    assert value == Quick("a", 1.0) != Quick("b", 1.0)
    assert replace(value, size=2.0) == Quick("a", 2.0)
    assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    value.size = 3.0
    assert repr(value) == "Quick(name='a', size=3.0, parts=(), note=None)"


@pytest.mark.parametrize("fields", [{}, {"size": 2.0}, {"note": "b", "parts": (1,), "name": "c", "size": 0.5}])
def test_a_changed_value_is_the_one_that_replacing_gives(fields: dict[str, Any]) -> None:
    value = Quick("a", 1.0, (2, 3))
    assert changed(value, **fields) == replace(value, **fields)
    assert value == Quick("a", 1.0, (2, 3))


def test_no_field_is_changed_that_is_not_there() -> None:
    with pytest.raises(TypeError):
        changed(Quick("a", 1.0), colour="red")


@needs_compiled
def test_what_is_not_quick_or_not_whole_is_not_changed() -> None:
    with pytest.raises(TypeError, match="quick"):
        changed(Usual("a", 1.0), size=2.0)
    bare = Quick.__new__(Quick)
    with pytest.raises(AttributeError, match="name"):
        changed(bare, size=2.0)


def test_a_guard_that_stays_holds() -> None:
    with pytest.raises(FrozenInstanceError):
        Frozen([]).parts = []  # type: ignore[misc]


def test_a_class_below_a_quick_one_has_its_own_fields() -> None:
    found = GridSegment(1, 2, 3, 4, 5, "text")
    assert (type(found), found.text, found.owner, found.grid) == (GridSegment, "text", -1, None)
    assert isinstance(found, Segment)


def test_a_class_below_a_quick_one_that_is_none_is_made_in_python() -> None:
    class Below(Unguarded):
        def __init__(self, name: str) -> None:
            super().__init__(name.upper(), 2.0)

    assert (Below("a").name, Below("a").size) == ("A", 2.0)


def test_values_that_hold_each_other_are_collected() -> None:
    value = Frozen([])
    value.parts.append(value)
    gone = weakref.ref(value)
    del value
    gc.collect()
    assert gone() is None


PLACE = st.integers(-4, 4).map(lambda half: half / 2)
BOXES = st.lists(st.builds(Box, PLACE, PLACE, PLACE, PLACE), min_size=1, max_size=6)


@given(BOXES)
def test_the_box_around_others_is_the_same_either_way(boxes: list[Box]) -> None:
    segments = [Segment(box.x0, box.y0, box.x1, box.y1, 10.0, "text") for box in boxes]
    expected = enclosing_in_python(boxes)
    assert enclosing(boxes) == enclosing(iter(boxes)) == enclosing(tuple(boxes)) == enclosing(segments) == expected
    assert enclosing([*segments, *boxes]) == expected


SIDE = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2000, 2000).map(lambda side: round(side, 2)),
    st.sampled_from([0.0, -0.0, 0.005, 2.675, 1e15, 1e17]),
)


@given(st.builds(Box, SIDE, SIDE, SIDE, SIDE))
def test_a_box_measures_the_same_either_way(box: Box) -> None:
    assert repr(place(box)) == repr(place_in_python(box))


@needs_compiled
def test_measures_that_only_digits_tell_are_left_to_python() -> None:
    assert compiled is not None
    assert compiled.measured(Place, Box(1.0, 2.0, 3.5, 2.5)) == Place(1.0, 2.0, 2.5, 0.5)
    for odd in (Box(0.0, 0.0, 0.125, 1.0), Box(0.0, 0.0, float("nan"), 1.0), Box(1, 2, 3, 4), "a box"):
        assert compiled.measured(Place, odd) is None
    assert compiled.measured(Unguarded, Box(1.0, 2.0, 3.5, 2.5)) is None
    with pytest.raises(TypeError):
        compiled.measured(Box(1.0, 2.0, 3.5, 2.5), Place)


def test_sides_that_are_whole_numbers_or_none_of_a_quick_class_are_left_to_python() -> None:
    class Own:
        x0, y0, x1, y1 = 1.0, 2.0, 3.0, 4.0

    assert enclosing([Box(1, 2, 3, 4)]) == enclosing([Own(), Box(1.5, 3, 2, 3)]) == Box(1, 2, 3, 4)
    with pytest.raises(ValueError, match="empty"):
        enclosing([])


@needs_compiled
def test_nothing_is_kept_of_values_or_of_calls_that_fail() -> None:
    marker, colour, side = object(), "colour", float("1.5")

    def calls() -> None:
        changed(Quick("a", 1.0, (marker,), note=None), name=marker)
        enclosing([Box(side, side, side, side)] * 3)
        place(Box(side, side, 3.0, 4.0))
        with pytest.raises(TypeError):
            changed(Quick("a", 1.0, (marker,)), colour=marker)
        for positional, named in (((marker,), {}), ((marker, 1.0), {colour: marker}), ((marker,) * 5, {})):
            with pytest.raises(TypeError):
                Quick(*positional, **named)  # type: ignore[arg-type]

    calls()
    gc.collect()
    before = sys.getrefcount(marker), len(gc.get_objects())
    sides = sys.getrefcount(side)
    for _ in range(200):
        calls()
    gc.collect()
    assert (sys.getrefcount(marker), sys.getrefcount(side)) == (before[0], sides)
    assert len(gc.get_objects()) < before[1] + 100


@needs_compiled
def test_what_has_no_slots_or_a_way_of_its_own_cannot_be_quick() -> None:
    @dataclass
    class WithoutSlots:
        name: str

    @dataclass(slots=True)
    class Own:
        name: str

        def __new__(cls, *_: object) -> Self:
            return super().__new__(cls)

    for value in (WithoutSlots, Own):
        with pytest.raises((TypeError, AttributeError)):
            quick(value)


def test_what_is_done_once_a_value_is_made_keeps_its_class_from_being_quick() -> None:
    @dataclass(slots=True)
    class Checked:
        name: str

        def __post_init__(self) -> None:
            raise ValueError

    @dataclass(slots=True)
    class Fresh:
        names: list[str] = field(default_factory=list)

    @dataclass(slots=True, kw_only=True)
    class Named:
        name: str

    for value in (Checked, Fresh, Named):
        with pytest.raises(TypeError, match="takes more than its fields"):
            quick(value)


@needs_compiled
def test_a_class_may_be_made_quick_twice() -> None:
    again: type[Quick] = quick(Quick)
    assert again("a", 1.0) == Quick("a", 1.0)
