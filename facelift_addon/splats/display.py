"""The display modifier of a splat object: quads for the camera, coloured elements elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from . import native
from .ewa import ewa_group
from .material import lit_material, point_material, splat_material
from .modifier_inputs import DISPLAY, ModifierInputs, find_modifier
from .nodes import NAME_KEY, Builder, shared_group
from .points import points_group
from .projection import ellipse_group, projection_group
from .radiance import color_group
from .stand_in import drawing_socket, stand_in_group
from .viewing import camera_group

VERSION = 4

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
    )


def add_display(target: bpy.types.Object, degree: int) -> bpy.types.Modifier | None:
    """Give an object the display modifier; none where Blender draws splats itself (5.3+)."""
    if native.mark(target.data):
        return None
    modifier = target.modifiers.new(MODIFIER_NAME, "NODES")
    modifier.node_group = display_group(degree)
    return modifier


def set_degree(target: bpy.types.Object, degree: int) -> None:
    """Fit an object's display to new splats; add it where it is missing."""
    modifier = find_display(target)
    if modifier is None:
        add_display(target, degree)
    else:
        modifier.node_group = display_group(degree)


def find_display(target: bpy.types.Object) -> bpy.types.Modifier | None:
    """Return an object's display modifier, whatever its name is by now."""
    return find_modifier(target, MODIFIER_NAME)


def set_option(target: bpy.types.Object, option: str, value: bool) -> None:
    """Switch :data:`PHOTO_COLORS`, :data:`LIT` or :data:`CAMERA_IN_VIEWPORT` of an object."""
    modifier = find_display(target)
    if modifier is None:
        return
    if option not in ModifierInputs(modifier):
        # The file is older than the option. Inputs keep their places, and so their values.
        modifier.node_group = display_group(int(modifier.node_group[NAME_KEY].removeprefix(MODIFIER_NAME)))
    ModifierInputs(modifier)[option] = value


def get_option(target: bpy.types.Object, option: str) -> bool:
    """Return the state of an option that :func:`set_option` takes; off without a modifier."""
    modifier = find_display(target)
    if modifier is None:
        return False
    inputs = ModifierInputs(modifier)
    return option in inputs and bool(inputs[option])
