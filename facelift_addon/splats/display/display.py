"""The display modifier of a splat object: quads for the camera, coloured elements elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..data import geometry
from . import native
from .ewa import ewa_group
from .material import lit_material, point_material, splat_material
from .modifier_inputs import DISPLAY, ModifierInputs, find_modifier
from .native import Way
from .native_nodes import EXACT, is_native_group, native_group
from .nodes import Builder, shared_group
from .points import points_group
from .projection import ellipse_group, projection_group
from .radiance import color_group
from .stand_in import drawing_socket, stand_in_group
from .viewing import camera_group

VERSION = 5

MODIFIER_NAME = DISPLAY
PHOTO_COLORS = "Photo Colors"
LIT = "Lit"
CAMERA_IN_VIEWPORT = "Camera in Viewport"


def display_group(degree: int) -> bpy.types.NodeTree:
    """Return the modifier's node group for splats with spherical harmonics of a degree."""
    return shared_group(
        f"{MODIFIER_NAME} {degree}",
        VERSION,
        (("Geometry", "Geometry"), (PHOTO_COLORS, "Bool"), (CAMERA_IN_VIEWPORT, "Bool"), (LIT, "Bool")),
        (("Geometry", "Geometry"),),
        lambda builder, sockets: _display(builder, sockets, degree),
    )


def _display(builder: Builder, sockets, degree: int) -> dict:
    common = {"Geometry": sockets["Geometry"], PHOTO_COLORS: sockets[PHOTO_COLORS]}
    material = builder.switch("MATERIAL", sockets[LIT], splat_material(), lit_material())
    quads = builder.group(ewa_group(degree), common | {"Material": material})["Geometry"]
    points = builder.group(points_group(), common | {"Material": point_material()})["Geometry"]
    stand_in = builder.group(stand_in_group(), {"Geometry": sockets["Geometry"]})["Geometry"]
    shown = builder.switch("GEOMETRY", drawing_socket(builder), points, stand_in)
    viewport = builder.node("GeometryNodeIsViewport").outputs["Is Viewport"]
    navigated = builder.logic("AND", viewport, builder.logic("NOT", sockets[CAMERA_IN_VIEWPORT]))
    return {"Geometry": builder.switch("GEOMETRY", navigated, quads, shown)}


def group_of(way: Way, degree: int) -> bpy.types.NodeTree:
    """Return the node group of a display."""
    quads = display_group(degree)
    return native_group(degree, quads) if way is Way.NATIVE else quads


def preparations(degree: int) -> tuple[Callable[[], object], ...]:
    """Return the steps that build everything :func:`add_display` needs, each short.

    Building all groups takes a tenth of a second the first time in a file; done step by
    step while a job runs, nobody waits for it.
    """
    return (
        splat_material,
        lit_material,
        point_material,
        camera_group,
        ellipse_group,
        projection_group,
        lambda: color_group(0),
        lambda: color_group(degree),
        points_group,
        stand_in_group,
        lambda: ewa_group(degree),
        lambda: display_group(degree),
        lambda: group_of(native.default_way(), degree),
    )


def add_display(target: bpy.types.Object, degree: int, way: Way | None = None) -> bpy.types.Modifier:
    """Give an object the display modifier; of the way of new heads if none is said."""
    modifier = target.modifiers.new(MODIFIER_NAME, "NODES")
    _set_way(target, modifier, degree, way or native.default_way())
    return modifier


def set_degree(target: bpy.types.Object, degree: int) -> None:
    """Fit an object's display to new splats; add it where it is missing."""
    modifier = find_display(target)
    if modifier is None:
        add_display(target, degree)
    else:
        _set_way(target, modifier, degree, way_of(target))


def way_of(target: bpy.types.Object) -> Way:
    """Return how an object's splats are displayed."""
    modifier = find_display(target)
    if modifier is None:
        return Way.NATIVE if native.is_native(target.data) else Way.POINTS
    return Way.NATIVE if native.is_available() and is_native_group(modifier.node_group) else Way.QUADS


def renders_quads(target: bpy.types.Object) -> bool:
    """Whether renders show an object's splats as our quads, with what these need of a renderer."""
    way = way_of(target)
    return way is Way.QUADS or (way is Way.NATIVE and get_option(target, EXACT))


def make_native(target: bpy.types.Object) -> None:
    """Let Blender itself show an object's splats from now on; its options stay (5.3+)."""
    modifier = find_display(target)
    degree = geometry.degree_of(target.data)
    if modifier is None:
        add_display(target, degree, Way.NATIVE)
    else:
        _set_way(target, modifier, degree, Way.NATIVE)


def _set_way(target: bpy.types.Object, modifier: bpy.types.Modifier, degree: int, way: Way) -> None:
    # Inputs keep their places, and so their values: a way only adds some at the end.
    modifier.node_group = group_of(way, degree)
    native.mark(target.data, way)


def find_display(target: bpy.types.Object) -> bpy.types.Modifier | None:
    """Return an object's display modifier, whatever its name is by now."""
    return find_modifier(target, MODIFIER_NAME)


def set_option(target: bpy.types.Object, option: str, value: bool) -> None:
    """Switch an option of an object: one of :data:`PHOTO_COLORS`, :data:`LIT`, :data:`CAMERA_IN_VIEWPORT`.

    :data:`EXACT` is one of native displays only; others are exact.
    """
    modifier, way = find_display(target), way_of(target)
    if modifier is None:
        if not value or way is not Way.NATIVE or not target.is_editable:
            return
        # Of Blender's own importers, and until now as they left it.
        modifier = add_display(target, geometry.degree_of(target.data))
    if option not in ModifierInputs(modifier) and (option != EXACT or way is Way.NATIVE):
        # The file is older than the option.
        _set_way(target, modifier, geometry.degree_of(target.data), way)
    inputs = ModifierInputs(modifier)
    if option in inputs and inputs[option] != value:
        inputs[option] = value


def get_option(target: bpy.types.Object, option: str) -> bool:
    """Return the state of an option that :func:`set_option` takes; off without a modifier."""
    modifier = find_display(target)
    if modifier is None:
        return False
    inputs = ModifierInputs(modifier)
    return option in inputs and bool(inputs[option])
