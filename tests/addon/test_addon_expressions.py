"""The expressions' sliders: presets, keys, left and right."""

import numpy as np
import pytest

from core.avatar.arkit import ARKIT_NAMES, PRESETS, label, mirrored, strengths
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh

pytestmark = needs_blender


@pytest.fixture
def mesh(blender):
    return add_head_with_mesh(blender)[1]


def values(mesh):
    blocks = mesh.data.shape_keys.key_blocks
    return {name: blocks[name].value for name in ARKIT_NAMES}


def set_values(mesh, **strengths):
    for name, value in strengths.items():
        mesh.data.shape_keys.key_blocks[name].value = value


def test_presets_set_all_and_reset_clears(blender, mesh):
    import bpy

    set_values(mesh, tongueOut=1.0)
    for preset in PRESETS:
        assert bpy.ops.facelift.set_expression(preset=preset, strength=0.5) == {"FINISHED"}
        wanted = dict.fromkeys(ARKIT_NAMES, 0.0) | {name: value / 2 for name, value in strengths(preset).items()}
        assert values(mesh) == pytest.approx(wanted)
    assert bpy.ops.facelift.reset_expressions() == {"FINISHED"}
    assert not any(values(mesh).values())


def test_they_work_on_the_head_and_the_rig_too(blender, mesh):
    import bpy

    bpy.ops.facelift.add_rig()
    for active in (bpy.context.active_object, mesh.parent, mesh):
        bpy.context.view_layer.objects.active = active
        bpy.ops.facelift.set_expression(preset="Blink")
        assert values(mesh)["eyeBlinkLeft"] == 1
        bpy.ops.facelift.reset_expressions()


def test_mirroring_twice_is_nothing(blender, mesh):
    import bpy

    set_values(mesh, mouthSmileLeft=0.7, jawRight=0.3, browInnerUp=0.4)
    before = values(mesh)
    bpy.ops.facelift.mirror_expressions()
    after = values(mesh)
    assert after["mouthSmileRight"] == pytest.approx(0.7) and after["jawLeft"] == pytest.approx(0.3)
    assert after["mouthSmileLeft"] == 0 and after["browInnerUp"] == pytest.approx(0.4)
    bpy.ops.facelift.mirror_expressions()
    assert values(mesh) == pytest.approx(before)
    assert sorted(map(mirrored, ARKIT_NAMES)) == sorted(ARKIT_NAMES)


def test_the_mirror_image_is_the_mirror_image(blender, mesh):
    """What is called left is the person's left, on the mesh too."""
    basis = np.array([point.co for point in mesh.data.shape_keys.key_blocks["Basis"].data])
    blink = np.array([point.co for point in mesh.data.shape_keys.key_blocks["eyeBlinkLeft"].data])
    moved = np.linalg.norm(blink - basis, axis=1)
    assert moved.max() > 0.005 and np.average(basis[:, 0], weights=moved) > 0.02


def test_keys_are_the_shape_keys_own(blender, mesh):
    import bpy

    scene = bpy.context.scene
    for frame, preset in ((1, "Smile"), (11, "Surprise")):
        scene.frame_set(frame)
        bpy.ops.facelift.set_expression(preset=preset)
        assert bpy.ops.facelift.key_expressions() == {"FINISHED"}
    scene.frame_set(1)
    assert values(mesh)["mouthSmileLeft"] == pytest.approx(strengths("Smile")["mouthSmileLeft"])
    scene.frame_set(11)
    assert values(mesh)["jawOpen"] == pytest.approx(strengths("Surprise")["jawOpen"])
    scene.frame_set(6)
    assert 0 < values(mesh)["jawOpen"] < strengths("Surprise")["jawOpen"]


def test_linked_sides_follow_what_the_user_moves(blender, mesh):
    """The message bus is silent without a window: it is told by hand what it would tell."""
    import bpy

    expressions = blender.module("facelift_addon.avatar.expressions")
    bpy.context.scene.facelift_expressions.link_sides = True
    expressions.link.remember(mesh)
    set_values(mesh, browDownRight=0.6)
    expressions.link.follow()
    assert values(mesh)["browDownLeft"] == pytest.approx(0.6)
    # Directions are no sides.
    set_values(mesh, mouthLeft=0.5)
    expressions.link.follow()
    assert values(mesh)["mouthRight"] == 0
    bpy.context.scene.facelift_expressions.link_sides = False
    set_values(mesh, browDownRight=0.1)
    expressions.link.follow()
    assert values(mesh)["browDownLeft"] == pytest.approx(0.6)


def test_any_mesh_with_the_names_has_sliders(blender):
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    assert not bpy.ops.facelift.set_expression.poll()
    for name in ("Basis", "jawOpen", "smile"):
        cube.shape_key_add(name=name)
    bpy.ops.facelift.set_expression(preset="Surprise")
    assert cube.data.shape_keys.key_blocks["jawOpen"].value > 0
    cube.shape_key_clear()
    assert not bpy.ops.facelift.reset_expressions.poll()


def test_a_linked_mesh_is_told(blender, mesh, tmp_path):
    import bpy

    name = mesh.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "head.blend"), link=True) as (_, wanted):
        wanted.objects = [name]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    for tool in (bpy.ops.facelift.reset_expressions, bpy.ops.facelift.add_rig):
        with pytest.raises(RuntimeError, match="Make Local"):
            tool()


def test_labels_are_words():
    assert label("browOuterUp*") == "Outer Up" and label("jawOpen") == "Open"


def test_menus_list_what_exists(blender, mesh):
    """Blender draws a menu with a missing tool in red; here it is an error."""
    import bpy

    class Layout:
        operator_context = ""

        def __init__(self):
            self.listed = []

        def separator(self):
            pass

        def operator(self, name, **_options):
            self.listed.append(name)

        def operator_menu_enum(self, name, prop, **_options):
            tool = getattr(bpy.ops, name.split(".")[0])
            assert prop in getattr(tool, name.split(".")[1]).get_rna_type().properties
            self.listed.append(name)

    menu = blender.module("facelift_addon.avatar.menus").FACELIFT_MT_avatar
    layout = Layout()
    menu.draw(type("Menu", (), {"layout": layout})(), bpy.context)
    assert len(layout.listed) > 10
    for name in layout.listed:
        module, tool = name.split(".")
        assert getattr(getattr(bpy.ops, module), tool).get_rna_type()
