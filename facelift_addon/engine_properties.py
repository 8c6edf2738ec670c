"""What engines let a user choose, as Blender's properties.

Settings of the same name in several engines are one property: they mean the same, and changing the engine keeps them.
Files know a choice by its place among the options, so new options go to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.engines import registry
from ..core.engines.settings import Setting

Access = Callable[[Setting], Mapping[str, Any]]
WIDE = 10.0
"""Span of a number from which on its slider shows one decimal, and steps by one."""


def shown(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return the settings that panels show: those for everybody that have a value."""
    return tuple(each for each in settings if not each.expert and (each.default is not None or each.kind == "folder"))


def _no_access(_setting: Setting) -> Mapping[str, Any]:
    return {}


def properties_of(settings: Iterable[Setting], access: Access = _no_access) -> dict[str, Any]:
    """Return settings as annotations of a property group or operator, by name.

    Args:
        settings: What engines or photos let a user choose.
        access: Further arguments of a setting's property, such as ``get`` and ``set``.
    """
    return {setting.name: _property_of(setting, access(setting)) for setting in shown(settings)}


def values_of(choices: bpy.types.bpy_struct, settings: Iterable[Setting]) -> dict[str, Any]:
    """Return what was chosen, of the settings that count beside the others."""
    drawn = shown(settings)
    values = {setting.name: getattr(choices, setting.name) for setting in drawn}
    return {
        setting.name: (values[setting.name] or None) if setting.kind == "folder" else values[setting.name]
        for setting in drawn
        if setting.counts(values)
    }


def draw(layout: bpy.types.UILayout, choices: bpy.types.bpy_struct, settings: Iterable[Setting]) -> None:
    """Draw the settings that count."""
    for name in values_of(choices, settings):
        layout.prop(choices, name)


def engine_items() -> tuple[tuple[str, str, str], ...]:
    """Return all engines as items of a menu."""
    return tuple((engine.id, engine.label, engine.doc) for engine in registry.descriptions())


def _property_of(setting: Setting, access: Mapping[str, Any]) -> Any:
    facts: dict[str, Any] = {"name": setting.label, "description": setting.doc, **access}
    if setting.kind == "folder":
        return StringProperty(**facts, subtype="DIR_PATH")
    facts["default"] = setting.default
    if setting.kind == "flag":
        return BoolProperty(**facts)
    if setting.kind == "choice":
        return EnumProperty(**facts, items=tuple((each.id, each.label, each.doc) for each in setting.options))
    facts |= {"min": setting.low, "max": setting.high}
    if setting.soft_high is not None:
        facts["soft_max"] = setting.soft_high
    if setting.kind == "integer":
        return IntProperty(**facts)
    if setting.unit == "mm":
        facts["unit"] = "CAMERA"
    wide = setting.high - setting.low > WIDE
    return FloatProperty(**facts, precision=1 if wide else 3, step=100 if wide else 1)


def with_properties(name: str, settings: Iterable[Setting], access: Access = _no_access) -> type:
    """Return a mix-in that gives a property group or an operator these settings; see :func:`properties_of`."""
    return type(name, (), {"__annotations__": properties_of(settings, access), "__module__": __name__})
