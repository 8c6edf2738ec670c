"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.helpers.addon", "tests.helpers.addon_setup", "tests.helpers.recorded"]

# A busy machine is no reason to fail: examples may take, and be made, as slowly as it wants.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_EXIT_STATUS = pytest.StashKey[int]()

SHARED = Path(__file__).resolve().parents[2] / "shared"

FACELIFT = ("test_facelift_", "test_gsplat_", "test_runtime_", "test_weights_")
"""Beginnings of the names of modules about the FaceLift engine: half of what Python 3.11 has to test."""
ONCE = {
    "test_addon_connection",
    "test_addon_maintenance",
    "test_avatar_base_mesh",
    "test_avatar_binding",
    "test_avatar_ending",
    "test_avatar_fit",
    "test_avatar_handoff_lods",
    "test_avatar_handoff_maps",
    "test_avatar_handoff_seam",
    "test_avatar_lids",
    "test_avatar_texture",
    "test_avatar_wrap",
    "test_build::test_every_module_in_the_zip_is_used_by_the_product",
    "test_build::test_every_platforms_wheels_are_to_be_had",
    "test_build::test_personal_settings_of_pip_do_not_reach_the_environments",
    "test_draft_border",
    "test_draft_detail",
    "test_draft_engine",
    "test_draft_hair",
    "test_draft_headgear",
    "test_draft_hollows",
    "test_draft_neckline",
    "test_draft_outline",
    "test_draft_quality",
    "test_draft_shots::test_four_photos_of_a_scan_show_its_sides",
    "test_draft_stages",
    "test_fitting",
    "test_formats_practice",
    "test_formats_precision",
    "test_formats_usd",
    "test_groom_cards",
    "test_groom_face_hair",
    "test_groom_shade",
    "test_hair_pictures",
    "test_hair_strands",
    "test_moving",
    "test_mtcnn",
    "test_performance_best_frames",
    "test_performance_capture",
    "test_performance_people",
    "test_photo_edits",
    "test_photo_faces",
    "test_photo_fine",
    "test_photo_people",
    "test_placing_shots::test_a_scan_is_placed_from_all_sides",
    "test_rasterizer_layers",
    "test_surface",
    "test_truth_clip",
    "test_truth_heads",
    "test_weights_download",
    "test_weights_verify",
    "test_worker_failures",
    "test_worker_lifetime",
}
"""Modules, and tests, that take long and prove the same with every Python and Blender.

That is figures of the draft engine, of avatars, of what is found in photos and of how heads are fitted; files of other
programs and how exact ours are; what comes over a network, processes that die, and the upkeep of what was installed.
With every Python a photo is prepared (test_photo_prepare), becomes a head (test_cli; in Blender test_addon_head and
others), also with a further photo (test_draft_shots), and every format goes there and back (test_formats,
test_formats_exchange).
"""
ENDS = {
    "test_addon_avatar",
    "test_addon_avatar_export",
    "test_addon_avatar_texture",
    "test_addon_binding",
    "test_addon_engines",
    "test_addon_expressions",
    "test_addon_groom_cards",
    "test_addon_groom_scene",
    "test_addon_handoff_cards",
    "test_addon_handoff_fbx",
    "test_addon_handoff_lods",
    "test_addon_handoff_maps",
    "test_addon_handoff_seam",
    "test_addon_handoff_vrm",
    "test_addon_jobs",
    "test_addon_photo_editing",
    "test_addon_photo_list",
    "test_addon_queue",
    "test_addon_recording",
    "test_addon_rig",
    "test_addon_setup",
    "test_addon_whole_way",
    "test_addon_wrap",
    "test_repository",
}
"""Modules that take long and run with the oldest and the newest Blender only.

They use what was the same in the versions between: meshes, shape keys, bones, drivers, images, exporters, undo, buttons
that start a process. How splats are stored, drawn and rendered, files, and edits are tested with each.
"""
FAST = {
    "test_addon_head::test_a_photo_becomes_a_head_as_the_design_says",
    "test_addon_panel",
    "test_blocks",
    "test_cameras",
    "test_editing_colors",
    "test_editing_picking",
    "test_editing_shape",
    "test_errors_table",
    "test_formats",
    "test_formats_gltf",
    "test_gaussians",
    "test_head_model",
    "test_mesh_raster",
    "test_nearest",
    "test_photo_alignment",
    "test_ply",
    "test_rasterizer",
    "test_security",
    "test_spherical_harmonics",
    "test_surface",
    "test_worker_codec",
}
"""Modules, and a test, that ``build.py test --fast`` runs: each takes seconds, and together they touch most of it."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that is not ours to commit, beside the checkout; skip where it is absent."""
    if not (SHARED / "DESIGN.md").exists():
        pytest.skip("the shared test material is not beside this checkout")
    return SHARED


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't import modules that a run of ``build.py test`` chooses nothing of: PyTorch alone takes ten seconds."""
    name, choice = collection_path.stem, config.option.markexpr
    if not name.startswith("test_"):
        return None
    left_out = ("not facelift" in choice or choice.startswith("blender")) and name.startswith(FACELIFT)
    left_out |= choice.endswith("and facelift") and not name.startswith(FACELIFT)
    left_out |= "not once" in choice and name in ONCE
    left_out |= "not ends" in choice and name in ENDS
    left_out |= choice.startswith("fast") and name not in {entry.partition("::")[0] for entry in FAST}
    return left_out or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses the installed extension with ``blender``, and skip all of that where bpy is missing.

    Mark with ``facelift`` what is about that engine, with ``once`` what need not run again with another Python or
    Blender, with ``ends`` what Blenders between the oldest and the newest need not run, with ``fast`` what is run
    while one works.
    """
    from tests.helpers.addon import HAS_BLENDER  # A plug-in: pytest wants to import it first.

    for item in items:
        names = {item.path.stem, f"{item.path.stem}::{getattr(item, 'originalname', item.name)}"}
        if item.path.stem.startswith(FACELIFT):
            item.add_marker(pytest.mark.facelift)
        for mark, chosen in (("once", ONCE), ("ends", ENDS), ("fast", FAST)):
            if not chosen.isdisjoint(names):
                item.add_marker(mark)
        if "installed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.blender)
        blender = item.get_closest_marker("blender")
        if blender and item.get_closest_marker("facelift"):
            # No run would choose it: see pytest_ignore_collect.
            raise pytest.UsageError(f"{item.nodeid} uses Blender: it has to be in a module of another name.")
        if blender and not HAS_BLENDER:
            item.add_marker(pytest.mark.skip(reason="this Python has no bpy module"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember the outcome for :func:`pytest_unconfigure`."""
    session.config.stash[_EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End at once after the last line was printed: Blender's module may hang in its own clean-up."""
    if "bpy" in sys.modules and _EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_EXIT_STATUS])
