"""The material of a head's hair: the photo's colours in Cycles, nodes for EEVEE, and the user's changes kept."""

from __future__ import annotations

import numpy as np
import pytest

from core.colors import rgb_to_lab, to_encoded, to_linear
from core.groom.curves import HairCurves
from core.groom.shade import RESPONSES, Shade, shade_of
from tests.helpers import hair_ball
from tests.helpers.addon import Extension, needs_blender

pytestmark = needs_blender

BROWN, LIGHT, FAIR, GREEN = (0.30, 0.21, 0.16), (0.42, 0.31, 0.24), (0.71, 0.58, 0.40), (0.26, 0.40, 0.22)
MESH = "Base mesh"


def _growing(blender: Extension, colors: np.ndarray, growth: str = "Hair"):
    """Return a ball of hair [P, 3] sRGB-encoded as an object of a head's hair, and what it was made of."""
    import bpy

    names = blender.module("facelift_addon.groom.names")
    groom = blender.module("core.groom.groom")
    curves = blender.module("core.groom.curves")
    target = hair_ball.ball()
    mesh = bpy.data.meshes.get(MESH) or bpy.data.meshes.new(MESH)
    target.data.surface = bpy.data.objects.get(MESH) or bpy.data.objects.new(MESH, mesh)
    target[names.GROWTH_KEY] = growth
    linear = np.column_stack([to_linear(colors), np.ones(len(colors))])
    attribute = target.data.attributes.new(names.HAIR_COLOR, "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", linear.astype(np.float32).ravel())
    points = np.empty((len(colors), 3), np.float32)
    target.data.points.foreach_get("position", points.ravel())
    counts = np.full(hair_ball.COUNT, hair_ball.POINTS, np.int32)
    guides = curves.HairCurves(points, counts, colors, np.ones(len(colors)), None)
    return target, groom.Tuft(guides, np.ones(1), 1)


def _shade(colors: np.ndarray) -> Shade:
    """Return the shade of hair of mean colours, without places."""
    count = len(colors)
    return shade_of(HairCurves(np.zeros((count, 3)), np.array([count]), colors, np.ones(count), None))


def _streaks(*colors: tuple[float, float, float]) -> np.ndarray:
    """Return colours of a ball's points: each hair has one of some."""
    each = np.random.default_rng(1).integers(0, len(colors), hair_ball.COUNT)
    return np.repeat(np.array(colors)[each], hair_ball.POINTS, axis=0)


def _give(blender: Extension, target, tuft):
    return blender.module("facelift_addon.groom.material").give(target, tuft)


def _lab(linear: np.ndarray) -> np.ndarray:
    return rgb_to_lab(to_encoded(linear))


def test_streaks_of_several_colours_show_in_cycles(blender: Extension):
    colors = _streaks(BROWN, LIGHT, GREEN)
    scene = hair_ball.studio(size=64, samples=24)
    hair_ball.scalp().inputs["Color"].default_value = (*to_linear(colors).mean(0), 1)
    target, tuft = _growing(blender, colors)
    material = _give(blender, target, tuft)
    assert list(target.data.materials) == [material]
    assert material.node_tree.nodes["Pigments"].inputs["Streaks"].default_value > 0
    streaked = hair_ball.seen(scene)
    # Dark hairs take light from lighter ones beside them.
    assert np.linalg.norm(_lab(streaked.mean(0)) - _lab(to_linear(colors).mean(0))) < 5

    material.node_tree.nodes["Pigments"].inputs["Variation"].default_value = 0
    plain = hair_ball.seen(scene)
    assert np.linalg.norm(_lab(plain.mean(0)) - _lab(to_linear(colors).mean(0))) < 4
    # The ball is shaded; its hue is the same all over where hair does not vary.
    assert _lab(streaked)[:, 1].std() > 3 * _lab(plain)[:, 1].std()


def test_the_nodes_compute_what_the_core_does(blender: Extension):
    import bpy

    pigments = blender.module("facelift_addon.groom.pigments")
    shade = _shade(_streaks(BROWN, FAIR))
    color, response = to_linear(np.array(FAIR)), shade.response
    material = _give(blender, *_growing(blender, _streaks(BROWN, FAIR)))
    tree = material.node_tree
    group = tree.nodes["Pigments"]
    tree.links.remove(group.inputs["Color"].links[0])
    group.inputs["Color"].default_value = (*color, 1)
    scene = hair_ball.studio(size=4, samples=1)
    bpy.ops.mesh.primitive_plane_add(size=4, rotation=(np.pi / 2, 0, 0))
    bpy.context.object.data.materials.append(material)
    found = {name: _emitted(scene, tree, group.outputs[name]) for name, _ in pigments.OUTPUTS}
    made = Shade(
        float(found["Melanin"][0]),
        float(found["Melanin Redness"][0]),
        tuple(found["Tint"]),
        shade.roughness,
        float(found["Radial Roughness"][0]),
        shade.streaks,
        response,
    )
    assert made.absorption == pytest.approx(response.absorption(color), rel=0.02, abs=0.002)
    assert found["Color"] == pytest.approx(color, rel=0.01, abs=0.002)


def _emitted(scene, tree, socket) -> np.ndarray:
    """Return a socket's value as Cycles has it."""
    emission = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(socket, emission.inputs["Color"])
    output = tree.get_output_node("CYCLES")
    tree.links.new(emission.outputs[0], output.inputs["Surface"])
    return hair_ball.seen(scene).mean(0)


def test_cycles_and_eevee_have_an_output_each(blender: Extension):
    material = _give(blender, *_growing(blender, _streaks(BROWN)))
    tree = material.node_tree
    shaders = {
        engine: tree.get_output_node(engine).inputs["Surface"].links[0].from_node.bl_idname
        for engine in ("CYCLES", "EEVEE")
    }
    assert shaders == {"CYCLES": "ShaderNodeBsdfHairPrincipled", "EEVEE": "ShaderNodeBsdfPrincipled"}
    hair, surface = tree.nodes["Hair"], tree.nodes["Surface"]
    assert all(hair.inputs[name].is_linked for name in ("Melanin", "Melanin Redness", "Tint", "Radial Roughness"))
    assert surface.inputs["Base Color"].is_linked
    assert tree.nodes["Colors"].attribute_name == "hair_color"


def test_all_hair_of_a_head_has_one_material_fitted_to_the_scalps(blender: Extension):
    brows = _give(blender, *_growing(blender, _streaks(FAIR), "Eyebrows"))
    melanin = brows.node_tree.nodes["Pigments"].inputs["Melanin"]
    fair = melanin.default_value
    assert _give(blender, *_growing(blender, _streaks(BROWN))) == brows
    assert melanin.default_value == pytest.approx(_shade(_streaks(BROWN)).melanin) and melanin.default_value > fair
    _give(blender, *_growing(blender, _streaks(FAIR), "Beard"))
    assert melanin.default_value == pytest.approx(_shade(_streaks(BROWN)).melanin)


def test_what_the_user_changed_stays_when_hair_is_made_again(blender: Extension):
    material = _give(blender, *_growing(blender, _streaks(BROWN)))
    nodes = material.node_tree.nodes
    nodes["Pigments"].inputs["Melanin Redness"].default_value = 0.87
    nodes["Hair"].inputs["Roughness"].default_value = 0.11
    nodes.remove(nodes["Surface"])
    for _ in range(2):
        assert _give(blender, *_growing(blender, _streaks(FAIR))) == material
        assert nodes["Pigments"].inputs["Melanin Redness"].default_value == pytest.approx(0.87)
        assert nodes["Hair"].inputs["Roughness"].default_value == pytest.approx(0.11)
        assert nodes["Pigments"].inputs["Melanin"].default_value == pytest.approx(_shade(_streaks(FAIR)).melanin)
    assert nodes["Hair"].inputs["IOR"].default_value == pytest.approx(RESPONSES[0].ior)


def test_another_material_of_the_users_stays(blender: Extension):
    import bpy

    target, tuft = _growing(blender, _streaks(BROWN))
    own = bpy.data.materials.new("Mine")
    target.data.materials.append(own)
    _give(blender, target, tuft)
    assert list(target.data.materials) == [own]
