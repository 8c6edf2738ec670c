"""Settings of engines: dataclasses read from plain dictionaries, with errors a person understands."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from ..errors import SettingsError

T = TypeVar("T")


def number(low: float, high: float, default: float | int | None, doc: str) -> Any:
    """Declare a numeric field with an inclusive range; its type is the annotation's."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "doc": doc})


def choice(options: tuple[str, ...], default: str, doc: str) -> Any:
    """Declare a field with one of several values."""
    return dataclasses.field(default=default, metadata={"options": options, "doc": doc})


def flag(default: bool, doc: str) -> Any:
    """Declare an on/off field."""
    return dataclasses.field(default=default, metadata={"flag": True, "doc": doc})


def folder(doc: str) -> Any:
    """Declare an optional folder: a path as text, or None."""
    return dataclasses.field(default=None, metadata={"folder": True, "doc": doc})


def describe(cls: type) -> list[dict[str, Any]]:
    """Return a settings dataclass's fields in JSON form, for interfaces in other processes.

    Returns:
        For each field ``name``, ``kind`` ("number", "integer", "choice", "flag" or "folder"), ``default``,
        ``doc``, and ``low`` and ``high`` or ``options``.

    Raises:
        TypeError: a field was not declared by one of this module's functions.
    """
    return [_describe_field(field) for field in dataclasses.fields(cls)]


def _describe_field(field: dataclasses.Field) -> dict[str, Any]:
    meta = field.metadata
    if "options" in meta:
        kind, limits = "choice", {"options": list(meta["options"])}
    elif "low" in meta:
        kind = "integer" if str(field.type).startswith("int") else "number"
        limits = {"low": meta["low"], "high": meta["high"]}
    elif meta.get("flag"):
        kind, limits = "flag", {}
    elif meta.get("folder"):
        kind, limits = "folder", {}
    else:
        raise TypeError(f"setting {field.name!r} says nothing of its values")
    return {"name": field.name, "kind": kind, "default": field.default, "doc": meta["doc"], **limits}


def read(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return a settings dataclass from a dictionary; missing keys take their defaults.

    Raises:
        SettingsError: an unknown key, a wrong type or a value outside its range.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise SettingsError(f"Unknown setting {unknown[0]!r}.", f"Known settings: {', '.join(fields)}.")
    for name, value in values.items():
        meta = fields[name].metadata
        if value is None and fields[name].default is None:
            continue
        if "options" in meta and value not in meta["options"]:
            raise SettingsError(f"Setting {name!r} is {value!r}.", f"Choose one of {', '.join(meta['options'])}.")
        if meta.get("flag") and not isinstance(value, bool):
            raise SettingsError(f"Setting {name!r} is {value!r}.", "Use true or false.")
        if meta.get("folder") and not isinstance(value, str):
            raise SettingsError(f"Setting {name!r} is {value!r}.", "Use the path of a folder.")
        if "low" in meta:
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not numeric or not meta["low"] <= value <= meta["high"]:
                raise SettingsError(
                    f"Setting {name!r} is {value!r}.", f"Use a number from {meta['low']} to {meta['high']}."
                )
            if str(fields[name].type).startswith("int") and value != int(value):
                raise SettingsError(f"Setting {name!r} is {value!r}.", "Use a whole number.")
    return cls(**values)
