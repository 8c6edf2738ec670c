"""PLY files made by an independent writer (plyfile) for tests."""

from __future__ import annotations

import io

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from core import formats
from core.errors import FormatError
from core.gaussians import Gaussians

STANDARD = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
STANDARD += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def raw_columns(gaussians: Gaussians) -> dict[str, np.ndarray]:
    """Stored values by property name, spelled out once more, in float64."""
    columns = dict(zip("xyz", gaussians.means.T.astype(np.float64), strict=True))
    columns |= {f"f_dc_{c}": gaussians.sh[:, 0, c] for c in range(3)}
    higher = gaussians.sh.shape[1] - 1
    columns |= {f"f_rest_{c * higher + k}": gaussians.sh[:, k + 1, c] for c in range(3) for k in range(higher)}
    opacities = gaussians.opacities.astype(np.float64)
    columns["opacity"] = np.log(opacities / (1 - opacities))
    columns |= {f"scale_{i}": np.log(gaussians.scales[:, i].astype(np.float64)) for i in range(3)}
    columns |= {f"rot_{i}": gaussians.rotations[:, i] for i in range(4)}
    return columns


def element(columns: dict[str, np.ndarray], name: str = "vertex", dtype: str | None = "f4") -> PlyElement:
    """A plyfile element; ``dtype`` None keeps the columns' own types."""
    types = [(key, dtype or column.dtype.str) for key, column in columns.items()]
    rows = np.empty(len(next(iter(columns.values()))), types)
    for key, column in columns.items():
        rows[key] = column
    return PlyElement.describe(rows, name)


def written(*elements: PlyElement, text: bool = False, byte_order: str = "<", **header) -> bytes:
    """The bytes of a PLY file as plyfile writes them."""
    stream = io.BytesIO()
    PlyData(list(elements), text=text, byte_order=byte_order, **header).write(stream)
    return stream.getvalue()


def code_of(data: bytes) -> str:
    """The error code that reading ``data`` ends in."""
    with pytest.raises(FormatError) as caught:
        formats.loads(data)
    assert caught.value.message.endswith(".") and caught.value.advice.endswith(".")
    return caught.value.code


def assert_same(a: Gaussians, b: Gaussians) -> None:
    np.testing.assert_array_equal(a.means, b.means)
    # Beyond degree 1, turning them there and back rounds.
    np.testing.assert_allclose(a.sh, b.sh, atol=2e-6)
    np.testing.assert_array_equal(a.parts, b.parts)
    np.testing.assert_allclose(a.scales, b.scales, rtol=2e-6)
    np.testing.assert_allclose(a.opacities, b.opacities, rtol=2e-6)
    np.testing.assert_allclose(a.rotations, b.rotations, atol=2e-7)
