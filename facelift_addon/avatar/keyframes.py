"""Animation written and read as a whole: thousands of keyframes at once.

Actions have layers, slots and channel bags since Blender 4.4; an action of ours has one layer
with one strip, and a slot for each datablock that it animates.
"""

from __future__ import annotations

import bpy
import numpy as np

LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value


def curves_of(target: bpy.types.ID) -> dict[tuple[str, int], bpy.types.FCurve]:
    """Return the curves that animate a datablock, by path and index; those of its action alone."""
    data = target.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return {}
    strips = [strip for layer in data.action.layers for strip in layer.strips]
    bags = [bag for strip in strips if (bag := strip.channelbag(data.action_slot)) is not None]
    return {(curve.data_path, curve.array_index): curve for bag in bags for curve in bag.fcurves}


class Animation:
    """A new action on its way: datablocks are given their part of it, then curves are written."""

    def __init__(self, name: str) -> None:
        self.action = bpy.data.actions.new(name)
        self._strip = self.action.layers.new(name).strips.new(type="KEYFRAME")

    def animate(self, target: bpy.types.ID) -> Curves:
        """Let the action animate a datablock. An action that it had stays in the file."""
        data = target.animation_data or target.animation_data_create()
        if data.action is not None:
            data.action.use_fake_user = True
        slot = self.action.slots.new(id_type=target.id_type, name=target.name)
        data.action = self.action
        data.action_slot = slot
        return Curves(self._strip.channelbag(slot, ensure=True))


class Curves:
    """The curves of one datablock in an action."""

    def __init__(self, bag: bpy.types.ActionChannelbag) -> None:
        self._bag = bag

    def write(self, path: str, index: int, frames: np.ndarray, values: np.ndarray, group: str) -> None:
        """Write a curve of straight pieces.

        Args:
            path: Of the property, from the datablock.
            index: Of the component; 0 for single numbers.
            frames: [T] ascending, whole or not.
            values: [T]; if they are all equal, one keyframe holds them.
            group: Under which the curve is listed.
        """
        if np.ptp(values) == 0:
            frames, values = frames[:1], values[:1]
        curve = self._bag.fcurves.new(path, index=index)
        curve.group = self._bag.groups.get(group) or self._bag.groups.new(group)
        points = curve.keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
        points.foreach_set("interpolation", np.full(len(frames), LINEAR, np.int32))
        curve.update()
