"""The questions about one page: its draft, the rest of an answer, and repairs of all or parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llamaparse_worker.mode.asking import NoAnswer, Question
from llamaparse_worker.mode.estimates import output_limit, tokens_in
from llamaparse_worker.mode.pictures import Picture, Pictures
from llamaparse_worker.mode.plan import anchor, page_markdown, profile
from llamaparse_worker.mode.prompts import system_prompt
from llamaparse_worker.mode.regions import Region
from llamaparse_worker.mode.wording import of_one_page, of_page, to_go_on, to_mend, to_mend_parts
from llamaparse_worker.model.genai import Image, Part, Text
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage

_ANCHOR_TOKENS = 600
"""Of the text that goes with a picture: it tells how words and numbers are spelt, the picture tells the rest. With a
picture of 1,600 tokens and a prompt of 350 a draft takes the 2,500 that the published figures grant it."""
_LEAST_OUTPUT_OF_PARTS = 500
_TIMES_THE_PARTS = 3


class Questions:
    """Words questions about one page; ``pictures`` is None where models get the text alone."""

    def __init__(self, page: LaidOutPage, options: ParseOptions, mode: ModeName, pictures: Pictures | None) -> None:
        self._page = page
        self._options = options
        self._pictures = pictures
        self.text = page_markdown(page)
        self.prompt = system_prompt(mode, options)

    async def draft(self, *, lighter: bool = False) -> Question:
        """Ask for the Markdown of the page; ``lighter`` with a smaller picture and without the text.

        Raises:
            NoAnswer: nothing of the page can be shown.
        """
        if self._pictures is None:
            if lighter:
                raise NoAnswer("draft: the text of the page is all that the mode sends")
            return self._question("draft", None, of_page(self.text, self._options))
        picture = await self._pictures.whole(lighter=lighter)
        if picture is not None:
            text = "" if lighter else anchor(self._page, _ANCHOR_TOKENS)
            return self._question("draft", picture, of_page(text, self._options, [profile(self._page)]))
        if lighter or not self.text.strip():
            raise NoAnswer(f"draft: {self._pictures.failures[-1]}")
        return self._question("draft", None, of_page(self.text, self._options))

    def of_many(self, draft: Question) -> tuple[Part, ...]:
        """Give what the question for all of this page shows, as one page among others."""
        pictures = [part for part in draft.parts if isinstance(part, Image)]
        text = anchor(self._page, _ANCHOR_TOKENS) if pictures else self.text
        return (*pictures, Text(of_one_page(self._page.number, text, pictured=bool(pictures))))

    def rest(self, question: Question, answer: str) -> Question:
        """Ask for the rest of an answer that was cut off."""
        return replace(question, purpose="rest", parts=(*question.parts, Text(to_go_on(answer))))

    def repair(self, draft: Question, answer: str, faults: Sequence[str]) -> Question:
        """Ask for all of the page again, in view of an answer, or afresh without one."""
        return replace(draft, purpose="repair", parts=(*draft.parts, Text(to_mend(answer, faults))))

    async def repair_of(self, regions: Sequence[Region]) -> Question | None:
        """Ask for parts of the page again; None where they cannot be shown."""
        if self._pictures is None:
            return None
        parts: list[Part] = []
        tokens = 0
        for region in regions:
            picture = await self._pictures.part(region.box)
            if picture is None:
                return None
            parts.append(picture.image)
            tokens += picture.tokens
        text = to_mend_parts([(region.markdown, region.faults) for region in regions])
        least = sum(tokens_in(region.markdown) for region in regions)
        limit = _LEAST_OUTPUT_OF_PARTS + _TIMES_THE_PARTS * least
        return Question(
            purpose="repair",
            system=self.prompt.text,
            parts=(*parts, Text(text)),
            picture_tokens=tokens,
            output_tokens=limit,
        )

    def _question(self, purpose: str, picture: Picture | None, text: str) -> Question:
        return Question(
            purpose=purpose,
            system=self.prompt.text,
            parts=(picture.image, Text(text)) if picture else (Text(text),),
            picture_tokens=picture.tokens if picture else 0,
            output_tokens=output_limit(self.text),
        )
