"""Frames of a sequence whose spherical harmonics differ in degree."""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians


def with_degree(gaussians: Gaussians, degree: int) -> Gaussians:
    """Return Gaussians with spherical harmonics of a degree, 0..3: cut, or with zeros for what they lack."""
    count = (degree + 1) ** 2
    have = gaussians.sh.shape[1]
    if have == count:
        return gaussians
    if have > count:
        return gaussians.replace(sh=gaussians.sh[:, :count])
    return gaussians.replace(sh=np.pad(gaussians.sh, ((0, 0), (0, count - have), (0, 0))))
