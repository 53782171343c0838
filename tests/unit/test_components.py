from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamaparse_worker.components import Seam, enabled, failure, find, installed, load, targets
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Component


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution beside ours, as pip would leave it."""
    metadata = tmp_path / "sample_plugin-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plugin\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(
        "[llamaparse_worker.reader]\nsample = sample_plugin:CsvReader\n"
        "[llamaparse_worker.objects]\nbroken = sample_broken:component\nwrong = sample_plugin:CsvReader\n"
        "filesystem = sample_plugin:component\n"
        "[llamaparse_worker.nonsense]\nx = sample_plugin:x\n"
    )
    (tmp_path / "sample_plugin.py").write_text("class CsvReader: ...\n")
    (tmp_path / "sample_broken.py").write_text("import a_module_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    importlib.invalidate_caches()


def test_built_in_components_need_no_entry() -> None:
    assert all(one.enabled for one in installed() if one.distribution == "llamaparse-worker")
    assert find(Seam.BROKER, "rabbitmq").target == "llamaparse_worker.backends.broker.rabbitmq.broker:component"
    assert "llamaparse_worker.backends.reader.pdf:PdfReader" in targets(Seam.READER)
    assert isinstance(load(Seam.OBJECTS, "filesystem"), Component)


@pytest.mark.usefixtures("plugin")
def test_an_installed_plugin_is_listed_but_not_enabled() -> None:
    found = next(one for one in installed() if one.key == "reader:sample")
    assert (found.distribution, found.version, found.enabled) == ("sample-plugin", "1.2", False)
    assert "sample_plugin:CsvReader" not in targets(Seam.READER)
    with pytest.raises(
        ConfigurationError, match="sample-plugin is installed but not enabled; add reader:sample to PLUGINS"
    ):
        find(Seam.READER, "sample")


@pytest.mark.usefixtures("plugin")
def test_an_enabled_plugin_goes_before_the_built_in_ones() -> None:
    assert targets(Seam.READER, ["reader:sample"])[0] == "sample_plugin:CsvReader"
    assert find(Seam.READER, "sample", ["reader:sample"]).enabled


@pytest.mark.usefixtures("plugin")
def test_only_the_enabled_plugin_that_does_not_import_is_refused() -> None:
    broken = next(one for one in installed() if one.key == "objects:broken")
    problem = failure(broken)
    assert problem is not None
    assert problem.startswith("objects:broken of sample-plugin 1.2 cannot be imported: ModuleNotFoundError")
    with pytest.raises(ConfigurationError, match="a_module_that_nobody_has"):
        load(Seam.OBJECTS, "broken", ["objects:broken"])
    assert failure(find(Seam.READER, "sample", ["reader:sample"])) is None


@pytest.mark.usefixtures("plugin")
def test_a_target_that_is_no_component_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="sample_plugin:CsvReader is not a Component"):
        load(Seam.OBJECTS, "wrong", ["objects:wrong"])


@pytest.mark.usefixtures("plugin")
def test_a_plugin_cannot_take_the_place_of_a_built_in_component() -> None:
    assert find(Seam.OBJECTS, "filesystem").distribution == "llamaparse-worker"
    with pytest.raises(ConfigurationError, match=r"objects:filesystem is offered by .* uninstall one"):
        enabled(Seam.OBJECTS, ["objects:filesystem"])


def test_a_name_that_nothing_offers_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigurationError, match="BROKER=kafka is not installed; allowed: embedded, rabbitmq"):
        find(Seam.BROKER, "kafka")
    with pytest.raises(ConfigurationError, match="OCR_ENGINE=nothing-reads-like-this is not installed"):
        find(Seam.OCR, "nothing-reads-like-this")


def test_an_allowed_component_that_is_not_installed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="PLUGINS: reader:dwg is not installed"):
        targets(Seam.READER, ["reader:dwg"])
