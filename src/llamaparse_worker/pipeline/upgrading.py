"""The auto mode among modes: each page goes to the mode that the rules of its job chose for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from llamaparse_worker.interfaces import Mode, PageView
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import CheckNote, PageUpgrade, Refinement, Verdict
from llamaparse_worker.spending import Flow


class Upgrading:
    """The seam ``Mode`` over others."""

    def __init__(self, modes: Mapping[ModeName, Mode]) -> None:
        self._modes = modes

    @property
    def refines(self) -> bool:
        """Always, as the record of every page says what was chosen."""
        return True

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        """Have a page refined in the mode that is its own; see ``Mode``."""
        chosen = page.upgrade or PageUpgrade()
        own = _own_options(options, chosen)
        refined = page
        if self._modes[own.mode].refines:
            refined = await self._modes[own.mode].refine(page, view, own, flow=flow)
        record = refined.refinement or Refinement(verdict=Verdict.SKIPPED, notes=(_untouched(own),))
        remarks = tuple(CheckNote("auto_mode", remark) for remark in chosen.remarks)
        record = replace(record, triggers=chosen.triggers, notes=(*record.notes, *remarks))
        return replace(refined, refinement=record)


def _own_options(options: ParseOptions, chosen: PageUpgrade) -> ParseOptions:
    if chosen.rule is None:
        return options
    rule = options.upgrades[chosen.rule]
    appended = "\n\n".join(filter(None, (options.prompts.system_append, rule.system_append)))
    return replace(options, mode=rule.mode, prompts=replace(options.prompts, system_append=appended))


def _untouched(options: ParseOptions) -> CheckNote:
    return CheckNote("auto_mode", f"the page is parsed in the mode {options.mode}")
