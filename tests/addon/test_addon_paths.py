"""Paths that begin with // in scripted operators: beside the .blend file, or a clear error where there is none."""

import numpy as np
import pytest

from core import formats
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.avatar import add_head_with_mesh
from tests.helpers.recording import live_link_face

pytestmark = needs_blender


@pytest.fixture
def folder(blender, tmp_path):
    """The folder of a .blend file that was saved."""
    import bpy

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    return tmp_path


@pytest.mark.parametrize("suffix", [".ply", ".splat", ".spz", ".glb"])
def test_splats_go_beside_the_file_and_come_back(blender, folder, suffix):
    import bpy

    add_splats(blender, surface_gaussians(50))
    assert bpy.ops.facelift.export_splats(filepath=f"//out{suffix}", check_existing=False) == {"FINISHED"}
    assert len(formats.load(folder / f"out{suffix}")) == 50
    (folder / "below").mkdir()
    bpy.ops.facelift.export_splats(filepath=f"//below/out{suffix}", check_existing=False, use_animation=False)
    bpy.ops.facelift.import_splats(filepath=f"//below/out{suffix}")
    bpy.ops.facelift.import_splats(directory="//below", files=[{"name": f"out{suffix}"}])
    assert sum(target.type == "POINTCLOUD" for target in bpy.data.objects) == 3


def test_animations_go_beside_the_file(blender, folder):
    import bpy

    add_splats(blender, surface_gaussians(50))
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 4, 5
    bpy.ops.facelift.export_splats(filepath="//take.ply", check_existing=False, use_animation=True)
    assert {path.name for path in folder.glob("*.ply")} == {"take_0004.ply", "take_0005.ply"}


def test_pictures_and_avatars_go_beside_the_file(blender, folder):
    import bpy

    add_splats(blender, surface_gaussians(50))
    bpy.ops.facelift.save_contact_sheet(filepath="//sheet.png", views=1, size=16)
    add_head_with_mesh(blender)
    bpy.ops.facelift.export_avatar(filepath="//avatar.obj", check_existing=False)
    assert (folder / "sheet.png").is_file() and (folder / "avatar.obj").is_file()


def test_recordings_come_from_beside_the_file(blender, folder):
    import bpy

    (folder / "take.csv").write_bytes(live_link_face(np.zeros((3, 52))))
    _, mesh = add_head_with_mesh(blender)
    assert bpy.ops.facelift.import_recording(filepath="//take.csv") == {"FINISHED"}
    assert mesh.data.shape_keys.animation_data.action.name == "take"


def test_photos_come_from_beside_the_file(blender, folder):
    import bpy

    blender.module("facelift_addon.photo.photos")
    paths = blender.module("facelift_addon.paths")
    assert paths.absolute("//photo.jpg") == folder / "photo.jpg"
    assert (
        blender.module("facelift_addon.photo.photos").PhotoSource.from_file("//photo.jpg").path == folder / "photo.jpg"
    )
    assert paths.absolute(str(folder / "a.ply")) == folder / "a.ply"
    assert bpy.data.filepath


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("import_splats", {"filepath": "//a.ply"}),
        ("import_splats", {"directory": "//", "files": [{"name": "a.ply"}]}),
        ("export_splats", {"filepath": "//a.ply", "check_existing": False}),
        ("save_contact_sheet", {"filepath": "//a.png"}),
        ("export_avatar", {"filepath": "//a.glb", "check_existing": False}),
        ("import_recording", {"filepath": "//a.csv"}),
        ("choose_photo", {"filepath": "//a.jpg"}),
        ("setup_use_folder", {"directory": "//", "kind": "WHEELS"}),
    ],
)
def test_before_the_file_is_saved_they_mean_nothing(blender, operator, options):
    """Not the root of the disk, to which they lead as plain paths."""
    import bpy

    if operator in ("export_avatar", "import_recording"):
        add_head_with_mesh(blender)
    else:
        add_splats(blender, surface_gaussians(50))
    with pytest.raises(RuntimeError, match=r"never saved.*Save it first"):
        getattr(bpy.ops.facelift, operator)(**options)
