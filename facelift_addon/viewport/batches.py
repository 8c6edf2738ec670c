"""All splats that one view shows, on the graphics card, and their order seen from each view."""

from __future__ import annotations

from collections.abc import Sequence

import gpu
import numpy as np

from ...core.splats import spherical_harmonics as harmonics
from ...core.viewing import order, texels
from . import textures
from .clouds import Cloud

MOST_BATCHES = 4
"""Batches kept: views show different ones only in local view and with local collections."""


class Batch:
    """The splats of several objects as textures, in the order of the objects.

    Attributes:
        clouds: What is in it.
        splats: Texture of :func:`core.viewing.texels.join`.
        harmonics: Texture of the terms above degree 0, or None at degree 0.
        harmonics_count: Texels of a splat in it.
    """

    def __init__(self, clouds: Sequence[Cloud]) -> None:
        self.clouds = tuple(clouds)
        self.splats = textures.of_texels(texels.join([cloud.texels for cloud in clouds]))
        self.harmonics_count = max(cloud.harmonics.shape[1] for cloud in clouds)
        self.harmonics = None
        if self.harmonics_count:
            values = texels.harmonics_texels([cloud.harmonics for cloud in clouds])
            self.harmonics = textures.of_texels(values, "RGBA16F")
        self.radius = max(cloud.radius for cloud in clouds)

    def __len__(self) -> int:
        return sum(map(len, self.clouds))

    @property
    def degree(self) -> int:
        """Degree of the spherical harmonics, 0..3."""
        return harmonics.degree_of(self.harmonics_count + 1)


class Batches:
    """The batches that were drawn last."""

    def __init__(self) -> None:
        self._recent: list[Batch] = []

    def get(self, clouds: Sequence[Cloud]) -> Batch:
        """Return the batch of exactly these clouds, made when it is new."""
        for batch in self._recent:
            if len(batch.clouds) == len(clouds) and all(a is b for a, b in zip(batch.clouds, clouds, strict=True)):
                break
        else:
            batch = Batch(clouds)
        self._recent = [batch, *(other for other in self._recent if other is not batch)][:MOST_BATCHES]
        return batch

    def keep_only(self, clouds: Sequence[Cloud]) -> None:
        """Free the batches with clouds that are no longer current."""
        current = {id(cloud) for cloud in clouds}
        self._recent = [batch for batch in self._recent if all(id(cloud) in current for cloud in batch.clouds)]

    def clear(self) -> None:
        """Free all."""
        self._recent.clear()


class Sorting:
    """The order of a batch's splats as one view sees them."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._rows = np.zeros((0, 4))
        self._texture: gpu.types.GPUTexture | None = None

    def texture(self, batch: Batch, matrices: np.ndarray) -> gpu.types.GPUTexture:
        """Return the texture of indices, far to near; sorted again when the view turned.

        Args:
            batch: What is drawn.
            matrices: [M, 4, 4] from each object's space to the view's.
        """
        rows = order.depth_rows(matrices)
        if batch is not self._batch or order.has_moved(self._rows, rows, batch.radius):
            depths = order.depths([cloud.means for cloud in batch.clouds], rows)
            self._texture = textures.of_indices(order.far_to_near(depths))
            self._batch, self._rows = batch, rows
        return self._texture
