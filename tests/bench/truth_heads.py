"""Heads whose every side is known, of our own making.

``python -m tests.bench.truth_heads full FOLDER [NAME...]`` makes them.

The CC0 head model with a random identity, an expression, skin, eyes, brows and hair as strands,
photographed by Blender's Cycles through a lens, and from all around. Folders have the form of
:mod:`.novel_views`; files named side* are further photos. Runs in a process of its own: Blender's scene
is one a process.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.cameras import Camera
from core.head.model import HeadModel, Region, load_head_model
from tests.bench import strands

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "truth-heads"
UNITS_PER_METRE = 5.5
"""The truth's world is as large as the engines' is."""
VIEW_FOV = 28.0
"""Degrees of the true views."""
HALF_WIDTH = 1.26
"""World units that true views show to each side of the origin."""
LIDS = {-1: (159, 145), 1: (386, 374)}
"""Landmarks in the middle of the upper and the lower lid, by the side of x."""
PHOTO_MARGIN = 1.3
"""How much more than that the photo shows."""


@dataclass(frozen=True)
class Sitting:
    """How thoroughly heads are photographed.

    Attributes:
        views: Azimuth, counted from the front to the viewer's right, and elevation of the true views, in degrees.
        view_size: Of the true views in pixels.
        view_samples: Of Cycles, a pixel: its noise must stay below the heads' errors.
        photo_size, photo_samples: The same of the input photo.
        sides: Azimuths of further photos, ``side_*.png``, with the photo's lens and light.
    """

    views: tuple[tuple[int, int], ...]
    view_size: int
    view_samples: int
    photo_size: int
    photo_samples: int
    sides: tuple[int, ...] = ()


SITTINGS = {
    "full": Sitting(
        ((0, 0), (45, 0), (90, 0), (135, 0), (180, 0), (225, 0), (270, 0), (315, 0), (20, 12), (340, -12), (150, 30)),
        *(384, 12),
        *(640, 32),
        sides=(60, 180, 300),
    ),
    "quick": Sitting(((0, 0), (20, 10), (340, -10), (90, 0), (180, 0)), *(256, 8), *(512, 8)),
}
"""The benchmark's, and the tests'."""


@dataclass(frozen=True)
class Subject:
    """One head.

    Attributes:
        name: Of its folder.
        seed: Of its identity and hair.
        skin: Linear colour of its skin.
        hair: One of :data:`.strands.STYLES`.
        hair_color: Linear colour.
        cloth: Linear colour of what it wears.
        fov: Degrees that a picture of :data:`HALF_WIDTH` spans from the photo's distance.
        key: Degrees from which the main light comes, as azimuths are counted.
        turn: Degrees by which the head is turned in the photo.
        expression: Coefficients by name.
    """

    name: str
    seed: int
    skin: tuple[float, float, float]
    hair: str
    hair_color: tuple[float, float, float]
    cloth: tuple[float, float, float]
    fov: float
    key: float
    turn: float = 0.0
    expression: dict[str, float] = field(default_factory=dict)


SUBJECTS = (
    Subject("bald", 3, (0.23, 0.11, 0.07), "bald", (0.02, 0.015, 0.01), (0.05, 0.08, 0.2), 24, -35),
    Subject("short", 8, (0.55, 0.33, 0.25), "short", (0.05, 0.028, 0.016), (0.3, 0.05, 0.05), 45, 40, 0,
            {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}),
    Subject("long", 11, (0.42, 0.24, 0.16), "long", (0.09, 0.04, 0.015), (0.1, 0.1, 0.1), 20, -50, 15),
    Subject("curly", 17, (0.12, 0.055, 0.035), "curly", (0.015, 0.011, 0.009), (0.5, 0.4, 0.1), 32, 15, -8,
            {"jawOpen": 0.25, "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3}),
)  # fmt: skip


def folders(names: tuple[str, ...] = (), sitting: str = "full") -> list[Path]:
    """Return the folders of the truth heads, making those that are not there yet; needs ``bpy``.

    Args:
        names: Of the subjects; all by default.
        sitting: A key of :data:`SITTINGS`.
    """
    recipe = b"".join(Path(module).read_bytes() for module in (__file__, strands.__file__))
    home = CACHE / f"{sitting}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    wanted = [subject.name for subject in SUBJECTS if not names or subject.name in names]
    missing = [name for name in wanted if not (home / name).exists()]
    if missing:
        command = [sys.executable, "-m", "tests.bench.truth_heads", sitting, str(home), *missing]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return [home / name for name in wanted]


def main() -> None:
    """Make the named heads."""
    sitting, home, *names = sys.argv[1:]
    for subject in SUBJECTS:
        if subject.name in names or not names:
            make(subject, SITTINGS[sitting], Path(home) / subject.name)


def make(subject: Subject, sitting: Sitting, folder: Path) -> None:
    """Make a head's photo, views and cameras."""
    model = load_head_model()
    rng = np.random.default_rng(subject.seed)
    identity = rng.normal(0, 0.7, len(model.identity))
    expression = np.zeros(len(model.expressions))
    for name, strength in subject.expression.items():
        expression[model.expression_names.index(name)] = strength
    vertices = model.vertices(identity, expression).astype(np.float64)
    scene = _Scene(subject, model, vertices, rng)
    # Made elsewhere and moved at the end: a folder that is there is whole.
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    entries = []
    for name, azimuth in (("photo.png", -subject.turn), *((f"side_{each:03d}.png", each) for each in sitting.sides)):
        photo = _photo_camera(subject, azimuth, sitting.photo_size)
        scene.render(photo, unfinished / name, sitting.photo_samples, backdrop=True)
        entries.append({"file": name, "azimuth": azimuth, **photo.to_dict()})
    for azimuth, elevation in sitting.views:
        name, camera = f"view_{azimuth:03d}_{elevation:+d}.png", _view_camera(azimuth, elevation, sitting.view_size)
        scene.render(camera, unfinished / name, sitting.view_samples)
        entries.append({"file": name, "azimuth": azimuth, **camera.to_dict()})
    chin = model.landmarks(vertices)[152]
    throat = UNITS_PER_METRE * float(chin[2] - 0.02)
    (unfinished / "cameras.json").write_text(json.dumps({"throat": throat, "cameras": entries}))
    unfinished.rename(folder)


def _view_camera(azimuth: float, elevation: float, size: int) -> Camera:
    radius = HALF_WIDTH / np.tan(np.radians(VIEW_FOV / 2))
    return Camera.orbit(270 + azimuth, elevation, radius, VIEW_FOV, size)


def _photo_camera(subject: Subject, azimuth: float, size: int) -> Camera:
    radius = HALF_WIDTH / np.tan(np.radians(subject.fov / 2))
    wider = 2 * np.degrees(np.arctan(PHOTO_MARGIN * np.tan(np.radians(subject.fov / 2))))
    return Camera.orbit(270 + azimuth, 0, radius, wider, size)


class _Scene:
    """A head in Blender, ready to be photographed."""

    def __init__(self, subject: Subject, model: HeadModel, vertices: np.ndarray, rng: np.random.Generator) -> None:
        import bpy

        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self._add_head(subject, model, vertices)
        for side, lids in LIDS.items():
            opening = model.landmarks(vertices)[list(lids)].mean(0)
            self._add_eye(vertices[model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == side)], opening)
        style = strands.STYLES[subject.hair]
        hair = strands.brows(model, vertices, rng)
        self._add_strands("Brows", hair, subject.hair_color, 0.00016)
        if style is not None:
            self._add_strands("Hair", strands.grow(model, vertices, style, rng), subject.hair_color, 0.00028)
        self._add_light(subject)
        self._set_up()

    def _add_head(self, subject: Subject, model: HeadModel, vertices: np.ndarray) -> None:
        import bpy

        kept = ~model.in_regions(Region.EYES)[model.faces].any(1)
        faces = [list(dict.fromkeys(face)) for face in model.faces[kept].tolist()]
        mesh = bpy.data.meshes.new("Head")
        mesh.from_pydata((UNITS_PER_METRE * vertices).tolist(), [], faces)
        mesh.shade_smooth()
        colors = np.tile(subject.skin, (len(vertices), 1))
        colors[model.in_regions(Region.LIPS)] *= (0.85, 0.5, 0.5)
        colors[model.in_regions(Region.MOUTH)] = (0.2, 0.05, 0.05)
        colors[model.in_regions(Region.TEETH)] = (0.7, 0.65, 0.55)
        colors[model.in_regions(Region.TORSO)] = subject.cloth
        if strands.STYLES[subject.hair] is not None:
            scalp = model.in_regions(Region.SCALP)
            colors[scalp] = 0.5 * colors[scalp] + 0.5 * np.array(subject.hair_color)
        attribute = mesh.color_attributes.new("albedo", "FLOAT_COLOR", "POINT")
        attribute.data.foreach_set("color", np.column_stack([colors, np.ones(len(colors))]).ravel())
        mesh.materials.append(_skin_material())
        target = self._link("Head", mesh)
        target.modifiers.new("Subdivision", "SUBSURF").render_levels = 1

    def _add_eye(self, vertices: np.ndarray, opening: np.ndarray) -> None:
        """Put a ball where the model's eye is, its iris and pupil in the middle between the lids."""
        import bpy
        from mathutils import Vector

        # The sphere through the points, by least squares.
        system = np.column_stack([2 * vertices, np.ones(len(vertices))])
        solution = np.linalg.lstsq(system, (vertices**2).sum(1), rcond=None)[0]
        center, radius = solution[:3], np.sqrt(solution[3] + (solution[:3] ** 2).sum())
        bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=48, radius=UNITS_PER_METRE * radius)
        eye = bpy.context.object
        gaze = Vector((opening - center).tolist())
        eye.rotation_mode, eye.rotation_quaternion = "QUATERNION", gaze.to_track_quat("Z", "Y")
        eye.location = (UNITS_PER_METRE * center).tolist()
        eye.data.shade_smooth()
        points = np.empty(3 * len(eye.data.vertices), np.float32)
        eye.data.vertices.foreach_get("co", points)
        points = points.reshape(-1, 3) / UNITS_PER_METRE
        aside = np.where(points[:, 2] > 0, np.hypot(points[:, 0], points[:, 1]), 1.0)
        white, iris, pupil = (0.72, 0.69, 0.66), (0.12, 0.07, 0.04), (0.005, 0.005, 0.005)
        colors = np.select([aside[:, None] < 0.0022, aside[:, None] < 0.0058], [pupil, iris], white)
        attribute = eye.data.color_attributes.new("albedo", "FLOAT_COLOR", "POINT")
        attribute.data.foreach_set("color", np.column_stack([colors, np.ones(len(colors))]).ravel())
        eye.data.materials.append(_plain_material("Eye", 0.15))

    def _add_strands(self, name: str, paths: list[np.ndarray], color: tuple, radius: float) -> None:
        import bpy

        curves = bpy.data.hair_curves.new(name)
        curves.add_curves([len(path) for path in paths])
        points = UNITS_PER_METRE * np.concatenate(paths)
        curves.attributes["position"].data.foreach_set("vector", points.astype(np.float32).ravel())
        tapers = np.concatenate([np.linspace(1, 0.4, len(path)) for path in paths])
        radii = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
        radii.data.foreach_set("value", (UNITS_PER_METRE * radius * tapers).astype(np.float32))
        curves.materials.append(_hair_material(color))
        self._link(name, curves)

    def _add_light(self, subject: Subject) -> None:
        import bpy

        world = bpy.data.worlds.new("World")
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.55, 0.6, 0.7, 1)
        world.node_tree.nodes["Background"].inputs["Strength"].default_value = 1.0
        self.scene.world = world
        light = bpy.data.lights.new("Key", "AREA")
        light.size, light.energy, light.color = 2.5, 500.0, (1.0, 0.93, 0.85)
        target = self._link("Key", light)
        place = Camera.orbit(270 + subject.key, 30, 6.0)
        target.matrix_world = _matrix(place)

    def _set_up(self) -> None:
        import bpy

        scene = self.scene
        scene.render.engine = "CYCLES"
        scene.cycles.use_denoising, scene.cycles.max_bounces = False, 4
        scene.cycles.seed = 1
        scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
        scene.view_settings.view_transform = "Standard"
        self.camera = self._link("Camera", bpy.data.cameras.new("Camera"))
        scene.camera = self.camera

    def _link(self, name: str, data):
        import bpy

        target = bpy.data.objects.new(name, data)
        self.scene.collection.objects.link(target)
        return target

    def render(self, camera: Camera, path: Path, samples: int, backdrop: bool = False) -> None:
        """Take a picture [H, W] RGBA through a core camera, before the studio's backdrop or cut out."""
        import bpy

        data = self.camera.data
        data.sensor_width, data.lens = 36.0, camera.fx / camera.width * 36.0
        self.camera.matrix_world = _matrix(camera)
        self.scene.render.resolution_x, self.scene.render.resolution_y = camera.width, camera.height
        self.scene.cycles.samples, self.scene.render.film_transparent = samples, not backdrop
        self.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)


def _matrix(camera: Camera):
    from mathutils import Matrix

    return Matrix(camera.blender_matrix().tolist())


def _plain_material(name: str, roughness: float):
    """Return a material that shows the colours of the attribute "albedo"."""
    import bpy

    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    color = tree.nodes.new("ShaderNodeAttribute")
    color.attribute_name = "albedo"
    surface = tree.nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = roughness
    tree.links.new(color.outputs["Color"], surface.inputs["Base Color"])
    return material


def _skin_material():
    """Return skin: blotches of a centimetre in its colour, pores in its relief."""
    material = _plain_material("Skin", 0.5)
    tree = material.node_tree
    surface, (link,) = tree.nodes["Principled BSDF"], tree.nodes["Principled BSDF"].inputs["Base Color"].links
    place = tree.nodes.new("ShaderNodeTexCoord")
    blotches = tree.nodes.new("ShaderNodeTexNoise")
    blotches.inputs["Scale"].default_value, blotches.inputs["Detail"].default_value = 12.0, 6.0
    strength = tree.nodes.new("ShaderNodeMapRange")
    strength.inputs["To Min"].default_value, strength.inputs["To Max"].default_value = 0.7, 1.3
    mixed = tree.nodes.new("ShaderNodeVectorMath")
    mixed.operation = "MULTIPLY"
    pores = tree.nodes.new("ShaderNodeTexNoise")
    pores.inputs["Scale"].default_value = 150.0
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.25, 0.01
    for source, sink in (
        (place.outputs["Object"], blotches.inputs["Vector"]),
        (place.outputs["Object"], pores.inputs["Vector"]),
        (blotches.outputs[0], strength.inputs["Value"]),
        (link.from_socket, mixed.inputs[0]),
        (strength.outputs["Result"], mixed.inputs[1]),
        (mixed.outputs["Vector"], surface.inputs["Base Color"]),
        (pores.outputs[0], bump.inputs["Height"]),
        (bump.outputs["Normal"], surface.inputs["Normal"]),
    ):
        tree.links.new(source, sink)
    return material


def _hair_material(color: tuple[float, float, float]):
    """Return hair: every strand has a tone of its own."""
    import bpy

    material = bpy.data.materials.new("Hair")
    material.use_nodes = True
    tree, surface = material.node_tree, material.node_tree.nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = 0.4
    info = tree.nodes.new("ShaderNodeHairInfo")
    tone = tree.nodes.new("ShaderNodeMapRange")
    tone.inputs["To Min"].default_value, tone.inputs["To Max"].default_value = 0.45, 1.7
    mixed = tree.nodes.new("ShaderNodeVectorMath")
    mixed.operation = "MULTIPLY"
    mixed.inputs[0].default_value = color
    tree.links.new(info.outputs["Random"], tone.inputs["Value"])
    tree.links.new(tone.outputs["Result"], mixed.inputs[1])
    tree.links.new(mixed.outputs["Vector"], surface.inputs["Base Color"])
    return material


if __name__ == "__main__":
    main()
