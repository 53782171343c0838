"""The languages that jobs may name, in LlamaParse's 86 codes, and what reads them.

PP-OCR recognises Latin letters, Chinese and Japanese; a language counts as read by it where its network knows every
letter of the language's alphabet, which the tests compare with the model file. Tesseract has a model for a language or,
for the smaller ones, for its script; each is a package of Debian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.errors import InvalidOption


class Script(StrEnum):
    """A writing system, by the name that Tesseract gives it."""

    ARABIC = "Arabic"
    BENGALI = "Bengali"
    CYRILLIC = "Cyrillic"
    DEVANAGARI = "Devanagari"
    HAN = "Han"
    HANGUL = "Hangul"
    JAPANESE = "Japanese"
    KANNADA = "Kannada"
    LATIN = "Latin"
    TAMIL = "Tamil"
    TELUGU = "Telugu"
    THAI = "Thai"


@dataclass(frozen=True, slots=True)
class Language:
    """What is known of a language."""

    code: str
    script: Script
    model: str
    """Tesseract's, of the language or of its script."""
    in_pp_ocr: bool
    """Whether PP-OCR knows all letters of it."""

    @property
    def package(self) -> str:
        """The Debian package of Tesseract's model."""
        return package_of(self.model)


def package_of(model: str) -> str:
    """Give the Debian package of a model of Tesseract."""
    short = _SCRIPT_PACKAGES.get(model)
    return f"tesseract-ocr-script-{short}" if short else f"tesseract-ocr-{model.lower().replace('_', '-')}"


def known(codes: tuple[str, ...]) -> tuple[Language, ...]:
    """Give the languages of codes, each once.

    Raises:
        InvalidOption: a code is none of those that can be named.
    """
    for code in codes:
        if code not in LANGUAGES:
            raise InvalidOption(
                f"ocr_parameters.languages: {code} is not a language code; docs/languages.md lists the known ones"
            )
    return tuple(LANGUAGES[code] for code in dict.fromkeys(codes))


SCRIPT_MODELS = {
    Script.ARABIC: ("Arabic", "ara", "fas"),
    Script.BENGALI: ("Bengali", "ben"),
    Script.CYRILLIC: ("Cyrillic", "rus", "ukr", "bul", "srp"),
    Script.DEVANAGARI: ("Devanagari", "hin", "mar", "nep"),
    Script.HAN: ("chi_sim", "chi_tra", "HanS", "HanT"),
    Script.HANGUL: ("kor", "Hangul"),
    Script.JAPANESE: ("jpn", "Japanese"),
    Script.KANNADA: ("kan", "Kannada"),
    Script.LATIN: ("eng", "Latin", "deu", "fra", "spa"),
    Script.TAMIL: ("tam", "Tamil"),
    Script.TELUGU: ("tel", "Telugu"),
    Script.THAI: ("tha", "Thai"),
}
"""Models of Tesseract for text of which the script alone is known, the best first; the first that is there is used."""

_SCRIPT_PACKAGES = {
    "Arabic": "arab",
    "Bengali": "beng",
    "Cyrillic": "cyrl",
    "Devanagari": "deva",
    "Fraktur": "frak",
    "HanS": "hans",
    "HanT": "hant",
    "Hangul": "hang",
    "Japanese": "jpan",
    "Kannada": "knda",
    "Latin": "latn",
    "Tamil": "taml",
    "Telugu": "telu",
    "Thai": "thai",
}

_LATIN = (
    "af:afr az:aze bs:bos cs:ces cy:cym da:dan de:deu en:eng es:spa et:est fr:fra ga:gle hr:hrv hu:hun id:ind is:isl "
    "it:ita ku:kmr la:lat lt:lit lv:lav mi:mri ms:msa mt:mlt nl:nld no:nor oc:oci pi:Latin pl:pol pt:por ro:ron "
    "rs_latin:srp_latn sk:slk sl:slv sq:sqi sv:swe sw:swa tl:fil tr:tur uz:uzb vi:vie"
)
_CYRILLIC = (
    "abq:Cyrillic ady:Cyrillic ava:Cyrillic be:bel bg:bul che:Cyrillic dar:Cyrillic inh:Cyrillic kbd:Cyrillic "
    "lbe:Cyrillic lez:Cyrillic mn:mon rs_cyrillic:srp ru:rus tab:Cyrillic tjk:tgk uk:ukr"
)
_DEVANAGARI = (
    "ang:Devanagari bgc:Devanagari bh:Devanagari bho:Devanagari gom:Devanagari hi:hin mah:Devanagari mai:Devanagari "
    "mr:mar ne:nep new:Devanagari sa:san sck:Devanagari"
)
_BY_SCRIPT = {
    Script.ARABIC: "ar:ara fa:fas ug:uig ur:urd",
    Script.BENGALI: "as:asm bn:ben mni:Bengali",
    Script.CYRILLIC: _CYRILLIC,
    Script.DEVANAGARI: _DEVANAGARI,
    Script.HAN: "ch_sim:chi_sim ch_tra:chi_tra",
    Script.HANGUL: "ko:kor",
    Script.JAPANESE: "ja:jpn",
    Script.KANNADA: "kn:kan",
    Script.LATIN: _LATIN,
    Script.TAMIL: "ta:tam",
    Script.TELUGU: "te:tel",
    Script.THAI: "th:tha",
}
PP_OCR_SCRIPTS = (Script.LATIN, Script.HAN, Script.JAPANESE)
"""Those whose letters PP-OCR's network knows."""
_BEYOND_PP_OCR = frozenset({"pi", "vi"})
"""Written in Latin, with letters that its network does not know: those with a dot or a second accent."""


def _table() -> Iterator[Language]:
    for script, row in _BY_SCRIPT.items():
        for pair in row.split():
            code, model = pair.split(":")
            yield Language(code, script, model, script in PP_OCR_SCRIPTS and code not in _BEYOND_PP_OCR)


LANGUAGES = {language.code: language for language in _table()}
"""Every language by its code."""
