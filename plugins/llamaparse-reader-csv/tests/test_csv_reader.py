from __future__ import annotations

import io

import pytest
from llamaparse_reader_csv import CsvReader

from llamaparse_worker.errors import EmptyDocument
from llamaparse_worker.interfaces import Reader
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.testing.reader_conformance import LIMITS, ReaderConformance, ReaderSamples


class TestCsvReaderConformance(ReaderConformance):
    @pytest.fixture
    def reader(self) -> Reader:
        return CsvReader()

    @pytest.fixture
    def samples(self) -> ReaderSamples:
        rows = "".join(f"station {index},{index * 3}\n" for index in range(1, 301))
        return ReaderSamples(
            name="levels.csv",
            content=f"place,level\n{rows}".encode(),
            page_count=2,
            words=("station 1", "station 300"),
            renders=False,
        )


def first_page(content: bytes) -> LaidOutPage:
    with CsvReader().open(io.BytesIO(content), LIMITS) as document:
        return document.read(1)


def rows_of(content: bytes) -> tuple[tuple[str, ...], ...]:
    (block,) = first_page(content).blocks
    assert isinstance(block, Table)
    return block.rows


def test_the_delimiter_is_found_and_short_rows_are_filled() -> None:
    assert rows_of(b"a;b;c\n1;2;3\n4;5\n") == (("a", "b", "c"), ("1", "2", "3"), ("4", "5", ""))


def test_quoted_cells_keep_delimiters_and_lose_line_breaks() -> None:
    assert rows_of(b'name,note\nx,"one, two\nthree"\n')[1] == ("x", "one, two three")


def test_latin_1_is_read_where_the_bytes_are_no_utf_8() -> None:
    assert rows_of("Stra\u00dfe,Ort\nAm Stra\u00dfenrand,K\u00f6ln\n".encode("latin-1"))[1][1] == "K\u00f6ln"


def test_a_file_of_empty_rows_holds_no_data() -> None:
    with pytest.raises(EmptyDocument), CsvReader().open(io.BytesIO(b",,\n , \n"), LIMITS):
        pass
