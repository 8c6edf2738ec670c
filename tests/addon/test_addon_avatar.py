"""The base mesh through the installed extension: object, operators, what edits of the head leave of its fit."""

import json
from dataclasses import replace

import numpy as np
import pygltflib
import pytest

from core.avatar.base_mesh import BaseMesh
from core.head.lips import PARTING
from core.head.model import Region, load_head_model
from core.splats.parts import Part
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.avatar import splats_of_astronaut
from tests.helpers.draft import astronaut_head

pytestmark = needs_blender


@pytest.fixture
def head(blender):
    """The astronaut as the worker brings her: her fit is kept with her."""
    gaussians, to_local = splats_of_astronaut()
    target = add_splats(blender, gaussians, "astronaut")
    target[blender.heads.PLACEMENT_KEY] = to_local.ravel().tolist()
    blender.module("facelift_addon.splats.data.fits").keep(target, astronaut_head()[0].shape)
    return target


@pytest.fixture
def expected():
    """The astronaut's base mesh in her head's local space."""
    return BaseMesh.from_shape(astronaut_head()[0].shape.transformed(splats_of_astronaut()[1]))


def fit(**settings):
    import bpy

    # The texture takes the most time, and has tests of its own.
    assert bpy.ops.facelift.fit_base_mesh(bake_texture=False, **settings) == {"FINISHED"}
    return bpy.context.active_object


def shown(target):
    """The vertices of an object as its shape keys show them, in the world."""
    import bpy

    mesh = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    matrix = np.array(target.matrix_world)
    return places.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def test_a_draft_head_gets_the_mesh_of_its_fit(blender, head, expected):
    import bpy

    head.location, head.rotation_euler.z = (1, 2, 3), 0.7
    mesh = fit()
    bpy.context.view_layer.update()
    np.testing.assert_allclose(np.array(mesh.matrix_world), np.array(head.matrix_world), atol=1e-6)
    assert mesh.parent == head and mesh["facelift_base_of"] == head["facelift_id"]
    assert mesh.users_collection[:] == head.users_collection[:]
    model = load_head_model()
    assert len(mesh.data.vertices) == len(model.mean)
    # What lies beyond the splats' end is left out.
    assert 0.7 * len(model.faces) < len(mesh.data.polygons) < len(model.faces)
    sizes = {polygon.loop_total for polygon in mesh.data.polygons}
    assert sizes <= {3, 4} and not mesh.data.validate(verbose=False)
    assert all(polygon.use_smooth for polygon in mesh.data.polygons)
    blocks = mesh.data.shape_keys.key_blocks
    assert [block.name for block in blocks] == ["Basis", *model.expression_names]
    matrix = np.array(head.matrix_world)
    wanted = expected.shown @ matrix[:3, :3].T + matrix[:3, 3]
    there = ~model.in_regions(Region.TORSO)
    assert np.linalg.norm(shown(mesh) - wanted, axis=1)[there].mean() < 0.0015


def test_the_smile_can_be_taken_away_and_comes_back(blender, head):
    import bpy

    mesh = fit(expression="NEUTRAL")
    at_rest = shown(mesh)
    assert not any(block.value for block in mesh.data.shape_keys.key_blocks[1:])
    assert bpy.ops.facelift.show_expression(expression="PHOTO") == {"FINISHED"}
    smiling = shown(mesh)
    assert 0.002 < np.linalg.norm(smiling - at_rest, axis=1).max() < 0.03
    smile = mesh.data.shape_keys.key_blocks["mouthSmileLeft"]
    assert 0.2 < smile.value <= 1


def test_the_mesh_has_texture_coordinates_groups_and_materials(blender, head):
    mesh = fit()
    coordinates = np.empty(2 * len(mesh.data.loops), np.float32)
    mesh.data.uv_layers["UVMap"].uv.foreach_get("vector", coordinates)
    assert coordinates.min() >= 0 and coordinates.max() <= 1 and np.ptp(coordinates) > 0.5
    groups = {group.name for group in mesh.vertex_groups}
    assert {"Face", "Lips", "Ear.L", "Ear.R", "Eye.L", "Eye.R", "Teeth Upper", "Tongue"} <= groups
    assert all(len(vertex.groups) == 1 for vertex in mesh.data.vertices)
    left = mesh.vertex_groups["Eye.L"].index
    eye = [vertex.co.x for vertex in mesh.data.vertices if vertex.groups[0].group == left]
    assert eye and min(eye) > 0
    names = [material.name.rsplit(" ", 1)[1] for material in mesh.data.materials]
    assert names == ["skin", "eyes", "mouth", "tongue", "teeth"]
    assert {polygon.material_index for polygon in mesh.data.polygons} == set(range(5))


def test_the_base_mesh_is_read_back_as_it_was_made(blender, head, expected):
    mesh = fit()
    read = blender.module("facelift_addon.avatar.base_objects").read(mesh, head)
    there = ~read.model.in_regions(Region.TORSO)
    assert np.linalg.norm(read.shown - expected.shown, axis=1)[there].mean() < 0.0015
    assert read.kept.sum() == len(mesh.data.polygons)
    np.testing.assert_allclose(read.expression, mesh["facelift_expression"], atol=1e-6)
    # The fit changes only what parts the lips.
    same = ~np.isin(read.model.expression_names, PARTING)
    np.testing.assert_allclose(read.expression[same], expected.expression[same])
    np.testing.assert_allclose(read.pose.to_list(), expected.pose.to_list(), atol=1e-4)
    np.testing.assert_allclose(read.expressions[24], expected.expressions[24], atol=1e-3)


def test_one_undo_removes_the_mesh_and_a_second_fit_keeps_what_was_made_of_it(blender, head):
    import bpy

    bpy.ops.ed.undo_push(message="before")
    name = fit().name
    bpy.ops.ed.undo_push(message="fitted")
    bpy.ops.ed.undo()
    assert name not in bpy.data.objects and bpy.data.objects["astronaut"].visible_get()
    bpy.ops.ed.redo()
    mesh = bpy.data.objects[name]
    assert mesh.visible_get() and not bpy.data.objects["astronaut"].visible_get()
    mesh.modifiers.new("Smooth", "SUBSURF").levels = 0
    mesh.data.vertices[0].co.x += 1
    material = mesh.data.materials[0]
    assert fit() == mesh and mesh.modifiers["Smooth"] and mesh.data.materials[0] == material
    assert abs(shown(mesh)[0, 0]) < 0.5


def on_faces(target):
    """Indices of the vertices of faces. Those that a cut left without lie on its border, where rounding takes them."""
    corners = np.empty(len(target.data.loops), np.int32)
    target.data.loops.foreach_get("vertex_index", corners)
    return np.unique(corners)


def test_a_mesh_fits_again_where_it_was_moved_to_or_its_head_turned_into_new_coordinates(blender, head):
    import bpy

    mesh = fit()
    head.location, head.rotation_euler.z, head.scale = (1, 2, 3), 0.5, (2, 2, 2)
    bpy.context.view_layer.update()
    before = shown(mesh)
    assert bpy.ops.facelift.show_only(kind="SPLATS") == {"FINISHED"}
    assert bpy.ops.facelift.apply_transform() == {"FINISHED"}
    assert fit() == mesh
    bpy.context.view_layer.update()
    np.testing.assert_allclose(shown(mesh)[on_faces(mesh)], before[on_faces(mesh)], atol=2e-3)
    mesh.location.x += 5
    bpy.context.view_layer.update()
    moved = shown(mesh)
    assert fit() == mesh and bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    bpy.context.view_layer.update()
    np.testing.assert_allclose(shown(mesh)[on_faces(mesh)], moved[on_faces(mesh)], atol=2e-3)
    baking = blender.module("facelift_addon.splats.data.baking")
    splats = np.array(head.matrix_world)[:3, :3] @ np.median(baking.evaluated(bpy.context, head).means, axis=0)
    middle = np.median(moved, axis=0) - head.location
    np.testing.assert_allclose(splats, middle, atol=0.2)


def test_the_fit_is_kept_in_the_file_by_duplicates_and_through_edits(blender, head, expected, tmp_path):
    import bpy

    bpy.ops.object.duplicate()
    fits = blender.module("facelift_addon.splats.data.fits")
    np.testing.assert_array_equal(fits.of(bpy.context.active_object).vertices, fits.of(head).vertices)
    path = tmp_path / "head.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    head = bpy.data.objects["astronaut"]
    bpy.context.view_layer.objects.active = head
    for other in bpy.context.view_layer.objects:
        other.select_set(other == head)
    head.rotation_euler, head.scale, head.location = (0.1, 0.2, 1.5), (2.0, 2.0, 2.0), (0.3, 0.2, 0.1)
    bpy.context.view_layer.update()
    before = np.array(head.matrix_world)
    bpy.ops.facelift.apply_transform()
    bpy.ops.facelift.set_origin(place="BOTTOM")
    bpy.context.view_layer.update()
    shape = blender.heads.shape_of(head).transformed(np.array(head.matrix_world))
    wanted = expected.transformed(before)
    np.testing.assert_allclose(shape.vertices, wanted.shown, atol=1e-5)
    np.testing.assert_allclose(shape.pose.to_list(), wanted.pose.to_list(), atol=1e-5)


def test_a_head_that_is_made_again_has_the_new_fit_only(blender, head):
    import bpy

    gaussians, to_local = splats_of_astronaut()
    columns = blender.module("facelift_addon.splats.data.columns")
    float4 = blender.module("facelift_addon.splats.data.geometry").has_float4()
    arrival = blender.arrivals.Arrival("new", columns.from_gaussians(gaussians, float4), to_local)
    shape = astronaut_head()[0].shape
    blender.arrivals.replace(
        bpy.context.scene, head, replace(arrival, shape=replace(shape, vertices=shape.vertices + 1))
    )
    np.testing.assert_allclose(blender.module("facelift_addon.splats.data.fits").of(head).vertices, shape.vertices + 1)
    blender.arrivals.replace(bpy.context.scene, head, arrival)
    assert not [key for key in head.keys() if key.startswith("facelift_fit")]


def test_splats_that_carry_no_fit_are_searched_for_a_face(blender, expected, tmp_path):
    """Out as a file and in again, without labels; turned by the user until they stood upright."""
    import bpy

    gaussians, _ = splats_of_astronaut()
    lying = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    add_splats(blender, gaussians.replace(parts=None).transform(lying), "scan")
    path = tmp_path / "scan.ply"
    assert bpy.ops.facelift.export_splats(filepath=str(path), check_existing=False, frame="Z_UP") == {"FINISHED"}
    bpy.ops.wm.read_homefile(use_empty=True)
    assert bpy.ops.facelift.import_splats(filepath=str(path), frame="Z_UP") == {"FINISHED"}
    scan = bpy.context.active_object
    assert blender.heads.shape_of(scan) is None
    scan.rotation_euler.x, scan.location = np.pi / 2, (4, 5, 6)
    bpy.context.view_layer.update()
    mesh = fit()
    bpy.context.view_layer.update()
    face = load_head_model().in_regions(Region.FACE, Region.LIPS)
    errors = np.linalg.norm(shown(mesh) - expected.shown - (4, 5, 6), axis=1)[face]
    assert errors.mean() < 0.008


def test_no_face_and_linked_heads_are_told_and_change_nothing(blender, tmp_path):
    import bpy

    target = add_splats(blender, surface_gaussians(1000), "noise")
    objects, key = list(bpy.data.objects), target["facelift_id"]
    with pytest.raises(RuntimeError, match="No face was found"):
        fit()
    assert list(bpy.data.objects) == objects and bpy.context.active_object == target
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, into):
        into.objects = ["noise"]
    (linked,) = into.objects
    bpy.context.scene.collection.objects.link(linked)
    bpy.context.view_layer.objects.active = linked
    with pytest.raises(RuntimeError, match="belongs to another file"):
        fit()
    assert linked["facelift_id"] == key and not linked.children


def test_what_modifiers_leave_is_fitted(blender, head):
    """All below the eyes is cropped away without touching the data: that is no face any more."""
    import bpy

    bpy.ops.facelift.add_crop(shape="PLANE")
    bpy.context.view_layer.objects.active = head
    plane = next(target for target in bpy.data.objects if target.type == "EMPTY")
    plane.location.z = 0.17
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match=r"part of the face is missing|No face was found"):
        fit()


def test_from_the_interface_the_fit_runs_in_the_background(blender, head):
    import bpy

    errands = blender.module("facelift_addon.making.errands")
    bpy.ops.ed.undo_push(message="before")
    blender.module("facelift_addon.avatar.fitting").fit_in_background(bpy.context, head, "NEUTRAL", textured=False)
    assert bpy.context.active_object == head
    blender.tick_until(lambda: not errands.tick())
    mesh = bpy.context.active_object
    assert mesh["facelift_base_of"] == head["facelift_id"]
    assert not any(block.value for block in mesh.data.shape_keys.key_blocks[1:])
    name = mesh.name
    bpy.ops.ed.undo()
    assert name not in bpy.data.objects and "astronaut" in bpy.data.objects


def test_a_fit_that_cannot_be_read_counts_as_none(blender, head):
    head["facelift_fit_facts"] = json.dumps({"pose": [1, 2]})
    assert blender.heads.shape_of(head) is None


def test_a_mesh_whose_vertices_were_removed_stays_beside_the_new_one(blender, head):
    import bpy

    mesh = fit()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh.data.vertices[0].select = True
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.delete(type="VERT")
    bpy.ops.object.mode_set(mode="OBJECT")
    read = blender.module("facelift_addon.avatar.base_objects").read
    with pytest.raises(Exception, match="no base mesh any more"):
        read(mesh)
    assert fit() != mesh and mesh.name in bpy.data.objects


def test_the_mesh_ends_where_the_splats_end_and_all_still_works_with_it(blender, head, tmp_path):
    import bpy

    mesh = fit(expression="NEUTRAL")
    bpy.context.view_layer.update()
    gaussians = splats_of_astronaut()[0]
    splats = gaussians.means[(gaussians.parts == Part.CLOTHES) & (gaussians.opacities > 0.3)]
    low = splats[:, 2].min() + 0.05
    splats, torso = (places[places[:, 2] < low] for places in (splats, shown(mesh)))
    # No vertex lies about beyond the border either.
    assert abs(torso[:, 2].min() - splats[:, 2].min()) < 0.015
    ends = np.percentile(splats[:, 0], (1, 99))
    np.testing.assert_allclose((torso[:, 0].min(), torso[:, 0].max()), ends, atol=0.015)
    assert not any(edge.is_loose for edge in mesh.data.edges)

    mesh.data.shape_keys.key_blocks["jawOpen"].value = 1
    path = tmp_path / "avatar.glb"
    assert bpy.ops.facelift.export_avatar(filepath=str(path), check_existing=False) == {"FINISHED"}
    document = pygltflib.GLTF2().load(str(path))
    corners = sum(document.accessors[part.indices].count for part in document.meshes[0].primitives)
    assert corners == 3 * sum(polygon.loop_total - 2 for polygon in mesh.data.polygons)
    mesh.data.shape_keys.key_blocks["jawOpen"].value = 0
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    bpy.context.view_layer.update()
    baking = blender.module("facelift_addon.splats.data.baking")
    before = baking.evaluated(bpy.context, head).means.copy()
    mesh.data.shape_keys.key_blocks["jawOpen"].value = 1
    bpy.context.view_layer.update()
    moved = np.linalg.norm(baking.evaluated(bpy.context, head).means - before, axis=1)
    assert np.isfinite(moved).all() and 0.01 < moved.max() < 0.08


def texture_corners(mesh):
    """Each face as its corners: vertex and texture coordinates."""
    layer, loops = mesh.data.uv_layers["UVMap"].data, mesh.data.loops
    return {
        frozenset((loops[corner].vertex_index, *layer[corner].uv) for corner in polygon.loop_indices)
        for polygon in mesh.data.polygons
    }


def test_another_cut_takes_the_faces_of_the_mesh_that_is_there(blender, head):
    """Faces come back with their texture coordinates, and what else the mesh has stays."""
    import bpy

    mesh = fit()
    model_faces = blender.module("facelift_addon.avatar.model_faces")
    model, cut = load_head_model(), len(mesh.data.polygons)
    basis = np.array([point.co for point in mesh.data.shape_keys.key_blocks["jawOpen"].data])
    kept, meshes = model_faces.of(mesh.data, model), bpy.data.meshes[:]
    model_faces.keep(mesh.data, model, None, "UVMap")
    assert len(mesh.data.polygons) == len(model.faces) and model_faces.of(mesh.data, model).all()
    assert not mesh.data.validate(verbose=False) and all(polygon.use_smooth for polygon in mesh.data.polygons)
    assert texture_corners(mesh) == {
        frozenset((int(vertex), *map(float, model.uvs[place])) for vertex, place in zip(face, places, strict=True))
        for face, places in zip(model.faces, model.face_uvs, strict=True)
    }
    model_faces.keep(mesh.data, model, kept, "UVMap")
    assert len(mesh.data.polygons) == cut and (model_faces.of(mesh.data, model) == kept).all()
    after = np.array([point.co for point in mesh.data.shape_keys.key_blocks["jawOpen"].data])
    np.testing.assert_array_equal(after, basis)
    assert fit() == mesh and bpy.data.meshes[:] == meshes
