"""Which values a variable takes, in words: for error texts and the reference page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel


def schemas_of(model: type[BaseModel]) -> Mapping[str, Mapping[str, Any]]:
    """Give the JSON Schema of each variable by name, with references resolved."""
    whole = model.model_json_schema()
    definitions = whole.get("$defs", {})
    return {name.upper(): _resolved(schema, definitions) for name, schema in whole.get("properties", {}).items()}


def schema_of_variables(models: Iterable[type[BaseModel]]) -> Mapping[str, object]:
    """Give one JSON Schema of all variables of the models, as properties by name."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:llamaparse-worker:variables:1",
        "title": "Variables of llamaparse-worker",
        "type": "object",
        "properties": {name: schema for model in models for name, schema in schemas_of(model).items()},
    }


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Inline references and drop the generated titles and the null that means unset."""
    found = dict(schema)
    if reference := found.pop("$ref", None):
        found = {**definitions[reference.rpartition("/")[2]], **found}
    if options := found.pop("anyOf", None):
        kept = [_resolved(option, definitions) for option in options if option.get("type") != "null"]
        found |= kept[0] if len(kept) == 1 else {"anyOf": kept}
        found |= {key: schema[key] for key in ("description",) if key in schema}
    if "items" in found:
        found["items"] = _resolved(found["items"], definitions)
    found.pop("title", None)
    return found


def allowed(schema: Mapping[str, Any], *, size: bool = False) -> str:
    """Say in words which values a variable takes; a ``size`` is a number of bytes."""
    match schema.get("type"):
        case None if "anyOf" in schema:
            return " or ".join(allowed(option) for option in schema["anyOf"])
        case _ if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
            return _listed([str(choice) for choice in choices])
        case "boolean":
            return "true or false"
        case "integer" | "number":
            return f"size from {sized(schema.get('minimum', 0))}" if size else _bounded(schema)
        case "array":
            return f"comma-separated list of: {allowed(schema.get('items', {}))}"
        case _:
            return _text(schema)


def _listed(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def _bounded(schema: Mapping[str, Any]) -> str:
    noun = "whole number" if schema["type"] == "integer" else "number"
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    parts = [
        f" from {low:,}" if low is not None else "",
        f" above {above:,}" if above is not None else "",
        f" to {high:,}" if high is not None else "",
        f" below {below:,}" if below is not None else "",
    ]
    return noun + "".join(parts)


def sized(number: int) -> str:
    """Give a number of bytes with the largest unit that divides it."""
    for unit, power in (("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if number and number % 1024**power == 0:
            return f"{number // 1024**power}{unit}"
    return str(number)


def _text(schema: Mapping[str, Any]) -> str:
    if examples := schema.get("examples"):
        return f"text like `{examples[0]}`"
    if pattern := schema.get("pattern"):
        return f"text like `{pattern}`"
    match schema.get("format"):
        case "path" | "file-path" | "directory-path":
            return "path"
        case "uri":
            return "URL"
        case "password":
            return "secret text"
        case _:
            return "text"
