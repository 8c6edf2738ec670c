"""``build.py demo``: the installed extension turns a photo into a head, a .blend and pictures."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

import psutil

from core.weights.places import CHECKPOINT_VARIABLE
from tests.bench.report import peak_memory_mb
from tests.helpers.headless import install_extension, installed, use_resources


def quiet_stdout(log: Path) -> TextIO:
    """Send what Blender prints to a file and return a stream to where stdout went before.

    Cycles prints dozens of lines a picture from C++, past Python's ``sys.stdout``.
    """
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    with log.open("wb") as target:
        os.dup2(target.fileno(), 1)
    return stream


def astronaut(folder: Path) -> Path:
    """Write the public-domain portrait that scikit-image carries, and return its path."""
    from PIL import Image
    from skimage import data

    path = folder / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


def main() -> int:
    """Run the demo; return 1 when the photo or the engine can't be used."""
    parser = argparse.ArgumentParser(prog="build.py demo")
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--engine", default="draft")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="facelift-demo-") as scratch:
        say = partial(print, file=quiet_stdout(Path(scratch) / "blender.log"), flush=True)
        use_resources(Path(scratch) / "blender")
        install_extension(options.zip)
        # It imports bpy, which reads the folder of its user's files when it is first imported.
        from . import road

        errors = installed("core.errors")
        photo = options.photo or astronaut(Path(scratch))
        say(f"Photo: {photo.name}. Engine: {options.engine}. Results: {options.out}")
        if options.checkpoint:
            # The worker inherits it; Blender's own Python has the engine's packages in this environment.
            os.environ[CHECKPOINT_VARIABLE] = str(options.checkpoint)
        try:
            report = road.run(photo, options.engine, options.out, say)
            workers = sum(child.memory_info().rss for child in psutil.Process().children()) / 1e6
        except (errors.FaceLiftError, OSError) as error:
            say(f"The demo stopped: {error}")
            return 1
        finally:
            road.finish()
    report |= {
        "total_seconds": time.perf_counter() - start,
        "peak_memory_mb": {"blender": round(peak_memory_mb()), "worker at the end": round(workers)},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "scipy", "Pillow", "bpy")},
    }
    (options.out / "report.json").write_text(json.dumps(report, indent=1, default=float), encoding="utf-8")
    say(f"\n{report['gaussians']:,} Gaussians in {report['seconds']['photo to head']:.1f} s. Files in {options.out}:")
    for path in sorted(options.out.iterdir()):
        say(f"  {path.name:<16} {path.stat().st_size / 1e6:8.2f} MB")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Blender's module may hang in its own clean-up after an error; everything of ours is closed by now.
    os._exit(code)
