"""Cameras with their pictures as files: ``transforms.json``, which NeRF brought up and splat trainers read and write.

Its matrices are camera to world with Blender's camera axes: x right, y up, looking along -z.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import Camera
from ..errors import FaceLiftError, unreadable

LENS_ERRORS = ("k1", "k2", "k3", "k4", "p1", "p2")
"""Entries with which a lens bends lines; here it doesn't."""
LARGEST_SKEW = 1e-3
"""By which a camera's axes may be off."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and the camera that took it.

    Attributes:
        path: The picture's file.
        camera: In the file's space, for the picture's size as the file tells it.
    """

    path: Path
    camera: Camera


def read_transforms(path: Path, size_of: Callable[[Path], tuple[int, int]]) -> list[Frame]:
    """Return the frames of a file.

    Args:
        path: The file. Its pictures' paths begin in its folder; without a suffix they end in ".png".
        size_of: Takes a picture's path and returns its (width, height), for files that don't tell it.

    Raises:
        FaceLiftError: it can't be opened ("file-unreadable"), or is no such file ("bad-transforms").
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(FaceLiftError, path, error) from error
    except ValueError as error:
        raise _bad(path, str(error)) from error
    if not isinstance(facts, Mapping) or not isinstance(facts.get("frames"), list) or not facts["frames"]:
        raise _bad(path, "it has no frames")
    return [_frame(path, facts, frame, size_of) for frame in facts["frames"]]


def transforms_json(frames: Sequence[Frame]) -> str:
    """Return the text of a file with these frames, whose pictures lie beside it."""
    entries = []
    for frame in frames:
        camera = frame.camera
        lens = {"fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy}
        size = {"w": camera.width, "h": camera.height}
        matrix = camera.blender_matrix().tolist()
        entries.append({"file_path": frame.path.name, **size, **lens, "transform_matrix": matrix})
    return json.dumps({"camera_model": "PINHOLE", "frames": entries}, indent=1)


def _frame(path: Path, facts: Mapping[str, Any], frame: Any, size_of: Callable[[Path], tuple[int, int]]) -> Frame:
    try:
        told = {**facts, **frame}
        picture = path.parent / told["file_path"]
        matrix = np.array(told["transform_matrix"], np.float64)
        bent = [name for name in LENS_ERRORS if abs(float(told.get(name, 0))) > 0]
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, f"a frame lacks its picture or its matrix ({error})") from error
    if bent:
        raise FaceLiftError(
            f"The lens of {picture.name} is distorted ({', '.join(bent)}).",
            "Undistort the pictures first, for example with COLMAP or nerfstudio.",
            code="distorted-lens",
        )
    if not picture.suffix:
        picture = picture.with_name(picture.name + ".png")
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise _bad(path, f"the matrix of {picture.name} is not 4 × 4 numbers")
    axes = matrix[:3, :3] / np.maximum(np.linalg.norm(matrix[:3, :3], axis=0), 1e-12)
    if np.abs(axes.T @ axes - np.eye(3)).max() > LARGEST_SKEW or np.linalg.det(axes) < 0:
        raise _bad(path, f"the matrix of {picture.name} is no rotation")
    c2w = np.eye(4)
    c2w[:3] = np.column_stack([axes @ np.diag([1.0, -1.0, -1.0]), matrix[:3, 3]])
    width, height = (told["w"], told["h"]) if "w" in told and "h" in told else size_of(picture)
    try:
        width, height = int(width), int(height)
        if "fl_x" in told:
            fx = float(told["fl_x"])
        else:
            fx = width / 2 / math.tan(float(told["camera_angle_x"]) / 2)
        rest = (told.get("fl_y", fx), told.get("cx", width / 2), told.get("cy", height / 2))
        fy, cx, cy = (float(value) for value in rest)
        if not (width > 0 and height > 0 and fx > 0 and fy > 0):
            raise ValueError("sizes are not positive")
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise _bad(path, f"the lens of {picture.name} can't be read: {error}") from error
    return Frame(picture, Camera(width, height, fx, fy, cx, cy, c2w))


def _bad(path: Path, why: str) -> FaceLiftError:
    return FaceLiftError(
        f"{path.name} is no transforms.json: {why}.",
        "Write one with “generate --cameras”, nerfstudio or another program for NeRFs and splats.",
        code="bad-transforms",
    )
