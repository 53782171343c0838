"""``parse``: files to results right here, without any server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from llama_cloud.types.parsing_get_response import ParsingGetResponse

from llamaparse_worker.testing.reader import script
from support import documents
from support.daemon import command, environment, scripted

FIELDS = ["file", "status", "error_code", "pages", "failed_pages", "seconds", "output"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, scripted(tmp_path))


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_each_input_becomes_a_folder_of_result_files(tmp_path: Path, env: dict[str, str]) -> None:
    report = written(tmp_path / "report.pdf", documents.make(documents.prose(1), documents.two_columns(2)))
    out = tmp_path / "out"

    done = command(["parse", str(report), "--output", str(out)], env)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"COMPLETED  {report}  2 pages, ")
    assert {path.name for path in (out / "report.pdf").iterdir()} == {
        "result.md",
        "result.txt",
        "result.json",
        "manifest.json",
    }
    assert "Section 1" in (out / "report.pdf" / "result.md").read_text()
    result = json.loads((out / "report.pdf" / "result.json").read_text())
    job = {"id": "pjb-1", "project_id": "default", "status": "COMPLETED", "tier": "fast"}
    parsed = ParsingGetResponse.model_validate({"job": job, **result})
    assert parsed.items is not None
    assert len(parsed.items.pages) == 2
    assert not list((tmp_path / "spool").iterdir())
    assert not (tmp_path / "worker.sqlite3").exists(), "no queue is needed"


def test_only_the_results_that_are_asked_for_are_written(tmp_path: Path, env: dict[str, str]) -> None:
    report = str(written(tmp_path / "report.pdf", documents.make(documents.prose(1))))
    out = tmp_path / "out"

    done = command(["parse", report, "--results", "text,markdown", "--output", str(out)], env)
    unknown = command(["parse", report, "--results", "xml", "--output", str(out)], env)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (out / "report.pdf").iterdir()} == {"result.md", "result.txt", "manifest.json"}
    assert (unknown.returncode, "markdown,text,json" in unknown.stderr) == (64, True)


def test_a_folder_is_walked_and_equal_names_get_folders_of_their_own(tmp_path: Path, env: dict[str, str]) -> None:
    content = documents.make(documents.prose(1))
    for place in ("a/report.pdf", "b/report.pdf", "b/deeper/notes.txt", "b/.hidden/secret.pdf", ".hidden.pdf"):
        written(tmp_path / "in" / place, content if place.endswith("pdf") else b"A line of text.\n")

    done = command(["parse", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--json"], env)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.pdf", "report-2.pdf", "notes.txt"}
    endings = {json.loads(line)["file"]: json.loads(line)["output"] for line in done.stdout.splitlines()}
    assert endings[str(tmp_path / "in/a/report.pdf")] == str(tmp_path / "out/report.pdf")
    assert endings[str(tmp_path / "in/b/report.pdf")] == str(tmp_path / "out/report-2.pdf")


def test_one_json_line_a_document_and_the_others_are_written_when_one_fails(
    tmp_path: Path, env: dict[str, str]
) -> None:
    good = written(tmp_path / "good.pdf", documents.make(documents.prose(1)))
    bad = {
        "locked.pdf": (documents.encrypted(), "PDF_IS_PROTECTED"),
        "noise.pdf": (documents.garbage(), "PDF_IS_BROKEN"),
        "empty.pdf": (b"", "NO_DATA_FOUND_IN_FILE"),
        "nothing.pdf": (documents.without_pages(), "NO_DATA_FOUND_IN_FILE"),
        "scan.pdf": (documents.make(documents.scan()), "NO_DATA_FOUND_IN_FILE"),
        "picture.png": (documents.picture("x"), "NO_DATA_FOUND_IN_FILE"),
        "photo.heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "UNSUPPORTED_FILE_TYPE"),
    }
    files = [written(tmp_path / name, content) for name, (content, _) in bad.items()]
    missing = tmp_path / "missing.pdf"

    done = command(
        ["parse", *map(str, files), str(missing), str(good), "--output", str(tmp_path / "out"), "--json"], env
    )

    assert done.returncode == 65
    endings = {Path(line["file"]).name: line for line in map(json.loads, done.stdout.splitlines())}
    assert all(list(ending) == FIELDS for ending in endings.values())
    expected = {name: code for name, (_, code) in bad.items()} | {"missing.pdf": "SOURCE_NOT_FOUND"}
    assert {name: ending["error_code"] for name, ending in endings.items() if name != "good.pdf"} == expected
    assert endings["good.pdf"]["status"] == "COMPLETED"
    assert endings["good.pdf"]["seconds"] > 0
    assert all(endings[name]["status"] == "FAILED" for name in expected)
    assert all(endings[name]["output"] is None for name in expected)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.pdf"]
    for code in expected.values():
        assert code in done.stderr, "people read what went wrong on stderr"


def test_a_partial_result_is_kept_and_says_which_pages_failed(tmp_path: Path, env: dict[str, str]) -> None:
    document = written(tmp_path / "half", script("text", "unreadable", "crash"))

    done = command(["parse", str(document), "--output", str(tmp_path / "out"), "--json"], env)

    ending = json.loads(done.stdout)
    assert done.returncode == 65
    assert (ending["error_code"], ending["pages"], ending["failed_pages"]) == ("TOO_MANY_FAILED_PAGES", 3, 2)
    assert "Page 1 of a script." in (tmp_path / "out/half/result.md").read_text()
    manifest = json.loads((tmp_path / "out/half/manifest.json").read_text())
    assert [page["error_code"] for page in manifest["pages"]] == [None, "PAGE_UNREADABLE", "PARSER_CRASHED"]


def test_a_page_that_hangs_does_not_hang_the_command(tmp_path: Path, env: dict[str, str]) -> None:
    document = written(tmp_path / "hanging", script("hang"))

    done = command(
        ["parse", str(document), "--output", str(tmp_path / "out")],
        {**env, "PAGE_TIMEOUT_SECONDS": "0.5"},
        timeout_s=10,
    )

    assert done.returncode == 65
    assert "TIMEOUT" in done.stderr


def test_pages_are_selected(tmp_path: Path, env: dict[str, str]) -> None:
    document = written(tmp_path / "long", script(*["text"] * 9))

    some = command(["parse", str(document), "--output", str(tmp_path / "some"), "--pages", "1-3,7", "--json"], env)
    none = command(["parse", str(document), "--output", str(tmp_path / "none"), "--pages", "70", "--json"], env)
    wrong = command(["parse", str(document), "--output", str(tmp_path / "wrong"), "--pages", "7-1"], env)

    assert json.loads(some.stdout)["pages"] == 4
    assert (none.returncode, json.loads(none.stdout)["error_code"]) == (65, "INVALID_PAGE_RANGE")
    assert wrong.returncode == 64, "the command line is wrong, not a document"
    assert "7-1" in wrong.stderr


@pytest.mark.parametrize(
    "arguments", [["parse"], ["parse", "file"], ["parse", "f", "--output", "o", "--mode", "x"], ["no-such-command"], []]
)
def test_a_wrong_command_line_exits_64_with_the_usage(env: dict[str, str], arguments: list[str]) -> None:
    done = command(arguments, env)

    assert done.returncode == 64
    assert "usage:" in done.stderr
    assert done.stdout == ""


def test_a_mode_without_a_provider_is_a_configuration_error_that_names_the_variables(
    tmp_path: Path, env: dict[str, str]
) -> None:
    document = written(tmp_path / "text.txt", b"A line.\n")

    done = command(["parse", str(document), "--output", str(tmp_path / "out"), "--mode", "balanced"], env)

    assert done.returncode == 78
    assert "OPENAI_API_KEY" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_later_run_replaces_the_result_of_an_earlier_one(tmp_path: Path, env: dict[str, str]) -> None:
    document, out = tmp_path / "changing", tmp_path / "out"
    written(document, script("text first"))
    command(["parse", str(document), "--output", str(out)], env)
    written(document, b"%PDF-1.7 broken")
    command(["parse", str(document), "--output", str(out)], env)

    assert not (out / "changing").exists(), "an old result must not be taken for the new one"


def test_the_same_document_gives_the_same_bytes_with_one_process_and_with_two(
    tmp_path: Path, env: dict[str, str]
) -> None:
    report = written(tmp_path / "report.pdf", documents.make(*documents.mixed_pages(7, 12)))

    for processes in ("1", "2"):
        command(
            ["parse", str(report), "--output", str(tmp_path / processes)],
            {**env, "PARSER_CONCURRENCY": processes, "PAGE_RANGE_SIZE": "5"},
        )

    for name in ("result.md", "result.txt", "result.json"):
        assert (tmp_path / "1/report.pdf" / name).read_bytes() == (tmp_path / "2/report.pdf" / name).read_bytes()


def test_what_is_no_file_to_read_fails_alone_and_blocks_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    written(tmp_path / "in/open.txt", b"text")
    os.mkfifo(tmp_path / "in/closed.txt")

    done = command(["parse", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--json"], env)

    codes = {Path(line["file"]).name: line["error_code"] for line in map(json.loads, done.stdout.splitlines())}
    assert codes == {"closed.txt": "SOURCE_FORBIDDEN", "open.txt": None}
