"""Splats bound to the base mesh through the installed extension: the modifier against the core."""

import numpy as np
import pytest

from core.avatar import binding, deformation, gaps
from core.avatar.joints import find_joints
from core.cameras import Camera
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from tests.helpers.addon import needs_blender
from tests.helpers.avatar import add_head_with_mesh, turn_bone
from tests.helpers.patience import PATIENCE

pytestmark = needs_blender

FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")


@pytest.fixture
def pair(blender):
    """The astronaut and her base mesh, which shows the photo's expression."""
    import bpy

    head, mesh = add_head_with_mesh(blender)
    assert bpy.ops.facelift.show_expression(expression="PHOTO") == {"FINISHED"}
    return head, mesh


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the file of :func:`bound` is, once it was made."""
    return tmp_path_factory.mktemp("bound") / "bound.blend"


@pytest.fixture
def bound(blender, kept, request):
    """The same, with her splats bound: in a file that is opened for each test, for binding takes seconds."""
    import bpy

    if not kept.exists():
        head, mesh = request.getfixturevalue("pair")
        assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
        head["Test"], mesh["Test"] = "head", "mesh"
        bpy.ops.wm.save_as_mainfile(filepath=str(kept), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(kept))
    named = {target["Test"]: target for target in bpy.data.objects if "Test" in target}
    return named["head"], named["mesh"]


def columns_of(blender, target):
    """All attributes that the modifiers, save the display, leave."""
    import bpy

    return blender.module("facelift_addon.splats.data.baking").evaluated_columns(bpy.context, target)


def gaussians_of(blender, target):
    return blender.module("facelift_addon.splats.data.columns").to_gaussians(columns_of(blender, target))


def stored_of(blender, target):
    return blender.module("facelift_addon.splats.data.baking").stored(target)


def base_of(blender, head, mesh):
    return blender.module("facelift_addon.avatar.base_objects").read(mesh, head)


def assert_unmoved(blender, target):
    stored = blender.module("facelift_addon.splats.data.baking").stored_columns(target)
    for name, column in columns_of(blender, target).items():
        assert column.values.tobytes() == stored[name].values.tobytes(), name


def assert_shown(shown, hidden):
    import bpy

    assert shown.visible_get() and not shown.hide_render and hidden.hide_viewport and hidden.hide_render
    assert bpy.context.active_object == shown and bpy.context.selected_objects == [shown]


def test_one_of_splats_and_mesh_is_shown(blender, pair):
    import bpy

    head, mesh = pair
    mesh.hide_set(True)
    assert bpy.ops.facelift.fit_base_mesh(bake_texture=False) == {"FINISHED"}
    assert_shown(mesh, head)
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert_shown(head, mesh)
    assert bpy.ops.facelift.show_only(kind="BASE_MESH") == {"FINISHED"}
    assert_shown(mesh, head)
    key(mesh, jawOpen=1.0)
    assert bpy.ops.facelift.fit_base_mesh(bake_texture=False, expression="NEUTRAL") == {"FINISHED"}
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert_shown(mesh, head)  # Splats that follow: both can be looked at, and nothing changes that.
    assert bpy.ops.facelift.unbind() == {"FINISHED"}
    assert_shown(mesh, head)
    assert bpy.ops.facelift.show_only(kind="SPLATS") == {"FINISHED"}
    assert_shown(head, mesh)
    with pytest.raises(RuntimeError, match="no such mesh"):
        bpy.ops.facelift.show_only(kind="WRAP_MESH")
    bpy.ops.object.mode_set(mode="EDIT")
    showing = blender.module("facelift_addon.avatar.showing")
    showing.show_only(bpy.context, head, mesh)
    assert head.visible_get() and mesh.visible_get(), "what is being edited stays in view"


def test_hidden_splats_are_read_as_their_modifiers_make_them(blender, pair):
    import bpy

    head, _ = pair
    select(head)
    bindings = blender.module("facelift_addon.avatar.bindings")
    blender.module("facelift_addon.editing.adjustments").ensure(head)["Density"] = 0.5
    count = len(bindings.at_rest(bpy.context, head)["position"].values)
    assert count < len(head.data.points)
    head.hide_viewport = True
    assert len(bindings.at_rest(bpy.context, head)["position"].values) == count and head.hide_viewport


def test_rest_is_bit_equal_and_binding_changes_no_splat(blender, pair):
    import bpy

    head, _ = pair
    before = {
        n: c.values.copy() for n, c in blender.module("facelift_addon.splats.data.geometry").read(head.data).items()
    }
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    count = len(before["position"])
    stored = blender.module("facelift_addon.splats.data.geometry").read(head.data)
    assert len(stored["position"].values) > count + 5000
    for name, values in before.items():
        assert stored[name].values[:count].tobytes() == values.tobytes(), name
    assert_unmoved(blender, head)
    # Moved as a whole, nothing changes in local space.
    head.location = 1.0, 2.0, 3.0
    head.rotation_euler = 0.3, 0.2, 1.0
    bpy.context.view_layer.update()
    assert_unmoved(blender, head)


@pytest.mark.parametrize("keys", [{"jawOpen": 1.0}, {"eyeBlinkLeft": 1.0, "mouthSmileRight": 0.7, "browInnerUp": 0.5}])
def test_the_modifier_is_the_core(blender, bound, keys):
    import bpy

    head, mesh = bound
    base = base_of(blender, head, mesh)
    expression = base.expression.copy()
    for name, value in keys.items():
        mesh.data.shape_keys.key_blocks[name].value = value
        expression[base.model.expression_names.index(name)] = value
    bpy.context.view_layer.update()
    stored = stored_of(blender, head)
    vertices = base.vertices(expression)
    want = deformation.deform(stored, binding.rest_mesh(base), vertices, gaps.openings(base, vertices))
    got = gaussians_of(blender, head)
    size = np.abs(want.means - stored.means).max()
    assert size > 0.01 * base.pose.scale / 5
    np.testing.assert_allclose(got.means, want.means, atol=2e-5 * base.pose.scale / 1)
    np.testing.assert_allclose(got.opacities, want.opacities, atol=1e-4)
    scale = np.linalg.norm(want.covariances(), axis=(1, 2))
    error = np.linalg.norm(got.covariances() - want.covariances(), axis=(1, 2)) / scale
    print("means", np.abs(got.means - want.means).max(), "cov", np.percentile(error, [50, 99, 100]))
    assert error.max() < 1e-2 and np.percentile(error, 99) < 1e-3
    turned = np.abs(want.sh - stored.sh).max(axis=(1, 2))
    wrong = np.abs(got.sh - want.sh).max(axis=(1, 2))
    assert turned.max() > 0.01 and wrong.max() < 1e-3


def key(mesh, **values):
    import bpy

    for name, value in values.items():
        mesh.data.shape_keys.key_blocks[name].value = value
    bpy.context.view_layer.update()


def furthest(blender, target):
    """How far splats are from rest, in millimetres."""
    stored = blender.module("facelift_addon.splats.data.baking").stored_columns(target)["position"].values
    return float(np.abs(columns_of(blender, target)["position"].values - stored).max() * 1000)


def trouble(blender, target):
    import bpy

    return blender.module("facelift_addon.avatar.bindings").trouble(bpy.context, target)


def test_splats_follow_the_neutral_face_when_it_is_shown_while_binding(blender, pair):
    import bpy

    head, _ = pair
    assert bpy.ops.facelift.show_expression(expression="NEUTRAL") == {"FINISHED"}
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert furthest(blender, head) > 2
    assert bpy.ops.facelift.show_expression(expression="PHOTO") == {"FINISHED"}
    assert_unmoved(blender, head)


def test_unbinding_leaves_the_splats_as_they_were(blender, pair):
    import bpy

    head, mesh = pair
    geometry = blender.module("facelift_addon.splats.data.geometry")
    before = geometry.read(head.data)
    for _ in range(2):  # a second time binds anew
        assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    key(mesh, jawOpen=1.0)
    assert [modifier.name for modifier in head.modifiers] == ["Bind to Mesh", "FaceLift Display"]
    assert bpy.ops.facelift.unbind() == {"FINISHED"}
    after = geometry.read(head.data)
    assert before.keys() == after.keys()
    for name, column in before.items():
        assert column.values.tobytes() == after[name].values.tobytes(), name
    assert not bpy.ops.facelift.unbind.poll()


def test_sculpting_modifiers_and_a_moved_mesh_carry_splats_along(blender, bound):
    import bpy

    head, mesh = bound
    rest = gaussians_of(blender, head)
    mesh.location = 0.0, 0.0, 0.5
    mesh.rotation_euler = 0.0, 0.0, 0.7
    bpy.context.view_layer.update()
    expected = rest.transform(np.array(head.matrix_world.inverted() @ mesh.matrix_world))
    got = gaussians_of(blender, head)
    np.testing.assert_allclose(got.means, expected.means, atol=1e-6)
    np.testing.assert_allclose(got.scales, expected.scales, rtol=1e-3)
    assert np.abs(expected.sh - rest.sh).max() > 0.1
    np.testing.assert_allclose(got.sh, expected.sh, atol=1e-3)
    mesh.location, mesh.rotation_euler = (0, 0, 0), (0, 0, 0)
    cast = mesh.modifiers.new("Scale", "SIMPLE_DEFORM")
    cast.deform_method, cast.factor = "STRETCH", 0.2
    bpy.context.view_layer.update()
    assert furthest(blender, head) > 5
    mesh.modifiers.remove(cast)
    for point in mesh.data.shape_keys.key_blocks[0].data[:50]:
        point.co.z += 0.01
    mesh.data.update_tag()
    bpy.context.view_layer.update()
    assert furthest(blender, head) > 1


def test_what_goes_wrong_leaves_splats_at_rest_and_says_what_helps(blender, bound):
    import bpy

    head, mesh = bound
    key(mesh, jawOpen=1.0)
    assert trouble(blender, head) == ""
    subdivision = mesh.modifiers.new("Subdivision", "SUBSURF")
    bpy.context.view_layer.update()
    assert_unmoved(blender, head)
    assert "add or remove vertices" in trouble(blender, head)
    mesh.modifiers.remove(subdivision)
    bpy.context.view_layer.update()
    assert furthest(blender, head) > 5
    mesh.hide_viewport = False
    select(mesh)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert_unmoved(blender, head)
    assert "bind again" in trouble(blender, head)
    with pytest.raises(RuntimeError, match="added or removed"):
        bpy.ops.facelift.bind_to_mesh()
    bpy.data.objects.remove(mesh)
    bpy.context.view_layer.update()
    assert_unmoved(blender, head)
    assert "is gone" in trouble(blender, head)


def test_a_deleted_mesh_and_a_copy_that_is_moved_say_what_helps(blender, bound):
    import bpy

    head, mesh = bound
    key(mesh, jawOpen=1.0)
    select(head)
    bpy.ops.object.duplicate()
    copy = bpy.context.active_object
    assert trouble(blender, copy) == "", "in the same place nothing is wrong"
    copy.location.x += 1
    bpy.context.view_layer.update()
    assert repr(head.name) in trouble(blender, copy)
    assert bpy.ops.facelift.fit_base_mesh(bake_texture=False) == {"FINISHED"}
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert trouble(blender, copy) == ""
    assert_unmoved(blender, copy)

    mesh.hide_viewport = False
    select(mesh)
    bpy.ops.object.delete()
    bpy.context.view_layer.update()
    assert furthest(blender, head) > 5, "as Blender keeps it"
    assert "last shape" in trouble(blender, head)
    select(head)
    assert bpy.ops.facelift.fit_base_mesh(bake_texture=False) == {"FINISHED"}
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert trouble(blender, head) == ""
    assert_unmoved(blender, head)


def select(target):
    import bpy

    bpy.ops.object.select_all(action="DESELECT")
    target.select_set(True)
    bpy.context.view_layer.objects.active = target


def test_edits_keep_the_binding_and_new_splats_ask_for_it(blender, bound):
    import bpy

    head, mesh = bound
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    mesh.select_set(False)
    assert bpy.ops.facelift.reduce_density(density=0.5) == {"FINISHED"}
    assert bpy.ops.facelift.apply_transform() == {"FINISHED"}
    assert furthest(blender, head) < 1e-3
    key(mesh, jawOpen=1.0)
    assert furthest(blender, head) > 5
    assert trouble(blender, head) == ""
    assert bpy.ops.facelift.add_adjustments() == {"FINISHED"}
    assert [modifier.name for modifier in head.modifiers] == [
        "FaceLift Adjustments",
        "Bind to Mesh",
        "FaceLift Display",
    ]
    assert bpy.ops.facelift.symmetrize() == {"FINISHED"}
    assert "bind again" in trouble(blender, head)
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert trouble(blender, head) == ""
    copy = head.copy()
    copy.data = head.data.copy()
    bpy.context.collection.objects.link(copy)
    copy.select_set(True)
    posed = gaussians_of(blender, head)
    assert bpy.ops.facelift.join_splats() == {"FINISHED"}
    assert len(head.data.points) == len(posed) + len(binding.baked(posed))
    assert "bind again" in trouble(blender, head)


def photographed(blender, head, size=256):
    """Give a head, through a camera of its own, a picture of its stored splats in warmer colours."""
    import bpy
    from mathutils import Matrix

    stored = stored_of(blender, head)
    sh = stored.sh.copy()
    sh[:, 0] += np.array([0.5, 0.1, -0.3], np.float32)
    warm = stored.replace(sh=sh)
    camera = Camera.orbit(270, radius=0.9, fov=28, size=size)
    middle = np.eye(4)
    middle[:3, 3] = np.median(stored.means, axis=0)
    camera = camera.moved(middle)
    rendering = render(warm, camera, (0, 0, 0))
    alpha = np.clip(rendering.alpha, 0, 1)[..., None]
    rgba = np.dstack([np.clip(rendering.image / np.maximum(alpha, 1e-2), 0, 1), alpha])
    image = bpy.data.images.new("picture", size, size, alpha=True)
    image.pixels.foreach_set(np.ascontiguousarray(rgba[::-1], np.float32).ravel())
    data = bpy.data.cameras.new("camera")
    data.sensor_width, data.lens = 36.0, camera.fx / size * 36.0
    data.background_images.new().image = image
    target = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(target)
    target.matrix_world = head.matrix_world @ Matrix(camera.blender_matrix().tolist())
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = size
    bpy.context.view_layer.update()
    return warm, camera


def likeness(blender, head, truth, camera):
    """How near stored splats are to others, in dB."""
    return psnr(*(render(each, camera).image for each in (stored_of(blender, head), truth)))


def test_a_bound_head_is_refined_at_rest_follows_the_mesh_as_before_and_can_be_bound_and_reset(blender, bound):
    import bpy

    head, mesh = bound
    before, count = stored_of(blender, head), len(head.data.points)
    warm, camera = photographed(blender, head)
    # A pose is no part of what is refined: the photo shows the face at rest.
    closed = mesh.data.shape_keys.key_blocks["jawOpen"].value
    key(mesh, jawOpen=1.0)
    select(head)
    near = likeness(blender, head, warm, camera)
    assert bpy.ops.facelift.refine_to_photos(photos="camera") == {"FINISHED"}
    assert likeness(blender, head, warm, camera) > near + 6
    assert len(head.data.points) > count and trouble(blender, head) == ""
    stored = stored_of(blender, head)
    base = base_of(blender, head, mesh)
    expression = base.expression.copy()
    expression[base.model.expression_names.index("jawOpen")] = 1.0
    vertices = base.vertices(expression)
    want = deformation.deform(stored, binding.rest_mesh(base), vertices, gaps.openings(base, vertices))
    got = gaussians_of(blender, head)
    np.testing.assert_allclose(got.means, want.means, atol=2e-5 * base.pose.scale)
    np.testing.assert_allclose(got.opacities, want.opacities, atol=1e-4)
    # What opens with the mouth and shuts with the lids is as it was: no photo at rest shows it.
    hidden = before.opacities == 0
    assert hidden.any() and (stored.opacities == 0).sum() == hidden.sum()
    key(mesh, jawOpen=closed)
    assert_unmoved(blender, head)
    # Bound anew, the refined splats stay as they are; reset, those of before are back.
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert trouble(blender, head) == "" and likeness(blender, head, warm, camera) > near + 6
    select(head)
    assert bpy.ops.facelift.reset_to_original() == {"FINISHED"}
    np.testing.assert_allclose(likeness(blender, head, warm, camera), near, atol=0.5)


def test_a_rigged_head_that_is_refined_follows_its_bones_and_can_be_reset(blender, bound):
    import bpy

    head, mesh = bound
    select(mesh)
    assert bpy.ops.facelift.add_rig() == {"FINISHED"}
    rig = bpy.context.active_object
    joints = find_joints(blender.module("facelift_addon.avatar.base_objects").read(mesh))
    original = stored_of(blender, head)
    warm, camera = photographed(blender, head)
    # It is refined at rest, whatever the rig shows meanwhile.
    turn_bone(rig, "head", joints.up * 0.5)
    select(head)
    near = likeness(blender, head, warm, camera)
    assert bpy.ops.facelift.refine_to_photos(photos="camera") == {"FINISHED"}
    assert likeness(blender, head, warm, camera) > near + 6
    refined = stored_of(blender, head)
    assert len(refined) > len(original) and trouble(blender, head) == ""

    def assert_turned(stored):
        """Far up the skull all splats turn with the head's bone, and the neck's end stays."""
        count = len(stored)
        shown = gaussians_of(blender, head).means[:count]
        crown = stored.means @ joints.up > (joints.eyes.mean(0) + 0.05 * joints.up) @ joints.up
        arms = (stored.means - joints.skull)[crown]
        along = (arms @ joints.up)[:, None] * joints.up
        turned = along + np.cos(0.5) * (arms - along) + np.sin(0.5) * np.cross(joints.up, arms) + joints.skull
        assert crown.sum() > 1000 and np.percentile(np.linalg.norm(shown[crown] - turned, axis=1), 95) < 2e-3
        low = stored.means[:, 2] < np.percentile(stored.means[:, 2], 5)
        assert np.abs(shown - stored.means)[low].max() < 1e-3

    assert_turned(refined)
    for bone in rig.pose.bones:
        bone.rotation_quaternion = (1, 0, 0, 0)
    bpy.context.view_layer.update()
    assert np.abs(gaussians_of(blender, head).means[: len(refined)] - refined.means).max() < 1e-5
    # Reset, the splats of before are back, and they follow the bones, too.
    select(head)
    assert bpy.ops.facelift.reset_to_original() == {"FINISHED"}
    back = stored_of(blender, head)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(back, name), getattr(original, name), atol=1e-6, err_msg=name)
    turn_bone(rig, "head", joints.up * 0.5)
    bpy.context.view_layer.update()
    if trouble(blender, head):
        assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert_turned(back)


def test_adjustments_lie_over_what_is_refined(blender, pair):
    import bpy

    head, _ = pair
    warm, camera = photographed(blender, head)
    select(head)
    assert bpy.ops.facelift.add_adjustments() == {"FINISHED"}
    near = likeness(blender, head, warm, camera)
    assert bpy.ops.facelift.refine_to_photos(photos="camera", use_split=False) == {"FINISHED"}
    assert likeness(blender, head, warm, camera) > near + 6
    assert [modifier.name for modifier in head.modifiers] == ["FaceLift Adjustments", "FaceLift Display"]
    select(head)
    assert bpy.ops.facelift.bind_to_mesh() == {"FINISHED"}
    assert trouble(blender, head) == ""


def test_exports_hold_the_pose_and_animations_are_a_file_a_frame(blender, bound, tmp_path):
    import bpy

    from core import formats

    head, mesh = bound
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    mesh.select_set(False)
    block = mesh.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, block.value), (3, 1.0)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 3
    scene.frame_set(2)
    assert bpy.ops.facelift.export_splats(filepath=str(tmp_path / "one.ply")) == {"FINISHED"}
    assert bpy.ops.facelift.export_splats(filepath=str(tmp_path / "all.ply"), use_animation=True) == {"FINISHED"}
    assert scene.frame_current == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "all_0001.ply",
        "all_0002.ply",
        "all_0003.ply",
        "one.ply",
    ]
    assert (tmp_path / "one.ply").read_bytes() == (tmp_path / "all_0002.ply").read_bytes()
    written = [formats.load(tmp_path / f"all_000{number}.ply") for number in (1, 2, 3)]
    rest = binding.unbound(stored_of(blender, head))
    assert len(written[0]) == len(rest) < len(written[1])
    np.testing.assert_array_equal(written[0].means, rest.means)
    for number in (2, 3):
        scene.frame_set(number)
        posed = binding.baked(gaussians_of(blender, head))
        np.testing.assert_array_equal(written[number - 1].means, posed.means)
        assert not [name for name in written[number - 1].extras if name.startswith("bind:")]
    scene.frame_set(3)
    assert bpy.ops.facelift.export_splats(filepath=str(tmp_path / "last.spz"), use_animation=True) == {"FINISHED"}
    assert len(formats.load(tmp_path / "last_0003.spz")) == len(written[2])


def test_an_animation_is_written_in_the_background_and_can_be_cancelled(blender, bound, tmp_path):
    import time

    import bpy

    errands = blender.module("facelift_addon.making.errands")
    animations = blender.module("facelift_addon.operators.animations")
    columns = blender.module("facelift_addon.splats.data.baking").stored_columns(bound[0])
    scene = bpy.context.scene
    scene.frame_set(7)

    def drive(frames, stop_at=None):
        read = []
        animation = animations.Animation(
            scene,
            frames,
            lambda: read.append(scene.frame_current) or [(dict(columns), np.eye(4))],
            tmp_path / "a.ply",
            {},
        )
        animation.start()
        deadline = time.monotonic() + PATIENCE
        while animation._supply() is not None:
            assert time.monotonic() < deadline
            if stop_at is not None and len(read) >= stop_at:
                errands.cancel()
            errands.tick()
            time.sleep(0.005)
        errands.tick()
        return read

    assert drive(range(1, 5)) == [1, 2, 3, 4]
    assert len(list(tmp_path.iterdir())) == 4
    assert scene.frame_current == 7
    assert len(drive(range(10, 60), stop_at=2)) < 10
    assert len(list(tmp_path.iterdir())) < 14
    assert scene.frame_current == 7
