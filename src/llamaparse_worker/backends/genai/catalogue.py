"""What is known about models, as data: names, aliases and profiles of ``models.json``, under those of the settings.

Models come and go faster than releases of this program: each of these can be replaced by a variable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from llamaparse_worker.model.deployment import Family, MinuteQuota, Price, Profile, TokenField
from llamaparse_worker.model.genai import Reasoning

_T = TypeVar("_T")


class ProfileRule(BaseModel):
    """What one pattern of model names says; what is not set stays as the next matching rule or the default has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family | None = None
    temperature: bool | None = None
    token_field: TokenField | None = None
    reasoning: dict[Reasoning, int | str] | None = None
    schema_: bool | None = Field(default=None, alias="schema")
    images: bool | None = None
    max_image_bytes: int | None = Field(default=None, ge=1)
    max_image_side: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    caches_system: bool | None = None


class PriceRule(BaseModel):
    """Prices of a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)


class QuotaRule(BaseModel):
    """Quotas of a minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)


_RULES = TypeAdapter[dict[str, ProfileRule]](dict[str, ProfileRule])
_ALIASES = TypeAdapter[dict[str, tuple[str, ...]]](dict[str, tuple[str, ...]])
_PRICES = TypeAdapter[dict[str, PriceRule]](dict[str, PriceRule])
_QUOTAS = TypeAdapter[dict[str, QuotaRule]](dict[str, QuotaRule])


class _Data(BaseModel):
    names: dict[str, str]
    aliases: dict[str, tuple[str, ...]]
    profiles: dict[str, ProfileRule]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is known; patterns are those of a shell, and the first that matches wins."""

    names: Mapping[str, str]
    """From the ids of the original deployment to the makers' names."""
    aliases: Mapping[str, tuple[str, ...]]
    own_rules: Mapping[str, ProfileRule]
    rules: Mapping[str, ProfileRule]
    prices: Mapping[str, PriceRule]
    quotas: Mapping[str, QuotaRule]

    def makers_name(self, model_id: str) -> str:
        """Give the maker's name of a model; an unknown id is that name."""
        return self.names.get(model_id, model_id)

    def aliases_of(self, *names: str) -> frozenset[str]:
        """Give the aliases of a model that goes by these names, ids of the original deployment among them."""
        told = {alias for alias, patterns in self.aliases.items() if _first(dict.fromkeys(patterns), names)}
        return frozenset(told | {model_id for model_id, makers in self.names.items() if makers in names})

    def family(self, *names: str) -> Family | None:
        """Give who made the model; None where no rule says so."""
        return next((rule.family for rule in self._rules(names) if rule.family), None)

    def profile(self, *names: str) -> Profile:
        """Give what may be sent to the model: the settings' rule, over that of the data."""
        found: dict[str, object] = {}
        for rule in self._rules(names):
            told = rule.model_dump(exclude_none=True, exclude={"family"})
            found = {name.rstrip("_"): value for name, value in told.items()} | found
        return _PROFILE.validate_python(found)

    def price(self, *names: str) -> Price | None:
        """Give what the settings say that the model costs."""
        pattern = _first(self.prices, names)
        return None if pattern is None else Price(**self.prices[pattern].model_dump())

    def quota(self, *names: str) -> MinuteQuota:
        """Give what the settings say that a deployment of these names may be asked."""
        pattern = _first(self.quotas, names)
        return MinuteQuota() if pattern is None else MinuteQuota(self.quotas[pattern].rpm, self.quotas[pattern].tpm)

    def _rules(self, names: tuple[str, ...]) -> Iterator[ProfileRule]:
        for rules in (self.own_rules, self.rules):
            if (pattern := _first(rules, names)) is not None:
                yield rules[pattern]


_PROFILE = TypeAdapter[Profile](Profile)


def catalogue(
    profiles: str | None = None, aliases: str | None = None, prices: str | None = None, quotas: str | None = None
) -> Catalogue:
    """Give what is known, with the JSON texts of the settings over it.

    Raises:
        ValueError: one of them is not as it should be; the message names the variable.
    """
    data = _Data.model_validate_json(files(__package__).joinpath("models.json").read_bytes())
    own_rules = parsed(_RULES, "GENAI_PROFILES_JSON", profiles or "{}")
    own_aliases = parsed(_ALIASES, "GENAI_ALIASES_JSON", aliases or "{}")
    own_prices = parsed(_PRICES, "GENAI_PRICES_JSON", prices or "{}")
    own_quotas = parsed(_QUOTAS, "GENAI_QUOTAS_JSON", quotas or "{}")
    return Catalogue(data.names, data.aliases | own_aliases, own_rules, data.profiles, own_prices, own_quotas)


def parsed(adapter: TypeAdapter[_T], variable: str, text: str) -> _T:
    """Read a variable that holds JSON.

    Raises:
        ValueError: it is none, or not of the right shape; the message says where, and never shows a value.
    """
    try:
        return adapter.validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise ValueError(f"{variable} is not JSON: {error.msg} at character {error.pos}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise ValueError("; ".join(f"{variable}{_place(one['loc'])}: {one['msg']}" for one in found)) from None


def _place(path: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _first(patterns: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((pattern for pattern in patterns if any(fnmatchcase(name, pattern) for name in names)), None)
