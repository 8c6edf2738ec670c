"""``python -m tests.bench``: run the measurement modules, each in a process of its own.

A fresh process a module keeps peak memory apart and cold starts cold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

MODULES = {
    "draft": (
        "draft_bench",
        "draft_shots_bench",
        "placing_bench",
        "doubt_bench",
        "rasterizer_bench",
        "formats_bench",
        "addon_bench",
        "rendering_bench",
        "avatar_fit_bench",
        "avatar_texture_bench",
        "avatar_binding_bench",
        "avatar_motion_bench",
        "avatar_wrap_bench",
        "groom_bench",
        "groom_shade_bench",
        "refine_bench",
        "viewport_bench",
        "sequence_bench",
        "capture_bench",
        "avatar_from_video_bench",
    ),
    "facelift": ("facelift_bench", "facelift_cpu_bench", "refine_shapes_bench", "setup_bench"),
}
"""Measurement modules by engine, in the order in which they run."""


def main() -> int:
    """Run all or the named modules and return the number of those that failed."""
    parser = argparse.ArgumentParser(prog="build.py bench")
    parser.add_argument("--engine", choices=sorted(MODULES), default="draft")
    parser.add_argument("names", nargs="*", help="single modules")
    options = parser.parse_args()
    names = options.names or MODULES[options.engine]
    commands = [[sys.executable, "-m", f"tests.bench.{name}"] for name in names]
    return sum(subprocess.run(command, check=False).returncode != 0 for command in commands)


if __name__ == "__main__":
    sys.exit(main())
