"""The words of ParticleField3DGaussianSplat, and the package that reads and writes them.

Source: OpenUSD's usdVol schema, ``ParticleField3DGaussianSplat`` and the API schemas that it applies.
"""

from __future__ import annotations

from types import ModuleType

from ... import attributes
from ...errors import FormatError

KIND = "usd"
PRIM_TYPE = "ParticleField3DGaussianSplat"

POSITIONS = "positions"
ORIENTATIONS = "orientations"
SCALES = "scales"
"""Linear standard deviations."""
OPACITIES = "opacities"
DEGREE = "radiance:sphericalHarmonicsDegree"
COEFFICIENTS = "radiance:sphericalHarmonicsCoefficients"
"""All coefficients of the first splat, then of the second, ..."""
HALF_SUFFIX = "h"
"""Each of these (but the degree) may be stored in half precision under a name that ends so."""

PART = attributes.PART


def library() -> ModuleType:
    """Return the ``pxr`` package with the modules that are used here.

    Raises:
        FormatError: "usd-missing".
    """
    try:
        import pxr
        from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdUtils, Vt  # noqa: F401, modules of the package
    except ImportError:
        raise FormatError(
            "USD files need Pixar's “pxr” package, which is missing here.",
            "Use Blender 4.5 or newer, install “usd-core” into this Python, or choose another format.",
            code=f"{KIND}-missing",
        ) from None
    return pxr


def damaged() -> FormatError:
    """Return the error for a file that can't be made sense of."""
    return FormatError("The USD file is damaged.", "Copy the file again, or export it again.", code=f"{KIND}-damaged")
