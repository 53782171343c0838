from __future__ import annotations

from pathlib import Path

import pytest

from llamaparse_worker.backends.ocr.tesseract.tessdata import Tessdata, find_tessdata
from llamaparse_worker.errors import ConfigurationError, InvalidOption


def folder(place: Path, *models: str) -> Path:
    for model in models:
        file = place / f"{model}.traineddata"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return place


def data(*models: str) -> Tessdata:
    return Tessdata(Path(), {model.removeprefix("script/"): model for model in models})


def test_models_are_found_below_the_newest_version(tmp_path: Path) -> None:
    for older in ("4.00", "5", "5.3.1", "local"):
        folder(tmp_path / older / "tessdata", "eng", "fra")
    newest = folder(tmp_path / "5.10.0" / "tessdata", "eng", "osd", "script/Cyrillic")

    found = find_tessdata(None, tmp_path)

    assert found.folder == newest
    assert found.models == {"eng": "eng", "osd": "osd", "Cyrillic": "script/Cyrillic"}


@pytest.mark.parametrize("below", ["", "tessdata"])
def test_a_prefix_is_the_folder_or_the_one_around_it(tmp_path: Path, below: str) -> None:
    folder(tmp_path / below, "deu")
    assert find_tessdata(tmp_path, tmp_path / "none").models == {"deu": "deu"}


def test_without_any_model_of_text_the_start_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "5" / "tessdata", "osd")
    with pytest.raises(ConfigurationError, match="install tesseract-ocr-eng"):
        find_tessdata(None, tmp_path)
    with pytest.raises(ConfigurationError, match="TESSDATA_PREFIX=/nowhere"):
        find_tessdata(Path("/nowhere"), tmp_path)


def test_a_language_is_read_with_its_own_model_or_that_of_its_script() -> None:
    found = data("eng", "deu", "script/Cyrillic", "Latin")
    assert found.reading(("de", "en", "de"), None) == ("deu", "eng")
    assert found.reading(("uk", "abq", "vi"), "Cyrillic") == ("script/Cyrillic", "Latin")


def test_what_is_missing_is_named_with_its_packages() -> None:
    with pytest.raises(InvalidOption, match=r"fr, ch_tra cannot .*; install tesseract-ocr-fra tesseract-ocr-chi-tra$"):
        data("eng").check(("en", "fr", "ch_tra"))


@pytest.mark.parametrize(
    ("models", "codes", "script", "reading"),
    [
        (("deu", "eng", "frk", "Fraktur"), ("de", "en"), "Fraktur", ("frk", "eng")),
        (("deu", "eng", "Fraktur"), ("de",), "Fraktur", ("Fraktur",)),
        (("deu", "eng"), ("de",), "Fraktur", ("deu",)),
        (("deu", "eng", "frk"), ("de",), "Latin", ("deu",)),
        (("deu", "eng", "frk"), ("en",), "Fraktur", ("eng",)),
        (("deu", "eng", "frk"), (), "Fraktur", ("frk",)),
        (("deu", "eng"), (), "Fraktur", ("eng",)),
        (("deu", "eng", "rus"), (), "Cyrillic", ("rus",)),
        (("deu", "eng"), (), "Cyrillic", ("eng",)),
        (("deu", "osd"), (), None, ("deu",)),
        (("osd", "tha"), (), "Hebrew", ("tha",)),
    ],
)
def test_the_script_of_a_page_chooses_where_the_job_leaves_a_choice(
    models: tuple[str, ...], codes: tuple[str, ...], script: str | None, reading: tuple[str, ...]
) -> None:
    assert data(*models).reading(codes, script) == reading


def test_only_scripts_that_pp_ocr_cannot_read_need_tesseract() -> None:
    found = data("deu", "frk", "rus", "jpn")
    assert found.alone_reads(("de",), "Fraktur")
    assert found.alone_reads((), "Fraktur")
    assert found.alone_reads((), "Cyrillic")
    assert not found.alone_reads(("en",), "Fraktur")
    assert not found.alone_reads(("de",), "Cyrillic")
    assert not found.alone_reads((), "Japanese")
    assert not found.alone_reads((), "Arabic"), "there is no model"
    assert not found.alone_reads((), None)
    assert not data("deu").alone_reads(("de",), "Fraktur")
