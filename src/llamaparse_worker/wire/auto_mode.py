"""The rules of the auto mode, as the API writes them: which pages are worth a more expensive mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.model.options import Bound, Countable, ModeName, UpgradeRule
from llamaparse_worker.wire.strict import Strict

OPTION = "processing_options.auto_mode_configuration"
MAX_RULES = 20
_MAX_TEXT = 1000
"""Characters of a text or an expression to be found; each is looked for on every page."""
_MAX_PROMPT = 20_000
_PYTHON_FLAGS = "ims"
"""Those of the API's flags that are Python's too; ``g`` and ``u`` ask for what Python does anyway."""
_SOURCE_TOO_DEEP = (re.error, RecursionError, OverflowError)

MODE_OF_TIER = {
    "fast": ModeName.FAST,
    "cost_effective": ModeName.BALANCED,
    "agentic": ModeName.AGENTIC,
    "agentic_plus": ModeName.AGENTIC,
}
_MODE_OF_PARSE_MODE = {
    "parse_page_without_llm": ModeName.FAST,
    "parse_page_with_llm": ModeName.BALANCED,
    "parse_page_with_lvm": ModeName.MULTIMODAL,
    "parse_page_with_agent": ModeName.AGENTIC,
}


def _compiles(expression: str) -> str:
    try:
        re.compile(expression)
    except _SOURCE_TOO_DEEP as error:
        raise ValueError(f"is no regular expression of Python: {error}") from None
    return expression


Expression = Annotated[str, Field(max_length=_MAX_TEXT), AfterValidator(_compiles)]
Count = Annotated[int | Annotated[str, Field(pattern=r"^\d{1,9}$")] | None, Field(default=None)]


class UpgradeConfiguration(Strict):
    """How the chosen pages are parsed: ``tier`` or ``parse_mode`` say in which mode."""

    tier: Literal["fast", "cost_effective", "agentic", "agentic_plus"] | None = None
    parse_mode: (
        Literal["parse_page_without_llm", "parse_page_with_llm", "parse_page_with_lvm", "parse_page_with_agent"] | None
    ) = None
    custom_prompt: str | None = Field(default=None, max_length=_MAX_PROMPT)
    version: str | None = None
    language: object = None
    adaptive_long_table: object = None
    aggressive_table_extraction: object = None
    outlined_table_extraction: object = None
    extract_layout: object = None
    high_res_ocr: object = None
    specialized_chart_parsing: object = None
    crop_box: object = None
    ignore: object = None
    presentation: object = None
    spatial_text: object = None

    @property
    def mode(self) -> ModeName:
        """The mode; the most thorough one where none is named."""
        if self.parse_mode:
            return _MODE_OF_PARSE_MODE[self.parse_mode]
        return MODE_OF_TIER[self.tier or "agentic"]


class AutoModeRule(Strict):
    """Triggers that choose pages, and how these are parsed."""

    parsing_conf: UpgradeConfiguration
    trigger_mode: Literal["and", "or"] | None = Field(default=None, description="Default: or")
    table_in_page: bool | None = None
    image_in_page: bool | None = Field(default=None, description="An image of 36 points and 2 % of the page or more")
    full_page_image_in_page: bool | None = None
    full_page_image_in_page_threshold: float | None = Field(default=None, ge=0, le=1, description="Default: 0.8")
    page_md_error: bool | None = Field(
        default=None, description="The reading is not to be relied on: parts unread, or OCR of less than 0.9 confidence"
    )
    text_in_page: str | None = Field(default=None, max_length=_MAX_TEXT)
    regexp_in_page: Expression | None = Field(
        default=None, description="Of Python; searched in the first 20,000 characters, for half a second a page"
    )
    regexp_in_page_mode: Annotated[str, Field(pattern=r"^[gimsu]*$")] | None = None
    page_longer_than_n_chars: Count
    page_shorter_than_n_chars: Count
    page_contains_at_least_n_images: Count
    page_contains_at_least_n_lines: Count
    page_contains_at_least_n_numbers: Count
    page_contains_at_least_n_percent_numbers: Count
    page_contains_at_least_n_tables: Count
    page_contains_at_least_n_words: Count
    page_contains_at_most_n_images: Count
    page_contains_at_most_n_lines: Count
    page_contains_at_most_n_numbers: Count
    page_contains_at_most_n_percent_numbers: Count
    page_contains_at_most_n_tables: Count
    page_contains_at_most_n_words: Count
    filename_match_glob: object = None
    filename_match_glob_list: object = None
    filename_regexp: object = None
    filename_regexp_mode: object = None
    layout_element_in_page: object = None
    layout_element_in_page_confidence_threshold: object = None
    page_contains_at_least_n_charts: object = None
    page_contains_at_least_n_layout_elements: object = None
    page_contains_at_least_n_links: object = None
    page_contains_at_most_n_charts: object = None
    page_contains_at_most_n_layout_elements: object = None
    page_contains_at_most_n_links: object = None


_RULES = TypeAdapter(Annotated[tuple[AutoModeRule, ...], Field(max_length=MAX_RULES)])
_UNKNOWN_TRIGGERS = frozenset(
    name
    for name in AutoModeRule.model_fields
    if name.startswith(("filename_", "layout_element_")) or name.endswith(("_charts", "_layout_elements", "_links"))
)
_WITHOUT_EFFECT = frozenset(UpgradeConfiguration.model_fields) - {"tier", "parse_mode", "custom_prompt", "version"}


def rules_from(text: str) -> tuple[AutoModeRule, ...]:
    """Read rules from JSON, as ``auto_mode_configuration_json`` has them.

    Raises:
        InvalidOption: it is not a list of rules.
    """
    try:
        return _RULES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(("auto_mode_configuration_json", *map(str, first["loc"])))
        raise InvalidOption(f"{where}: {first['msg']}") from None


def upgrade_rules(rules: Sequence[AutoModeRule]) -> tuple[UpgradeRule, ...]:
    """Give the rules that can choose a page; one that needs all of its triggers cannot, if one is unknown here."""
    return tuple(_rule(rule) for rule in rules if not (rule.trigger_mode == "and" and _UNKNOWN_TRIGGERS & _given(rule)))


def without_effect(rules: Sequence[AutoModeRule]) -> Iterator[str]:
    """Name what of rules has no effect in this version."""
    for rule in rules:
        yield from (f"{OPTION}.{name}" for name in _UNKNOWN_TRIGGERS & _given(rule))
        yield from (f"{OPTION}.parsing_conf.{name}" for name in _WITHOUT_EFFECT & _given(rule.parsing_conf))


def _given(model: Strict) -> set[str]:
    return {*model.model_dump(exclude_none=True)}


def _rule(rule: AutoModeRule) -> UpgradeRule:
    threshold = rule.full_page_image_in_page_threshold
    return UpgradeRule(
        mode=rule.parsing_conf.mode,
        system_append=rule.parsing_conf.custom_prompt or "",
        needs_all=rule.trigger_mode == "and",
        table=bool(rule.table_in_page),
        image=bool(rule.image_in_page),
        full_page_image=(0.8 if threshold is None else threshold) if rule.full_page_image_in_page else None,
        text=rule.text_in_page or "",
        regexp=_with_flags(rule.regexp_in_page or "", rule.regexp_in_page_mode or ""),
        unsure=bool(rule.page_md_error),
        longer_than=_number(rule.page_longer_than_n_chars),
        shorter_than=_number(rule.page_shorter_than_n_chars),
        at_least=_bounds(rule, "page_contains_at_least_n_"),
        at_most=_bounds(rule, "page_contains_at_most_n_"),
    )


def _with_flags(expression: str, flags: str) -> str:
    known = "".join(flag for flag in _PYTHON_FLAGS if flag in flags)
    return f"(?{known}:{expression})" if expression and known else expression


def _bounds(rule: AutoModeRule, prefix: str) -> tuple[Bound, ...]:
    numbers = ((what, _number(getattr(rule, f"{prefix}{what}"))) for what in Countable)
    return tuple(Bound(what, number) for what, number in numbers if number is not None)


def _number(given: int | str | None) -> int | None:
    return None if given is None else int(given)
