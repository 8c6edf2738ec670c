"""A head whose hair became curves by the product's own buttons, and pictures of it by Cycles in an even white world."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from core.colors import to_encoded
from core.engines.base import GenerateResult
from core.head.model import Region, load_head_model
from core.rasterize.cpu import render
from tests.helpers import hair_ball
from tests.helpers.addon import Extension
from tests.helpers.made_head import bring_in

DENSE = 0.5
"""Density from which hair must cover the scalp."""
MARKS = {"hair": (1, 0, 0), "scalp": (0, 1, 0), "rest": (0, 0, 1)}
"""Colours that tell what a pixel shows."""
SURROUND = 2.2
"""Metres between the head's middle and the cameras around it, in head heights of a quarter metre."""


class GroomedHead:
    """A head in Blender's scene with its hair as curves.

    Attributes:
        seconds: What the operator took, processor time.
        hairs: How many curves are rendered.
        guides: How many there are to comb.
    """

    def __init__(self, extension: Extension, result: GenerateResult, name: str) -> None:
        import bpy

        bpy.ops.wm.read_homefile(use_empty=True)
        self._extension, self.result = extension, result
        self.head = bring_in(extension, result, name)
        bpy.context.view_layer.objects.active = self.head
        start = time.process_time()
        bpy.ops.facelift.hair_to_curves()
        self.seconds = time.process_time() - start
        self.mesh = extension.module("facelift_addon.avatar.base_objects").find(self.head)
        self.tufts = extension.module("facelift_addon.groom.hairs").of(self.mesh)
        self.hair = next(target for growth, target in self.tufts.items() if growth.value == "Hair")
        self.guides = len(self.hair.data.curves)
        self.hairs = self._count()
        self.scene = _studio()

    def _count(self) -> int:
        """Return how many hairs are rendered."""
        import bpy

        inputs = self._extension.module("facelift_addon.splats.display.modifier_inputs").ModifierInputs
        for modifier in self.hair.modifiers:
            modifier.show_viewport = modifier.show_render
            if "Viewport Amount" in inputs(modifier):
                inputs(modifier)["Viewport Amount"] = 1.0
        return len(self.hair.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.curves)

    def photo_camera(self):
        """Return the camera of the photo."""
        return self._extension.heads.photo_camera_of(self.head)

    def camera_around(self, azimuth: float):
        """Return a camera that sees the whole head from a direction, in degrees to the viewer's right."""
        import bpy
        from mathutils import Vector

        corners = np.array([self.hair.matrix_world @ Vector(corner) for corner in self.hair.bound_box])
        middle = corners.mean(0)
        data = bpy.data.cameras.new("Around")
        target = bpy.data.objects.new("Around", data)
        angle = np.radians(azimuth - 90)
        away = np.array([np.cos(angle), np.sin(angle), 0.05])
        target.location = middle + SURROUND * away
        target.rotation_euler = Vector((-away).tolist()).to_track_quat("-Z", "Y").to_euler()
        data.lens_unit, data.angle, data.clip_start = "FOV", np.radians(11), 0.01
        self.scene.collection.objects.link(target)
        return target

    def picture(self, camera, size: int, samples: int) -> np.ndarray:
        """Return what a camera sees [size, size, 4]: linear, premultiplied, without the renderer's noise."""
        self.scene.cycles.use_denoising = True
        return self._rendered(camera, size, samples)

    def _rendered(self, camera, size: int, samples: int) -> np.ndarray:
        self.scene.camera = camera
        self.scene.render.resolution_x = self.scene.render.resolution_y = size
        self.scene.cycles.samples = samples
        return hair_ball.rendered(self.scene)

    def shares(self, camera, size: int, samples: int = 8) -> dict[str, np.ndarray]:
        """Return how much of each pixel [size, size] shows hair, scalp under dense hair, and the rest of the mesh."""
        with self._marked():
            self.scene.cycles.use_denoising = False
            picture = self._rendered(camera, size, samples)
        return {name: picture[..., channel] for channel, name in enumerate(MARKS)}

    @contextmanager
    def _marked(self) -> Iterator[None]:
        """Show hair and mesh in :data:`MARKS` alone."""
        model = load_head_model()
        names = self._extension.module("facelift_addon.groom.names")
        density = np.zeros(len(self.mesh.data.vertices), np.float32)
        growth = next(growth for growth, target in self.tufts.items() if target == self.hair)
        self.mesh.data.attributes[names.density_of(growth)].data.foreach_get("value", density)
        scalp = (density > DENSE) & model.in_regions(Region.SCALP)
        colors = np.where(scalp[:, None], MARKS["scalp"], MARKS["rest"])
        attribute = self.mesh.data.attributes.new("mark", "FLOAT_VECTOR", "POINT")
        attribute.data.foreach_set("vector", colors.astype(np.float32).ravel())
        before = {}
        others = [target for target in self.tufts.values() if target != self.hair]
        for target, color in ((self.hair, MARKS["hair"]), *((other, MARKS["rest"]) for other in others)):
            before[target] = list(target.data.materials)
            target.data.materials.clear()
            target.data.materials.append(_emission(color))
        before[self.mesh] = list(self.mesh.data.materials)
        for slot in range(len(self.mesh.data.materials)):
            self.mesh.data.materials[slot] = _emission("mark")
        try:
            yield
        finally:
            for target, materials in before.items():
                for slot, material in enumerate(materials):
                    if slot < len(target.data.materials):
                        target.data.materials[slot] = material
                    else:
                        target.data.materials.append(material)
            self.mesh.data.attributes.remove(self.mesh.data.attributes["mark"])

    def splats(self, size: int) -> np.ndarray:
        """Return the splats through the photo's camera [size, size, 3], 0..1, before white."""
        return render(self.result.gaussians, self.result.photo_camera.resized(size)).image


def encoded(picture: np.ndarray) -> np.ndarray:
    """Return a premultiplied linear picture [H, W, 4] before white, sRGB-encoded [H, W, 3], 0..1."""
    return np.clip(to_encoded(picture[..., :3].astype(np.float64) + 1 - picture[..., 3:]), 0, 1)


def _studio():
    """Return the scene, set up for Cycles in an even white world."""
    import bpy

    scene = bpy.context.scene
    hair_ball.set_up(scene)
    return scene


def _emission(color):
    """Return a material that emits a colour, or a mesh's attribute."""
    import bpy

    material = bpy.data.materials.new("Mark")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    emission = tree.nodes.new("ShaderNodeEmission")
    if isinstance(color, str):
        attribute = tree.nodes.new("ShaderNodeAttribute")
        attribute.attribute_name = color
        tree.links.new(attribute.outputs["Vector"], emission.inputs["Color"])
    else:
        emission.inputs["Color"].default_value = (*color, 1)
    tree.links.new(emission.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material
