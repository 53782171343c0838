"""What the modes tell models: a system prompt each, in a file with its version, and what jobs add to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from llamaparse_worker.model.options import ModeName, ParseOptions

_VERSION = re.compile(r"<!-- version (?P<version>\d+) -->\n")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system prompt, and how the record of a page names it, such as ``balanced/1``."""

    name: str
    text: str


@cache
def prompt_of(mode: ModeName) -> Prompt:
    """Give the prompt of a mode as its file has it."""
    source = files(__name__).joinpath(f"{mode}.md").read_text("utf-8")
    found = _VERSION.match(source)
    if found is None:
        raise RuntimeError(f"the prompt of the mode {mode} does not say its version")
    return Prompt(f"{mode}/{found['version']}", source[found.end() :].strip())


def system_prompt(mode: ModeName, options: ParseOptions) -> Prompt:
    """Give what a job makes of the prompt of a mode: another one, or more of it, and the languages of the page."""
    own = prompt_of(mode)
    given = options.prompts
    parts = [given.system or own.text]
    if options.languages:
        parts.append(f"The document is written in: {', '.join(options.languages)}.")
    if given.system_append:
        parts.append(given.system_append)
    name = "custom" if given.system else own.name
    return Prompt(f"{name}+append" if given.system_append else name, "\n\n".join(parts))
