"""How text lies on a page and which script it has, by Tesseract's own detection.

R. Unnikrishnan and R. Smith, "Combined orientation and script detection using the Tesseract OCR engine", 2009. It is
called through Tesseract's C interface, as tesserocr holds the interpreter's lock during it: a third of a second in
which the daemon would answer nobody.
"""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from llamaparse_worker.backends.ocr.tesseract.tessdata import OSD, Tessdata
from llamaparse_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from llamaparse_worker.backends.ocr.tesseract.preparation import Prepared

PRINT_DPI = 300
"""What Tesseract is told: at this resolution usual print has letters as large as ``preparation`` makes them."""

_LEAST_CERTAINTY = math.log(10)
"""The detection adds up logarithms of likelihoods: an orientation must be ten times as likely as the next."""
_LEAST_LEAD = 1.0
"""The lead of a script over the next, in units of the one that Tesseract itself asks for."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How text lies on a page, in clockwise quarter turns, and its script where that is certain."""

    turn: int = 0
    script: str | None = None


class SightDetector:
    """A handle of Tesseract for one thread, with the model for orientation and script. Other threads go on meanwhile.

    Raises:
        ConfigurationError: the model cannot be loaded.
    """

    def __init__(self, tessdata: Tessdata) -> None:
        from tesserocr import OEM, PSM  # noqa: PLC0415 - only for those who use it

        self._library = _library()
        self._handle = self._library.TessBaseAPICreate()
        if self._library.TessBaseAPIInit2(
            self._handle, f"{tessdata.folder}/".encode(), OSD.encode(), OEM.TESSERACT_ONLY
        ):
            self.close()
            raise ConfigurationError(f"Tesseract cannot load {OSD} from {tessdata.folder}.")
        self._library.TessBaseAPISetPageSegMode(self._handle, PSM.OSD_ONLY)

    def detect(self, page: Prepared) -> Sight:
        """Tell how text lies; as it stands, and of no script, where that is not certain."""
        height, width = page.samples.shape
        degrees, sure, lead = ctypes.c_int(), ctypes.c_float(), ctypes.c_float()
        script = ctypes.c_char_p()
        self._library.TessBaseAPISetImage(self._handle, page.samples.tobytes(), width, height, 1, width)
        self._library.TessBaseAPISetSourceResolution(self._handle, PRINT_DPI)
        places = (ctypes.byref(place) for place in (degrees, sure, script, lead))
        found = self._library.TessBaseAPIDetectOrientationScript(self._handle, *places)
        name = script.value.decode() if found and script.value and lead.value >= _LEAST_LEAD else None
        self._library.TessBaseAPIClear(self._handle)
        if not found or sure.value < _LEAST_CERTAINTY:
            return Sight()
        return Sight(round(degrees.value / 90) % 4, name)

    def close(self) -> None:
        """Free the handle."""
        self._library.TessBaseAPIDelete(self._handle)


@cache
def _library() -> ctypes.CDLL:
    """Give the library that tesserocr itself is linked with: looked up from there, its symbols are found."""
    from tesserocr import PyTessBaseAPI  # noqa: PLC0415 - only for those who use it

    library = ctypes.CDLL(sys.modules[PyTessBaseAPI.__module__].__file__)
    handle, text, whole = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    answers = tuple(ctypes.POINTER(kind) for kind in (whole, ctypes.c_float, text, ctypes.c_float))
    library.TessBaseAPICreate.restype = handle
    library.TessBaseAPIInit2.argtypes = (handle, text, text, whole)
    library.TessBaseAPISetPageSegMode.argtypes = (handle, whole)
    library.TessBaseAPISetImage.argtypes = (handle, text, whole, whole, whole, whole)
    library.TessBaseAPISetSourceResolution.argtypes = (handle, whole)
    library.TessBaseAPIDetectOrientationScript.argtypes = (handle, *answers)
    library.TessBaseAPIClear.argtypes = (handle,)
    library.TessBaseAPIDelete.argtypes = (handle,)
    return library
