"""The model files, as the package ``rapidocr`` carries them: Apache-2.0, by the PaddleOCR authors.

Only the files are used: nothing of that package is imported, and nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from llamaparse_worker.errors import ConfigurationError

_PACKAGE = "rapidocr"
_NOTHING, _SPACE = "", " "


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model by its file name and content."""

    name: str
    sha256: str

    def path(self) -> Path:
        """Give where it lies.

        Raises:
            ConfigurationError: it is missing, or is not the file that this version was tested with.
        """
        found = find_spec(_PACKAGE)
        if found is None or found.origin is None:
            raise ConfigurationError(f"OCR needs the models of the package {_PACKAGE}: pip install {_PACKAGE}.")
        path = Path(found.origin).parent / "models" / self.name
        if not path.is_file():
            raise ConfigurationError(f"The package {_PACKAGE} has no model {self.name}: install its locked version.")
        return path

    def verify(self) -> None:
        """Compare the content with the hash.

        Raises:
            ConfigurationError: the content is another one.
        """
        with self.path().open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise ConfigurationError(f"The model {self.name} is not the one that this version was tested with.")


DETECTION = ModelFile("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f")
RECOGNITION = ModelFile("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884")


def signs_of(listed: str) -> tuple[str, ...]:
    """Give the signs of the recognition's output from its model's entry ``character``: one a line, without two."""
    return (_NOTHING, *listed.split("\n"), _SPACE)
