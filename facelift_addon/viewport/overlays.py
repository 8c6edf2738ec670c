"""Centres and rings of splats over 3D Views: the settings, the draw handler, the panel's part."""

from __future__ import annotations

import traceback

import bpy
import numpy as np
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty

from ...core.splats import attributes as names
from ...core.viewing import texels
from ..listening import listen, stop_listening
from ..splats.data import geometry
from ..splats.data.columns import KINDS
from ..splats.display.stand_in import CENTER
from ..view_layers import objects_of
from .clouds import SELECTION
from .marks import Load, Look, Marks

PLAIN = (0.35, 0.75, 1.0)
"""Colour of marks that are not selected: no skin, no hair and none of Blender's."""
SMALLEST_DETERMINANT = 1e-30


def _redraw(_settings: OverlaySettings | None, context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class OverlaySettings(bpy.types.PropertyGroup):
    """What a scene shows over its splats."""

    show_centers: BoolProperty(name="Centers", description="Show the center of each splat as a point", update=_redraw)
    show_rings: BoolProperty(
        name="Rings", description="Show each splat as an ellipse, one standard deviation around", update=_redraw
    )
    of: EnumProperty(
        name="Of",
        description="Which splats are marked",
        items=(
            ("ALL", "All", "Of every head in the view"),
            ("SELECTED", "Selected", "In Edit Mode of the selected splats, otherwise of the selected heads"),
        ),
        update=_redraw,
    )
    size: FloatProperty(
        name="Point Size", description="Of the centers", default=2.0, min=1.0, max=20.0, subtype="PIXEL", update=_redraw
    )


class Overlays:
    """What is kept between two redraws."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._load: tuple[tuple, Load] | None = None
        self._marks: Marks | None = None
        self._handle = None
        self._failed = False

    def start(self) -> None:
        """Draw from now on, where it is switched on."""
        self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")

    def stop(self) -> None:
        """Draw no more, and free everything."""
        if self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
        self.clear()
        self._marks = None

    def clear(self) -> None:
        """Read everything again before it is drawn next."""
        self._rows.clear()
        self._load = None

    def forget(self, uid: int) -> None:
        """Read one object again before it is drawn next."""
        self._rows.pop(uid, None)

    def _draw(self) -> None:
        context = bpy.context
        settings = context.scene.facelift_overlays
        wanted = (settings.show_centers or settings.show_rings) and context.space_data.overlay.show_overlays
        if not wanted or self._failed:
            return
        try:
            self._draw_view(context, settings)
        except Exception:
            # What a graphics driver dislikes, it would dislike sixty times a second.
            traceback.print_exc()
            self._failed = True

    def _draw_view(self, context: bpy.types.Context, settings: OverlaySettings) -> None:
        graph, space = context.evaluated_depsgraph_get(), context.space_data
        shown = []
        for target in objects_of(context.view_layer):
            if target.type == "POINTCLOUD" and target.visible_in_viewport_get(space):
                rows, selected = self._read(target, graph)
                matrix = np.array(target.evaluated_get(graph).matrix_world, np.float64)
                if len(rows) and abs(np.linalg.det(matrix[:3, :3])) > SMALLEST_DETERMINANT:
                    shown.append((target, rows, selected, matrix))
        if not shown:
            return
        if self._marks is None:
            self._marks = Marks()
        view = np.array(context.region_data.view_matrix, np.float64)
        theme = context.preferences.themes[0].view_3d
        look = Look(settings.show_rings, settings.show_centers, settings.size, PLAIN, theme.vertex_select)
        self._marks.draw(
            self._loaded(shown, settings.of),
            np.stack([view @ matrix for *_, matrix in shown]),
            np.array(context.region_data.window_matrix, np.float64),
            look,
        )

    def _read(self, target: bpy.types.Object, graph: bpy.types.Depsgraph) -> tuple[np.ndarray, np.ndarray]:
        """Return an object's texels [N, 16], and its splats that are selected [N]; read only when they changed."""
        key = target.session_uid
        if key not in self._rows:
            self._rows[key] = read(target, graph)
        return self._rows[key]

    def _loaded(self, shown: list, of: str) -> Load:
        """Return the objects on the graphics card; loaded again when another set or selection is shown."""
        state = tuple((id(rows), target.select_get(), target.mode) for target, rows, *_ in shown), of
        if self._load is None or self._load[0] != state:
            marked = [_marked(target, selected, of) for target, _, selected, _ in shown]
            self._load = state, Load([rows for _, rows, *_ in shown], marked)
        return self._load[1]


def _marked(target: bpy.types.Object, selected: np.ndarray, of: str) -> np.ndarray:
    if of == "ALL":
        return np.ones(len(selected), bool)
    return selected if target.mode == "EDIT" else np.full(len(selected), target.select_get())


def read(target: bpy.types.Object, graph: bpy.types.Depsgraph) -> tuple[np.ndarray, np.ndarray]:
    """Read what an object's modifiers leave of its splats, or its own where these leave something else.

    Returns:
        [N, 16] of :func:`core.viewing.texels.splat_texels`, and [N] bool: selected in Edit Mode.
        Nothing where there are no splats.
    """
    cloud = target.evaluated_get(graph).data
    if not isinstance(cloud, bpy.types.PointCloud) or not geometry.is_splats(cloud):
        cloud = target.data
    if not geometry.is_splats(cloud):
        return np.zeros((0, 16), np.float32), np.zeros(0, bool)
    attributes = cloud.attributes
    place = CENTER if CENTER in attributes else names.POSITION
    means, scales, rotations, base = (_values(attributes[name]) for name in (place, *geometry.REQUIRED))
    selected = np.zeros(len(means), bool)
    if target.mode == "EDIT":
        selected = _values(attributes[SELECTION]) if SELECTION in attributes else ~selected
    return texels.splat_texels(means, scales, rotations, base, selected), selected


def _values(attribute: bpy.types.Attribute) -> np.ndarray:
    kind = KINDS[attribute.data_type]
    values = np.empty(len(attribute.data) * kind.width, kind.dtype)
    attribute.data.foreach_get(kind.field, values)
    return values if kind.width == 1 else values.reshape(-1, kind.width)


overlays = Overlays()
"""The one of this Blender."""


@persistent
def _on_update(_scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    for update in graph.updates:
        if isinstance(update.id, bpy.types.Object) and update.is_updated_geometry:
            overlays.forget(update.id.original.session_uid)


@persistent
def _on_replaced(*_arguments) -> None:
    overlays.clear()


HANDLERS = (
    (bpy.app.handlers.depsgraph_update_post, _on_update),
    (bpy.app.handlers.frame_change_post, _on_update),
    (bpy.app.handlers.undo_post, _on_replaced),
    (bpy.app.handlers.redo_post, _on_replaced),
    (bpy.app.handlers.load_post, _on_replaced),
)


def draw_settings(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the switches, for panels."""
    settings = context.scene.facelift_overlays
    row = layout.row(align=True)
    row.prop(settings, "show_centers", toggle=True, icon="STICKY_UVS_DISABLE")
    row.prop(settings, "show_rings", toggle=True, icon="MESH_CIRCLE")
    if settings.show_centers or settings.show_rings:
        layout.row().prop(settings, "of", expand=True)
    if settings.show_centers:
        layout.prop(settings, "size")


def register() -> None:
    """Attach the settings to scenes, and draw."""
    bpy.utils.register_class(OverlaySettings)
    bpy.types.Scene.facelift_overlays = PointerProperty(type=OverlaySettings)
    listen(HANDLERS)
    if not bpy.app.background:
        overlays.start()


def unregister() -> None:
    """Leave 3D Views as they were."""
    overlays.stop()
    stop_listening(HANDLERS)
    del bpy.types.Scene.facelift_overlays
    bpy.utils.unregister_class(OverlaySettings)
