"""The Gaussians value: what engines return, formats store and Blender shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from .geometry import quaternions
from .splats import ellipsoids
from .splats import spherical_harmonics as harmonics
from .splats.parts import unknown_parts
from .system import blocks

MIN_SCALE = float(np.finfo(np.float32).tiny)
"""The smallest standard deviation: a flat Gaussian's scales are never zero, so that they have logarithms."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """N Gaussians with activated values. Immutable: every operation returns a new value.

    World frame: +Z up, the face looks to -Y, origin at the head's centre, the reference's
    unit (cameras at radius 2.7).

    Attributes:
        means: [N, 3] float32, centres.
        scales: [N, 3] float32, standard deviations along the local axes, > 0.
        rotations: [N, 4] float32, unit quaternions w, x, y, z from local axes to the world.
        opacities: [N] float32, 0..1.
        sh: [N, K, 3] float32 spherical harmonics, K = 1, 4, 9 or 16; the display colour is
            0.5 + C0 * sh[:, 0], sRGB-encoded.
        parts: [N] int8, values of :class:`~core.splats.parts.Part`.
        extras: further per-Gaussian columns by name, each [N] or [N, M] of any numeric type.

    Raises:
        ValueError: shapes or counts do not match.
    """

    means: np.ndarray
    scales: np.ndarray
    rotations: np.ndarray
    opacities: np.ndarray
    sh: np.ndarray
    parts: np.ndarray = None  # type: ignore[assignment]  # __post_init__ fills it.
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.means)
        if self.parts is None:
            object.__setattr__(self, "parts", unknown_parts(count))
        shapes = {"means": (count, 3), "scales": (count, 3), "rotations": (count, 4), "opacities": (count,)}
        for name, shape in shapes.items():
            self._store(name, np.float32, shape)
        self._store("parts", np.int8, (count,))
        sh = np.asarray(self.sh)
        if sh.ndim != 3:
            raise ValueError(f"sh has shape {sh.shape}, expected [N, K, 3]")
        harmonics.degree_of(sh.shape[1])
        self._store("sh", np.float32, (count, sh.shape[1], 3))
        for name, column in self.extras.items():
            if len(column) != count:
                raise ValueError(f"extra column {name!r} has {len(column)} rows, expected {count}")
        object.__setattr__(self, "extras", MappingProxyType(dict(self.extras)))

    def _store(self, name: str, dtype: type, shape: tuple[int, ...]) -> None:
        """Set a field to a read-only contiguous view of the wanted type and shape."""
        array: np.ndarray = np.ascontiguousarray(getattr(self, name), dtype)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0..3."""
        return harmonics.degree_of(self.sh.shape[1])

    @property
    def colors(self) -> np.ndarray:
        """[N, 3] view-independent display colours (sRGB-encoded, not clipped)."""
        return harmonics.to_colors(self.sh)

    def replace(self, **changes: Any) -> Gaussians:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    def select(self, index: np.ndarray) -> Gaussians:
        """Return the Gaussians of a boolean mask [N] or an index array [M], in that order."""
        return Gaussians(
            self.means[index],
            self.scales[index],
            self.rotations[index],
            self.opacities[index],
            self.sh[index],
            self.parts[index],
            {name: column[index] for name, column in self.extras.items()},
        )

    def covariances(self) -> np.ndarray:
        """Return the covariance matrices [N, 3, 3], float64: R diag(scales^2) R^T."""
        return _covariances(self.rotations, self.scales)

    def transform(self, matrix: np.ndarray, reuse: bool = False) -> Gaussians:
        """Apply an affine transformation exactly.

        Means move by the matrix, covariances become A C A^T, spherical harmonics turn with
        the orthogonal factor of A's polar decomposition (exact when A is a similarity; under
        shear no rotation is exact and the polar factor is the nearest one). A similarity
        keeps the directions of the local axes in the Gaussian; anything else finds new ones.

        Args:
            matrix: [4, 4], last row 0 0 0 1; may mirror, may not be singular.
            reuse: Put the result into this value's own arrays, which spares memory: only for a value
                that nobody else holds, and that is of no use afterwards.

        Raises:
            ValueError: the matrix is singular or not finite.
        """
        matrix = np.asarray(matrix, np.float64)
        linear, offset = matrix[:3, :3], matrix[:3, 3]
        if not np.isfinite(matrix).all() or abs(np.linalg.det(linear)) < 1e-30:
            raise ValueError("the transformation matrix is singular or not finite")
        left, singular, right = np.linalg.svd(linear)
        orthogonal = left @ right
        is_similarity = np.ptp(singular) <= 1e-6 * singular[0]
        # A mirror maps R diag(s^2) R^T to the same matrix as the rotation -orthogonal does.
        turn = quaternions.from_matrices(orthogonal if np.linalg.det(orthogonal) > 0 else -orthogonal)
        # A product of quaternions is linear in the second: its matrix is that of the products with the axes.
        product = quaternions.multiply(turn, np.eye(4))
        means, scales, rotations, sh = (
            _writable(values) if reuse else np.empty_like(values)
            for values in (self.means, self.scales, self.rotations, self.sh)
        )

        def move(place: slice) -> None:
            means[place] = self.means[place].astype(np.float64) @ linear.T + offset
            if is_similarity:
                rotations[place] = quaternions.normalize(self.rotations[place].astype(np.float64) @ product)
                scales[place] = self.scales[place].astype(np.float64) * singular.mean()
            else:
                scales[place], rotations[place] = _deformed(self.rotations[place], self.scales[place], linear)

        blocks.fill(move, len(self))
        return self.replace(
            means=means, scales=scales, rotations=rotations, sh=harmonics.rotate(self.sh, orthogonal, sh)
        )


def _writable(values: np.ndarray) -> np.ndarray:
    """Return the same array open for writing, or a new one where its memory is not ours to write."""
    view = values.view()
    try:
        view.flags.writeable = True
    except ValueError:
        return np.empty_like(values)
    return view


def _covariances(rotations: np.ndarray, scales: np.ndarray) -> np.ndarray:
    axes = quaternions.to_matrices(rotations.astype(np.float64)) * scales[:, None, :]
    return axes @ np.swapaxes(axes, 1, 2)


def _deformed(rotations: np.ndarray, scales: np.ndarray, linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scales [N, 3] float64 and unit quaternions [N, 4] of Gaussians after a linear map [3, 3]."""
    axes = np.array(quaternions.matrix_entries(rotations.astype(np.float64)))
    axes = np.einsum("ik,kjn->jin", linear, axes) * np.maximum(scales, MIN_SCALE).T[:, None]
    ellipsoids.make_orthogonal(axes)
    lengths = np.sqrt((axes * axes).sum(axis=1))
    axes /= lengths[:, None]
    if np.linalg.det(linear) < 0:
        axes[0] *= -1
    return np.maximum(lengths.T, MIN_SCALE), quaternions.from_matrices(axes.transpose(2, 1, 0))


def decompose_covariances(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scales [N, 3] (ascending, >= MIN_SCALE) and unit quaternions [N, 4] of covariances [N, 3, 3].

    Scales below 1e-8 of a Gaussian's largest are lost in float64 rounding.
    """
    values, axes = np.linalg.eigh(covariances)
    axes[np.linalg.det(axes) < 0, :, 0] *= -1
    return np.maximum(np.sqrt(np.maximum(values, 0)), MIN_SCALE), quaternions.from_matrices(axes)


def concatenate(items: Sequence[Gaussians]) -> Gaussians:
    """Join several values. SH are padded to the highest degree; extras must exist in all to stay.

    Raises:
        ValueError: ``items`` is empty.
    """
    if not items:
        raise ValueError("nothing to concatenate")
    if len(items) == 1:
        return items[0]
    width = max(item.sh.shape[1] for item in items)
    padded = [np.pad(item.sh, ((0, 0), (0, width - item.sh.shape[1]), (0, 0))) for item in items]
    shared = set(items[0].extras).intersection(*(item.extras for item in items[1:]))

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(item, name) for item in items])

    return Gaussians(
        joined("means"),
        joined("scales"),
        joined("rotations"),
        joined("opacities"),
        np.concatenate(padded),
        joined("parts"),
        {name: np.concatenate([item.extras[name] for item in items]) for name in items[0].extras if name in shared},
    )
