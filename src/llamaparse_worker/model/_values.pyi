from collections.abc import Sequence
from typing import TypeVar

_Value = TypeVar("_Value")

VERSION: int

def changed(value: _Value, /, **fields: object) -> _Value: ...
def enclosing(box: type[_Value], values: Sequence[object], /) -> _Value | None: ...
def quicken(value: type, names: tuple[str, ...], defaults: tuple[object, ...], /) -> None: ...
