"""Uses every tool on a head in Blender's window: a picture before and after, undo, redo.

Runs inside Blender with its interface: ``blender -P tools_tour.py -- FOLDER PHOTO [PART...]``.
Whenever a picture of the screen is wanted, the file ``FOLDER/shoot`` appears; whoever takes it
removes that. ``FOLDER/PART.json`` holds the names of a part's pictures in their order, the region
of the 3D View on the screen, and what each tool did. The parts are those of :data:`PARTS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
import window
from mathutils import Euler, Vector

FOLDER, PHOTO, *CHOSEN = sys.argv[sys.argv.index("--") + 1 :]
FOLDER, PHOTO = Path(FOLDER), Path(PHOTO)
SETTLE_SECONDS = 0.3
VIEW_ANGLES = (1.5, 0.0, 0.35)
VIEW_CENTER, VIEW_DISTANCE = (-0.03, 0.0, 0.1), 0.85
CLOSE_CENTER, CLOSE_DISTANCE = (0.022, -0.1, 0.155), 0.07
"""Where an eye fills the picture: single splats are seen."""
FLOATERS = 400

pictures: list[str] = []
used: dict[str, dict] = {}
facelift = bpy.ops.facelift


def shoot(name: str, settle: float = SETTLE_SECONDS) -> window.Steps:
    """Take a picture under a name."""
    pictures.append(name)
    yield from window.shoot(FOLDER / "shoot", settle)


def head() -> bpy.types.Object:
    return bpy.data.objects["astronaut"]


def state() -> dict[str, bytes]:
    """Return what undo has to bring back: the splats of all objects, their selection, places and modifiers."""
    found = {}
    for target in bpy.data.objects:
        found[target.name] = np.array(target.matrix_world, np.float32).round(5).tobytes()
        if target.type == "POINTCLOUD":
            if target.mode == "EDIT":
                target.update_from_editmode()
            for name, column in window.module("facelift_addon.splats.data.geometry").read(target.data).items():
                found[f"{target.name} {name}"] = column.values.tobytes()
            found[f"{target.name} modifiers"] = "".join(modifier.name for modifier in target.modifiers).encode()
    return found


def call(name: str, tool: Callable[[], object]) -> None:
    """Use a tool in the 3D View, and write down what it answered and how long Blender stood still."""
    start = time.perf_counter()
    with window.override():
        result = tool()
    used[name] = {
        "seconds": round(time.perf_counter() - start, 3),
        "result": str(result),
        "splats": len(head().data.points),
    }


def use(name: str, tool: Callable[[], object], after: Callable[[], object] = lambda: None) -> window.Steps:
    """Use a tool, look at it, undo it, redo it, undo it again."""
    before = state()
    call(name, tool)
    done = state()
    after()
    yield from shoot(name)
    for verb, wanted in (("undo", before), ("redo", done), ("undo", before)):
        with window.override():
            getattr(bpy.ops.ed, verb)()
        now = state()
        if now != wanted:
            keys = {key for key in now.keys() | wanted.keys() if now.get(key) != wanted.get(key)}
            used[name].setdefault("broken", []).append(f"{verb}: {sorted(keys)[:4]}")


def run(operator: Callable, **settings: object) -> Callable[[], object]:
    """Return a call of an operator as a button makes it, with an undo step of its own."""
    return lambda: operator("EXEC_DEFAULT", True, **settings)


def mode(name: str) -> None:
    with window.override():
        bpy.ops.object.mode_set("EXEC_DEFAULT", True, mode=name)


def make_head() -> window.Steps:
    """Make the head, or open the one of the last time."""
    known = FOLDER / "head.blend"
    if known.exists():
        with window.override():
            bpy.ops.wm.open_mainfile(filepath=str(known), load_ui=False)
        yield 1.0
    else:
        window.empty_scene()
        bpy.context.scene.facelift.quality = "low"
        jobs = window.module("facelift_addon.making.session")
        with window.override():
            facelift.choose_photo(filepath=str(PHOTO))
            facelift.generate()
        yield from window.wait(lambda: not jobs.session.busy)
        yield 1.0
        bpy.ops.wm.save_as_mainfile(filepath=str(known))
    yield from window.open_tab()


def look(distance: float = VIEW_DISTANCE, center: tuple[float, float, float] = VIEW_CENTER) -> None:
    """Show the head from a little to the side, and nothing else."""
    space = window.view()[1].spaces[0]
    view = space.region_3d
    view.view_perspective = "PERSP"
    view.view_rotation = Euler(VIEW_ANGLES).to_quaternion()
    # Heads stand on the floor, wherever there is room.
    view.view_location, view.view_distance = head().location + Vector(center), distance
    overlay = space.overlay
    overlay.show_floor = overlay.show_axis_x = overlay.show_axis_y = overlay.show_cursor = False
    overlay.show_outline_selected = overlay.show_relationship_lines = overlay.show_object_origins = False
    for camera in bpy.data.cameras:
        camera.display_size = 1e-4
    space.show_gizmo = False


def show_bounds(shown: bool) -> None:
    """Show what space the heads are in."""
    for target in bpy.data.objects:
        if target.type == "POINTCLOUD":
            target.show_bounds = shown
            # Without it, what is drawn knows nothing of the change.
            target.update_tag()


def show_origin(shown: bool) -> None:
    """Show where the head's origin is: by the arrows for moving it, which nothing hides."""
    space = window.view()[1].spaces[0]
    space.show_gizmo = space.show_gizmo_object_translate = shown
    # Large enough to be seen in a small picture.
    bpy.context.preferences.view.gizmo_size = 200 if shown else 75


def show_part(name: str) -> None:
    """Show a part as selected, without an undo step."""
    parts, targets = window.module("core.splats.parts"), window.module("facelift_addon.editing.targets")
    values = np.empty(len(head().data.points), np.int8)
    head().data.attributes["part"].data.foreach_get("value", values)
    targets.select(head().data, values == parts.Part[name])


def add_floaters() -> None:
    """Move some splats away from the head, as reconstructions from photos have them."""
    random = np.random.default_rng(0)
    positions = head().data.attributes["position"].data
    values = np.empty(len(positions) * 3, np.float32)
    positions.foreach_get("vector", values)
    places = values.reshape(-1, 3)
    chosen = random.choice(len(places), FLOATERS, replace=False)
    places[chosen] = random.uniform((-0.3, -0.2, -0.1), (0.25, 0.2, 0.4), (FLOATERS, 3))
    positions.foreach_set("vector", values)
    scales = head().data.attributes["scale"].data
    values = np.empty(len(scales) * 3, np.float32)
    scales.foreach_get("vector", values)
    values.reshape(-1, 3)[chosen] *= 2.5
    scales.foreach_set("vector", values)
    head().data.update_tag()


def object_tools() -> window.Steps:
    """The tools of Object Mode."""
    yield from shoot("head")
    yield from use("symmetrize", run(facelift.symmetrize, direction="NEGATIVE_X"))
    yield from use("reduce_density", run(facelift.reduce_density, density=0.4))
    yield from use("delete_part", run(facelift.delete_part, part="CLOTHES", keep=False))
    yield from use("keep_part", run(facelift.delete_part, part="HAIR", keep=True))
    yield from use("paint_color", run(facelift.paint_color, part="HAIR", color=(0.55, 0.1, 0.08)))
    yield from use("grade_color", run(facelift.grade_color, part="ALL", exposure=0.6, temperature=0.5, contrast=1.2))

    def move_hair() -> None:
        bpy.data.objects["astronaut hair"].location.z += 0.12

    yield from use("separate_part", run(facelift.separate_part, part="HAIR"), move_hair)
    head().rotation_euler, head().scale = (0.2, 0.3, 0.2), (0.8, 0.55, 0.62)
    show_bounds(True)
    bpy.ops.ed.undo_push(message="turned")
    yield from shoot("stretched")
    yield from use("apply_transform", run(facelift.apply_transform))
    head().rotation_euler, head().scale = (0, 0, 0), (1, 1, 1)
    show_bounds(False)
    show_origin(True)
    bpy.ops.ed.undo_push(message="origin")
    yield from shoot("origin")
    for place in ("CENTER", "BOTTOM", "CURSOR"):
        yield from use(f"set_origin_{place.lower()}", run(facelift.set_origin, place=place))
    show_origin(False)
    bpy.ops.ed.undo_push(message="straight")
    with window.override():
        facelift.delete_part("EXEC_DEFAULT", True, part="HAIR", keep=False)
    yield from shoot("without hair")
    yield from use("reset_to_original", run(facelift.reset_to_original))
    with window.override():
        bpy.ops.ed.undo()
    yield from use("scale_from_eyes", run(facelift.scale_from_eyes, distance=0.04))
    add_floaters()
    bpy.ops.ed.undo_push(message="floaters")
    yield from shoot("floaters")
    yield from use("clean_floaters", run(facelift.clean_floaters))
    yield from use("clean_silhouette", run(facelift.clean_floaters, use_silhouette=True))


def edit_tools() -> window.Steps:
    """The tools of Edit Mode."""
    mode("EDIT")
    with window.override():
        bpy.ops.pointcloud.select_all("EXEC_DEFAULT", True, action="DESELECT")
    yield from shoot("nothing")
    yield from use("select_part", run(facelift.select_part, part="HAIR"))
    yield from use("select_color", run(facelift.select_color, color=(0.8, 0.6, 0.5), tolerance=18))
    yield from use("select_size", run(facelift.select_size, low=2.0))
    yield from use("select_opacity", run(facelift.select_opacity, high=0.5))
    yield from use("select_visible", run(facelift.select_visible))
    with window.override():
        facelift.select_part("EXEC_DEFAULT", True, part="MOUTH")
    yield from shoot("mouth")
    yield from use("grow_selection", run(facelift.grow_selection, distance=0.015))
    yield from use("shrink_selection", run(facelift.shrink_selection, distance=0.002))
    with window.override():
        facelift.select_part("EXEC_DEFAULT", True, part="EYES")
        facelift.grow_selection("EXEC_DEFAULT", True, distance=0.012)
    yield from use("assign_part", run(facelift.assign_part, part="HAIR"), lambda: show_part("HAIR"))
    with window.override():
        facelift.select_part("EXEC_DEFAULT", True, part="MOUTH")
    yield from use("paint_selection", run(facelift.paint_color, color=(0.7, 0.05, 0.2)))
    yield from use("blender_delete", run(bpy.ops.pointcloud.delete))
    box = {"xmin": 300, "xmax": 620, "ymin": 500, "ymax": 900, "wait_for_input": False}
    yield from use("blender_box", run(bpy.ops.view3d.select_box, **box))
    mode("OBJECT")


def by_hand() -> window.Steps:
    """Brush, lasso and sphere; centers and rings; the head against its photo."""
    region = window.view()[2]["WINDOW"]
    middle = np.array([region.width, region.height]) / 2

    def path(*offsets: tuple[float, float]) -> list[dict]:
        return [{"name": "", "loc": tuple(middle + offset), "time": 0.0} for offset in offsets]

    yield from shoot("plain")
    mode("EDIT")
    with window.override():
        bpy.ops.pointcloud.select_all("EXEC_DEFAULT", True, action="DESELECT")
        facelift.use_tool(tool="brush")
    yield from shoot("none")
    stroke = path((-90, 60), (-60, 100), (0, 120), (60, 110), (90, 80))
    call("select_brush", run(facelift.select_brush, path=stroke, radius=35))
    yield from shoot("select_brush")
    around = path((-70, 40), (-20, 60), (40, 55), (60, 10), (20, -20), (-50, -10))
    call("select_lasso", run(facelift.select_lasso, path=around))
    yield from shoot("select_lasso")
    call("select_sphere", run(facelift.select_sphere, center=head().location + Vector((-0.02, -0.1, 0.1)), radius=0.06))
    yield from shoot("select_sphere")
    mode("OBJECT")
    look(CLOSE_DISTANCE, CLOSE_CENTER)
    yield from shoot("close")
    shown = bpy.context.scene.facelift_overlays
    shown.show_rings, shown.of = True, "ALL"
    yield from shoot("rings")
    shown.show_rings, shown.show_centers = False, True
    yield from shoot("centers")
    shown.show_centers = False
    look()
    call("compare_photo", run(facelift.compare_photo))
    yield from shoot("compare_photo", 2.0)
    call("compare_photo back", run(facelift.compare_photo))
    yield from shoot("back")


def adjustments() -> window.Steps:
    """The sliders of the modifier, one at a time."""
    call("add_adjustments", run(facelift.add_adjustments))
    yield from shoot("neutral")
    modifier = window.module("facelift_addon.editing.adjustments")
    wanted = (
        ("Min opacity", 0.9),
        ("Max size", 0.0012),
        ("Min size", 0.0012),
        ("Density", 0.4),
        ("Splat size", 0.5),
        ("Exposure", 1.0),
        ("Temperature", 0.8),
        ("Tint", 0.8),
        ("Saturation", 0.0),
        ("Contrast", 1.8),
        ("Hair exposure", 1.5),
        ("Skin temperature", -0.8),
        ("Hair visible", False),
    )
    for name, value in wanted:
        inputs = modifier.ensure(head())
        neutral = inputs[name]
        inputs[name] = value
        yield from shoot(f"adjust {name}")
        inputs[name] = neutral
    for shape in ("BOX", "PLANE"):
        call(f"add_crop {shape}", run(facelift.add_crop, shape=shape))
        yield from shoot(f"crop {shape}")
    box = next(child for child in head().children if "box" in child.name)
    plane = next(child for child in head().children if "plane" in child.name)
    plane.location.z -= 0.3
    box.scale.x *= 0.5
    box.location.x = -0.1
    yield from shoot("crop BOX moved")
    box.scale *= 5
    plane.location.z += 0.32
    plane.rotation_euler.x = 0.4
    yield from shoot("crop PLANE moved")
    show_origin(True)
    head().select_set(False)
    box.scale /= 5
    box.select_set(True)
    bpy.context.view_layer.objects.active = box
    yield from shoot("crop BOX gizmo", 1.0)
    show_origin(False)
    box.select_set(False)
    head().select_set(True)
    bpy.context.view_layer.objects.active = head()
    call("apply_adjustments", run(facelift.apply_adjustments))
    yield from shoot("applied")
    call("reset after apply", run(facelift.reset_to_original))


def several() -> window.Steps:
    """Tools on two heads at once, and what shows them off."""
    sheet = {"filepath": str(FOLDER / "contact_sheet.png"), "size": 88, "check_existing": False}
    call("contact sheet", run(facelift.save_contact_sheet, **sheet))
    space = window.view()[1].spaces[0]
    with window.override():
        bpy.ops.object.duplicate("EXEC_DEFAULT", True)
    twin = bpy.context.view_layer.objects.active
    twin.location.x += 0.5
    head().select_set(True)
    bpy.context.view_layer.objects.active = head()
    space.region_3d.view_distance *= 1.6
    space.region_3d.view_location.x += 0.25
    bpy.ops.ed.undo_push(message="two heads")
    yield from shoot("two")
    yield from use("two_painted", run(facelift.paint_color, part="HAIR", color=(0.1, 0.1, 0.5)))
    mode("EDIT")
    yield from use("two_selected", run(facelift.select_part, part="SKIN"))
    mode("OBJECT")
    show_bounds(True)
    bpy.ops.ed.undo_push(message="bounds")
    yield from shoot("two bounds", 2.0)
    yield from use("joined", run(facelift.join_splats))
    show_bounds(False)
    call("set_up_turntable", run(facelift.set_up_turntable))
    yield from shoot("turntable camera")
    look(4.5)
    space.overlay.show_relationship_lines = space.overlay.show_floor = True
    for camera in bpy.data.cameras:
        camera.display_size = 0.15
    yield from shoot("turntable")
    call("remove_turntable", run(facelift.remove_turntable))


def open_panels() -> None:
    """Show what is folded at first."""
    for name in ("edit", "edit_select", "edit_parts", "adjustments", "adjustments_parts", "presenting"):
        panel = getattr(bpy.types, f"FACELIFT_PT_{name}")
        bpy.utils.unregister_class(panel)
        panel.bl_options = set()
        bpy.utils.register_class(panel)


def menus() -> window.Steps:
    """Where the tools are found: panels, menus, search, the modifier."""
    window.module("facelift_addon.making.session").session.clear_photos()
    yield from shoot("folded")
    for name in ("VIEW3D_MT_object", "FACELIFT_MT_splats", "FACELIFT_MT_select_splats"):
        with window.override():
            bpy.ops.wm.call_menu("INVOKE_DEFAULT", name=name)
        yield from shoot(name, 1.5)
        yield from press("Escape")
    with window.override():
        bpy.ops.wm.search_menu("INVOKE_DEFAULT")
    yield 1.0
    yield from press("f", "l", "o", "a", "t")
    yield from shoot("search", 1.5)
    yield from press("Escape", "Escape")
    mode("EDIT")
    for name in ("VIEW3D_MT_edit_pointcloud", "VIEW3D_MT_select_edit_pointcloud"):
        with window.override():
            bpy.ops.wm.call_menu("INVOKE_DEFAULT", name=name)
        yield from shoot(name, 1.5)
        yield from press("Escape")
    mode("OBJECT")
    call("add_adjustments", run(facelift.add_adjustments))
    call("add_crop", run(facelift.add_crop, shape="BOX"))
    properties = next(area for area in window.view()[0].screen.areas if area.type == "PROPERTIES")
    properties.spaces[0].context = "MODIFIER"
    yield from shoot("modifier", 1.5)


def panels() -> window.Steps:
    """The tab with everything unfolded, a screen at a time."""
    window.module("facelift_addon.making.session").session.clear_photos()
    call("add_adjustments", run(facelift.add_adjustments))
    call("add_crop", run(facelift.add_crop, shape="BOX"))
    for name in ("main", "head"):
        bpy.utils.unregister_class(getattr(bpy.types, f"FACELIFT_PT_{name}"))
    yield from shoot("tools", 1.5)
    bpy.utils.unregister_class(bpy.types.FACELIFT_PT_edit_parts)
    bpy.utils.unregister_class(bpy.types.FACELIFT_PT_edit_select)
    bpy.utils.unregister_class(bpy.types.FACELIFT_PT_edit)
    yield from shoot("sliders", 1.5)


def press(*keys: str) -> window.Steps:
    """Press keys, as a person does."""
    for key in keys:
        subprocess.run(["xdotool", "key", key], check=False)
        yield 0.3


PARTS = {
    "objects": object_tools,
    "editing": edit_tools,
    "by_hand": by_hand,
    "adjustments": adjustments,
    "several": several,
    "menus": menus,
    "panels": panels,
}


def script() -> window.Steps:
    if CHOSEN == ["panels"]:
        # Before they are drawn for the first time.
        open_panels()
    yield from make_head()
    look()
    yield 1.0
    bpy.ops.ed.undo_push(message="tour")
    region = window.view()[2]["WINDOW"]
    for part in CHOSEN or PARTS:
        pictures.clear()
        used.clear()
        yield from PARTS[part]()
        facts = {
            "region": [region.x, region.y, region.width, region.height],
            "pictures": pictures,
            "used": used,
        }
        (FOLDER / f"{part}.json").write_text(json.dumps(facts, indent=1))


window.start(script())
