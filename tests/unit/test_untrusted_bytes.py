"""Everything that reads untrusted bytes, for a moment; ``make fuzz`` takes longer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS

FOUND: dict[str, tuple[bytes, ...]] = {"address": (b"https://[]@/",)}
"""Bytes that once broke a target."""


def test_every_target_has_bytes_to_begin_with() -> None:
    assert set(SEEDS) == set(TARGETS)
    assert set(FOUND) <= set(TARGETS)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_well_formed_bytes_are_read(name: str) -> None:
    for data in (*SEEDS[name], *FOUND.get(name, ()), b"", b"\0", b"\xff" * 100):
        TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(TARGETS))
@settings(max_examples=60)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_answered(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(TARGETS))
@settings(max_examples=60)
@given(seed=st.integers(0, 1 << 32))
def test_well_formed_bytes_with_a_few_others_among_them_are_answered(name: str, seed: int) -> None:
    TARGETS[name](damaged(SEEDS[name], random.Random(seed)))


def damaged(seeds: object, chance: random.Random) -> bytes:
    """Exchange, insert, drop and double a few bytes of a seed."""
    assert isinstance(seeds, tuple)
    made = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                made[at:at] = chance.choice([b"\\ud800", b"\0", b"..", b"//", b"-", b"1e999", b'"', b"[" * 40])
            case 2:
                del made[at : at + chance.randint(1, 9)]
            case _:
                made[at:at] = made[at : at + 20]
    return bytes(made)
