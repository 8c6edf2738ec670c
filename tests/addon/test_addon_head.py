"""The whole road with the real worker and the real engine: photo, operator, ticks, object."""

import hashlib
import itertools
import json
from dataclasses import asdict

import numpy as np
import pytest

from core.head.model import Region, load_head_model
from tests.helpers.addon import needs_blender

pytestmark = needs_blender


@pytest.fixture
def choose(blender):
    """Choose a photo through the operator and wait until it is prepared."""
    import bpy

    def choose(path):
        bpy.ops.facelift.choose_photo(filepath=str(path))
        blender.settle()
        return blender.session.photo

    return choose


@pytest.fixture
def make_head(blender, choose):
    """Make a light head of a photo; return its object."""
    import bpy

    def make_head(path):
        choose(path)
        bpy.context.scene.facelift.quality = "low"
        bpy.ops.facelift.generate()
        blender.settle()
        return bpy.context.view_layer.objects.active

    return make_head


def test_a_photo_becomes_a_head_as_the_design_says(blender, make_head, astronaut):
    import bpy

    bpy.context.scene.cursor.location = (1.0, 2.0, 0.5)
    head = make_head(astronaut)

    assert head.type == "POINTCLOUD" and head.name == "astronaut"
    assert head.select_get() and [target for target in bpy.context.view_layer.objects if target.select_get()] == [head]
    assert tuple(head.location) == (1.0, 2.0, 0.5) and tuple(head.scale) == (1, 1, 1)
    assert [collection.name for collection in head.users_collection] == ["astronaut"]
    geometry = blender.module("facelift_addon.splats.data.geometry")
    gaussians = geometry.to_gaussians(head.data)
    assert 60_000 <= len(gaussians) <= 200_000
    # In metres, upright, origin at the base of the neck: hair above, shoulders below.
    low, high = np.percentile(gaussians.means, (0.5, 99.5), axis=0)
    assert 0.2 < high[2] < 0.4 and -0.2 < low[2] < 0.0
    assert 0.15 < high[0] - low[0] < 0.7
    # The face is skin and eyes, and looks to -Y.
    face = gaussians.means[np.isin(gaussians.parts, (1, 4, 5))]
    hair = gaussians.means[gaussians.parts == 2]
    assert np.median(face[:, 1]) < np.median(hair[:, 1])

    # The engine's fit came along, in the head's own space: its eyes are where the splats' are.
    shape = blender.heads.shape_of(head)
    eyes = gaussians.means[gaussians.parts == 4].mean(axis=0)
    assert np.linalg.norm(shape.vertices[load_head_model().in_regions(Region.EYES)].mean(axis=0) - eyes) < 0.02

    recipe = blender.recipes.of(head)
    photo = recipe.portrait.photo
    assert photo.name == "astronaut.png" and photo.sha256 == hashlib.sha256(astronaut.read_bytes()).hexdigest()
    assert recipe.engine == "draft" and recipe.settings["quality"] == "low" and recipe.seed == 0
    assert recipe.version and recipe.licence
    assert json.loads(head["facelift_recipe"]) == recipe.to_dict()


@pytest.mark.ends
def test_the_photo_camera_sees_the_photo_through_the_panel_s_lens(blender, make_head, astronaut):
    import bpy
    from bpy_extras.object_utils import world_to_camera_view

    choices = bpy.context.scene.facelift
    choices.lens, choices.lens_mm = "mm", 85.0
    head = make_head(astronaut)
    recipe = blender.recipes.of(head)
    options, lens = recipe.portrait.options, recipe.portrait.photo.lens
    assert options.lens == "mm" and options.lens_mm == 85
    assert lens.source == "chosen" and 10 < lens.degrees < 40
    camera = blender.heads.photo_camera_of(head)
    assert lens_angle(camera) == pytest.approx(lens.degrees, abs=0.01)
    assert bpy.context.scene.camera == camera and camera.parent == head
    image = camera.data.background_images[0].image
    assert tuple(image.size) == (512, 512) and image.packed_file is not None
    # FaceLift's alignment puts the face's centre at (252, 280) of 512.
    gaussians = blender.module("facelift_addon.splats.data.geometry").to_gaussians(head.data)
    eyes = gaussians.means[gaussians.parts == 4].mean(axis=0)
    bpy.context.view_layer.update()
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 512
    from mathutils import Vector

    x, y, _depth = world_to_camera_view(bpy.context.scene, camera, head.matrix_world @ Vector(eyes.tolist()))
    assert abs(x * 512 - 252) < 20 and 0.45 < y < 0.65


def test_one_undo_removes_the_head_and_redo_brings_it_back(quick_worker, make_head, astronaut):
    import bpy

    bpy.ops.ed.undo_push(message="before")
    name = make_head(astronaut).name
    bpy.ops.ed.undo()
    assert name not in bpy.data.objects
    assert not [camera for camera in bpy.data.objects if camera.type == "CAMERA"]
    bpy.ops.ed.redo()
    assert quick_worker.heads.is_head(bpy.data.objects[name])


def test_a_saved_file_shows_its_head_again(quick_worker, make_head, astronaut, tmp_path):
    import bpy

    head = make_head(astronaut)
    name, count, recipe = head.name, len(head.data.points), quick_worker.recipes.of(head)
    path = tmp_path / "head.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))

    head = bpy.data.objects[name]
    assert len(head.data.points) == count
    assert quick_worker.recipes.of(head) == recipe
    display = quick_worker.module("facelift_addon.splats.display.display")
    assert display.find_display(head).node_group is not None
    evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).evaluated_geometry()
    native = quick_worker.module("facelift_addon.splats.display.native")
    if native.is_available():
        assert evaluated.mesh is None and len(evaluated.pointcloud.points) == count
    else:
        assert evaluated.mesh is not None and len(evaluated.mesh.polygons) > count / 2


def test_regenerate_replaces_in_place_or_adds(quick_worker, make_head, astronaut):
    import bpy

    head = make_head(astronaut)
    head.location = (0.3, 0.0, 0.0)
    name, identifier = head.name, head[quick_worker.heads.ID_KEY]
    before = head.data.name
    bpy.context.scene.facelift.body = "neck"
    bpy.ops.facelift.regenerate(mode="REPLACE")
    quick_worker.settle()
    head = quick_worker.heads.find(identifier)
    assert head.name == name and tuple(head.location) == pytest.approx((0.3, 0, 0))
    assert quick_worker.recipes.of(head).settings["body"] == "neck"
    assert len(bpy.data.pointclouds) == 1, f"{before} is gone"
    assert len(quick_worker.heads.heads_of(bpy.context.scene)) == 1
    assert len([child for child in head.children if child.type == "CAMERA"]) == 1

    for _ in range(2):
        bpy.ops.facelift.regenerate(mode="ADD")
    quick_worker.settle()
    made = quick_worker.heads.heads_of(bpy.context.scene)
    assert sorted(quick_worker.recipes.of(head).seed for head in made) == [0, 1, 2], "variants differ"


def lens_angle(camera):
    return np.degrees(camera.data.angle_x)


def test_refit_lens_makes_the_head_again_in_its_place_in_one_undo_step(quick_worker, make_head, astronaut):
    import bpy

    bpy.context.scene.facelift.head_height = 0.3
    head = make_head(astronaut)
    head.location, head.scale = (0.3, 0.2, 0.1), (2, 2, 2)
    camera = quick_worker.heads.photo_camera_of(head)
    before = quick_worker.recipes.of(head)
    bpy.ops.ed.undo_push(message="before")
    name, identifier, away = head.name, head[quick_worker.heads.ID_KEY], camera.matrix_basis.translation.length
    # What the panel has now does not count: only the lens changes.
    bpy.context.scene.facelift.body, bpy.context.scene.facelift.head_height = "neck", 0.5
    assert bpy.ops.facelift.refit_lens(lens="degrees", lens_degrees=18.5) == {"FINISHED"}
    quick_worker.settle()

    head = quick_worker.heads.find(identifier)
    recipe = quick_worker.recipes.of(head)
    assert recipe.settings == before.settings
    assert asdict(recipe.portrait.options) == asdict(before.portrait.options) | {
        "lens": "degrees",
        "lens_degrees": 18.5,
    }
    assert asdict(recipe.portrait.photo.lens) == {"degrees": 18.5, "source": "chosen"}
    assert (
        head.name == name and tuple(head.location) == pytest.approx((0.3, 0.2, 0.1)) and tuple(head.scale) == (2, 2, 2)
    )
    placement = quick_worker.module("facelift_addon.splats.scene.placement")
    assert quick_worker.heads.placement_of(head)[0, 0] * placement.HEAD_HEIGHT_UNITS == pytest.approx(0.3)
    assert len(quick_worker.heads.heads_of(bpy.context.scene)) == 1
    camera = quick_worker.heads.photo_camera_of(head)
    assert lens_angle(camera) == pytest.approx(18.5, abs=0.01)
    assert camera.matrix_basis.translation.length > 1.5 * away, "a long lens stands farther away"

    bpy.ops.ed.undo()
    head = quick_worker.heads.find(identifier)
    assert quick_worker.recipes.of(head) == before
    assert lens_angle(quick_worker.heads.photo_camera_of(head)) == pytest.approx(50, abs=0.01)


def test_a_lens_chosen_for_a_head_stays_when_it_is_made_again(quick_worker, make_head, astronaut):
    import bpy

    heads, recipes = quick_worker.heads, quick_worker.recipes
    head = make_head(astronaut)
    bpy.context.scene.facelift.lens = "telephoto"
    bpy.ops.facelift.regenerate(mode="REPLACE")
    quick_worker.settle()
    head = bpy.context.view_layer.objects.active
    lens = recipes.of(head).portrait.options.lens
    assert lens == "telephoto", "nothing was chosen for this head: the panel says"
    bpy.context.scene.facelift.lens = "auto"
    for mode in ("REPLACE", "ADD"):
        bpy.ops.facelift.regenerate(mode=mode)
        quick_worker.settle()
    made = map(recipes.of, heads.heads_of(bpy.context.scene))
    assert {recipe.portrait.options.lens for recipe in made} == {"telephoto"}


def test_refit_lens_says_when_it_can_not(quick_worker, make_head, astronaut, tmp_path):
    import bpy

    assert not bpy.ops.facelift.refit_lens.poll()
    photo = tmp_path / "mine.png"
    photo.write_bytes(astronaut.read_bytes())
    head = make_head(photo)
    photo.unlink()
    with pytest.raises(RuntimeError, match="photo was not found"):
        bpy.ops.facelift.refit_lens(lens="selfie")
    assert bpy.ops.facelift.refit_lens(lens="selfie", filepath=str(astronaut)) == {"FINISHED"}
    quick_worker.settle()
    recipe = quick_worker.recipes.of(head)
    assert recipe.portrait.options.lens == "selfie"
    head["facelift_recipe"] = json.dumps(recipe.to_dict() | {"engine": "facelift"})
    assert not bpy.ops.facelift.refit_lens.poll()


def test_a_photo_without_a_face_says_so_and_the_next_one_works(blender, choose, landscape, astronaut):
    import bpy

    photo = choose(landscape)
    assert photo.error.code == "no-face" and photo.error.advice
    assert not bpy.ops.facelift.generate.poll()
    assert choose(astronaut).error is None
    assert bpy.ops.facelift.generate.poll()


@pytest.mark.once
def test_several_photos_wait_for_generate_and_a_bad_one_stops_nothing(blender, landscape, astronaut):
    import bpy

    bpy.context.scene.facelift.quality = "low"
    folder = astronaut.parent
    bad = folder / "no face.png"
    bad.write_bytes(landscape.read_bytes())
    bpy.ops.facelift.choose_photo(directory=str(folder), files=[{"name": bad.name}, {"name": astronaut.name}])
    blender.settle()
    assert blender.session.tasks == []
    failed, good = blender.session.photos
    assert failed.state == "Failed" and failed.error.code == "no-face"
    assert good.state == "Done"
    bpy.ops.facelift.generate()
    assert [task.order.source.name for task in blender.session.tasks] == [astronaut.name]
    blender.settle()
    assert [head.name for head in blender.heads.heads_of(bpy.context.scene)] == ["astronaut"]
    bpy.ops.facelift.clear_finished()
    assert blender.session.tasks == []


def test_an_image_inside_the_file_is_a_photo_too(blender, astronaut):
    import bpy

    image = bpy.data.images.load(str(astronaut))
    image.pack()
    image.filepath = ""
    bpy.context.scene.facelift.image = image
    blender.settle()
    assert blender.session.photo.error is None
    assert len(blender.session.photo.result.faces) == 1


def test_another_face_can_be_chosen(blender, choose, astronaut, tmp_path):
    """The largest is taken, said so, and the other one is a click away."""
    import bpy
    from PIL import Image

    portrait = Image.open(astronaut)
    group = Image.new("RGB", (900, 512), "gray")
    group.paste(portrait, (388, 0))
    group.paste(portrait.resize((384, 384)), (0, 128))
    group.save(tmp_path / "group.png")

    photo = choose(tmp_path / "group.png")
    assert len(photo.result.faces) == 2 and photo.result.face == 0
    assert any("2 faces" in note for note in photo.result.notes)
    largest, other = photo.result.faces
    assert largest.x0 > other.x0
    bpy.ops.facelift.choose_face(face=1)
    blender.settle()
    assert blender.session.photo.result.face == 1
    assert blender.session.photo.order.capture.portrait.options.face == 1


def test_settings_of_the_panel_reach_the_engine(quick_worker, make_head, astronaut):
    import bpy

    choices = bpy.context.scene.facelift
    choices.body, choices.seed, choices.head_height = "neck", 7, 0.48
    head = make_head(astronaut)
    settings = quick_worker.recipes.of(head).settings
    assert settings["body"] == "neck" and settings["seed"] == 7 and settings["quality"] == "low"
    scale = quick_worker.heads.placement_of(head)[0, 0]
    placement = quick_worker.module("facelift_addon.splats.scene.placement")
    assert scale * placement.HEAD_HEIGHT_UNITS == pytest.approx(0.48)


def test_heads_of_several_photos_stand_side_by_side(quick_worker, astronaut, tmp_path):
    import bpy

    files = [{"name": f"{name}.png"} for name in "abc"]
    for entry in files:
        (tmp_path / entry["name"]).write_bytes(astronaut.read_bytes())
    bpy.ops.facelift.choose_photo(directory=str(tmp_path), files=files)
    bpy.ops.facelift.generate()
    quick_worker.settle()
    places = sorted(head.location.x for head in quick_worker.heads.heads_of(bpy.context.scene))
    assert len(places) == 3 and places[0] == 0
    assert all(later - earlier > 0.3 for earlier, later in itertools.pairwise(places))
