"""What a person does with a repository of extensions, in a Blender of its own; run as a module.

Blender reads the folder of its user when it starts, so each start is a process. Prints what it finds as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from pathlib import Path

from tests.helpers.headless import use_resources

MODULE = "studio"
PACKAGE = f"bl_ext.{MODULE}.facelift"
COMMAND, SEED = "ssh studio worker", 77
"""What the person set in the preferences and in the scene."""


def add_repository(url: str) -> None:
    """Add the repository as its address is entered in the preferences."""
    import bpy

    bpy.context.preferences.system.use_online_access = True
    bpy.context.preferences.extensions.repos.new(name="Studio", module=MODULE, remote_url=url)


def sync() -> int:
    """Ask the repository what it has; return its place in the list."""
    import bpy

    index = bpy.context.preferences.extensions.repos.find("Studio")
    assert bpy.ops.extensions.repo_sync(repo_index=index) == {"FINISHED"}
    return index


def install(url: str, blend: Path) -> None:
    """Install from the repository, set a preference, save preferences and a scene with splats."""
    import bpy

    add_repository(url)
    bpy.ops.extensions.package_install(repo_index=sync(), pkg_id="facelift", enable_on_install=True)
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.worker_command = COMMAND
    bpy.ops.wm.save_userpref()
    add_head()
    bpy.context.scene.facelift.seed = SEED
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))


def add_head() -> None:
    """Put a small head into the scene."""
    import bpy
    import numpy as np

    from tests.helpers.addon import surface_gaussians

    columns = importlib.import_module(f"{PACKAGE}.facelift_addon.splats.data.columns")
    geometry = importlib.import_module(f"{PACKAGE}.facelift_addon.splats.data.geometry")
    arrivals = importlib.import_module(f"{PACKAGE}.facelift_addon.splats.scene.arrivals")
    gaussians = surface_gaussians(500)
    arrival = arrivals.Arrival("Head", columns.from_gaussians(gaussians, geometry.has_float4()), np.eye(4), 0)
    arrivals.add(bpy.context.scene, arrival, bpy.context.view_layer)


def update(blend: Path) -> None:
    """Open the scene after a restart and press Update All."""
    import bpy

    bpy.ops.wm.read_userpref()  # As a module, Blender starts with its own.
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    sync()
    bpy.ops.extensions.package_upgrade_all()
    bpy.ops.wm.save_userpref()


def found() -> dict:
    """Return what is installed, set and in the scene."""
    import bpy

    folder = Path(importlib.import_module(PACKAGE).__file__).parent
    heads = importlib.import_module(f"{PACKAGE}.facelift_addon.splats.data.heads")
    manifest = tomllib.loads((folder / "blender_manifest.toml").read_text(encoding="utf-8"))
    return {
        "version": manifest["version"],
        "wheels": manifest["wheels"],
        "worker_command": bpy.context.preferences.addons[PACKAGE].preferences.worker_command,
        "seed": bpy.context.scene.facelift.seed,
        "heads": {head.name: len(head.data.points) for head in heads.heads_of(bpy.context.scene)},
    }


def main() -> None:
    """Do what the command line says."""
    step, resources, blend, *url = sys.argv[1:]
    use_resources(Path(resources))
    if step == "install":
        install(*url, Path(blend))
    else:
        update(Path(blend))
    print("\n" + json.dumps(found()))


if __name__ == "__main__":
    main()
