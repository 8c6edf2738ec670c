"""Our Geometry Nodes modifiers: found in a stack, put in their order, and their inputs by name."""

from __future__ import annotations

from typing import Any

import bpy

from ... import compat
from .nodes import NAME_KEY

ADJUSTMENTS, BINDING, DISPLAY = ORDER = ("FaceLift Adjustments", "FaceLift Bind to Mesh", "FaceLift Display")
"""Our modifiers by the names of their node groups, in the order of the stack. What is cropped and thinned
is told at rest: splats must not come and go while a bound head moves."""


def find_modifier(target: bpy.types.Object, group: str) -> bpy.types.Modifier | None:
    """Return the modifier whose node group's own name begins with ``group``, whatever its name is by now."""
    for modifier in target.modifiers:
        if modifier.type == "NODES" and modifier.node_group is not None:
            if str(modifier.node_group.get(NAME_KEY, "")).startswith(group):
                return modifier
    return None


def put_in_order(target: bpy.types.Object, group: str) -> None:
    """Move an object's last modifier, which has one of our groups, before those that follow it in :data:`ORDER`.

    Before Blender 5.2 this leaves earlier references to modifiers behind.
    """
    following = (find_modifier(target, other) for other in ORDER[ORDER.index(group) + 1 :])
    places = [list(target.modifiers).index(modifier) for modifier in following if modifier is not None]
    if places:
        target.modifiers.move(len(target.modifiers) - 1, min(places))


class ModifierInputs:
    """Reads, writes and draws the inputs of a modifier by the names of its node group.

    They are custom properties up to Blender 5.1, RNA properties since 5.2.
    """

    def __init__(self, modifier: bpy.types.Modifier) -> None:
        self._modifier = modifier
        self._identifiers = {
            item.name: item.identifier
            for item in modifier.node_group.interface.items_tree
            if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.socket_type != "NodeSocketGeometry"
        }

    def place(self, name: str) -> tuple[Any, str]:
        """Return the owner of an input and its path there, for drawing, keyframes and drivers."""
        identifier = self._identifiers[name]
        if compat.keeps_modifier_inputs_in_properties_5_2(self._modifier):
            return getattr(self._modifier.properties.inputs, identifier), "value"
        return self._modifier, f'["{identifier}"]'

    def __contains__(self, name: str) -> bool:
        return name in self._identifiers

    def __getitem__(self, name: str) -> Any:
        owner, path = self.place(name)
        return owner.path_resolve(path)

    def __setitem__(self, name: str, value: Any) -> None:
        identifier = self._identifiers[name]
        if compat.keeps_modifier_inputs_in_properties_5_2(self._modifier):
            getattr(self._modifier.properties.inputs, identifier).value = value
        else:
            self._modifier[identifier] = value
        self._modifier.id_data.update_tag()

    def take_attribute(self, name: str, attribute: str) -> None:
        """Let an input be a field: an attribute of that name."""
        identifier = self._identifiers[name]
        if compat.keeps_modifier_inputs_in_properties_5_2(self._modifier):
            given = getattr(self._modifier.properties.inputs, identifier)
            given.type, given.attribute_name = "ATTRIBUTE", attribute
        else:
            self._modifier[f"{identifier}_use_attribute"] = True
            self._modifier[f"{identifier}_attribute_name"] = attribute
        self._modifier.id_data.update_tag()
