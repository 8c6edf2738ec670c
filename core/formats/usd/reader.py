"""From USD files to Gaussians, by way of a process that may crash without taking this one along."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ...errors import FormatError
from ...processes.launch import module_command
from ..reading import Reading
from . import archive
from .schema import KIND, check_library, damaged

_SUFFIXES = {b"#usda": ".usda", b"PXR-USDC": ".usdc", b"PK\x03\x04": ".usdz"}
"""How files of each kind begin."""
_SECONDS, _SECONDS_PER_BYTE = 180, 1e-6
"""How long reading may take, on a computer that has much else to do."""


def decode(stream: BufferedIOBase, path: Path | None = None) -> Reading:
    """Read all visible splats of a USD file, placed by their transforms, in our frame and in metres.

    Of animated files the first frame is read. Columns that are too short or absent get the schema's defaults.
    Primvars with a value for each splat become extra columns (``part`` the parts) where all splats have them.
    Linear colours become sRGB, logarithms and logits linear, and a few broken splats are left out; all of
    that is noted.

    Args:
        stream: A .usda, .usdc or .usdz file.
        path: Where it lies, for files that it refers to; they are read from its folder only.

    Raises:
        FormatError: "usd-missing" (no ``pxr``), "usd-header", "usd-damaged", "usd-not-splats",
            "usd-no-positions", "usd-invisible", "usd-missing-file", "usd-unsupported" (colour spaces
            other than Rec. 709), "usd-too-large", and as :func:`core.formats.soundness.check`.
    """
    check_library()

    head = stream.read(max(map(len, _SUFFIXES)))
    suffix = next((suffix for mark, suffix in _SUFFIXES.items() if head.startswith(mark)), None)
    if suffix is None:
        raise FormatError("This is not a USD file.", "Choose a .usda, .usdc or .usdz file.", code=f"{KIND}-header")
    with tempfile.TemporaryDirectory(prefix="facelift-", ignore_cleanup_errors=True) as folder:
        source, target = Path(folder, f"splats{suffix}"), Path(folder, "splats.npz")
        stream.seek(0)
        with source.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        answer = _run(source, target, path, _SECONDS + _SECONDS_PER_BYTE * source.stat().st_size)
        if answer is not None:
            raise FormatError(answer["message"], answer["advice"], code=answer["code"], **answer["details"])
        return archive.unpack(target)


def _run(source: Path, target: Path, original: Path | None, seconds: float) -> dict[str, Any] | None:
    """Let the child read ``source``, a copy of ``original``, into ``target``; return its error, None for success.

    Raises:
        FormatError: "usd-damaged", when the child crashed, took too long or too much memory.
    """
    files = [str(file) for file in (source, target, original and original.absolute()) if file is not None]
    launch = module_command("formats.usd.child", sys.executable, _library_folders(), files)
    try:
        done = subprocess.run(
            launch.argv,
            env=launch.env,
            capture_output=True,
            timeout=seconds,
            check=False,
            # Windows would open a console.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired as error:
        raise damaged() from error
    if done.returncode:
        raise damaged()
    return json.loads(done.stdout) if done.stdout else None


def _library_folders() -> list[Path]:
    """Return where this process has numpy and ``pxr``: inside Blender they are no part of Python's own path."""
    specs = (importlib.util.find_spec(name) for name in ("pxr", "numpy"))
    places = (spec.submodule_search_locations for spec in specs if spec is not None)
    return [Path(folders[0]).parent for folders in places if folders]
