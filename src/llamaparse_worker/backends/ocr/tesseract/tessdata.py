"""Which models of Tesseract are installed, and which of them read a page.

Fraktur has no language code. A page belongs to it when Tesseract's script detection says so (it knows Fraktur as a
script of its own) and the job's languages are not given, or German is among them. German is then read with the model
``frk`` (German in Fraktur), or else with ``Fraktur``. No other page costs anything for this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamaparse_worker.backends.ocr.languages import PP_OCR_SCRIPTS, SCRIPT_MODELS, Language, Script, known
from llamaparse_worker.errors import ConfigurationError, InvalidOption

FRAKTUR = "Fraktur"
"""Tesseract's name of the script; of a model too."""
OSD = "osd"
"""The model that tells orientation and script."""

_DEBIAN = Path("/usr/share/tesseract-ocr")
_SUFFIX = ".traineddata"
_GERMAN = "deu"
_FRAKTUR_MODELS = ("frk", FRAKTUR)
_SCRIPTS = frozenset(Script)


@dataclass(frozen=True, slots=True)
class Tessdata:
    """A folder of models. ``models`` maps their names to those that Tesseract loads, such as ``script/Latin``."""

    folder: Path
    models: dict[str, str]

    def check(self, codes: tuple[str, ...]) -> None:
        """Judge whether languages can be read.

        Raises:
            InvalidOption: a code is unknown, or no installed model reads its language.
        """
        missing = [language for language in known(codes) if self._model(language) is None]
        if missing:
            names = ", ".join(language.code for language in missing)
            packages = " ".join(dict.fromkeys(language.package for language in missing))
            raise InvalidOption(f"ocr_parameters.languages: {names} cannot be read here; install {packages}")

    def reading(self, codes: tuple[str, ...], script: str | None) -> tuple[str, ...]:
        """Give the models for a page, to be loaded together; ``script`` is the one that the page was found to have.

        Raises:
            InvalidOption: as ``check``.
        """
        self.check(codes)
        fraktur = self._first(*_FRAKTUR_MODELS) if script == FRAKTUR else None
        if not codes:
            return (fraktur or self._of_script(script),)
        found = (fraktur if fraktur and one.model == _GERMAN else self._model(one) for one in known(codes))
        return tuple(dict.fromkeys(filter(None, found)))

    def alone_reads(self, codes: tuple[str, ...], script: str | None) -> bool:
        """Tell whether text of this script may be meant, has a model, and cannot be read by PP-OCR."""
        if script == FRAKTUR:
            named = not codes or any(language.model == _GERMAN for language in known(codes))
            return named and self._first(*_FRAKTUR_MODELS) is not None
        if codes or script not in _SCRIPTS or Script(script) in PP_OCR_SCRIPTS:
            return False
        return self._first(*SCRIPT_MODELS[Script(script)]) is not None

    def _model(self, language: Language) -> str | None:
        return self._first(language.model, language.script)

    def _of_script(self, script: str | None) -> str:
        wanted = SCRIPT_MODELS[Script(script)] if script in _SCRIPTS else ()
        found = self._first(*wanted, *SCRIPT_MODELS[Script.LATIN])
        return found or next(name for short, name in self.models.items() if short != OSD)

    def _first(self, *names: str) -> str | None:
        return next((self.models[name] for name in names if name in self.models), None)


def find_tessdata(prefix: Path | None, system: Path = _DEBIAN) -> Tessdata:
    """Give the models below a prefix; without one, those of the newest version in the system's folder.

    Raises:
        ConfigurationError: there is no model for any text.
    """
    versions = sorted(system.glob("*/tessdata"), key=_version, reverse=True)
    folders = versions if prefix is None else [prefix, prefix / "tessdata"]
    for folder in folders:
        files = sorted((*folder.glob(f"*{_SUFFIX}"), *folder.glob(f"script/*{_SUFFIX}")))
        models = {
            file.name.removesuffix(_SUFFIX): str(file.relative_to(folder)).removesuffix(_SUFFIX) for file in files
        }
        if models.keys() - {OSD}:
            return Tessdata(folder, models)
    place = system if prefix is None else f"TESSDATA_PREFIX={prefix}"
    raise ConfigurationError(
        f"Tesseract has no models in {place}: install tesseract-ocr-eng and tesseract-ocr-osd, or set TESSDATA_PREFIX."
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdecimal())
