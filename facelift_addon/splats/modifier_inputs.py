"""Inputs of a Geometry Nodes modifier by name: custom properties up to Blender 5.1, RNA properties since 5.2."""

from __future__ import annotations

from typing import Any

import bpy


class ModifierInputs:
    """Reads, writes and draws the inputs of a modifier by the names of its node group."""

    def __init__(self, modifier: bpy.types.Modifier) -> None:
        self._modifier = modifier
        self._identifiers = {
            item.name: item.identifier
            for item in modifier.node_group.interface.items_tree
            if item.item_type == "SOCKET" and item.in_out == "INPUT"
        }

    def place(self, name: str) -> tuple[Any, str]:
        """Return the owner of an input and its path there, for drawing, keyframes and drivers."""
        identifier = self._identifiers[name]
        if hasattr(self._modifier, "properties"):
            return getattr(self._modifier.properties.inputs, identifier), "value"
        return self._modifier, f'["{identifier}"]'

    def __contains__(self, name: str) -> bool:
        return name in self._identifiers

    def __getitem__(self, name: str) -> Any:
        owner, path = self.place(name)
        return owner.path_resolve(path)

    def __setitem__(self, name: str, value: Any) -> None:
        identifier = self._identifiers[name]
        if hasattr(self._modifier, "properties"):
            getattr(self._modifier.properties.inputs, identifier).value = value
        else:
            self._modifier[identifier] = value
        self._modifier.id_data.update_tag()
