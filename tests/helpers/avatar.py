"""Base meshes for tests: fitted once, shared by all."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.avatar.base_mesh import BaseMesh
from core.avatar.binding import bind
from core.gaussians import Gaussians
from tests.helpers.draft import astronaut_head

FEW = 20_000


@lru_cache(maxsize=1)
def astronaut_base() -> BaseMesh:
    """The astronaut's base mesh, in the engine frame: that of ``astronaut_head()[0].gaussians``."""
    return BaseMesh.from_shape(astronaut_head()[0].shape)


def splats_of_astronaut(few: bool = True):
    """The astronaut's splats in metres, thinned out or all; and the way there from the engine's frame."""
    to_local = np.diag([0.18, 0.18, 0.18, 1.0])
    to_local[:3, 3] = 0.0, -0.02, 0.16
    gaussians = astronaut_head()[0].gaussians
    count = FEW if few else len(gaussians)
    chosen = gaussians.select(np.linspace(0, len(gaussians) - 1, count).astype(int))
    # Fewer ones are larger, so that no gaps open between them.
    chosen = chosen.replace(scales=chosen.scales * np.sqrt(len(gaussians) / count))
    return chosen.transform(to_local), to_local


def add_head_with_mesh(extension, few: bool = True):
    """Put the astronaut's splats and her base mesh, at rest, into the scene; the mesh is the active object."""
    import bpy

    from tests.helpers.addon import add_splats

    gaussians, to_local = splats_of_astronaut(few)
    head = add_splats(extension, gaussians, "astronaut")
    mesh = extension.module("facelift_addon.avatar.base_objects").give(
        head, extension_base(extension).transformed(to_local), neutral=True
    )
    head.select_set(False)
    mesh.select_set(True)
    bpy.context.view_layer.objects.active = mesh
    return head, mesh


def extension_base(extension):
    """Return the astronaut's base mesh as the installed copy's own value."""
    base = astronaut_base()
    own = extension.module("core.avatar.base_mesh").BaseMesh
    return own(base.model, base.neutral, base.expressions, base.expression, base.pose)


@lru_cache(maxsize=1)
def bound_astronaut() -> Gaussians:
    """The astronaut's splats, bound to that mesh; those of the inner mouth behind them."""
    return bind(astronaut_head()[0].gaussians, astronaut_base())


def turn_bone(rig, name, turn):
    """Turn a bone about its head by axis times angle in the armature's space."""
    from mathutils import Quaternion, Vector

    bone = rig.pose.bones[name]
    rest = rig.data.bones[name].matrix_local.to_3x3()
    vector = Vector(turn)
    local = rest.inverted() @ vector
    bone.rotation_mode = "QUATERNION"
    bone.rotation_quaternion = Quaternion(local.normalized(), vector.length)
