"""Render time and likeness to the reference rasterizer by engine and mode, in the Blender that runs this.

Native: Blender's own splats (5.3+). Exact: our camera-facing quads, which older Blenders always
render. In the photo's own colours, 128 x 128 pixels. Times are the processor's of all cores.
``python -m tests.bench.rendering_bench "EEVEE, native" "Cycles, exact, 16"`` measures only rows whose names begin so.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from skimage import data

from core.cameras import Camera
from core.engines.draft.engine import DraftEngine
from core.photo.decode import from_array
from core.progress import Reporter
from core.rasterize import cpu
from core.rasterize.metrics import psnr
from tests.bench.report import Measurement, print_table
from tests.helpers import addon as addon_helpers

SIZE = 128
SAMPLES = (1, 4, 16)
VIEW = Camera.orbit(240, 10, size=SIZE)


def main() -> None:
    """Measure and print."""
    import bpy

    settings = {"quality": "low", "body": "neck"}
    head = DraftEngine().generate(from_array(data.astronaut(), "astronaut.png"), settings, Reporter()).gaussians
    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        measurements = list(_measured(extension, head, Path(folder), tuple(sys.argv[1:]) or ("",)))
    print_table(f"Rendering {len(head):,} splats in Blender {bpy.app.version_string}", measurements)


def _measured(extension: addon_helpers.Extension, head, folder: Path, wanted: tuple[str, ...]) -> Iterator[Measurement]:
    import bpy

    native = extension.module("facelift_addon.splats.display.native")
    target = addon_helpers.add_splats(extension, head)
    expected = np.clip(cpu.render(head, VIEW).image, 0, 1).astype(np.float64)
    eevee = "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"
    names = {"CYCLES": "Cycles", eevee: "EEVEE"}
    for engine in names:
        for exact in (False, True) if native.is_available() else (True,):
            kind = f"{names[engine]}, {'exact' if exact else 'native'}"
            rows = {samples: f"{kind}, {samples} samples" for samples in SAMPLES}
            rows = {samples: name for samples, name in rows.items() if name.startswith(wanted)}
            if rows and engine == eevee:
                # The first picture compiles its shaders.
                _rendered(extension, target, engine, exact, 1, folder)
            for samples, name in rows.items():
                start = time.process_time()
                image = _rendered(extension, target, engine, exact, samples, folder)
                seconds = time.process_time() - start
                likeness = float(psnr(image, expected))
                # At once: a whole run takes minutes.
                print(f"{name}: {seconds:.2f} s, {likeness:.2f} dB", flush=True)
                yield Measurement(f"{name}: time", seconds, "s")
                yield Measurement(f"{name}: likeness", likeness, "dB")


def _rendered(extension: addon_helpers.Extension, target, engine: str, exact: bool, samples: int, folder: Path):
    """Return the picture [H, W, 3] 0..1 of an engine with as many samples."""
    import bpy

    from tests.tools.demo import pictures

    display = extension.module("facelift_addon.splats.display.display")
    rendering = extension.module("facelift_addon.splats.scene.rendering")
    cameras = extension.module("facelift_addon.splats.scene.cameras")
    camera = cameras.new_camera("bench")
    with pictures.studio(target, samples) as scene:
        cameras.fit(camera, VIEW, target, np.eye(4))
        display.set_option(target, display.EXACT, exact)
        rendering.apply(scene, "PHOTO")
        scene.render.engine = engine
        scene.eevee.taa_render_samples = samples
        scene.render.filter_size = 0.0 if samples == 1 else 1.0
        path = pictures._render(scene, camera, VIEW, folder / "view.png")
    image = pictures.load_pixels(path) / 255
    bpy.data.cameras.remove(camera.data)
    return image


if __name__ == "__main__":
    main()
