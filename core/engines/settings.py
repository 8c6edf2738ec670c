"""Settings of engines: dataclasses that say of every field what a user may choose, and how to call it.

Interfaces are drawn from :func:`describe`; dictionaries become settings by :func:`read`, with errors a person
understands. Settings of the same name in two engines must mean the same: an interface shows them once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ..errors import SettingsError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Option:
    """One of the values of a choice.

    Attributes:
        id: The value.
        label: Its name in interfaces.
        doc: What it means, for tooltips; may be empty.
    """

    id: str
    label: str
    doc: str = ""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What an interface must know of a setting.

    Attributes:
        name: As engines and files know it.
        kind: "number", "integer", "choice", "flag" or "folder".
        default: Its value where none is chosen; None for "as the engine thinks best".
        doc: What it does, a sentence without a full stop.
        label: Its name in interfaces.
        low, high: Inclusive range of a number.
        soft_high: Where a slider ends; None for ``high``.
        unit: "mm" for focal lengths, "" for a plain number.
        options: Values of a choice.
        only_with: (name, value) of another setting without which this one counts for nothing, or None.
        expert: Only for the command line: the panel does not show it.
        place: It says where and how to run, not what comes out: no part of how a head was made.
    """

    name: str
    kind: str
    default: Any
    doc: str
    label: str = ""
    low: float = 0.0
    high: float = 0.0
    soft_high: float | None = None
    unit: str = ""
    options: tuple[Option, ...] = ()
    only_with: tuple[str, Any] | None = None
    expert: bool = False
    place: bool = False

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Return whether the setting matters beside the others' values."""
        return self.only_with is None or values.get(self.only_with[0]) == self.only_with[1]

    @property
    def meaning(self) -> tuple[Any, ...]:
        """What must be the same in all engines that have a setting of this name."""
        return self.kind, self.low, self.high, self.unit, tuple(option.id for option in self.options)


_DESCRIPTION = "setting"
"""Key of a field's metadata: its :class:`Setting`, complete but for name, kind and default."""


def number(low: float, high: float, default: float | int | None, doc: str, **more: Any) -> Any:
    """Declare a numeric field with an inclusive range; its type is the annotation's. ``more``: see :class:`Setting`."""
    return _declare("number", default, doc, low=low, high=high, **more)


def choice(options: Sequence[str | Option], default: str, doc: str, **more: Any) -> Any:
    """Declare a field with one of several values; a bare text is its own label. ``more``: see :class:`Setting`."""
    named = tuple(option if isinstance(option, Option) else Option(option, _title(option)) for option in options)
    return _declare("choice", default, doc, options=named, **more)


def flag(default: bool, doc: str, **more: Any) -> Any:
    """Declare an on/off field. ``more``: see :class:`Setting`."""
    return _declare("flag", default, doc, **more)


def folder(doc: str, **more: Any) -> Any:
    """Declare an optional folder: a path as text, or None. ``more``: see :class:`Setting`."""
    return _declare("folder", None, doc, **more)


def _declare(kind: str, default: Any, doc: str, **more: Any) -> Any:
    described = Setting("", kind, default, doc, **more)
    return dataclasses.field(default=default, metadata={_DESCRIPTION: described})


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def describe(cls: type) -> tuple[Setting, ...]:
    """Return what interfaces must know of a settings dataclass's fields, in their order.

    Raises:
        TypeError: a field was not declared by one of this module's functions.
    """
    return tuple(_describe_field(field) for field in dataclasses.fields(cls))


def _describe_field(field: dataclasses.Field[Any]) -> Setting:
    declared = field.metadata.get(_DESCRIPTION)
    if declared is None:
        raise TypeError(f"setting {field.name!r} says nothing of its values")
    named = dataclasses.replace(declared, name=field.name, label=declared.label or _title(field.name))
    if named.kind != "number" or not str(field.type).startswith("int"):
        return named
    return dataclasses.replace(named, kind="integer", low=int(named.low), high=int(named.high))


def read(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return a settings dataclass from a dictionary; missing keys take their defaults.

    Raises:
        SettingsError: an unknown key, a wrong type or a value outside its range.
    """
    known = {setting.name: setting for setting in describe(cls)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(f"Unknown setting {unknown[0]!r}.", f"Known settings: {', '.join(known)}.")
    for name, value in values.items():
        if value is not None or known[name].default is not None:
            _check(known[name], value)
    return cls(**values)


def _check(setting: Setting, value: Any) -> None:
    """Raise SettingsError where a setting can't have a value."""
    advice = ""
    if setting.kind == "choice":
        ids = [option.id for option in setting.options]
        advice = "" if value in ids else f"Choose one of {', '.join(ids)}."
    elif setting.kind == "flag":
        advice = "" if isinstance(value, bool) else "Use true or false."
    elif setting.kind == "folder":
        advice = "" if isinstance(value, str) else "Use the path of a folder."
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not setting.low <= value <= setting.high:
        advice = f"Use a number from {setting.low} to {setting.high}."
    elif setting.kind == "integer" and value != int(value):
        advice = "Use a whole number."
    if advice:
        raise SettingsError(f"Setting {setting.name!r} is {value!r}.", advice)
