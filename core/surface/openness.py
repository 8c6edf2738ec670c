"""How open to the surroundings each voxel is: outside light comes from many sides, inside from none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

DIRECTIONS = tuple((x, y, z) for z in (0, -1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y, z) != (0, 0, 0))
"""Where light goes: level and downwards. None comes from below, where busts and necks are open."""


def openness(depth: np.ndarray) -> np.ndarray:
    """Return the mean share, 0..1, of light from all :data:`DIRECTIONS` that reaches each voxel.

    Args:
        depth: [X, Y, Z] optical depth of each voxel, of :func:`voxels.optical_depth`.
    """
    total = np.zeros_like(depth)
    for direction in DIRECTIONS:
        length = np.float32(np.linalg.norm(direction))
        for here, passed in _march(depth, direction):
            total[here] += np.exp(-length * passed)
    return total / np.float32(len(DIRECTIONS))


def _march(depth: np.ndarray, direction: tuple[int, int, int]) -> Iterator[tuple[tuple[Any, ...], np.ndarray]]:
    """Yield each layer's index and what lies before the middle of its voxels along a direction.

    Layers are perpendicular to the direction's first axis; from layer to layer, what was
    passed moves by one voxel along the direction's other axes.
    """
    axis = next(index for index in range(3) if direction[index])
    layers = range(depth.shape[axis])
    others = [step for index, step in enumerate(direction) if index != axis]
    passed = None
    for layer in layers if direction[axis] > 0 else reversed(layers):
        here = tuple(layer if index == axis else slice(None) for index in range(3))
        values = depth[here]
        passed = values / 2 if passed is None else _moved(passed, others) + values / 2
        yield here, passed
        passed = passed + values / 2


def _moved(values: np.ndarray, steps: list[int]) -> np.ndarray:
    """Return a layer moved by -1, 0 or 1 along both axes; nothing comes in from outside."""
    if not any(steps):
        return values
    moved = np.zeros_like(values)
    target = tuple(slice(max(step, 0), size + min(step, 0)) for step, size in zip(steps, values.shape, strict=True))
    source = tuple(slice(max(-step, 0), size + min(-step, 0)) for step, size in zip(steps, values.shape, strict=True))
    moved[target] = values[source]
    return moved
