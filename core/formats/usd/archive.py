"""Gaussians in a file between two processes of the same program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...gaussians import Gaussians

_FIELDS = ("means", "scales", "rotations", "opacities", "sh", "parts")


def pack(gaussians: Gaussians, path: Path) -> None:
    """Write Gaussians to a file that :func:`unpack` reads."""
    extras = {f"extra_{i}": column for i, column in enumerate(gaussians.extras.values())}
    names = np.array(list(gaussians.extras), np.str_)
    with path.open("wb") as stream:
        np.savez(stream, names=names, **{name: getattr(gaussians, name) for name in _FIELDS}, **extras)


def unpack(path: Path) -> Gaussians:
    """Return the Gaussians that :func:`pack` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        extras = {str(name): arrays[f"extra_{i}"] for i, name in enumerate(arrays["names"])}
        return Gaussians(*(arrays[name] for name in _FIELDS), extras)
