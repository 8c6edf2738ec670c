"""Drives Blender's window through the states of the setup and asks for a screenshot of each.

Runs inside Blender with its interface: ``blender -P setup_tour.py -- FOLDER LICENCE_TEXT PICTURE``.
Nothing is installed: the runtime is a folder that looks complete, its Python a script that sleeps,
and PICTURE, a PNG, stands for the self-test's. Whoever runs it takes a screenshot whenever the file
``FOLDER/shoot`` appears, then deletes it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import window
from window import PACKAGE, module, wait

FOLDER, LICENCE, PICTURE = (Path(name) for name in sys.argv[sys.argv.index("--") + 1 :][:3])
HOME = FOLDER / "setup"
shutil.rmtree(HOME, ignore_errors=True)
os.environ["XDG_DATA_HOME"] = str(HOME)


def flow():
    return module("facelift_addon.setup.guide").guide.flow


def redraw():
    """Redraw all windows: the preferences are one of their own."""
    for each in bpy.context.window_manager.windows:
        for area in each.screen.areas:
            area.tag_redraw()


def shoot():
    redraw()
    yield from window.shoot(FOLDER / "shoot")


def pretend_runtime():
    """Make a folder that looks like a complete runtime, whose Python does nothing for long."""
    environment, lock = flow().state.home / "e1", flow().state.lock
    for package in ("torch", "huggingface_hub"):
        (environment / "lib/python3.11/site-packages" / package).mkdir(parents=True)
    (environment / "lib/python3.11/site-packages/torch/lib.bin").write_bytes(bytes(300_000_000))
    python = environment / "bin/python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexec sleep 1000\n")
    python.chmod(0o755)
    marker = {"state": "complete", "environment": "e1", "backend": str(lock.backend), "digest": lock.digest}
    (flow().state.home / "runtime.json").write_text(json.dumps(marker))
    flow().state.refresh()


def pretend_card():
    """Take a card for what was found, as its owner would see it."""
    driver, hardware = module("core.runtime.cuda_driver"), module("core.runtime.probe").Hardware
    card = driver.CudaDevice("NVIDIA GeForce RTX 4070", (8, 9), 12 << 30)
    found = hardware("linux-x64", "6.1", driver.CudaDriver(True, (card,), (13, 0), "580.95.05"))
    flow().state.memory.hardware = found.to_dict()
    flow().state.remember()


def pretend_slimmed():
    """Make a folder that looks like the slimmed form of the weights."""
    state = flow().state
    slimmed = state.weights.folder.with_name("OpenFaceLift-slim")
    slimmed.mkdir()
    manifest = {"repository": "", "revision": "", "licence": "", "files": [], "source": []}
    (slimmed / module("core.weights.verify").MANIFEST_NAME).write_text(json.dumps(manifest))
    state.memory.original = str(state.weights.folder)
    state.remember()


def show_error(text):
    """Show what a failed task would have told."""
    flow().error = module("core.runtime.advice").explain(text)


def open_maintenance(shown):
    bpy.context.preferences.addons[PACKAGE].preferences.show_installed = shown
    redraw()


def show_progress(*values):
    """Press the button and pretend that the task told how far it is."""
    status = module("core.runtime.background").Status
    bpy.ops.facelift.setup_proceed()
    flow().task.status = status(*values)


def script():
    yield from window.open_tab()
    bpy.context.scene.facelift.engine = "facelift"
    with window.override():
        bpy.ops.facelift.open_setup()
    yield 2.0
    # There is no window manager whose border could be dragged.
    subprocess.run(["xdotool", "search", "--name", "Preferences", "windowsize", "1000", "960"], check=False)
    subprocess.run(["xdotool", "search", "--name", "Preferences", "windowmove", "0", "20"], check=False)
    yield 1.0
    yield from shoot()  # 1: bare
    bpy.ops.facelift.setup_proceed()
    yield from wait(lambda: not flow().busy)
    bpy.context.preferences.system.use_online_access = False
    yield from shoot()  # 2: verdict, online access off
    bpy.context.preferences.system.use_online_access = True
    yield from shoot()  # 3: verdict without a card
    pretend_card()
    yield from shoot()  # 4: verdict with a card
    show_progress("Installing packages", 0.4, 2_100_000_000, 5_225_912_452, 31e6, 100.0)
    yield from shoot()  # 5: installing
    flow().cancel()
    yield from wait(lambda: not flow().busy)
    show_error("error: client error (Connect)\n dns error\n failed to lookup address information")
    yield from shoot()  # 6: installing failed
    flow().error = None
    pretend_runtime()
    open_maintenance(True)
    yield 2.0
    yield from shoot()  # 7: licence not here yet; server, token, build
    open_maintenance(False)
    show_progress("Downloading the weights", 0.01)
    yield from shoot()  # 8: fetching its text
    flow().cancel()
    yield from wait(lambda: not flow().busy)
    flow().state.weights_folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(LICENCE, flow().state.weights_folder / "LICENSE")
    flow().state.refresh()
    yield from shoot()  # 9: licence in full
    bpy.ops.facelift.setup_licence(accept=True)
    yield from shoot()  # 10: download
    show_progress("Downloading the weights", 0.42, 3_900_000_000, 9_316_311_496, 24e6, 225.0)
    yield from shoot()  # 11: downloading
    flow().cancel()
    yield from wait(lambda: not flow().busy)
    show_error("OSError: [Errno 28] No space left on device: 'model.safetensors'")
    yield from shoot()  # 12: failed
    refused = module("core.weights.download_errors").refused
    flow().error = refused(flow().state.table.files[1], OSError("401 Client Error"))
    yield from shoot()  # 13: a token is wanted
    flow().error = None
    memory = flow().state.memory
    for file in flow().state.table.files:
        path = flow().state.weights_folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.truncate(file.size or 1000)
    flow().state.refresh()
    yield from shoot()  # 14: test
    facts = {"device_name": "NVIDIA GeForce RTX 4070", "torch": "2.13.0+cu130"}
    memory.tested = {"of": flow().state.identity(), "facts": facts}
    shutil.copy(PICTURE, flow().state.picture)
    flow().state.remember()
    yield from shoot()  # 15: ready, with a picture
    bpy.ops.facelift.test_connection()
    yield from wait(lambda: module("facelift_addon.setup.trial").trial.seconds > 2)
    yield from shoot()  # 16: ready, testing the connection
    bpy.ops.facelift.cancel_test()
    open_maintenance(True)
    yield 2.0
    yield from shoot()  # 17: what is installed
    pretend_slimmed()
    yield 2.0
    yield from shoot()  # 18: slimmed, with its originals
    open_maintenance(False)


window.start(script())
