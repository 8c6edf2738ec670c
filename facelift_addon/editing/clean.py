"""Operators that remove splats: floaters, parts, density."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ...core.editing import density, floaters, neighbors, selection
from ...core.editing.edit import Edit, kept
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians, concatenate
from ...core.splats.parts import Part
from ..reporting import reported
from ..splats.data import baking
from . import storage, targets
from .choices import PARTS
from .shots import silhouette_of


class FACELIFT_OT_clean_floaters(targets.OnSplats, bpy.types.Operator):
    """Delete splats that float beside the head. In Edit Mode, only selected splats are deleted"""

    bl_idname = "facelift.clean_floaters"
    bl_label = "Clean Floaters"
    bl_options = {"REGISTER", "UNDO"}

    use_lonely: BoolProperty(
        name="Far from neighbors", description="Delete splats much farther from others than usual", default=True
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="Deviations from the usual distance at which a splat counts as far; lower deletes more",
        default=4.0,
        min=0.5,
        soft_max=10.0,
    )
    use_islands: BoolProperty(
        name="Small islands", description="Delete groups of splats that touch nothing else", default=True
    )
    island_share: FloatProperty(
        name="Smallest island",
        description="Islands with a smaller share of all splats are deleted; the largest always stays",
        default=0.01,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    island_gap: FloatProperty(
        name="Gap",
        description="How wide a gap separates islands, in typical distances between splats",
        default=6.0,
        min=1.0,
        soft_max=30.0,
    )
    use_silhouette: BoolProperty(
        name="Outside the photo's silhouette",
        description="Delete splats that the photo camera sees beside the person; needs a head with its photo",
    )
    margin: IntProperty(
        name="Margin", description="Pixels of the photo by which splats may leave the silhouette", default=4, min=0
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Show the settings of the rules that are on."""
        for switch, details in (
            ("use_lonely", ("tolerance",)),
            ("use_islands", ("island_share", "island_gap")),
            ("use_silhouette", ("margin",)),
        ):
            self.layout.prop(self, switch)
            column = self.layout.column()
            column.use_property_split = True
            column.active = getattr(self, switch)
            for name in details:
                column.prop(self, name)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Find and delete."""
        targets.check_chosen(context)
        removed = [remove(target, self._found(target, baking.stored(target))) for target in targets.targets_of(context)]
        self.report({"INFO"}, f"{sum(removed):,} floaters deleted")
        return {"FINISHED"}

    def _found(self, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        found = np.zeros(len(gaussians), bool)
        if self.use_lonely:
            found |= floaters.lonely(gaussians.means, tolerance=self.tolerance)
        spacing = neighbors.typical_spacing(gaussians.means)
        if self.use_islands and spacing > 0:
            found |= floaters.small_islands(gaussians.means, self.island_gap * spacing, self.island_share)
        if self.use_silhouette:
            camera, silhouette = silhouette_of(target)
            found |= floaters.outside_silhouette(gaussians.means, camera, silhouette, self.margin)
        return found


def remove(target: bpy.types.Object, found: np.ndarray) -> int:
    """Delete the splats of a mask [N] that tools may work on; return how many.

    Raises:
        FaceLiftError: nothing would be left ("nothing-left").
    """
    gone = found & targets.chosen(target)
    if gone.all() and len(gone):
        raise FaceLiftError(
            f"Nothing of {target.name!r} would be left.", "Choose less, or delete the object.", code="nothing-left"
        )
    if gone.any():
        storage.apply(target, kept(baking.stored(target), ~gone))
    return int(gone.sum())


BALD = ". A photo shows no skull under the hair: show the base mesh under the splats (Avatar > Fit Base Mesh)"


class FACELIFT_OT_delete_part(targets.OnSplats, bpy.types.Operator):
    """Delete a part of the head, or everything else. In Edit Mode, only selected splats are deleted"""

    bl_idname = "facelift.delete_part"
    bl_label = "Delete Part"
    bl_options = {"REGISTER", "UNDO"}

    part: EnumProperty(name="Part", description="Part of the head", items=PARTS, default="CLOTHES")
    keep: BoolProperty(name="Keep Only This Part", description="Delete everything else instead")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete."""
        targets.check_chosen(context)
        removed = 0
        for target in targets.targets_of(context):
            belongs = selection.by_part(baking.stored(target), [Part[self.part]])
            removed += remove(target, ~belongs if self.keep else belongs)
        if removed or self.keep:
            bald = removed and self.part == "HAIR" and not self.keep
            self.report({"WARNING" if bald else "INFO"}, f"{removed:,} splats deleted{BALD if bald else ''}")
        else:
            self.report({"WARNING"}, f"No splats here are labelled as {self.part.lower()}: choose another part")
        return {"FINISHED"}


class FACELIFT_OT_reduce_density(targets.OnSplats, bpy.types.Operator):
    """Make do with fewer splats: big and opaque ones stay and grow to close the gaps. In Edit Mode, only among selected splats"""  # noqa: E501

    bl_idname = "facelift.reduce_density"
    bl_label = "Reduce Density"
    bl_options = {"REGISTER", "UNDO"}

    density: FloatProperty(
        name="Density",
        description="Share of splats that is kept, in every place",
        default=0.5,
        min=0.01,
        max=1.0,
        subtype="FACTOR",
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Thin out."""
        targets.check_chosen(context)
        before = after = 0
        for target in targets.targets_of(context):
            gaussians, chosen = baking.stored(target), targets.chosen(target)
            thinned = _thinned(gaussians, chosen, self.density)
            before, after = before + len(gaussians), after + len(thinned.gaussians)
            storage.apply(target, thinned)
        self.report({"INFO"}, f"{before:,} splats reduced to {after:,}")
        return {"FINISHED"}


def _thinned(gaussians: Gaussians, chosen: np.ndarray, share: float) -> Edit:
    """Thin the chosen splats out and keep the others, in the old order."""
    inside = np.flatnonzero(chosen)
    edit = density.thin(gaussians.select(inside), share, density.default_cell(gaussians.means))
    rest = np.flatnonzero(~chosen)
    sources = np.concatenate([inside[edit.sources], rest])
    order = np.argsort(sources)
    return Edit(sources[order], concatenate([edit.gaussians, gaussians.select(rest)]).select(order))


CLASSES = (FACELIFT_OT_clean_floaters, FACELIFT_OT_delete_part, FACELIFT_OT_reduce_density)
