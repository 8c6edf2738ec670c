"""A ball of hair in an even white world: where colours of hair are measured in Cycles."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

COUNT, POINTS, RADIUS = 6000, 8, 0.006
"""Curves, points of each and their radius: some nine hairs lie over each other on a ball of radius 1."""
LENGTH, SPREAD, DEPTH = 1.2, 0.25, 0.12
"""Of a curve, in radians; standard deviation of directions, in radians; thickness of the hair."""
SCALP = 0.87
"""Radius of the ball under the hair."""
INSIDE = 0.9
"""Share of the ball's radius within which colours are measured."""


def studio(size: int, samples: int):
    """Return the scene, emptied, in a white world of strength 1, with a view of the ball; Cycles, its defaults."""
    import bpy

    scene = bpy.context.scene
    for target in list(scene.objects):
        bpy.data.objects.remove(target)
    set_up(scene)
    scene.cycles.samples = samples
    scene.render.resolution_x = scene.render.resolution_y = size
    data = bpy.data.cameras.new("Camera")
    data.type, data.ortho_scale = "ORTHO", 2.0
    camera = bpy.data.objects.new("Camera", data)
    camera.location, camera.rotation_euler = (0, -5, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    return scene


def set_up(scene) -> None:
    """Light a scene by a white world of strength 1, and let Cycles render it with its defaults, cut out."""
    import bpy

    scene.render.engine, scene.cycles.use_denoising = "CYCLES", False
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("White")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)


def ball():
    """Return a ball of hair, combed down from its top, in the scene."""
    import bpy

    rng = np.random.default_rng(0)
    start = rng.normal(size=(COUNT, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    aside = np.cross(start, [0, 0, 1.0])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    turn = rng.normal(0, SPREAD, (COUNT, 1))
    along = np.cross(aside, start) * np.cos(turn) + aside * np.sin(turn)
    angle = np.linspace(0, LENGTH, POINTS)[None, :, None]
    points = start[:, None] * np.cos(angle) + along[:, None] * np.sin(angle)
    points *= rng.uniform(1 - DEPTH, 1, (COUNT, 1, 1))
    curves = bpy.data.hair_curves.new("Ball")
    curves.add_curves([POINTS] * COUNT)
    curves.attributes["position"].data.foreach_set("vector", points.astype(np.float32).ravel())
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", np.full(COUNT * POINTS, RADIUS, np.float32))
    target = bpy.data.objects.new("Ball", curves)
    bpy.context.scene.collection.objects.link(target)
    return target


def scalp():
    """Return the diffuse material of a new ball under the hair, which lets no light through."""
    import bpy

    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=SCALP)
    material = bpy.data.materials.new("Scalp")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    diffuse = tree.nodes.new("ShaderNodeBsdfDiffuse")
    tree.links.new(diffuse.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    bpy.context.object.data.materials.append(material)
    return diffuse


def principled(target, inputs: dict, parametrization: str = "MELANIN"):
    """Give a ball a new material of *Principled Hair*; return the node."""
    import bpy

    material = bpy.data.materials.new("Hair")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    hair = tree.nodes.new("ShaderNodeBsdfHairPrincipled")
    hair.model, hair.parametrization = "CHIANG", parametrization
    for name, value in inputs.items():
        hair.inputs[name].default_value = value
    tree.links.new(hair.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    target.data.materials.append(material)
    return hair


def seen(scene) -> np.ndarray:
    """Return the linear colours [N, 3] of the ball's pixels, its rim left out."""
    pixels = rendered(scene)
    size = len(pixels)
    place = (np.arange(size) + 0.5) / size * 2 - 1
    return pixels[np.hypot(*np.meshgrid(place, place)) < INSIDE][:, :3].astype(np.float64)


def rendered(scene) -> np.ndarray:
    """Return what the scene's camera sees [H, W, 4]: linear, premultiplied, the first row on top."""
    import bpy

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "render.exr"
        settings = scene.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(str(path))
        image.colorspace_settings.name = "Non-Color"
        pixels = np.empty(4 * image.size[0] * image.size[1], np.float32)
        image.pixels.foreach_get(pixels)
        pixels = pixels.reshape(image.size[1], image.size[0], 4)[::-1].copy()
        bpy.data.images.remove(image)
    return pixels
