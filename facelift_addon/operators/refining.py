"""The operators that refine splats to their photos: in the background, then one undo step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...core.engines.capture import Shot as TakenShot
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.photo.decode import decode
from ...core.photo.fine import fine_cut_out
from ...core.progress import Reporter
from ...core.refine.gradients.shapes import SHARES
from ...core.refine.refine import RefineOptions, refine_to_views
from ...core.refine.types import Refined, View
from ...core.refine.views import unmatted_view, view_of
from ..editing import storage, targets
from ..editing.shots import Shot, cameras_with_pictures, has_shots, shot_through, shots_of
from ..interface.widgets import draw_lines
from ..making import errands, shaping
from ..making.handover import Handover
from ..photo.photos import PhotoSource
from ..reporting import reported
from ..splats.data import baking, columns, heads, recipes

REFINING = "Refining to photos"
PHOTO_SHARE = 0.15
"""Of the time, to look at the photo's file again."""
OWN_PHOTOS = "OWN"


class _Made(NamedTuple):
    """Refined splats on their way to their object, which must still have as many as there were, and their photos."""

    head: str
    name: str
    count: int
    refined: Refined
    views: Sequence[View]


_handover = Handover[_Made]("The refined splats", "Refine them again.")
_choices: list[tuple[str, str, str]] = []
"""Blender wants the items of an enumeration kept."""


def _photo_choices(_operator: bpy.types.Operator, context: bpy.types.Context) -> list[tuple[str, str, str]]:
    head = targets.active_splats(context) if context is not None else None
    _choices.clear()
    if head is not None and has_shots(head):
        _choices.append((OWN_PHOTOS, "The Head's Own", "The photos that the head was made from, with their cameras"))
    for camera in cameras_with_pictures():
        _choices.append((camera.name, camera.name, "The background picture of this camera"))
    return _choices


STRENGTH = {
    "name": "Strength",
    "description": "How far to go from the look of before to that of the photos",
    "default": 1.0,
    "min": 0.0,
    "max": 1.0,
    "subtype": "FACTOR",
}


class FACELIFT_OT_refine_to_photos(targets.OnSplatObjects, bpy.types.Operator):
    """Make these splats look as their photos show them, up to the photos' own resolution; from other sides they stay as they are. Splats without photos take the picture of a camera with a background"""  # noqa: E501

    bl_idname = "facelift.refine_to_photos"
    bl_label = "Refine to Photos"
    # The undo step is that of the operator that changes the splats.
    bl_options = {"REGISTER"}

    photos: EnumProperty(
        name="Photos", description="What the splats are to look like", items=_photo_choices, options={"SKIP_SAVE"}
    )
    strength: FloatProperty(**STRENGTH)
    use_outlines: BoolProperty(
        name="Outlines", description="Change opacities so that the outline is the photo's", default=True
    )
    use_split: BoolProperty(
        name="Split", description="Split splats where the photo has more detail than they can show", default=True
    )
    use_shapes: BoolProperty(
        name="Shapes",
        description="Then move, turn and resize splats, where the background process has gsplat and an NVIDIA graphics "
        "card",
        default=True,
    )
    ask: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Splats with a photo must be active, outside Edit Mode."""
        if reason := super().obstacle(context):
            return reason
        if any(errand.title == REFINING for errand in errands.under_way()):
            return "Splats are being refined already: wait, or cancel that first"
        if has_shots(targets.active_splats(context)) or cameras_with_pictures():
            return ""
        return "These splats have no photo: give a camera the photo as its background image"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin at once with a head's own photos, else ask."""
        if self.ask or not has_shots(targets.active_splats(context)):
            return context.window_manager.invoke_props_dialog(self, confirm_text="Refine")
        return self.execute(context)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the options."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("photos", "strength", "use_outlines", "use_split", "use_shapes"):
            layout.prop(self, name)
        if self.use_shapes and (reason := shaping.obstacle()):
            draw_lines(layout, context, f"Shapes stay. {reason}", icon="INFO")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Refine; from the interface in the background."""
        head, options = targets.active_splats(context), RefineOptions(self.use_outlines, self.use_split)
        if self.options.is_invoke:
            refine_in_background(context, head, self.photos, options, self.strength, self.use_shapes)
        else:
            made = _work(context, head, self.photos, options, self.use_shapes)(Reporter())
            self.report({"INFO"}, errands.at_once(_end(made, self.strength, self.use_shapes)))
        return {"FINISHED"}

    @classmethod
    def unregister(cls) -> None:
        """The extension is switched off."""
        _handover.clear()


class FACELIFT_OT_add_refined(bpy.types.Operator):
    """Give splats the look of their photos"""

    bl_idname = "facelift.add_refined"
    bl_label = "Refine to Photos"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    strength: FloatProperty(**STRENGTH)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the slider of the panel that adjusts the last operation."""
        self.layout.prop(self, "strength")

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Change the splats."""
        made = _handover.take(self.made)
        head = heads.find(made.head, made.name)
        if head is None or not targets.is_splat_object(head):
            raise FaceLiftError("The splats are gone.", "Undo, and refine them again.", code="head-gone")
        if len(head.data.points) != made.count:
            raise FaceLiftError(
                f"The splats of {head.name!r} were edited meanwhile.", "Refine them again.", code="head-changed"
            )
        storage.apply(head, made.refined.at(self.strength))
        return {"FINISHED"}


def refine_in_background(
    context: bpy.types.Context,
    head: bpy.types.Object,
    photos: str,
    options: RefineOptions,
    strength: float,
    shapes: bool = True,
) -> None:
    """Begin to refine; the splats change when it is done.

    Args:
        context: Of the scene with the splats.
        head: A splat object.
        photos: :data:`OWN_PHOTOS`, or the name of a camera with a background picture.
        options: What may change.
        strength: How far to go, 0..1.
        shapes: Whether to do the second step, too, where it can be done.

    Raises:
        FaceLiftError: as :func:`_work`.
    """
    work = _work(context, head, photos, options, shapes)
    errands.start(REFINING, work, lambda made: _end(made, strength, shapes), belongs_to_file=True, heavy=True)


def _work(
    context: bpy.types.Context, head: bpy.types.Object, photos: str, options: RefineOptions, shapes: bool
) -> Callable[[Reporter], _Made]:
    """Read splats and photos; return what does the first step in any thread.

    Raises:
        FaceLiftError: as :func:`shot_through`; the camera is gone ("camera-gone"); the splats belong to another file.
    """
    heads.identify(head)
    rows = baking.stored_columns(head)
    files: list[TakenShot[PhotoSource] | None]
    if photos == OWN_PHOTOS:
        shots = shots_of(head)
        files = [_file_of(head, shot.number) for shot in shots]
    else:
        camera = bpy.data.objects.get(photos)
        if camera is None:
            raise FaceLiftError(f"There is no camera {photos!r}.", "Choose another.", code="camera-gone")
        shots, files = [shot_through(head, camera, context.scene)], [None]
    identifier, name, goes_on = head[heads.ID_KEY], head.name, shapes and not shaping.obstacle()

    def work(reporter: Reporter) -> _Made:
        gaussians = columns.to_gaussians(rows)
        if goes_on:
            reporter, _ = reporter.parts(*SHARES)
        looking, refining = reporter.parts(PHOTO_SHARE, 1 - PHOTO_SHARE)
        taken = zip(shots, files, looking.parts(*[1] * len(shots)), strict=True)
        views = [_view(gaussians, shot, file, part) for shot, file, part in taken]
        refined = refine_to_views(gaussians, views, options, refining)
        return _Made(identifier, name, len(gaussians), refined, options.of(views))

    return work


def _file_of(head: bpy.types.Object, number: int) -> TakenShot[PhotoSource] | None:
    """Return the file of one of a head's photos and how it was taken; None where it is gone."""
    try:
        taken = recipes.shot_of(head, number) if recipes.of(head) is not None else None
    except FaceLiftError:
        return None
    return taken if taken is not None and taken.photo is not None else None


def _view(gaussians: Gaussians, shot: Shot, file: TakenShot[PhotoSource] | None, reporter: Reporter) -> View:
    """Return a shot as the core takes it, at the resolution of its file where that has more than the head keeps."""
    rgba = np.rint(shot.rgba * 255).astype(np.uint8)
    if not shot.matted:
        return unmatted_view(gaussians, shot.camera, rgba[..., :3])
    if file is not None:
        source, options = file.photo, file.options
        try:
            rgba_fine = fine_cut_out(
                decode(source.read().result(), source.name),
                rgba,
                reporter,
                face=options.face,
                stretched=options.aligned,
                edits=file.edits,
            )
        except FaceLiftError as error:
            if error.code == "cancelled":
                raise
            rgba_fine = None
        rgba = rgba if rgba_fine is None else rgba_fine
    return view_of(shot.camera, rgba)


def _end(made: _Made, strength: float, shapes: bool) -> errands.Pieces:
    """Do the second step, and bring refined splats into the scene; return what to tell."""
    note = ""
    if shapes:
        refined, note = yield from shaping.shaped(made.refined, made.views)
        made = made._replace(refined=refined)
    return f"{_add(made, strength)}. {note}".strip()


def _add(made: _Made, strength: float) -> str:
    """Bring refined splats into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_refined, made, strength=strength)
    refined = made.refined
    added = len(refined.sources) - made.count
    more = f", {added:,} splats more" if added else ""
    return f"{made.name} matches its photos: {refined.before:.1f} dB before, {refined.after:.1f} dB now{more}"


CLASSES = (FACELIFT_OT_refine_to_photos, FACELIFT_OT_add_refined)
"""Operators of refining."""
