"""Operators that mirror, separate, join and bring back splats."""

from __future__ import annotations

import uuid

import bpy
import numpy as np
from bpy.props import EnumProperty

from ...core.avatar.binding import baked
from ...core.editing import joining, selection, symmetry
from ...core.editing.edit import kept
from ...core.splats.parts import Part
from ..reporting import reported
from ..splats.data import baking, columns, following, geometry, heads
from ..splats.display import display
from . import adjustments, originals, storage, targets
from .choices import PARTS

SIDES = {"POSITIVE_X": 1.0, "NEGATIVE_X": -1.0}


class FACELIFT_OT_symmetrize(targets.OnSplats, bpy.types.Operator):
    """Replace one side of the head by the mirror image of the other. In Edit Mode, only selected splats take part"""

    bl_idname = "facelift.symmetrize"
    bl_label = "Symmetrize Splats"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(
        name="Direction",
        description="Which side of the object's own X axis is kept",
        items=(
            ("NEGATIVE_X", "-X to +X", "Keep the side of negative X: the left one in the front view"),
            ("POSITIVE_X", "+X to -X", "Keep the side of positive X: the right one in the front view"),
        ),
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Mirror."""
        targets.check_chosen(context)
        for target in targets.targets_of(context):
            normal = (SIDES[self.direction], 0.0, 0.0)
            gaussians = baking.stored(target)
            edit = symmetry.symmetrize(gaussians, (0, 0, 0), normal, targets.chosen(target))
            storage.apply(target, edit)
            # Mirror images lie on other places of a mesh than what they are the images of.
            following.release(target, (edit.gaussians.means != gaussians.means[edit.sources]).any(axis=1))
        return {"FINISHED"}


class FACELIFT_OT_separate_part(targets.OnSplatObjects, bpy.types.Operator):
    """Move parts of the head into objects of their own"""

    bl_idname = "facelift.separate_part"
    bl_label = "Separate by Part"
    bl_options = {"REGISTER", "UNDO"}

    part: EnumProperty(
        name="Part",
        description="What becomes an object of its own",
        items=(*PARTS, ("ALL", "Every part", "One object for each part", "MOD_EXPLODE", len(PARTS))),
        default="HAIR",
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Separate."""
        made = 0
        for target in targets.targets_of(context):
            gaussians = baking.stored(target)
            present = [part for part in Part if (gaussians.parts == part).any()]
            if self.part == "ALL":
                # The largest part stays where the recipe and the photo camera are.
                leaving = sorted(present, key=lambda part: -(gaussians.parts == part).sum())[1:]
            else:
                leaving = [part for part in present if part.name == self.part and len(present) > 1]
            for part in leaving:
                _copy_part(target, gaussians, part)
            if leaving:
                storage.apply(target, kept(gaussians, ~selection.by_part(gaussians, leaving)))
            made += len(leaving)
        if not made:
            self.report({"WARNING"}, "There is nothing to separate: no splats of that part, or no others")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{made} new objects")
        return {"FINISHED"}


def _copy_part(target: bpy.types.Object, gaussians, part: Part) -> None:
    """Add an object like another that holds only one of its parts."""
    copy = target.copy()
    copy.name = f"{target.name} {part.name.lower()}"
    copy.data = target.data.copy()
    copy.data.name = copy.name
    if heads.ID_KEY in copy:
        copy[heads.ID_KEY] = uuid.uuid4().hex
    for collection in target.users_collection:
        collection.objects.link(copy)
    storage.apply(copy, kept(gaussians, selection.by_part(gaussians, [part])))


class FACELIFT_OT_join_splats(targets.OnSplatObjects, bpy.types.Operator):
    """Join the selected splat objects into the active one, with rotations, sizes and view-dependent colors"""

    bl_idname = "facelift.join_splats"
    bl_label = "Join Splats"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Several splat objects must be selected."""
        several = len(targets.targets_of(context)) > 1
        return super().obstacle(context) or ("" if several else "Select at least two splat objects")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Join; modifiers of the others are baked in, their cameras stay."""
        active, *others = targets.targets_of(context)
        into = np.linalg.inv(np.array(active.matrix_world, np.float64))
        arriving = [
            baked(baking.evaluated(context, other)).transform(into @ np.array(other.matrix_world, np.float64))
            for other in others
        ]
        joined = joining.join([baking.stored(active), *arriving])
        # What was joined is the new original: the active object's own would bring back only a part.
        originals.forget(active.data)
        storage.replace(active, columns.from_gaussians(joined, geometry.has_float4()))
        following.release(active, np.arange(len(joined)) >= len(joined) - sum(map(len, arriving)))
        display.set_degree(active, joined.sh_degree)
        adjustments.set_degree(active, joined.sh_degree)
        for other in others:
            for child in other.children:
                world = child.matrix_world.copy()
                child.parent = None
                child.matrix_world = world
            bpy.data.objects.remove(other)
        self.report({"INFO"}, f"{len(joined):,} splats joined")
        return {"FINISHED"}


class FACELIFT_OT_reset_to_original(targets.OnSplatObjects, bpy.types.Operator):
    """Bring back all splats as they were before the first edit; place and modifiers stay"""

    bl_idname = "facelift.reset_to_original"
    bl_label = "Reset to Original"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """An original must be kept."""
        edited = any(originals.original_of(target.data) is not None for target in targets.targets_of(context))
        return super().obstacle(context) or ("" if edited else "These splats were not edited")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Reset."""
        for target in targets.targets_of(context):
            if originals.original_of(target.data) is not None:
                storage.replace(target, originals.restored(target.data))
        return {"FINISHED"}


CLASSES = (
    FACELIFT_OT_symmetrize,
    FACELIFT_OT_separate_part,
    FACELIFT_OT_join_splats,
    FACELIFT_OT_reset_to_original,
)
