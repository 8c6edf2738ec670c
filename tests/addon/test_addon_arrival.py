"""What the first head meets: render settings, a place to stand, a view of its face; and what deleting it leaves."""

import numpy as np
import pytest

from core.system.pictures import png_bytes
from tests.helpers.addon import PACKAGE, add_splats, needs_blender, surface_gaussians

pytestmark = needs_blender

BOUNCES = 200
EMPTY = np.zeros((2, 2, 4), np.uint8)


@pytest.fixture
def bring_in(blender):
    """Bring a head of a photo in as the session does, without a worker."""
    import bpy

    columns = blender.module("facelift_addon.splats.data.columns")
    geometry = blender.module("facelift_addon.splats.data.geometry")
    placement = blender.module("facelift_addon.splats.scene.placement")
    tasks = blender.module("facelift_addon.making.tasks")
    photos = blender.module("facelift_addon.photo.photos")
    captures, made = blender.module("core.engines.capture"), blender.module("core.engines.recipe")
    cameras, outcomes = blender.module("core.cameras"), blender.module("core.engines.outcomes")
    shots = blender.module("facelift_addon.splats.scene.photo_cameras")

    def bring_in(name="Ada", bounces=BOUNCES, photo_png=None, matte_png=None):
        to_local = placement.reference_to_local(0.24)
        gaussians = surface_gaussians(500).transform(to_local)
        capture = captures.Capture.of(photos.PhotoSource.from_file(f"{name}.png"))
        order = tasks.Order(capture, "draft", {}, scene=bpy.context.scene.name)
        task = tasks.Task(order, "generate")
        camera = cameras.front_camera()
        outcome = outcomes.ShotOutcome("placed", camera=camera, picture=matte_png or png_bytes(EMPTY))
        task.arrival = blender.arrivals.Arrival(
            name,
            columns.from_gaussians(gaussians, geometry.has_float4()),
            to_local,
            recipe=made.Recipe("draft", "", {}, captures.Capture.of(made.UsedPhoto(f"{name}.png", "00"))),
            shots=(shots.ArrivingShot(outcome, photo_png),),
            bounces=bounces,
        )
        blender.session.tasks.append(task)
        try:
            assert bpy.ops.facelift.bring_in(task=task.id) == {"FINISHED"}
        finally:
            blender.session.tasks.remove(task)
        bpy.context.view_layer.update()
        return bpy.context.view_layer.objects.active

    return bring_in


@pytest.fixture
def wishes(blender):
    import bpy

    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    yield preferences
    preferences.property_unset("prepare_renders")


def settings():
    import bpy

    scene = bpy.context.scene
    bounces = scene.cycles.transparent_max_bounces, scene.cycles.min_transparent_bounces
    return *bounces, scene.view_settings.view_transform


def add_box(low, high):
    import bpy

    mesh = bpy.data.meshes.new("Box")
    corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 5, 7, 6)])
    box = bpy.data.objects.new("Box", mesh)
    bpy.context.scene.collection.objects.link(box)
    bpy.context.view_layer.update()
    return box


def lowest(head):
    places = np.empty((len(head.data.points), 3), np.float32)
    head.data.attributes["position"].data.foreach_get("vector", places.ravel())
    return (places @ np.array(head.matrix_world)[:3, :3].T + np.array(head.matrix_world)[:3, 3])[:, 2].min()


def test_the_first_head_sets_up_renders_and_that_can_be_undone(blender, bring_in, wishes):
    import bpy

    before = settings()
    assert before[0] == 8
    head = bring_in()
    # Blender's own splats need none.
    quads = blender.module("facelift_addon.splats.display.display").renders_quads(head)
    assert settings() == (*((BOUNCES, BOUNCES) if quads else before[:2]), "Standard")
    rendering = blender.module("facelift_addon.splats.scene.rendering")
    made = rendering.told(rendering.made_changes(bpy.context.scene))
    assert ("Transparent bounces 8 → 200" in made) == quads and "View transform" in made
    bpy.ops.facelift.restore_render_settings()
    assert settings() == before
    bring_in("Second")
    assert settings() == before, "the user has decided"
    # One behind the other.
    assert not quads or rendering.needed_bounces(bpy.context.scene) == 400


def test_renders_are_left_alone_where_the_user_says_so(blender, bring_in, wishes):
    before = settings()
    wishes.prepare_renders = False
    bring_in()
    assert settings() == before


def test_heads_stand_on_what_is_there(blender, bring_in):
    add_box((-1, -1, -1), (1, 1, 1))
    head = bring_in()
    assert tuple(head.location)[:2] == (0, 0) and lowest(head) == pytest.approx(1.0, abs=5e-3)
    second = bring_in("Second")
    assert second.location.x > 0.3 and lowest(second) == pytest.approx(1.0, abs=5e-3)


def test_where_nothing_is_a_head_stands_at_the_cursor(bring_in):
    import bpy

    bpy.context.scene.cursor.location = (0.02, -0.01, 0.03)
    assert tuple(bring_in().location) == pytest.approx((0.02, -0.01, 0.03))


def test_heads_stand_in_rooms_and_on_floors(blender, bring_in):
    import bpy

    add_box((-4, -4, 0), (4, 4, 3))
    add_box((-9, -9, -0.5), (9, 9, 0))
    bpy.context.scene.cursor.location = (1, 1, -0.1)
    head = bring_in()
    assert lowest(head) == pytest.approx(0.0, abs=5e-3) and tuple(head.location)[:2] == (1, 1)


def test_the_view_turns_to_the_face(blender, bring_in):
    from mathutils import Vector

    view = blender.module("facelift_addon.splats.scene.arrival_view")
    head = bring_in()
    viewer = view.three_quarters(head) @ Vector((0, 0, 1))
    up = view.three_quarters(head) @ Vector((0, 1, 0))
    assert viewer.y < -0.8 and viewer.x < -0.4 and 0 < viewer.z < 0.2 and up.z > 0.9
    head.rotation_euler = (0, 0, np.pi / 2)
    import bpy

    bpy.context.view_layer.update()
    turned = view.three_quarters(head) @ Vector((0, 0, 1))
    assert turned.x > 0.8, "it looks to +X now"


def test_the_photo_camera_shows_the_photo_and_leaves_the_display_alone(blender, bring_in):
    import io

    import bpy
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 100, 50)).save(picture, "PNG")
    cut_out = io.BytesIO()
    half = Image.new("RGBA", (64, 64), (200, 100, 50, 255))
    half.paste((0, 0, 0, 0), (0, 0, 32, 64))
    half.save(cut_out, "PNG")
    head = bring_in(photo_png=picture.getvalue(), matte_png=cut_out.getvalue())
    display = blender.module("facelift_addon.splats.display.display")
    display.set_option(head, display.CAMERA_IN_VIEWPORT, True)
    assert bpy.ops.facelift.look_through_photo() == {"FINISHED"}
    assert not display.get_option(head, display.CAMERA_IN_VIEWPORT)
    camera = bpy.context.scene.camera
    assert camera == blender.heads.photo_camera_of(head) and camera.data.show_background_images
    background = camera.data.background_images[0]
    assert background.alpha == 1.0 and background.display_depth == "BACK"
    assert tuple(background.image.size) == (64, 64) and background.image.pixels[3] == 1.0
    assert [shown.show_background_image for shown in camera.data.background_images] == [True, False]
    _, person = blender.module("facelift_addon.editing.shots").silhouette_of(head)
    assert person[:, 32:].all() and not person[:, :32].any()


def clean(blender):
    """Do what Blender does when it is idle, if it was asked to."""
    import bpy

    leftovers = blender.module("facelift_addon.splats.scene.leftovers")
    bpy.context.view_layer.update()
    asked = bpy.app.timers.is_registered(leftovers.clean)
    if asked:
        bpy.app.timers.unregister(leftovers.clean)
        leftovers.clean()
    return asked


def test_a_deleted_head_takes_its_cameras_and_its_collection_along(blender, bring_in):
    import bpy

    bring_in()
    bpy.ops.facelift.add_six_views()
    other = bring_in("Other")
    assert not clean(blender)
    bpy.ops.ed.undo_push(message="heads")
    bpy.ops.object.select_all(action="DESELECT")
    bpy.data.objects["Ada"].select_set(True)
    bpy.ops.object.delete()
    assert clean(blender)
    assert sorted(target.name for target in bpy.data.objects if target.type == "CAMERA") == ["Other photo camera"]
    assert "Ada" not in bpy.data.collections and "Other" in bpy.data.collections
    assert other.name in bpy.context.scene.objects


def test_what_the_user_made_of_a_heads_belongings_stays(blender, bring_in):
    import bpy

    head = bring_in()
    camera = blender.heads.photo_camera_of(head)
    camera.keyframe_insert("location", frame=1)
    bpy.ops.object.duplicate()
    copy = bpy.context.active_object
    bpy.data.objects.remove(head)
    assert clean(blender) and camera.name in bpy.data.objects, "its duplicate is there"
    bpy.data.objects.remove(copy)
    assert clean(blender) and "Ada photo camera" in bpy.data.objects and "Ada" in bpy.data.collections


def test_heads_that_are_only_instanced_keep_what_they_have(blender, bring_in):
    import bpy

    head = bring_in()
    collection = head.users_collection[0]
    bpy.context.scene.collection.children.unlink(collection)
    instancer = bpy.data.objects.new("Instancer", None)
    instancer.instance_type, instancer.instance_collection = "COLLECTION", collection
    bpy.context.scene.collection.objects.link(instancer)
    bpy.data.objects.remove(add_splats(blender, surface_gaussians(10), "Gone"))
    clean(blender)
    assert blender.heads.photo_camera_of(head) is not None and collection.name in bpy.data.collections


def test_what_was_removed_or_unlinked_is_no_object_of_the_view_layer(blender):
    """Its own list still holds both until it is brought up to date; using them has ended Blender 4.5."""
    import bpy

    scene, layer = bpy.context.scene, bpy.context.view_layer
    kept, gone, inside = (bpy.data.objects.new(name, None) for name in ("Kept", "Gone", "Inside"))
    collection = bpy.data.collections.new("Shelf")
    collection.objects.link(inside)
    scene.collection.children.link(collection)
    scene.collection.objects.link(kept)
    scene.collection.objects.link(gone)
    layer.update()
    scene.collection.children.unlink(collection)
    bpy.data.objects.remove(gone)
    names = [target.name for target in blender.module("facelift_addon.view_layers").objects_of(layer)]
    assert "Kept" in names and "Gone" not in names and "Inside" not in names


def test_deleting_hair_says_what_is_missing(blender):
    import bpy

    target = add_splats(blender, surface_gaussians(400))
    bpy.context.view_layer.objects.active = target
    said = []
    delete = blender.module("facelift_addon.editing.clean").FACELIFT_OT_delete_part
    call = {"part": "HAIR", "keep": False, "report": staticmethod(lambda *words: said.append(words))}
    delete.execute(type("Call", (), call)(), bpy.context)
    assert said[0][0] == {"WARNING"} and "Fit Base Mesh" in said[0][1]


def test_the_avatar_panel_says_that_the_mesh_was_deleted(blender):
    """In words where the button for a new one is, not only in what no panel draws."""
    from types import SimpleNamespace
    from unittest.mock import MagicMock

    import bpy

    head = add_splats(blender, surface_gaussians(50))
    binding = blender.module("facelift_addon.avatar.binding_nodes").binding_group()
    head.modifiers.new("Bind to Mesh", "NODES").node_group = binding
    bpy.context.view_layer.objects.active = head
    layout = MagicMock()
    panel = blender.module("facelift_addon.avatar.panel").FACELIFT_PT_avatar
    view = SimpleNamespace(ui_scale=1.0), SimpleNamespace(width=900)
    context = SimpleNamespace(
        active_object=head,
        preferences=SimpleNamespace(system=view[0]),
        region=view[1],
        evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
    )
    panel.draw(type("Panel", (), {"layout": layout})(), context)
    texts = " ".join(str(call.kwargs.get("text", "")) for call in layout.mock_calls)
    assert "is gone" in " ".join(texts.split()), texts


def test_solid_mode_shows_the_texture_of_a_base_mesh_that_arrives(blender, monkeypatch):
    import bpy

    head = add_splats(blender, surface_gaussians(50))
    mesh = bpy.data.objects.new("Mesh", bpy.data.meshes.new("Mesh"))
    mesh[blender.module("facelift_addon.avatar.base_objects").BASE_KEY] = head[blender.heads.ID_KEY]
    mesh.parent = head
    bpy.context.scene.collection.objects.link(mesh)
    material = bpy.data.materials.new("Skin")
    material.use_nodes = True
    mesh.data.materials.append(material)
    view = blender.module("facelift_addon.splats.scene.arrival_view")
    shown = []
    monkeypatch.setattr(view, "color_solid_views", shown.append)
    bpy.context.view_layer.objects.active = head
    for kind in ("BASE_MESH", "SPLATS"):
        bpy.ops.facelift.show_only(kind=kind)
    picture = material.node_tree.nodes.new("ShaderNodeTexImage")
    picture.image = bpy.data.images.new("Texture", 4, 4)
    for kind in ("BASE_MESH", "SPLATS"):
        bpy.ops.facelift.show_only(kind=kind)
    assert shown == ["VERTEX", "VERTEX", "TEXTURE", "VERTEX"]


def test_the_rendering_panel_says_how_instances_render(blender, monkeypatch):
    from types import SimpleNamespace
    from unittest.mock import MagicMock

    import bpy

    add_splats(blender, surface_gaussians(50))
    monkeypatch.setattr(blender.module("facelift_addon.viewport.switch"), "works", lambda: True)
    panel = blender.module("facelift_addon.interface.head_panels").FACELIFT_PT_rendering
    drawing = blender.module("facelift_addon.viewport.drawing").drawing
    said = []
    for instanced in (False, True):
        if instanced:
            target = bpy.data.objects.new("Instancer", None)
            target.instance_type, target.instance_collection = "COLLECTION", bpy.data.collections["Splats"]
            bpy.context.scene.collection.objects.link(target)
        bpy.context.scene.facelift_viewport.drawing = True
        bpy.context.scene.update_tag()
        bpy.context.view_layer.update()
        drawing.instances.clear()
        layout = MagicMock()
        context = SimpleNamespace(
            scene=bpy.context.scene,
            view_layer=bpy.context.view_layer,
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
            region=SimpleNamespace(width=900),
            evaluated_depsgraph_get=bpy.context.evaluated_depsgraph_get,
        )
        panel.draw(SimpleNamespace(layout=layout), context)
        said.append("Make Instances Real" in " ".join(str(call.kwargs.get("text")) for call in layout.mock_calls))
    # Blender's own splats (5.3) are right from everywhere.
    quads = blender.module("facelift_addon.splats.display.display").renders_quads(bpy.data.objects["Splats"])
    assert said == [False, quads]
