from __future__ import annotations

import re
import string
import unicodedata

import openvino
import pytest

from llamaparse_worker.backends.ocr.languages import LANGUAGES, SCRIPT_MODELS, Script, known, package_of
from llamaparse_worker.backends.ocr.ppocr.models import RECOGNITION
from llamaparse_worker.errors import InvalidOption

CODES = tuple(
    """
abq ady af ang ar as ava az be bg bgc bh bho bn bs ch_sim ch_tra che cs cy da dar de en es et fa fr ga gom hi hr hu id
inh is it ja kbd kn ko ku la lbe lez lt lv mah mai mi mn mni mr ms mt ne new nl no oc pi pl pt ro rs_cyrillic rs_latin
ru sa sck sk sl sq sv sw ta tab te th tjk tl tr ug uk ur uz vi
""".split()  # noqa: SIM905 - a list of 86 strings is not read by anybody
)
LATIN = {
    "af": "áäéèêëíîïóôöúûüý",
    "az": "çəğıİöşü",
    "bs": "čćđšž",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "áâäéêëíîïóôöúûüŵŷ",
    "da": "æøå",
    "de": "äöüß",
    "en": "",
    "es": "áéíñóúü",
    "et": "äõöšüž",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "id": "",
    "is": "áðéíóúýþæö",
    "it": "àèéìòóù",
    "ku": "çêîşû",
    "la": "āēīōū",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "mi": "āēīōū",
    "ms": "",
    "mt": "àċèġħìòùż",
    "nl": "áéëíïóöúü",
    "no": "æøåéòô",
    "oc": "àáçèéíïòóúü",
    "pi": "āīūṅñṭḍṇḷṃ",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõú",
    "ro": "ăâîșț",
    "rs_latin": "čćđšž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sv": "åäö",
    "sw": "",
    "tl": "ñ",
    "tr": "çğıİöşü",
    "uz": "",
    "vi": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}
"""The letters of languages written in Latin beyond a to z."""
ALPHABETS = {
    Script.ARABIC: "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    Script.BENGALI: "অআইউএওকখগঘচছজঝটডতদনপফবভমযরলশসহ",
    Script.CYRILLIC: "абвгдежзийклмнопрстуфхцчшщыьэюя",
    Script.DEVANAGARI: "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    Script.HANGUL: "가나다라마바사아자차카타파하",
    Script.KANNADA: "ಅಆಇಈಉಊಎಏಒಓಕಖಗಘಚಛಜಟಡತದನಪಬಮಯರಲವಶಸಹ",
    Script.TAMIL: "அஆஇஈஉஊஎஏஐஒஓகஙசஞடணதநபமயரலவழளறன",
    Script.TELUGU: "అఆఇఈఉఊఎఏఒఓకఖగఘచఛజటడతదనపబమయరలవశసహ",
    Script.THAI: "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวศษสหอฮ",
}
HAN = {
    "ch_sim": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里",
    "ch_tra": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡",
    "ja": "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
    "がぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ"
    "日本語国会年人大十二時中見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校土",
}


def alphabet(code: str) -> str:
    language = LANGUAGES[code]
    if language.script is Script.LATIN:
        return string.ascii_lowercase + string.ascii_uppercase + LATIN[code]
    return HAN[code] if code in HAN else ALPHABETS[language.script]


@pytest.fixture(scope="module")
def network_letters() -> frozenset[str]:
    model = openvino.Core().read_model(RECOGNITION.path())
    return frozenset(model.get_rt_info(["framework", "character"]).astype(str).split("\n"))


def test_the_codes_are_those_of_llamaparse() -> None:
    assert tuple(sorted(LANGUAGES)) == CODES
    assert len(CODES) == 86


def test_pp_ocr_reads_the_languages_all_of_whose_letters_its_network_knows(network_letters: frozenset[str]) -> None:
    covered = {code for code in CODES if network_letters.issuperset(alphabet(code))}
    assert covered == {code for code, language in LANGUAGES.items() if language.in_pp_ocr}


@pytest.mark.parametrize("code", CODES)
def test_the_script_of_a_language_is_that_of_its_letters(code: str) -> None:
    name = unicodedata.name(alphabet(code)[-1]).split()[0]
    expected = {Script.HAN: "CJK", Script.JAPANESE: "CJK"}.get(LANGUAGES[code].script, LANGUAGES[code].script.upper())
    assert name == expected


def test_packages_are_named_as_debian_names_them() -> None:
    assert LANGUAGES["de"].package == "tesseract-ocr-deu"
    assert LANGUAGES["ch_sim"].package == "tesseract-ocr-chi-sim"
    assert LANGUAGES["rs_latin"].package == "tesseract-ocr-srp-latn"
    assert LANGUAGES["abq"].package == "tesseract-ocr-script-cyrl"
    assert package_of("Fraktur") == "tesseract-ocr-script-frak"
    assert all(re.fullmatch(r"tesseract-ocr-[a-z]+(-[a-z]+)?", one.package) for one in LANGUAGES.values())
    assert all(SCRIPT_MODELS.values())


def test_an_unknown_code_is_named_with_the_page_that_lists_the_known_ones() -> None:
    with pytest.raises(InvalidOption, match=r"klingon is not a language code; docs/languages\.md"):
        known(("de", "klingon"))
    assert [one.code for one in known(("de", "en", "de"))] == ["de", "en"]
