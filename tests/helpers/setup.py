"""For tests of the setup in Blender: a computer of its own, and a runtime made of a Python that has everything."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from core.runtime import lockfile
from core.runtime.environment import COMPLETE, MARKER
from core.runtime.probe import platform_name
from core.runtime.selftest import PACKAGES
from core.weights.table import FileTable
from tests.tools.building.environments import ENVIRONMENTS

PYTHON_VARIABLE = "FACELIFT_TEST_RUNTIME"
"""Environment variable with the Python of an environment that has the facelift engine's packages."""
SUBSET = Path(__file__).parents[1] / "data" / "facelift-parity" / "subset.tar.xz"
REPOSITORY, REVISION = "someone/tiny", "1" * 40
LICENCE = "You may look, not sell.\n"


@functools.cache
def runtime_python() -> Path:
    """Return a virtual environment's Python that has the engine's packages; skip where there is none."""
    own = ENVIRONMENTS / "blender45" / "bin" / "python"
    # Looked for, not imported: that takes seconds.
    names = ("torch", *PACKAGES)
    code = f"import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, {names})))"
    for python in filter(None, (os.environ.get(PYTHON_VARIABLE), sys.executable, str(own))):
        in_environment = (Path(python).parent.parent / "pyvenv.cfg").is_file()
        if in_environment and subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0:
            return Path(python)
    pytest.skip(f"no environment with PyTorch here; name its Python in {PYTHON_VARIABLE}")


def make_runtime(home: Path) -> Path:
    """Make a folder that is a complete runtime: another environment, linked, with the marker of an installation."""
    if os.name != "posix":
        pytest.skip("links to folders need rights on Windows")
    python = runtime_python()
    home.mkdir(parents=True)
    (home / "e1").symlink_to(python.parent.parent)
    lock = lockfile.read(platform_name(), "cpu")
    marker = {"state": COMPLETE, "environment": "e1", "backend": "cpu", "digest": lock.digest}
    (home / MARKER).write_text(json.dumps(marker))
    return home


def make_weights(folder: Path) -> tuple[Path, Path]:
    """Unpack the tiny checkpoint and return its folder and its table of files."""
    with tarfile.open(SUBSET) as archive:
        archive.extractall(folder, filter="data")
    checkpoint, table = folder / "openfacelift-tiny", folder / "table.json"
    (checkpoint / "LICENSE").write_text(LICENCE)
    table.write_text(FileTable.of_folder(checkpoint, REPOSITORY, REVISION, "Test Licence").to_json())
    return checkpoint, table
