"""The installed extension, for tests: built, installed and enabled once, a fresh file for every test.

``bpy`` can be initialised once a process, and reads the folder of its user's files then: this
module points it to an empty one when it is imported, before anything imports ``bpy``.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.helpers.headless import PACKAGE, install_extension, use_resources
from tests.helpers.patience import PATIENCE
from tests.tools.building.packages import build_zip

TICK_SECONDS = 0.01

QUICK_WORKER = Path(__file__).with_name("addon_worker_entry.py")
UNHURRIED = "--unhurried"
"""Makes the quick worker's engine take a second: long enough to do something meanwhile."""
HAS_BLENDER = importlib.util.find_spec("bpy") is not None
needs_blender = pytest.mark.blender
"""For modules whose tests need bpy: conftest.py skips them where there is none."""

if HAS_BLENDER:
    _resources = tempfile.mkdtemp(prefix="facelift-blender-")
    use_resources(Path(_resources))


class Extension:
    """The installed extension, reached as Blender has it."""

    def module(self, name: str) -> ModuleType:
        """Return a module of the installed copy, e.g. ``"facelift_addon.making.session"``."""
        return importlib.import_module(f"{PACKAGE}.{name}")

    @property
    def session(self) -> Any:
        return self.module("facelift_addon.making.session").session

    @property
    def heads(self) -> ModuleType:
        return self.module("facelift_addon.splats.data.heads")

    @property
    def recipes(self) -> ModuleType:
        return self.module("facelift_addon.splats.data.recipes")

    @property
    def arrivals(self) -> ModuleType:
        return self.module("facelift_addon.splats.scene.arrivals")

    @property
    def connection(self) -> ModuleType:
        return self.module("facelift_addon.making.connection")

    def tick_until(self, condition: Callable[[], Any]) -> Any:
        """Tick, as Blender's timer does, until something is true; return it."""
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            assert time.monotonic() < deadline, "the extension hangs"
            self.session.tick()
            time.sleep(TICK_SECONDS)
        return result

    def close_quick_worker(self) -> None:
        """End the worker of the preferences' command: what it told of itself must not reach other tests."""
        worker = self.connection._clients.pop(self.connection.Seat.COMMAND, None)
        if worker is not None:
            worker.close()

    def settle(self) -> None:
        """Tick until nothing is going on."""
        self.tick_until(lambda: not self.session.busy)


def install(folder: Path) -> Extension:
    """Build the zip, then install and enable it as a user does."""
    install_extension(build_zip(folder / "facelift.zip"))
    return Extension()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extension]:
    """The installed extension; its worker lives on between tests."""
    extension = install(tmp_path_factory.mktemp("zip"))
    yield extension
    extension.session.reset()
    extension.connection.close()
    shutil.rmtree(_resources, ignore_errors=True)


@pytest.fixture
def blender(installed: Extension, request: pytest.FixtureRequest) -> Iterator[Extension]:
    """The installed extension in an empty file, with nothing left of the test before but its worker."""
    import bpy

    # Not read_factory_settings: that switches extensions off.
    bpy.ops.wm.read_homefile(use_empty=True)
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.property_unset("worker_command")
    if "quick_worker" not in request.fixturenames:
        installed.close_quick_worker()
    yield installed
    installed.session.reset()


@pytest.fixture
def quick_worker(blender: Extension) -> Iterator[Extension]:
    """The extension served by a worker of the tests' own: a real process with a quick engine.

    It lives on to the next test, unless that wants Blender's own worker, or one that takes its time.
    """
    _use_worker(f"{sys.executable} -s {QUICK_WORKER}")
    yield blender
    blender.session.reset()


@pytest.fixture
def unhurried_worker(quick_worker: Extension) -> Extension:
    """The same, for tests that do something while a head is made: it takes a second."""
    _use_worker(f"{sys.executable} -s {QUICK_WORKER} {UNHURRIED}")
    return quick_worker


def _use_worker(command: str) -> None:
    """Enter a command in the preferences; a worker of another one ends with the next job."""
    import bpy

    bpy.context.preferences.addons[PACKAGE].preferences.worker_command = command


def surface_gaussians(count: int = 2000, sh_degree: int = 0, seed: int = 0):
    """Return flattened Gaussians on an ellipsoid about the size of a head in the reference frame."""
    from core.gaussians import Gaussians
    from core.geometry import quaternions

    random = np.random.default_rng(seed)
    radii = np.array([0.5, 0.55, 0.65])
    directions = random.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    normals = directions / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tangents = np.cross(normals, [0.3, 0.2, 1.0])
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    axes = np.stack([tangents, np.cross(normals, tangents), normals], axis=2)
    spread = 1.4 / np.sqrt(count)
    scales = np.stack([*random.uniform(0.5, 1.2, (2, count)) * spread, np.full(count, 0.05 * spread)], axis=1)
    means = directions * radii
    sh = random.normal(size=(count, (sh_degree + 1) ** 2, 3)) * 0.1
    sh[:, 0] = np.stack([np.sin(6 * means[:, 0]), np.cos(5 * means[:, 2]), np.sin(9 * means[:, 1])], axis=1)
    return Gaussians(
        means,
        scales,
        quaternions.from_matrices(axes),
        random.uniform(0.3, 1.0, count),
        sh,
        random.integers(0, 8, count),
        {"confidence": random.uniform(size=count).astype(np.float32), "frame": random.integers(0, 9, count, np.int32)},
    )


def add_splats(extension: Extension, gaussians, name: str = "Splats", quads: bool = False):
    """Put Gaussians into the scene as they are, by the extension's own road.

    Args:
        extension: The installed one.
        gaussians: What to add.
        name: Of the object.
        quads: Make it as Blender before 5.3 does, also where Blender has splats of its own.
    """
    import bpy

    columns = extension.module("facelift_addon.splats.data.columns")
    geometry = extension.module("facelift_addon.splats.data.geometry")
    arrival = extension.arrivals.Arrival(
        name, columns.from_gaussians(gaussians, geometry.has_float4()), np.eye(4), gaussians.sh_degree
    )
    native = extension.module("facelift_addon.splats.display.native")
    with pytest.MonkeyPatch.context() as patch:
        if quads:
            patch.setattr(native, "default_way", lambda: native.Way.QUADS)
        return extension.arrivals.add(bpy.context.scene, arrival, bpy.context.view_layer)


def save_photo(path: Path, pixels: np.ndarray) -> Path:
    """Write a photo [H, W, 3] uint8."""
    from PIL import Image

    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public-domain portrait of scikit-image, as a file."""
    data = pytest.importorskip("skimage.data")
    return save_photo(tmp_path_factory.mktemp("photo") / "astronaut.png", data.astronaut())


@pytest.fixture(scope="session")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture without a face."""
    rows = np.linspace(0, 255, 300)[:, None, None]
    pixels = np.broadcast_to(rows, (300, 400, 3)).astype(np.uint8)
    return save_photo(tmp_path_factory.mktemp("photo") / "no face.png", pixels)
