"""Placing a head's photos by hand: pins bring cameras back, nothing else changes, and the next head is made with it."""

from __future__ import annotations

import functools
import hashlib
import types

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.system.pictures import png_bytes
from tests.helpers.addon import needs_blender, save_photo, surface_gaussians
from tests.helpers.draft import astronaut_head
from tests.helpers.drawn import Layout

pytestmark = needs_blender

OFF = 15.0
"""Degrees by which the second photo's camera stands beside where it stood."""
LANDMARKS = [1, 33, 263, 152, 10]
"""Nose, eyes, chin and forehead."""
PLACES = ("front.png", "aside.png", "lost.png", "left.png")


class Stage:
    """A head of four photos: the portrait, one that is placed badly, one that was left out, one that needs help.

    Attributes:
        head: Its object.
        truth: The second photo's true camera, in the head's local space.
        shape: The fitted head, there.
    """

    def __init__(self, blender, folder, splats=None) -> None:
        import bpy

        self.blender = blender
        module = blender.module
        model = module("core.head.model").load_head_model()
        head_pose, head_shape = module("core.head.pose"), module("core.head.shape")
        cameras, outcomes = module("core.cameras"), module("core.engines.outcomes")
        captures, made = module("core.engines.capture"), module("core.engines.recipe")
        crop = module("core.photo.edits").Crop
        placement = module("facelift_addon.splats.scene.placement")
        photos = module("facelift_addon.photo.photos")
        photo_cameras = module("facelift_addon.splats.scene.photo_cameras")
        geometry = module("facelift_addon.splats.data.geometry")

        pose = head_pose.Pose(np.eye(3), np.array([0.0, 0.02, 0.1]), 5.4)
        shape = head_shape.HeadShape(pose.apply(model.mean), np.zeros(len(model.expressions)), pose)
        truth = cameras.front_camera(fov=27).moved(turned(20, (0, 0, 1)))
        found = truth.moved(turned(OFF, (0.3, 0.2, 0.9)))
        rng = np.random.default_rng(4)
        picture = png_bytes(np.dstack([rng.integers(0, 255, (512, 512, 3)), np.full((512, 512), 255)]).astype(np.uint8))
        part = crop(0.5, 0.5, 0.8)
        told = [
            outcomes.ShotOutcome("placed", camera=cameras.front_camera(fov=27), picture=picture, crop=part),
            outcomes.ShotOutcome("placed", "", "three-quarter", found, picture, part),
            outcomes.ShotOutcome("left-out", "Nobody was found.", "left", None, picture, crop(0.5, 0.5, 1.0)),
            outcomes.ShotOutcome("help", "Say which side it shows.", "left", found, picture, part),
        ]
        sources, used = [], []
        for number, name in enumerate(PLACES):
            path = save_photo(folder / name, rng.integers(0, 255, (90, 80, 3), np.uint8))
            role = "further" if number else "portrait"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            sources.append(captures.Shot(photos.PhotoSource.from_file(str(path)), role=role))
            used.append(captures.Shot(made.UsedPhoto(name, digest), role=role))
        to_local = placement.reference_to_local(0.24)
        gaussians = (surface_gaussians(300) if splats is None else splats).transform(to_local)
        arrival = blender.arrivals.Arrival(
            "Ada",
            module("facelift_addon.splats.data.columns").from_gaussians(gaussians, geometry.has_float4()),
            to_local,
            recipe=made.Recipe("draft", "", {}, captures.Capture(tuple(used))),
            capture=captures.Capture(tuple(sources)),
            shots=tuple(photo_cameras.ArrivingShot(outcome, picture) for outcome in told),
            shape=shape,
        )
        self.head = blender.arrivals.add(bpy.context.scene, arrival, bpy.context.view_layer)
        # It stands somewhere, turned: placing is by the head, not by the world.
        self.head.location, self.head.rotation_euler = (1.0, 2.0, 0.3), (0.1, 0.2, 0.7)
        bpy.context.view_layer.update()
        self.model = model
        self.truth = module("facelift_addon.splats.scene.cameras").rigidly_moved(truth, to_local)
        self.shape = blender.heads.shape_of(self.head)

    def camera(self, number: int = 1):
        return self.blender.heads.photo_camera_of(self.head, number)

    def off(self, number: int = 1) -> float:
        """Return by how many degrees a photo's camera is off, as the scene has it."""
        import bpy

        bpy.context.view_layer.update()
        silhouettes = self.blender.module("facelift_addon.editing.silhouettes")
        return angle(silhouettes.camera_of(self.head, self.camera(number), 512, 512), self.truth)

    @property
    def placing(self):
        return self.blender.module("facelift_addon.by_hand.placing").current()

    @property
    def waiting(self):
        return self.blender.module("facelift_addon.splats.data.hand_placements").of(self.head)

    def pull(self, landmark: int, share: float = 1.0) -> None:
        """Pin a landmark to where it truly is, as a script does it."""
        import bpy

        vertex = self.model.landmark_vertices[landmark, 0]
        place = self.shape.vertices[vertex][None].astype(np.float64)
        (start,), (end,) = self.placing.board.camera.project(place)[0], self.truth.project(place)[0]
        end = start + share * (end - start)
        assert bpy.ops.facelift.pin_set(
            x=start[0] / 512, y=1 - start[1] / 512, to_x=end[0] / 512, to_y=1 - end[1] / 512
        ) == {"FINISHED"}


def turned(degrees, axis):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis)).as_matrix()
    return matrix


def angle(first, second) -> float:
    turn = first.c2w[:3, :3].T @ second.c2w[:3, :3]
    return float(np.degrees(np.linalg.norm(Rotation.from_matrix(turn).as_rotvec())))


@pytest.fixture
def stage(blender, tmp_path):
    yield Stage(blender, tmp_path)
    blender.module("facelift_addon.by_hand.operators").finish()


def scene_state():
    """Return what placing must not touch: objects and where they are, the scene's camera, data, the render size."""
    import bpy

    scene = bpy.context.scene
    objects = {each.name: (tuple(map(tuple, each.matrix_world)), each.hide_viewport) for each in bpy.data.objects}
    render = scene.render.resolution_x, scene.render.resolution_y
    return objects, scene.camera, render, len(bpy.data.images), len(bpy.data.cameras)


def in_3d_view():
    import bpy

    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region), area.spaces.active


def view_state(space):
    view = space.region_3d
    return (
        view.view_perspective, space.camera, space.use_local_camera, space.lock_camera,
        view.view_camera_zoom, tuple(view.view_camera_offset),
        tuple(view.view_rotation), tuple(view.view_location), view.view_distance,
    )  # fmt: skip


def drawn(panel):
    """Return the texts and names of what a panel draws."""
    import bpy

    noted: list = []
    getattr(bpy.types, panel).draw(types.SimpleNamespace(layout=Layout(noted)), bpy.context)
    return [text for entry in noted for text in entry[1:]]


def test_five_pins_bring_a_camera_back_that_is_15_degrees_off(stage):
    import bpy

    assert stage.off() == pytest.approx(OFF, abs=0.1)
    before = scene_state()
    assert bpy.ops.facelift.place_by_hand(photo=1) == {"FINISHED"}
    for landmark in LANDMARKS:
        stage.pull(landmark)
    assert scene_state() == before, "until it is applied, nothing changes"
    assert bpy.ops.facelift.place_apply() == {"FINISHED"}
    assert stage.off() < 1
    assert list(stage.waiting) == [1] and len(stage.waiting[1].pins) == 5
    assert stage.placing is None and not bpy.ops.facelift.pin_set.poll()


def test_steps_are_undone_and_all_is_reset_and_cancelled(stage):
    import bpy

    before = scene_state()
    bpy.ops.facelift.place_by_hand(photo=1)
    board = stage.placing.board
    for landmark in LANDMARKS[:3]:
        stage.pull(landmark)
    third = board.camera
    stage.pull(LANDMARKS[3])
    assert bpy.ops.facelift.pins_undo() == {"FINISHED"} and board.camera is third
    assert bpy.ops.facelift.pins_undo(redo=True) == {"FINISHED"} and len(board.step.pins) == 4
    x, y = board.step.pins[0].pixel
    assert bpy.ops.facelift.pin_remove(x=x / 512, y=1 - y / 512) == {"FINISHED"} and len(board.step.pins) == 3
    assert bpy.ops.facelift.pins_allow(lens=True, shape=True) == {"FINISHED"} and board.step.lens and board.step.shape
    assert bpy.ops.facelift.pins_reset() == {"FINISHED"} and board.is_automatic
    assert angle(board.camera, stage.truth) == pytest.approx(OFF, abs=0.1)
    stage.pull(LANDMARKS[0])
    assert bpy.ops.facelift.place_cancel() == {"FINISHED"}
    assert scene_state() == before and not stage.waiting and stage.placing is None


def test_what_is_wrong_is_told_and_everything_stays(stage):
    import bpy

    before = scene_state()
    for number, told in ((0, "portrait"), (9, "4 photos")):
        with pytest.raises(RuntimeError, match=told):
            bpy.ops.facelift.place_by_hand(photo=number)
    bpy.ops.facelift.place_by_hand(photo=1)
    with pytest.raises(RuntimeError, match="not there"):
        bpy.ops.facelift.pin_set(x=0.01, y=0.01, to_x=0.5, to_y=0.5)
    with pytest.raises(RuntimeError, match="no pin"):
        bpy.ops.facelift.pin_remove(x=0.5, y=0.5)
    with pytest.raises(RuntimeError, match="no further step"):
        bpy.ops.facelift.pins_undo()
    assert not bpy.ops.facelift.place_by_hand.poll(), "one at a time"
    bpy.ops.facelift.place_cancel()
    assert scene_state() == before

    stage.camera().data.background_images.clear()
    with pytest.raises(RuntimeError, match="picture of this photo is gone"):
        bpy.ops.facelift.place_by_hand(photo=1)
    bpy.context.view_layer.objects.active = None
    with pytest.raises(RuntimeError, match="Select a head"):
        bpy.ops.facelift.place_by_hand()


def test_a_photo_file_that_is_gone_is_still_placed_and_told_when_the_head_is_made(stage, tmp_path):
    import bpy

    for name in PLACES[1:]:
        (tmp_path / name).unlink()
    bpy.ops.facelift.place_by_hand(photo=1)
    stage.pull(LANDMARKS[0])
    assert bpy.ops.facelift.place_apply() == {"FINISHED"}
    with pytest.raises(RuntimeError, match=r"aside\.png"):
        bpy.ops.facelift.regenerate(mode="REPLACE")


def test_a_head_without_a_fit_is_placed_by_its_base_mesh(stage):
    """As imported splats and heads of engines that fit none."""
    import bpy

    module = stage.blender.module
    base = module("core.avatar.base_mesh").BaseMesh.from_shape(stage.shape, stage.model)
    module("facelift_addon.avatar.base_objects").give(stage.head, base, neutral=False)
    module("facelift_addon.splats.data.fits").keep(stage.head, None)
    bpy.ops.facelift.place_by_hand(photo=1)
    for landmark in LANDMARKS:
        stage.pull(landmark)
    bpy.ops.facelift.place_apply()
    assert stage.off() < 1


@pytest.fixture
def unfitted(blender, tmp_path):
    """A head of splats alone, as the FaceLift engine makes them: nothing is fitted to it."""
    made = astronaut_head()[0]
    chosen = made.gaussians.select(np.arange(0, len(made.gaussians), 5))
    stage = Stage(blender, tmp_path, chosen.replace(scales=chosen.scales * np.sqrt(5)))
    blender.module("facelift_addon.splats.data.fits").keep(stage.head, None)
    assert blender.heads.shape_of(stage.head) is None
    yield stage
    blender.module("facelift_addon.by_hand.operators").finish()


def check_fitted(stage):
    """The head has the model that was fitted to the same splats when they were made."""
    true = astronaut_head()[0].shape.transformed(stage.blender.heads.placement_of(stage.head))
    found = stage.blender.heads.shape_of(stage.head)
    face = stage.model.in_regions(stage.blender.module("core.head.model").Region.FACE)
    away = np.linalg.norm(found.vertices - true.vertices, axis=1)[face]
    assert away.mean() < 0.006, "metres"


def fit_as_a_button_does(stage):
    """Begin what a button begins: without a window, Blender asks nobody and does it at once."""
    import bpy

    module, operators = stage.blender.module, stage.blender.module("facelift_addon.by_hand.operators")
    then = functools.partial(operators.place_once_fitted, stage.head[stage.blender.heads.ID_KEY], 1)
    module("facelift_addon.by_hand.fitting").fit_in_background(bpy.context, stage.head, then)
    return module("facelift_addon.making.errands")


def test_a_head_without_a_fit_is_fitted_before_its_photo_is_placed(unfitted):
    import bpy

    objects = set(bpy.data.objects)
    assert bpy.ops.facelift.place_by_hand(photo=1) == {"FINISHED"}
    check_fitted(unfitted)
    assert unfitted.placing is not None and set(bpy.data.objects) == objects, "nothing is put into the scene"
    unfitted.placing.set_pin((256, 256), (260, 250))
    assert bpy.ops.facelift.place_apply() == {"FINISHED"} and 1 in unfitted.waiting


def test_from_the_interface_it_is_fitted_in_the_background_and_placing_begins_then(unfitted):
    import bpy

    errands = fit_as_a_button_does(unfitted)
    assert unfitted.placing is None and not bpy.ops.facelift.place_by_hand.poll(), "one fit at a time"
    unfitted.blender.tick_until(lambda: not errands.tick())
    check_fitted(unfitted)
    assert unfitted.placing is not None and unfitted.placing.number == 1


def test_a_head_that_goes_while_it_is_fitted_is_not_placed(unfitted):
    import bpy

    errands = fit_as_a_button_does(unfitted)
    bpy.data.objects.remove(unfitted.head)
    unfitted.blender.tick_until(lambda: not errands.tick())
    assert unfitted.placing is None


def test_splats_that_show_no_face_are_told(stage):
    import bpy

    stage.blender.module("facelift_addon.splats.data.fits").keep(stage.head, None)
    with pytest.raises(RuntimeError, match="face"):
        bpy.ops.facelift.place_by_hand(photo=1)
    assert stage.placing is None


def test_what_was_left_out_is_placed_from_its_side_and_gets_a_camera(stage):
    import bpy

    assert stage.camera(2) is None
    # Without a number the first that needs it is taken.
    bpy.ops.facelift.place_by_hand()
    assert stage.placing.number == 2
    side = stage.placing.board.camera.position @ [1, 0, 0]
    assert side > abs(stage.placing.board.camera.position[1])
    stage.placing.set_pin((200, 250), (220, 260))
    before = scene_state()
    assert bpy.ops.facelift.place_apply() == {"FINISHED"}
    assert stage.camera(2) is not None and 2 in stage.waiting
    photo = stage.camera(2).data.background_images[0].image
    assert photo.size[:] == (512, 512)
    assert scene_state()[1:4] == before[1:4]


def test_what_was_left_out_begins_at_the_side_that_its_row_says_now(quick_worker, tmp_path):
    import bpy

    stage = Stage(quick_worker, tmp_path)
    bpy.ops.facelift.choose_head_photos()
    quick_worker.settle()
    photo = quick_worker.session.photos[2]
    starts = {}
    for side in ("left", "right", "back"):
        photo.order = photo.order.with_options(side=side)
        bpy.ops.facelift.place_by_hand(photo=2)
        starts[side] = stage.placing.board.camera.position
        bpy.ops.facelift.place_cancel()
    # The head looks along -y, and its own left is at +x.
    assert starts["left"][0] > 0.3 and starts["right"][0] < -0.3 and starts["back"][1] > 0.3


def test_it_is_one_undo_step_and_undo_ends_placing(stage):
    import bpy

    bpy.ops.ed.undo_push(message="before")
    bpy.ops.facelift.place_by_hand(photo=1)
    for landmark in LANDMARKS:
        stage.pull(landmark)
    bpy.ops.facelift.place_apply()
    bpy.ops.ed.undo_push(message="placed")
    name = stage.head.name
    bpy.ops.ed.undo()
    stage.head = bpy.data.objects[name]
    assert stage.off() == pytest.approx(OFF, abs=0.1) and not stage.waiting
    bpy.ops.ed.redo()
    stage.head = bpy.data.objects[name]
    assert stage.off() < 1 and 1 in stage.waiting
    bpy.context.view_layer.objects.active = stage.head
    bpy.ops.facelift.place_by_hand(photo=1)
    bpy.ops.ed.undo()
    assert stage.placing is None


def test_it_survives_saving_and_goes_on_where_it_was(stage, tmp_path):
    import bpy

    bpy.ops.facelift.place_by_hand(photo=1)
    for landmark in LANDMARKS:
        stage.pull(landmark)
    kept = stage.placing.board.kept()
    bpy.ops.facelift.place_apply()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "placed.blend"))
    name = stage.head.name
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "placed.blend"))
    stage.head = bpy.data.objects[name]
    bpy.context.view_layer.objects.active = stage.head
    assert stage.waiting == {1: kept} and stage.off() < 1
    bpy.ops.facelift.place_by_hand(photo=1)
    assert len(stage.placing.board.step.pins) == 5
    # What it was placed by itself is known still.
    bpy.ops.facelift.pins_reset()
    assert angle(stage.placing.board.camera, stage.truth) == pytest.approx(OFF, abs=0.1)
    bpy.ops.facelift.place_apply()
    assert not stage.waiting and stage.off() == pytest.approx(OFF, abs=0.1)


def test_the_view_is_left_as_it_was_however_placing_ends(stage):
    import bpy

    override, space = in_3d_view()
    space.region_3d.view_perspective = "PERSP"
    space.region_3d.view_camera_zoom = 7
    before, scene = view_state(space), scene_state()
    handlers = stage.blender.module("facelift_addon.by_hand.handlers")

    def begin():
        with override:
            assert bpy.ops.facelift.place_by_hand(photo=1) == {"FINISHED"}
        assert space.region_3d.view_perspective == "CAMERA" and space.camera == stage.camera()
        assert space.use_local_camera and scene_state() == scene
        # As Blender does it where a window draws what a camera sees.
        space.region_3d.view_rotation, space.region_3d.view_distance = (1, 0, 0, 0), 3.0
        space.region_3d.view_location = (1, 2, 3)

    for end in (bpy.ops.facelift.place_cancel, handlers.on_replaced, bpy.ops.facelift.place_apply):
        begin()
        end()
        assert view_state(space) == before and stage.placing is None
    begin()
    bpy.data.objects.remove(stage.head)
    bpy.context.view_layer.update()
    assert stage.placing is None and view_state(space) == before


def test_the_next_head_is_made_with_it(quick_worker, tmp_path):
    import bpy

    stage = Stage(quick_worker, tmp_path)
    bpy.ops.facelift.choose_head_photos()
    quick_worker.settle()
    bpy.ops.facelift.place_by_hand(photo=1)
    for landmark in LANDMARKS:
        stage.pull(landmark)
    bpy.ops.facelift.place_apply()
    kept = stage.waiting[1]
    # The list has it, too.
    listed = [photo.order.capture.portrait.placement for photo in quick_worker.session.photos]
    assert listed == [None, kept, None, None]
    told = drawn("FACELIFT_PT_head")
    assert "Make Head Again" in told and "By Hand" in told

    assert bpy.ops.facelift.regenerate(mode="REPLACE") == {"FINISHED"}
    quick_worker.settle()
    made = quick_worker.recipes.of(stage.head).capture.shots
    assert [shot.placement for shot in made] == [None, kept, None, None]
    assert not stage.waiting and "Make Head Again" not in drawn("FACELIFT_PT_head")
    photo_list = quick_worker.module("facelift_addon.interface.photo_list")
    standing = photo_list.standing_of(bpy.context, quick_worker.session.photos[1])
    assert standing.text == "By Hand"

    assert bpy.ops.facelift.clear_placement(photo=quick_worker.session.photos[1].id) == {"FINISHED"}
    assert quick_worker.session.photos[1].order.capture.portrait.placement is None
    bpy.ops.facelift.choose_head_photos()
    assert quick_worker.session.photos[1].order.capture.portrait.placement == kept
    quick_worker.settle()


def test_the_portraits_button_is_greyed_out_and_says_why(quick_worker, tmp_path):
    import bpy

    Stage(quick_worker, tmp_path)
    bpy.ops.facelift.choose_head_photos()
    quick_worker.settle()
    session, told = quick_worker.session, {}
    for number in (0, 1):
        session.photo = session.photos[number]
        assert "facelift.place_by_hand" in drawn("FACELIFT_PT_main")
        operator = quick_worker.module("facelift_addon.by_hand.operators").FACELIFT_OT_place_by_hand
        told[number] = operator.description(bpy.context, types.SimpleNamespace(photo=number))
    assert "placed by" in told[0] and "Refit Lens" in told[0] and told[1] == ""
    layout = types.SimpleNamespace(operator=lambda *_, **__: types.SimpleNamespace())
    drawing = quick_worker.module("facelift_addon.by_hand.drawing")
    for number in (0, 1):
        drawing.draw_button(types.SimpleNamespace(column=lambda **_: layout), number)
        assert layout.enabled is (number == 1)


def test_panels_show_the_way_there_and_the_steps(stage):
    import bpy

    assert drawn("FACELIFT_PT_head").count("facelift.place_by_hand") == 3
    bpy.ops.facelift.place_by_hand(photo=1)
    assert "Placing aside.png" in drawn("FACELIFT_PT_main")
    stage.pull(LANDMARKS[0])
    told = drawn("FACELIFT_PT_main")
    assert any(text.startswith("1 pin, at most 0.") for text in told if isinstance(text, str))
    assert {"facelift.place_apply", "facelift.place_cancel", "facelift.pins_reset", "facelift.pins_allow"} <= set(told)
