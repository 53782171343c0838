"""The auto mode: which pages its rules choose, how long that may take, and what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.interfaces import Mode, PageView
from llamaparse_worker.mode.fast import Fast
from llamaparse_worker.model.options import ModeName, ParseOptions, UpgradeRule
from llamaparse_worker.model.page import LaidOutPage, PageReason
from llamaparse_worker.model.refinement import PageUpgrade, Refinement, Verdict
from llamaparse_worker.pipeline.upgrades import upgraded
from llamaparse_worker.pipeline.upgrading import Upgrading
from llamaparse_worker.spending import Flow
from llamaparse_worker.wire import job_of, read_message
from support import modes

AGENTIC = {"parsing_conf": {"tier": "agentic"}}


def options(*rules: Mapping[str, object], **fields: object) -> ParseOptions:
    configuration = {"processing_options": {"auto_mode_configuration": rules}} if rules else {}
    body = {"job_id": "a", "source": "b.pdf", "configuration": configuration, **fields}
    return job_of(read_message(json.dumps(body).encode())).options


def chosen(page: LaidOutPage, *rules: Mapping[str, object], **fields: object) -> PageUpgrade:
    found = upgraded(page, page, options(*rules, **fields)).upgrade
    assert found is not None
    return found


def changed(page: LaidOutPage, **fields: object) -> LaidOutPage:
    made = {name: getattr(page, name) for name in ("number", "width", "height", "rotation", "blocks", "text", "engine")}
    return LaidOutPage(**(made | fields))


@pytest.mark.parametrize(
    "trigger",
    [
        {"table_in_page": True},
        {"text_in_page": "opened the new quay"},
        {"regexp_in_page": r"\b128\s+ships"},
        {"regexp_in_page": "THE HARBOUR", "regexp_in_page_mode": "gi"},
        {"page_longer_than_n_chars": 100},
        {"page_shorter_than_n_chars": "1000"},
        {"page_contains_at_least_n_numbers": 1},
        {"page_contains_at_least_n_words": "10"},
        {"page_contains_at_most_n_percent_numbers": 0},
    ],
)
def test_a_page_with_a_trigger_is_chosen_and_says_by_which(trigger: dict[str, object]) -> None:
    found = chosen(modes.page(), {**AGENTIC, **trigger})
    assert found == PageUpgrade(rule=0, triggers=(next(iter(trigger)),))


@pytest.mark.parametrize(
    "trigger",
    [
        {"image_in_page": True},
        {"full_page_image_in_page": True},
        {"page_md_error": True},
        {"text_in_page": "quay opened"},
        {"regexp_in_page": r"\b129\s+ships"},
        {"page_longer_than_n_chars": 1000},
        {"page_shorter_than_n_chars": 100},
        {"page_contains_at_least_n_numbers": 2},
        {"page_contains_at_least_n_percent_numbers": 1},
        {"page_contains_at_most_n_words": 10},
        {"page_contains_at_least_n_tables": 2},
        {"table_in_page": False},
        {"filename_match_glob": "*.pdf"},
        {"trigger_mode": "and", "table_in_page": True, "page_contains_at_least_n_charts": 1},
    ],
)
def test_a_page_without_a_trigger_is_not_chosen(trigger: dict[str, object]) -> None:
    assert chosen(modes.page(), {**AGENTIC, **trigger}, auto_mode=True) == PageUpgrade()


@pytest.mark.parametrize(
    "page",
    [
        changed(modes.page(), reason=PageReason.SPARSE),
        changed(modes.page(), reason=PageReason.GARBLED, text=""),
        changed(modes.page(), confidence=0.7, engine="ocr"),
    ],
)
def test_a_reading_that_is_not_to_be_relied_on_is_a_trigger(page: LaidOutPage) -> None:
    assert chosen(page, auto_mode=True).triggers == ("page_md_error",)
    for sure in (changed(page, reason=None, confidence=0.97), changed(page, reason=PageReason.BLANK, confidence=None)):
        assert chosen(sure, auto_mode=True) == PageUpgrade()


def test_one_trigger_is_enough_unless_all_are_asked_for() -> None:
    both = {"table_in_page": True, "text_in_page": "whales"}
    assert chosen(modes.page(), {**AGENTIC, **both}).triggers == ("table_in_page",)
    assert chosen(modes.page(), {**AGENTIC, **both, "trigger_mode": "and"}).rule is None
    both["text_in_page"] = "salt, wool"
    assert chosen(modes.page(), {**AGENTIC, **both, "trigger_mode": "and"}).triggers == (
        "table_in_page",
        "text_in_page",
    )


def test_the_first_rule_that_holds_counts() -> None:
    rules: list[Mapping[str, object]] = [
        {**AGENTIC, "text_in_page": "whales"},
        {"parsing_conf": {"tier": "cost_effective"}, "table_in_page": True},
        {**AGENTIC, "table_in_page": True},
    ]
    assert chosen(modes.page(), *rules).rule == 1
    assert options(*rules).upgrades[1].mode is ModeName.BALANCED


@pytest.mark.parametrize("expression", [r"(\w+\s?)+$x", r"(a|a)*b", r"(?:a*)*b", r"a*a*a*a*c", r"(.*){9}(.*){9}!"])
@pytest.mark.parametrize("text", ["a" * 100_000, "a " * 50_000])
def test_an_expression_is_bounded_in_time_whatever_the_page(expression: str, text: str) -> None:
    page = changed(modes.page(), text=text)
    started = time.process_time()
    found = chosen(page, {**AGENTIC, "regexp_in_page": expression}, {**AGENTIC, "table_in_page": True})

    assert time.process_time() - started < 3
    assert found.triggers == ("table_in_page",)
    assert all("0.5 s" in remark for remark in found.remarks)


def test_an_expression_that_takes_too_long_triggers_nothing_and_says_so() -> None:
    found = chosen(changed(modes.page(), text="a" * 60), {**AGENTIC, "regexp_in_page": "(a|a)*b"})
    assert found.rule is None
    assert found.remarks == ("regexp_in_page: the expression needs more than 0.5 s on this page",)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"auto_mode": True, "auto_mode_trigger_on_regexp_in_page": "("}, "regular expression"),
        ({"auto_mode": True, "auto_mode_trigger_on_regexp_in_page": "(" * 500 + ")" * 500}, "regular expression"),
        ({"auto_mode": True, "auto_mode_configuration_json": "{"}, "auto_mode_configuration_json"),
        ({"auto_mode": True, "auto_mode_configuration_json": '[{"table_in_page": true}]'}, "parsing_conf"),
        ({"auto_mode": True, "auto_mode_configuration_json": json.dumps([AGENTIC] * 21)}, "20"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        options(**fields)


def test_the_older_options_and_the_newer_mean_the_same() -> None:
    old = options(
        auto_mode=True,
        auto_mode_trigger_on_table_in_page=True,
        auto_mode_trigger_on_image_in_page=True,
        auto_mode_trigger_on_text_in_page="ships",
        auto_mode_trigger_on_regexp_in_page="[0-9]+",
        auto_mode_configuration_json=json.dumps(
            [
                {
                    "parsing_conf": {"parse_mode": "parse_page_with_lvm", "custom_prompt": "Be brief."},
                    "table_in_page": True,
                }
            ]
        ),
    )
    expected = (
        UpgradeRule(mode=ModeName.AGENTIC, table=True, image=True, text="ships", regexp="[0-9]+", unsure=True),
        UpgradeRule(mode=ModeName.MULTIMODAL, system_append="Be brief.", table=True),
    )
    assert old.upgrades == expected
    assert old.mode is ModeName.FAST
    assert options(auto_mode_trigger_on_table_in_page=True).upgrades == ()


def test_what_a_rule_asks_in_vain_is_named() -> None:
    rule = {"parsing_conf": {"tier": "agentic", "high_res_ocr": True}, "filename_match_glob": "*.pdf"}
    name = "processing_options.auto_mode_configuration"
    assert options(rule).ignored == (f"{name}.filename_match_glob", f"{name}.parsing_conf.high_res_ocr")


def test_prompts_have_their_effect_where_a_page_may_be_chosen() -> None:
    assert options(auto_mode=True, user_prompt="Translate.").prompts.user == "Translate."
    assert options(auto_mode=True, user_prompt="Translate.").ignored == ()


@dataclass
class Noting:
    """Refines nothing, and notes what it was asked."""

    seen: list[ParseOptions] = field(default_factory=list)
    refines: bool = True

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        del view, flow
        self.seen.append(options)
        return changed(page, refinement=Refinement(verdict=Verdict.ANSWERED))


@pytest.mark.anyio
async def test_a_chosen_page_goes_to_the_mode_of_its_rule_and_others_stay_as_they_are() -> None:
    agentic = Noting()
    opened: dict[ModeName, Mode] = {ModeName.FAST: Fast(), ModeName.AGENTIC: agentic}
    asked = options(
        {"parsing_conf": {"tier": "agentic", "custom_prompt": "Mind the units."}, "table_in_page": True},
        system_prompt_append="British spelling.",
    )

    pages = [upgraded(page, page, asked) for page in (modes.page(), modes.running_text())]
    first, second = [await Upgrading(opened).refine(page, modes.View(), asked, flow=Flow("one")) for page in pages]

    assert first.refinement == Refinement(verdict=Verdict.ANSWERED, triggers=("table_in_page",))
    assert second.refinement is not None
    assert (second.refinement.verdict, second.refinement.triggers) == (Verdict.SKIPPED, ())
    assert second.blocks == modes.running_text().blocks
    (seen,) = agentic.seen
    assert seen.mode is ModeName.AGENTIC
    assert seen.prompts.system_append == "British spelling.\n\nMind the units."
