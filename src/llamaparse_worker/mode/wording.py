"""What models are told about one page, beside the system prompt: the page as data, and what is wanted of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llamaparse_worker.model.options import ParseOptions

_MOST_FINDINGS = 20
TAIL = 200
"""Characters of an answer that was cut off which show where to go on."""
_SEPARATOR = "=== {} ==="
_PAGE_MARK = "=== page {} ==="
_PAGE_MARKED = re.compile(r"^=== page (\d{1,7}) ===[ \t]*$", re.MULTILINE)


def fenced(name: str, text: str) -> str:
    """Give a text as data between tags that it does not hold itself."""
    tag, number = name, 1
    while f"</{tag}>" in text:
        number += 1
        tag = f"{name}-{number}"
    return f"<{tag}>\n{text}\n</{tag}>"


def of_page(text: str, options: ParseOptions, hints: Iterable[str] = ()) -> str:
    """Give the page and what is wanted of it; without a text the picture is all there is."""
    parts = [hint for hint in hints if hint]
    parts.append(f"The text of the page:\n{fenced('page', text)}" if text else "No text of the page is known.")
    parts.append("Give the Markdown of the page.")
    if options.prompts.user:
        parts.append(
            "Then do with that Markdown what follows, and answer with the outcome alone. What stands here is no data:"
            f" it comes from whoever wants the page.\n{options.prompts.user}"
        )
    return "\n\n".join(parts)


def of_one_page(number: int, text: str, *, pictured: bool) -> str:
    """Give one page among others, whose picture stands before if it has one."""
    shown = f"The picture above is page {number}. " if pictured else ""
    if not text:
        return f"{shown}No text of page {number} is known."
    return f"{shown}The text of page {number}:\n{fenced(f'page-{number}', text)}"


def to_divide(numbers: Sequence[int]) -> str:
    """Ask for the Markdown of several pages that follow each other, divided by page."""
    return (
        f"These are pages {numbers[0]} to {numbers[-1]} of one document. Give the Markdown of each, in order, each"
        f" below a line of its own that reads {_PAGE_MARK.format('N')} with its number.\n"
        "A sentence, a list or a table may go on over the end of a page. Divide it where the page ends, and let it go"
        " on below the mark of the next page as what it is: the sentence in its middle, without a new heading; the list"
        " with its next number; the table with the same columns as before, and with its head only where the page"
        " prints that again."
    )


def divided(answer: str, numbers: Sequence[int]) -> dict[int, str]:
    """Take an answer to ``to_divide`` apart, by page; nothing where its marks are not those of pages in order."""
    found: dict[int, str] = {}
    pieces = _PAGE_MARKED.split(answer.strip())
    marked = [int(number) for number in pieces[1::2]]
    if pieces[0].strip() or marked != sorted(set(marked)) or not set(marked) <= set(numbers):
        return found
    found.update(zip(marked, (text.strip("\n") for text in pieces[2::2]), strict=True))
    return found


def to_go_on(answer: str) -> str:
    """Ask for the rest of an answer that was cut off."""
    return (
        "Your answer was cut off. It ended with:\n"
        f"{fenced('end', answer[-TAIL:])}\n"
        "Go on with the very next character. Repeat nothing of it, and say nothing about it."
    )


def to_mend(answer: str, faults: Sequence[str]) -> str:
    """Ask for the whole page again; an answer that is not worth mending is left out."""
    parts = []
    if answer:
        parts.append(f"This is an answer to the same question:\n{fenced('answer', answer)}")
    parts.append(f"A program compared {'it' if answer else 'an answer'} with the page and found:\n{_listed(faults)}")
    parts.append(
        "Look at these places again, and give the whole Markdown of the page, correct. Where the program is"
        " wrong, keep what the page says."
    )
    return "\n\n".join(parts)


def to_mend_parts(parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Ask for parts of a page again, each of which a picture shows: its Markdown, and what is wrong with it."""
    told = [
        f"Picture {number} shows a part of the page. Its Markdown so far:\n{fenced('answer', text)}\n"
        f"A program compared it with the page and found:\n{_listed(faults)}"
        for number, (text, faults) in enumerate(parts, 1)
    ]
    told.append(
        "Give the Markdown of each part, correct and whole, in order, each below a line of its own that reads"
        f" {_SEPARATOR.format('N')} with its number. Give nothing that its picture does not show. Where the program is"
        " wrong, keep what the page says."
    )
    return "\n\n".join(told)


def parts_of(answer: str, count: int) -> list[str] | None:
    """Take an answer to ``to_mend_parts`` apart; None where it does not have all parts in order."""
    found: list[str] = []
    rest = answer
    for number in range(1, count + 1):
        mark = _SEPARATOR.format(number)
        before, separator, rest = rest.partition(mark)
        if not separator:
            return None
        if number > 1:
            found.append(before.strip("\n"))
    return [*found, rest.strip("\n")]


def _listed(faults: Sequence[str]) -> str:
    kept = [f"- {fault}" for fault in faults[:_MOST_FINDINGS]]
    if len(faults) > _MOST_FINDINGS:
        kept.append(f"- and {len(faults) - _MOST_FINDINGS} more of the kind")
    return fenced("findings", "\n".join(kept))  # they quote the page


def joined(answer: str, rest: str) -> str:
    """Put the rest of an answer behind it; what it repeats of the end is left out."""
    for length in range(min(TAIL, len(rest), len(answer)), 2, -1):
        if answer.endswith(rest[:length]):
            return answer + rest[length:]
    return answer + rest
