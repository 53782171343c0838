"""A reader of CSV files for llamaparse-worker."""

from llamaparse_reader_csv.reader import CsvReader

__all__ = ["CsvReader"]
