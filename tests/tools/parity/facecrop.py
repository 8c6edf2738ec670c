"""Face alignment against recorded cases (FaceLift specification, section 3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.engines.facelift import pictures
from core.photo.alignment import ALIGNED_SIZE, align
from core.photo.mtcnn import choose_face
from core.photo.types import FaceBox

from .compare import Row

FILE = "facecrop.npz"


def compare_facecrop(folder: Path) -> list[Row]:
    """Return a row for each recorded alignment of a folder; empty where none was recorded."""
    if not (folder / FILE).is_file():
        return []
    with np.load(folder / FILE) as archive:
        recorded = {name: archive[name] for name in archive.files}
    rows = []
    for name in sorted(recorded):
        case, _, what = name.partition("/")
        if what in ("output", "output_autocrop"):
            rows.append(_row(name, _aligned(recorded, case), recorded[name]))
        elif what == "output_no_crop":
            # The transparent picture is resized before it is composited.
            whole = pictures.over_white(pictures.resized(recorded[f"{case}/rgba"], ALIGNED_SIZE))
            rows.append(_row(name, whole, recorded[name]))
    return rows


def _aligned(recorded: dict[str, np.ndarray], case: str) -> np.ndarray:
    """Return our alignment of a recorded photo with its recorded boxes."""
    rgba = recorded.get(f"{case}/rgba")
    photo = recorded[f"{case}/image"] if rgba is None else pictures.over_white(rgba)
    boxes, scores = recorded[f"{case}/boxes"], recorded[f"{case}/probs"]
    faces = [FaceBox(*box, score) for box, score in zip(boxes.tolist(), scores.tolist(), strict=True)]
    return align(photo, faces[choose_face(faces)])


def _row(name: str, own: np.ndarray, recorded: np.ndarray) -> Row:
    if own.shape != recorded.shape:
        return Row(f"facecrop {name}", None, False, f"shape {own.shape}, recorded {recorded.shape}")
    different = int((own != recorded).sum())
    remark = f"{different} of {own.size} values differ" if different else "equal"
    return Row(f"facecrop {name}", None, different == 0, remark)
