from __future__ import annotations

import os

import pytest

from llamaparse_worker.parsers.mark import PageMark, create_mark


def test_a_mark_is_seen_by_whoever_shares_its_file() -> None:
    descriptor = create_mark()
    ours, theirs = PageMark(descriptor), PageMark(descriptor)
    os.close(descriptor)

    before = ours.number
    theirs.number = 10_000

    assert (before, ours.number) == (0, 10_000)


def test_the_file_of_a_mark_cannot_be_cut_off_under_the_worker() -> None:
    descriptor = create_mark()

    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)
