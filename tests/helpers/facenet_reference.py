"""The detector that core.photo.mtcnn must agree with: facenet-pytorch itself, from its wheel.

Its pinned requirements (numpy < 2, torch < 2.3, Pillow < 10.3) fit no environment of ours, so it
can't be installed beside the rest. Its code runs with current versions though, straight from the
wheel that ``python build.py assets`` downloads.
"""

from __future__ import annotations

import sys
import types
import zipfile
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "build" / "sources"


def wheel() -> Path:
    """The wheel; skip where it was not downloaded."""
    found = sorted(SOURCES.glob("facenet_pytorch-2.6.0*.whl"))
    if not found:
        pytest.skip("facenet_pytorch-2.6.0 is not in build/sources; 'python build.py assets' downloads it")
    return found[0]


def load(folder: Path) -> type:
    """Unpack the wheel into ``folder`` and return its MTCNN class."""
    pytest.importorskip("torch")
    with zipfile.ZipFile(wheel()) as archive:
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    try:
        import torchvision.ops  # noqa: F401
    except (ImportError, RuntimeError):
        sys.modules.update(_torchvision_parts())
    import facenet_pytorch

    return facenet_pytorch.MTCNN


def _torchvision_parts() -> dict[str, types.ModuleType]:
    """The one function of torchvision that detection uses, for places without torchvision."""
    names = ["torchvision", "torchvision.transforms", "torchvision.transforms.functional"]
    names += ["torchvision.ops", "torchvision.ops.boxes"]
    modules = {name: types.ModuleType(name) for name in names}
    modules["torchvision.transforms"].functional = modules["torchvision.transforms.functional"]
    modules["torchvision.ops.boxes"].batched_nms = _batched_nms
    return modules


def _batched_nms(boxes, scores, groups, iou_threshold):
    """Greedy suppression as torchvision documents it; only ever called with one group here."""
    import torch

    assert not groups.any()
    kept, dropped = [], torch.zeros(len(boxes), dtype=torch.bool)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in torch.sort(scores, stable=True, descending=True).indices.tolist():
        if not dropped[index]:
            kept.append(index)
            low, high = torch.maximum(boxes[index, :2], boxes[:, :2]), torch.minimum(boxes[index, 2:], boxes[:, 2:])
            shared = (high - low).clamp(min=0).prod(dim=1)
            dropped |= shared / (areas[index] + areas - shared) > iou_threshold
    return torch.tensor(kept, dtype=torch.long)
