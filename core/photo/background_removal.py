"""Removing the background: with rembg, as the reference does, where it is installed; else with our own matte.

rembg (github.com/danielgatis/rembg) fetches its network when it is first used. Nothing is fetched
here: it is taken only where its file is already on this computer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .landmarks import Landmarks
from .matting import estimate_matte

REMBG_MODEL = "u2net"
"""rembg's default network, the reference's."""


def remove_background(
    rgb: np.ndarray, landmarks: Landmarks | None, others: Sequence[Landmarks] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Cut out the person.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        landmarks: The person's face in pixels of ``rgb``; None where none was found.
        others: The photo's other faces. Our own matte leaves them out; rembg, as in the reference, does not.

    Returns:
        [H, W, 4] uint8 RGBA with straight alpha, and notes for the user that say how it was made.
    """
    reason = rembg_missing()
    if reason is None:
        try:
            return _with_rembg(rgb), (f"The background was removed with rembg ({REMBG_MODEL}).",)
        # It runs other people's networks, and ends the program where their library can't be loaded.
        except (Exception, SystemExit) as error:
            reason = f"rembg failed: {error}"
    if landmarks is None:
        opaque = np.full(rgb.shape[:2], 255, np.uint8)
        return np.dstack([rgb, opaque]), ("No face was found, so the background stays.",)
    alpha = np.rint(estimate_matte(rgb, landmarks, others) * 255).astype(np.uint8)
    return np.dstack([rgb, alpha]), (f"The background was removed with the built-in matte ({reason}).",)


def rembg_missing() -> str | None:
    """Return why rembg can't be used here without fetching anything, or None when it can."""
    for package in ("rembg", "onnxruntime"):
        if find_spec(package) is None:
            return "rembg is not installed" if package == "rembg" else f"rembg lacks the package {package}"
    if not any(path.is_file() for path in _model_paths()):
        return f"rembg's network {REMBG_MODEL} is not on this computer"
    return None


def _model_paths() -> list[Path]:
    """Return where rembg keeps its network: in current versions and in older ones."""
    data = os.environ.get("XDG_DATA_HOME")
    old = Path(os.environ.get("U2NET_HOME") or Path(data or "~") / ".u2net").expanduser()
    new = os.environ.get("U2NET_HOME") or os.environ.get("REMBG_HOME") or (Path(data) / "rembg" if data else "~/.rembg")
    return [Path(new).expanduser() / "models" / REMBG_MODEL / f"{REMBG_MODEL}.onnx", old / f"{REMBG_MODEL}.onnx"]


@lru_cache(maxsize=1)
def _session() -> Any:
    """Return rembg's session, which holds the loaded network."""
    from rembg import new_session

    return new_session(REMBG_MODEL)


def _with_rembg(rgb: np.ndarray) -> np.ndarray:
    from rembg import remove

    return np.asarray(remove(Image.fromarray(rgb), session=_session()).convert("RGBA"))
