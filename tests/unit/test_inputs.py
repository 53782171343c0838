"""The command line names its inputs, and each gets a result folder of its own."""

from __future__ import annotations

from pathlib import Path

from llamaparse_worker.cli.inputs import inputs_of


def test_a_second_input_of_the_same_name_gets_a_number(tmp_path: Path) -> None:
    given = [str(tmp_path / part / "report.pdf") for part in "abc"]
    assert [one.output_name for one in inputs_of(given)] == ["report.pdf", "report-2.pdf", "report-3.pdf"]


def test_a_name_that_looks_numbered_is_not_overwritten() -> None:
    given = ["a/r.pdf", "b/r-2.pdf", "c/r.pdf"]
    assert [one.output_name for one in inputs_of(given)] == ["r.pdf", "r-2.pdf", "r-3.pdf"]


def test_a_folder_is_walked_in_order_without_hidden_entries(tmp_path: Path) -> None:
    for name in ("b/2.pdf", "b/.hidden/4.pdf", "a/1.pdf", ".secret.pdf", "3.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [one.path.name for one in inputs_of([str(tmp_path)])] == ["3.pdf", "1.pdf", "2.pdf"]
