"""The modes and engines of OCR that are open, and which of them a job asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llamaparse_worker.errors import InvalidOption, ModeUnavailable
from llamaparse_worker.interfaces import Mode, Ocr
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.pipeline.upgrading import Upgrading

_PROVIDER_VARIABLES = "OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_GEMINI_API_KEY or AWS_BEDROCK_ENABLED"


@dataclass(frozen=True, slots=True)
class Offer:
    """What documents can be parsed with."""

    modes: Mapping[ModeName, Mode]
    engines: Mapping[str, Ocr]
    default_engine: str | None
    """None: there is no OCR unless a job names an engine."""

    def mode(self, name: ModeName) -> Mode:
        """Give a mode that is open.

        Raises:
            ModeUnavailable: it needs a provider.
        """
        if name not in self.modes:
            raise _unavailable(name)
        return self.modes[name]

    def mode_for(self, options: ParseOptions) -> Mode:
        """Give what refines the pages of a job.

        Raises:
            ModeUnavailable: a mode that they may be parsed in needs a provider.
        """
        if not options.upgrades:
            return self.mode(options.mode)
        return Upgrading({name: self.mode(name) for name in options.modes})

    def ocr_for(self, options: ParseOptions) -> Ocr | None:
        """Give the engine that reads the scans of a job; None for a job without OCR.

        Raises:
            InvalidOption: the engine is unknown, or cannot read one of the languages.
        """
        name = self.default_engine if options.ocr == "auto" else options.ocr
        if name is None or name == "off":
            return None
        if name not in self.engines:
            known = ", ".join(("auto", "off", *sorted(self.engines)))
            raise InvalidOption(f"ocr: {name} is not one of {known}")
        self.engines[name].check_languages(options.languages)
        return self.engines[name]


def _unavailable(mode: ModeName) -> ModeUnavailable:
    """Say which variables a mode waits for."""
    return ModeUnavailable(
        f"mode {mode} needs a model that can serve it and none is configured: set {_PROVIDER_VARIABLES}; "
        "multimodal and agentic ask models that take images (GENAI_PROFILES_JSON says of a model whether it does)"
    )
