"""Which mesh sliders, recordings and exports mean: one whose shape keys have ARKit's names."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from ...core.avatar.arkit import ARKIT_NAMES
from ...core.errors import FaceLiftError
from ..interface.dropping import is_over_view
from ..interface.explaining import Explained
from . import base_objects, rigs


def face_of(active: bpy.types.Object | None) -> bpy.types.Object | None:
    """Return the mesh that the active object is, has or moves; None where there is none with expressions."""
    active = rigs.moved_by(active)
    mesh = active if active is not None and active.type == "MESH" else base_objects.mesh_of(active)
    return mesh if expressions_of(mesh) else None


def expressions_of(mesh: bpy.types.Object | None) -> Mapping[str, bpy.types.ShapeKey]:
    """Return the shape keys with ARKit's names; empty where there are none."""
    if mesh is None or mesh.type != "MESH" or mesh.data.shape_keys is None:
        return {}
    blocks = mesh.data.shape_keys.key_blocks
    return {name: blocks[name] for name in ARKIT_NAMES if name in blocks}


def required_face(active: bpy.types.Object | None) -> bpy.types.Object:
    """Return the mesh whose expressions are to be changed.

    Raises:
        FaceLiftError: there is no such mesh, its shape keys are gone or renamed ("no-expressions"), or
            it belongs to another file ("linked-mesh").
    """
    mesh = face_of(active)
    if mesh is None:
        raise FaceLiftError(
            "There is no mesh with ARKit's expressions as shape keys here: it was deleted, or its keys were applied "
            "or renamed.",
            "Select a head with a base mesh, or fit its base mesh again.",
            code="no-expressions",
        )
    required_own(mesh)
    return mesh


def required_own(mesh: bpy.types.Object) -> None:
    """See to it that a mesh and its shape keys can be changed.

    Raises:
        FaceLiftError: it belongs to another file ("linked-mesh").
    """
    if not (mesh.is_editable and mesh.data.is_editable):
        raise FaceLiftError(
            f"{mesh.name!r} belongs to another file.",
            "Make it local first: Object > Relations > Make Local.",
            code="linked-mesh",
        )


def takes_drop(context: bpy.types.Context) -> bool:
    """Whether what is dropped lands in a 3D View with a face to move."""
    return is_over_view(context) and face_of(context.active_object) is not None


class OnFace(Explained):
    """For operators that change the expressions of the active face."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A mesh with expressions must be there."""
        found = face_of(context.active_object) is not None
        return "" if found else "Select a head with a base mesh, its base mesh or its rig"
