"""Base meshes for tests: fitted once, shared by all."""

from __future__ import annotations

from functools import lru_cache

from core.avatar.base_mesh import BaseMesh
from core.engines.draft.engine import fit_portrait
from tests.draft_helpers import astronaut_head


@lru_cache(maxsize=1)
def astronaut_base() -> BaseMesh:
    """The astronaut's base mesh, in the engine frame: that of ``astronaut_head()[0].gaussians``."""
    fit = fit_portrait(astronaut_head()[1]).fit
    return BaseMesh.from_fit(fit).transformed(fit.canonical)
