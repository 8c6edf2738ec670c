"""Heads in Blender's scene as they come from the worker."""

from __future__ import annotations

from core.engines.base import GenerateResult
from core.system.pictures import png_bytes
from tests.helpers.addon import Extension


def bring_in(extension: Extension, result: GenerateResult, name: str):
    """Put what an engine made into the scene, with its photo's camera and its fitted shape; return the splats."""
    import bpy

    load = extension.module
    outcomes, photo_cameras = load("core.engines.outcomes"), load("facelift_addon.splats.scene.photo_cameras")
    columns, geometry = load("facelift_addon.splats.data.columns"), load("facelift_addon.splats.data.geometry")
    placement = load("facelift_addon.splats.scene.placement")
    shot = outcomes.ShotOutcome.from_facts(result.shots[0].facts(), png_bytes(result.aligned))
    to_local = placement.reference_to_local(placement.DEFAULT_HEAD_HEIGHT)
    local = result.gaussians.transform(to_local)
    arrival = extension.arrivals.Arrival(
        name,
        columns.from_gaussians(local, geometry.has_float4()),
        to_local,
        local.sh_degree,
        shots=(photo_cameras.ArrivingShot(shot),),
        shape=result.shape,
    )
    return extension.arrivals.add(bpy.context.scene, arrival, bpy.context.view_layer)
