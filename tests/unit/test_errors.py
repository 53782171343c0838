from __future__ import annotations

import re

import pytest

from llamaparse_worker.errors import ErrorReport, WorkerError, every_error, from_report, report
from support.generate import DOCS
from support.reference import blocks_in

PAGE = (DOCS / "errors.md").read_text()
KINDS = {kind.code: kind for kind in every_error()}


def test_no_two_errors_share_a_code() -> None:
    assert len(KINDS) == len(every_error())


def test_every_code_has_its_paragraph_and_no_other_has_one() -> None:
    assert set(blocks_in(PAGE)) == set(KINDS)


@pytest.mark.parametrize("code", KINDS)
def test_a_paragraph_says_more_than_the_program_does(code: str) -> None:
    after = re.split(rf"<!-- generated: {code} -->.*?<!-- end -->", PAGE, maxsplit=1, flags=re.DOTALL)[1]
    prose = re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0]
    assert len(prose.split()) >= 10


@pytest.mark.parametrize("code", KINDS)
def test_an_error_has_a_meaning_and_a_next_step(code: str) -> None:
    assert KINDS[code].__doc__
    assert KINDS[code].next_step.endswith((".", ";"))


@pytest.mark.parametrize("code", KINDS)
def test_an_error_survives_as_a_value(code: str) -> None:
    found = from_report(report(KINDS[code]("what happened")))
    assert type(found) is KINDS[code]
    assert found.message == "what happened"


def test_an_unknown_code_becomes_a_plain_error() -> None:
    assert type(from_report(ErrorReport("FROM_A_LATER_VERSION", "what happened"))) is WorkerError
