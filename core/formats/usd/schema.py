"""The words of ParticleField3DGaussianSplat, and the package that reads and writes them.

Source: OpenUSD's usdVol schema, ``ParticleField3DGaussianSplat`` and the API schemas that it applies.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from ...errors import FormatError
from ...splats import attributes

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
        FormatError: "usd-missing", with what is missing.
    """
    try:
        import pxr
        from pxr import Ar, Gf, Sdf, Tf, Usd, UsdGeom, UsdUtils, Vt  # noqa: F401, modules of the package
    except ImportError as error:
        raise _missing(str(error)) from error
    return pxr


def check_library() -> None:
    """Check that the ``pxr`` package is there, without loading it.

    Raises:
        FormatError: "usd-missing".
    """
    if importlib.util.find_spec("pxr") is None:
        raise _missing("no module named “pxr”")


def _missing(what: str) -> FormatError:
    return FormatError(
        f"USD files need Pixar's Python package “pxr”, which {sys.executable} (Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}) can't load: {what}.",
        "Install “usd-core” into that Python (pip install usd-core; Blender from blender.org brings it), "
        "or use a .ply, .spz or .glb file.",
        code=f"{KIND}-missing",
    )


def damaged() -> FormatError:
    """Return the error for a file that can't be made sense of."""
    return FormatError("The USD file is damaged.", "Copy the file again, or export it again.", code=f"{KIND}-damaged")
