"""Forms: their fields and what is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.model.geometry import Box


class FieldKind(StrEnum):
    """What a field of a form takes."""

    CHECKBOX = "checkbox"
    MULTI_SELECT = "multi_select"
    SIGNATURE = "signature"
    SINGLE_SELECT = "single_select"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that a list of a form offers."""

    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form and what is filled in; each button of a choice is one."""

    box: Box
    value: str
    """What is written or chosen; of a button, what it stands for."""
    checked: bool | None = None
    """Whether a box or button is chosen or a signature given; None for others."""
    kind: FieldKind = FieldKind.TEXT
    name: str = ""
    """What the form calls it; the buttons of one choice share it."""
    label: str = ""
    """What is printed beside it, or else the form's own description."""
    group: str = ""
    """The form's own description of the choice that a button belongs to."""
    choices: tuple[Choice, ...] = ()
    withheld: bool = False
    """Whether the value is a secret, which is not read."""
