"""Hair to Curves through the installed extension: objects, attributes, modifiers, what moves with the mesh, undo."""

import numpy as np
import pytest

from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh, turn_bone
from tests.helpers.groom import plain_groom

pytestmark = needs_blender

NEAR = 1e-4
"""Metres: how far roots may be from the mesh."""


@pytest.fixture
def quick(blender, monkeypatch):
    """The extension with hair that takes no time to find."""
    grooming = blender.module("facelift_addon.groom.grooming")
    monkeypatch.setattr(grooming, "make_groom", lambda _splats, base, guides, *_others: plain_groom(base, guides))
    return blender


@pytest.fixture
def mesh(quick):
    return add_head_with_mesh(quick)[1]


def groom(**options):
    import bpy

    assert bpy.ops.facelift.hair_to_curves(**options) == {"FINISHED"}
    return bpy.context.active_object


def apart(mesh, hair):
    """How far each evaluated curve's root is from the evaluated mesh, as Blender cuts it into triangles."""
    import bpy
    from mathutils.bvhtree import BVHTree

    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    surface, curves = mesh.evaluated_get(graph).data, hair.evaluated_get(graph).data
    surface.calc_loop_triangles()
    vertices, corners = np.empty(3 * len(surface.vertices)), np.empty(3 * len(surface.loop_triangles), np.int32)
    surface.vertices.foreach_get("co", vertices)
    surface.loop_triangles.foreach_get("vertices", corners)
    tree = BVHTree.FromPolygons(vertices.reshape(-1, 3).tolist(), corners.reshape(-1, 3).tolist())
    return np.array([tree.find_nearest(root)[3] for root in roots_of(curves)])


def roots_of(curves):
    points, first = np.empty(3 * len(curves.points)), np.empty(len(curves.curves), np.int32)
    curves.points.foreach_get("position", points)
    curves.curves.foreach_get("first_point_index", first)
    return points.reshape(-1, 3)[first]


def test_hair_grows_on_the_mesh_as_blender_wants_it(quick, mesh):
    import bpy

    hair = groom(guides=500)
    assert hair.type == "CURVES" and hair.parent == mesh and hair.data.surface == mesh
    assert hair.data.surface_uv_map == "UVMap" and mesh.add_rest_position_attribute
    kinds = {name: (item.data_type, item.domain) for name, item in hair.data.attributes.items()}
    assert kinds["surface_uv_coordinate"] == ("FLOAT2", "CURVE")
    assert kinds["radius"] == ("FLOAT", "POINT") and kinds["hair_color"] == ("FLOAT_COLOR", "POINT")
    names = quick.module("facelift_addon.groom.names")
    of = quick.module("facelift_addon.groom.hairs").of(mesh)
    assert list(of) == ["Hair", "Eyebrows"] and len(of["Hair"].data.curves) == 500
    assert {hair[names.GROWTH_KEY] for hair in of.values()} == set(of)
    color = hair.data.attributes["hair_color"].data[0].color
    np.testing.assert_allclose(color, (0.604, 0.0331, 0.0331, 1.0), atol=1e-3)
    density = np.empty(len(mesh.data.vertices), np.float32)
    mesh.data.attributes["Hair density"].data.foreach_get("value", density)
    assert set(density) == {0.0, 1.0}
    materials = {slot for each in of.values() for slot in each.data.materials}
    assert len(materials) == 1
    material = materials.pop()
    assert "Pigments" in material.node_tree.nodes
    # Of red and blue in equal parts, in Solid mode too.
    assert material.diffuse_color[0] == pytest.approx(material.diffuse_color[2], abs=1e-3)
    assert mesh.visible_get() and hair.visible_get() and not mesh.parent.visible_get()
    assert bpy.context.selected_objects == [hair]


def evaluated(target):
    import bpy

    bpy.context.view_layer.update()
    return target.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def modifier(quick, hair, group):
    return quick.module("facelift_addon.splats.display.modifier_inputs").find_modifier(hair, group)


def of(quick, mesh):
    return quick.module("facelift_addon.groom.hairs").of(mesh)


def test_roots_stay_on_the_mesh_in_all_expressions_and_poses(quick, mesh):
    """Those of the guides, and those of hair that is interpolated between them."""
    import bpy

    groom(guides=500)
    worst = {}
    for growth, hair in of(quick, mesh).items():
        assert apart(mesh, hair).max() < NEAR
        for block in mesh.data.shape_keys.key_blocks[1:]:
            block.value = 1.0
            worst[growth, block.name] = apart(mesh, hair).max()
            block.value = 0.0
    assert len(worst) == 2 * 52
    assert bpy.ops.facelift.add_rig() == {"FINISHED"}
    rig = bpy.context.active_object
    joints = quick.module("core.avatar.joints").find_joints(
        quick.module("facelift_addon.avatar.base_objects").read(mesh)
    )
    before = roots_of(evaluated(of(quick, mesh)["Eyebrows"]))
    for name, turn in (("head", joints.up * 0.8), ("neck", joints.left * 0.4), ("jaw", joints.jaw_turn)):
        turn_bone(rig, name, turn)
        rig.update_tag()
        for growth, hair in of(quick, mesh).items():
            worst[growth, name] = apart(mesh, hair).max()
    assert max(worst.values()) < NEAR
    # It is the head that moved, not only the measure that is blind.
    assert np.linalg.norm(roots_of(evaluated(of(quick, mesh)["Eyebrows"])) - before, axis=1).min() > 0.02


def test_hair_fills_up_to_the_number_found_and_is_the_same_in_every_expression(quick, mesh):
    hair = groom(guides=500)
    at_rest = evaluated(hair)
    count, before = len(at_rest.curves), roots_of(at_rest)
    # The viewport shows half of it.
    assert abs(count - 1500) < 150
    colors = np.empty(4 * len(at_rest.points), np.float32)
    at_rest.attributes["hair_color"].data.foreach_get("color", colors)
    # Between the guides colours are as on them: red at the roots, blue at the tips.
    assert colors.reshape(-1, 12, 4)[:, 0, 0].min() > 0.55 and colors.reshape(-1, 12, 4)[:, -1, 2].min() > 0.55
    for name in ("jawOpen", "browInnerUp"):
        mesh.data.shape_keys.key_blocks[name].value = 1.0
    after = roots_of(evaluated(hair))
    assert len(after) == count
    moved = np.linalg.norm(after - before, axis=1)
    assert 0 < moved.max() < 0.02


def test_what_an_artist_may_switch_on_does_what_it_says(quick, mesh):
    hair = groom(guides=500)
    stylings = quick.module("facelift_addon.groom.stack").stylings_of(hair)
    assert [styling.label for styling, _ in stylings] == ["Length", "Clump", "Curl", "Noise"]
    points = np.empty(3 * len(evaluated(hair).points), np.float32)
    evaluated(hair).points.foreach_get("position", points)
    plain = points.reshape(-1, 12, 3)
    for styling, item in stylings:
        assert not item.show_viewport and not item.show_render
        item.show_viewport = True
        styled = evaluated(hair)
        assert len(styled.curves) == len(plain), styling.label
        changed = np.empty(3 * len(styled.points), np.float32)
        styled.points.foreach_get("position", changed)
        changed = changed.reshape(len(plain), -1, 3)
        assert np.abs(changed[:, 0] - plain[:, 0]).max() < NEAR, f"{styling.label} moves roots"
        tips = np.linalg.norm(changed[:, -1] - plain[:, -1], axis=1)
        assert 0.001 < np.median(tips) < 0.03, styling.label
        item.show_viewport = False
    # Blender's own order: what follows the mesh comes last, also after modifiers that are added later.
    hair.modifiers.new("Later", "NODES")
    names = [item.name for item in hair.modifiers]
    assert names[-1] == "Surface Deform" and names[:2] == ["Guides", "Interpolate Hair Curves"]


def test_all_strands_have_nothing_between_them(quick, mesh):
    hair = groom(strands="ALL")
    assert modifier(quick, hair, "Interpolate Hair Curves") is None
    assert len(evaluated(hair).curves) == len(hair.data.curves) == 20_000
    hair = groom()
    assert modifier(quick, hair, "Interpolate Hair Curves") == hair.modifiers[1]
    assert hair.modifiers[0].name == "Guides" and len(groom(strands="ALL").modifiers) == 6


def test_a_blender_without_hair_assets_gets_all_strands_and_is_told(quick, mesh, monkeypatch):
    monkeypatch.setattr(quick.module("facelift_addon.groom.essentials"), "library", lambda: None)
    grooming = quick.module("facelift_addon.groom.grooming")
    told = []
    monkeypatch.setattr(grooming, "add", lambda grown, add=grooming.add: told.append(add(grown)) or told[-1])
    hair = groom(guides=500)
    assert [item.name for item in hair.modifiers] == ["Guides", "Surface Deform"]
    assert len(evaluated(hair).curves) == 20_000 and apart(mesh, hair).max() < NEAR
    assert "came without its hair assets" in told[0] and "Hair under the hat is guessed" in told[0]


def test_made_again_the_curves_are_new_and_what_an_artist_added_stays(quick, mesh, monkeypatch):
    import bpy

    hair = groom(guides=500)
    material = bpy.data.materials.new("mine")
    hair.data.materials.clear()
    hair.data.materials.append(material)
    clump = modifier(quick, hair, "Clump Hair Curves")
    clump.show_render = True
    hair.modifiers.remove(modifier(quick, hair, "Curl Hair Curves"))
    brows = of(quick, mesh)["Eyebrows"].name
    grooming = quick.module("facelift_addon.groom.grooming")

    def bare(_splats, base, guides, *_others):
        found = plain_groom(base, guides)
        return type(found)({growth: tuft for growth, tuft in found.tufts.items() if growth == "Hair"})

    monkeypatch.setattr(grooming, "make_groom", bare)
    assert groom(guides=700) == hair and len(hair.data.curves) == 700
    assert hair.data.materials[:] == [material] and modifier(quick, hair, "Clump Hair Curves").show_render
    assert modifier(quick, hair, "Curl Hair Curves") is None
    assert brows not in bpy.data.objects and len(bpy.data.hair_curves) == 1
    groups = [group.name for group in bpy.data.node_groups]
    assert not [name for name in groups if name.endswith(".001")]


def test_one_click_fits_the_mesh_too_and_one_undo_takes_all_of_it_back(quick):
    import bpy

    from tests.helpers.addon import add_splats
    from tests.helpers.avatar import splats_of_astronaut
    from tests.helpers.draft import astronaut_head

    gaussians, to_local = splats_of_astronaut()
    head = add_splats(quick, gaussians, "astronaut")
    head[quick.heads.PLACEMENT_KEY] = to_local.ravel().tolist()
    quick.module("facelift_addon.splats.data.fits").keep(head, astronaut_head()[0].shape)
    bpy.ops.ed.undo_push(message="before")
    grooming, errands = (quick.module(f"facelift_addon.{name}") for name in ("groom.grooming", "making.errands"))
    # As the button does: operators of the bpy module know no invoking.
    errands.start(
        grooming.TITLE,
        grooming.work_of(bpy.context, head, 500),
        grooming.add,
        belongs_to_file=True,
        heavy=True,
    )
    quick.tick_until(lambda: not errands.tick())
    mesh = quick.module("facelift_addon.avatar.base_objects").find(head)
    hair = of(quick, mesh)["Hair"]
    assert bpy.context.active_object == hair and apart(mesh, hair).max() < NEAR
    assert quick.module("facelift_addon.avatar.texturing").has_texture(mesh)
    # As in the photo: hair follows the smile that the mesh begins with.
    assert any(block.value for block in mesh.data.shape_keys.key_blocks[1:])
    bpy.ops.ed.undo()
    assert not [target for target in bpy.data.objects if target.type in ("CURVES", "MESH") and target.users_scene]
    assert bpy.data.objects["astronaut"].visible_get()
    bpy.ops.ed.redo()
    assert [bpy.data.objects[name].type for name in ("astronaut hair", "astronaut base mesh")] == ["CURVES", "MESH"]


def test_selected_splats_are_the_hair_that_is_looked_at(quick, mesh, monkeypatch):
    import bpy

    head = mesh.parent
    targets = quick.module("facelift_addon.editing.targets")
    seen = []
    grooming = quick.module("facelift_addon.groom.grooming")

    def find(splats, base, guides, _reporter, hair):
        seen.append((splats, hair))
        return plain_groom(base, guides)

    monkeypatch.setattr(grooming, "make_groom", find)
    quick.module("facelift_addon.avatar.showing").show_only(bpy.context, head, head)
    top = np.arange(len(head.data.points)) % 7 == 0
    targets.select(head.data, top)
    bpy.ops.object.mode_set(mode="EDIT")
    groom()
    assert bpy.context.mode == "OBJECT"
    np.testing.assert_array_equal(seen[0][1], top)
    assert len(seen[0][0]) == len(top) and not [name for name in seen[0][0].extras if name.startswith(".")]
    groom()
    assert seen[1][1] is None
    quick.module("facelift_addon.avatar.showing").show_only(bpy.context, head, head)
    targets.select(head.data, np.zeros(len(top), bool))
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Select the hair"):
        groom()


def test_hair_is_saved_opened_and_appended_with_its_mesh(quick, mesh, tmp_path):
    import bpy

    path = str(tmp_path / "groom.blend")
    name, count = groom(guides=500).name, len(evaluated(groom(guides=500)).curves)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    for way in ("opened", "appended"):
        if way == "appended":
            bpy.ops.wm.read_homefile(use_empty=True)
            bpy.ops.wm.append(filename=name, directory=f"{path}/Object/")
        hair = bpy.data.objects[name]
        mesh = hair.data.surface
        assert mesh.type == "MESH" and mesh.name in bpy.context.scene.objects and mesh.parent.type == "POINTCLOUD"
        assert of(quick, mesh)["Hair"] == hair
        mesh.data.shape_keys.key_blocks["jawOpen"].value = 1.0
        assert len(evaluated(hair).curves) == count and apart(mesh, hair).max() < NEAR
        bpy.context.view_layer.objects.active = hair
        assert len(groom(guides=600).data.curves) == 600


def test_a_duplicated_head_has_hair_of_its_own(quick, mesh):
    import bpy

    hair = groom(guides=500)
    for target in (mesh.parent, mesh, *of(quick, mesh).values()):
        target.hide_viewport = False
        target.select_set(True)
    assert bpy.ops.object.duplicate() == {"FINISHED"}
    copies = [target for target in bpy.context.selected_objects if target.type == "MESH"]
    assert len(copies) == 1 and copies[0] != mesh
    twin = of(quick, copies[0])["Hair"]
    assert twin != hair and twin.parent == copies[0] and twin.data != hair.data
    copies[0].location.x = 1
    bpy.context.view_layer.objects.active = twin
    assert groom(guides=600) == twin
    assert len(hair.data.curves) == 500 and apart(copies[0], twin).max() < NEAR


def test_hair_shows_with_the_mesh_and_hides_with_it(quick, mesh):
    import bpy

    hair = groom(guides=500)
    for kind, shown in (("SPLATS", False), ("BASE_MESH", True)):
        assert bpy.ops.facelift.show_only(kind=kind) == {"FINISHED"}
        assert [target.visible_get() for target in (mesh.parent, mesh, hair)] == [not shown, shown, shown]
        assert hair.hide_render == (not shown)


def test_hair_goes_along_when_the_mesh_is_fitted_again(quick, mesh):
    hair = groom(guides=500)
    base_objects = quick.module("facelift_addon.avatar.base_objects")
    fitting = quick.module("facelift_addon.avatar.fitting")
    before = roots_of(hair.data)
    evaluated(hair)
    wider = base_objects.read(mesh).transformed(np.diag([1.05, 1.0, 1.02, 1.0]))
    fitting.give(mesh.parent, fitting.Fit(mesh[base_objects.BASE_KEY], mesh.parent.name, wider), neutral=True)
    after = roots_of(hair.data)
    np.testing.assert_allclose(after, before * [1.05, 1.0, 1.02], atol=NEAR)
    # What the modifiers make of it goes along, too: curves keep what node groups asked them before.
    assert apart(mesh, hair).max() < NEAR


def test_hair_that_is_combed_meanwhile_is_not_replaced(quick, mesh):
    import bpy

    hair = groom(guides=500)
    grooming = quick.module("facelift_addon.groom.grooming")
    found = grooming.work_of(bpy.context, mesh.parent, 700)(quick.module("core.progress").Reporter())
    bpy.ops.facelift.choose_hair(growth="Hair")
    with pytest.raises(Exception, match="being edited"):
        grooming.add(found)
    assert bpy.context.mode == "SCULPT_CURVES" and len(hair.data.curves) == 500
    bpy.ops.object.mode_set(mode="OBJECT")
    grooming.add(found)
    assert len(hair.data.curves) == 700


def test_hair_whose_mesh_was_deleted_is_left_alone(quick, mesh):
    import bpy

    hair = groom(guides=500)
    head = mesh.parent
    bpy.data.objects.remove(mesh)
    bpy.context.view_layer.update()
    assert quick.module("facelift_addon.avatar.rigs").moved_by(hair) is None
    assert quick.module("facelift_addon.avatar.belonging").head_of(hair) is None
    assert hair.users_scene and head.name in bpy.data.objects


def test_hair_is_combed_and_back(quick, mesh):
    import bpy

    hair = groom(guides=500)
    brows = of(quick, mesh)["Eyebrows"]
    assert bpy.ops.facelift.choose_hair(growth="Eyebrows", comb=False) == {"FINISHED"}
    assert bpy.context.active_object == brows and bpy.context.mode == "OBJECT"
    assert bpy.ops.facelift.choose_hair(growth="Hair") == {"FINISHED"}
    assert bpy.context.active_object == hair and bpy.context.mode == "SCULPT_CURVES"
    with pytest.raises(RuntimeError, match="Go to Object Mode"):
        bpy.ops.facelift.hair_to_curves()
    assert bpy.ops.facelift.choose_hair(growth="Hair") == {"FINISHED"}
    assert bpy.context.mode == "OBJECT"
    with pytest.raises(RuntimeError, match="no such hair"):
        bpy.ops.facelift.choose_hair(growth="Beard")


def test_a_bald_head_is_told_and_splats_that_do_not_say_what_is_hair_have_it_by_color_and_place(blender, monkeypatch):
    mesh = add_head_with_mesh(blender)[1]
    head = mesh.parent
    part = head.data.attributes["part"].data
    parts = np.empty(len(part), np.int8)
    part.foreach_get("value", parts)
    part.foreach_set("value", np.where(parts == 2, 1, parts).astype(np.int8))
    grooming = blender.module("facelift_addon.groom.grooming")
    told = []
    monkeypatch.setattr(grooming, "add", lambda grown, add=grooming.add: told.append(add(grown)) or told[-1])
    groom()
    assert "Hair" not in of(blender, mesh) and "no hair on its scalp" in told[0]
    part.foreach_set("value", np.zeros(len(parts), np.int8))
    hair = groom(guides=500)
    assert 300 < len(hair.data.curves) < 800 and apart(mesh, hair).max() < NEAR


def test_the_astronauts_own_hair_becomes_curves(blender):
    mesh = add_head_with_mesh(blender, few=False)[1]
    hair = groom(guides=500)
    assert 300 < len(hair.data.curves) < 800 and apart(mesh, hair).max() < NEAR
    assert 20_000 < len(evaluated(hair).curves) < 90_000
