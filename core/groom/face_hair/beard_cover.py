"""Where the face has a beard, told from skin by what light does not change.

In shade skin gets darker and redder: the logarithm of red over green rises as that of brightness falls. Hair is dark,
or grey, and not redder; and it is rougher than skin. Chin and upper lip, which face the light as cheeks do, tell
whether there is a beard at all; only then the jaw, where shade is deepest, is asked how far it goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage, sparse

from ...avatar.texture.skin import features
from ...geometry.ramps import smooth_step
from ...head.model import HeadModel, Region
from ...head.symmetry import mirror
from .grow import neighbours
from .sight import Face, Sight

BLUR, FINE, SPREAD = 2.0, 3.0, 5.0
"""Pixels: blur of colours; scale below which structure is fine; over which its strength is averaged."""
REDDER, PALER = 0.25, 0.12
"""How much redder skin gets for each unit of logarithm that it gets darker, at least, and paler as it gets brighter."""
CHEEKS = (50, 280, 101, 330, 36, 266, 117, 346, 205, 425, 118, 347, 6, 197, 195, 4, 151, 9, 108, 337)
"""Landmarks of the face mesh network where faces are bare."""
CHIN, LIP = (199, 175, 200, 201, 421, 208, 428, 171, 396), (164, 167, 393, 165, 391, 92, 322)
"""Those on the chin, and between nose and mouth."""
LESS_RED, ROUGHER = (0.15, 0.3), (1.6, 0.05)
"""What chin or upper lip are less red than skin: enough if they are rougher, too, and enough alone; times that they are
rougher than the cheeks, and how rough they are at least."""
MOST = 0.4
"""Less than this, in any case, is as little red as a whole beard."""
BEARDED = (0.25, 0.65)
"""Share of the beard's own lack of red from which places have hair, and from which they have it in full."""
FRONT_TRUST, GRAZING = 10.0, (0.15, 0.5)
"""Weight of the view from the front against others; cosines from which a place begins to count, and counts in full."""
HIDDEN = 0.03
"""World units behind the mesh's front from which a vertex is hidden."""
UPPER = ((0, 12, 26, 41, 53, 62), (-45.0, -46.0, -46.0, -37.0, -24.0, -8.0))
"""Degrees to the side on the average head, and millimetres above eye level up to which beards grow there."""
SOFT = 3.0
"""Millimetres over which they end there."""
THROAT, NAPE = (-142.0, -118.0), (82.0, 66.0)
"""Millimetres above eye level, and degrees to the side, where a beard ends, and up to where it is whole."""
MIRRORED = 0.9
"""Of the other side's share, what a side has at least."""
ROUNDS = 2
"""Times that the cover is averaged over neighbouring vertices."""


@dataclass(frozen=True, eq=False)
class BeardCover:
    """A beard.

    Attributes:
        share: [V] 0..1: how far hair covers the skin.
        lack: What it is less red than skin, in logarithms.
        skin: [3] features of the skin.
    """

    share: np.ndarray
    lack: float
    skin: np.ndarray

    def hairy(self, features_there: np.ndarray) -> np.ndarray:
        """Return how far colours with features [..., 3] are the beard's, 0..1."""
        return smooth_step(_less_red(features_there, self.skin) / self.lack, *BEARDED)

    @classmethod
    def of(cls, face: Face) -> BeardCover | None:
        """Tell whether there is a beard and where; None where there is none."""
        model = face.base.model
        front = face.sight(0)
        colors, rough = picture_features(front), _roughness(front)
        landmarks = model.landmarks(face.vertices)
        pixels, _ = front.camera.project(landmarks)
        at = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
        seen = np.stack(
            [ndimage.map_coordinates(channel, at, order=1) for channel in np.moveaxis(colors, -1, 0)], axis=1
        )
        fine = ndimage.map_coordinates(rough, at, order=1)
        skin, smooth = np.median(seen[list(CHEEKS)], axis=0), float(np.median(fine[list(CHEEKS)]))
        lacks = [_evidence(seen[list(place)], fine[list(place)], skin, smooth) for place in (CHIN, LIP)]
        lack = min(max(lacks), MOST)
        if lack <= 0:
            return None
        told, weight = np.zeros(len(face.vertices)), np.full(len(face.vertices), 1e-6)
        for side, trust in ((0, FRONT_TRUST), (1, 1.0), (-1, 1.0)):
            values, seen_there = _at_vertices(face.sight(side), skin)
            told += trust * seen_there * values
            weight += trust * seen_there
        share = smooth_step(told / weight / lack, *BEARDED) * smooth_step(weight, 0.02, 0.3) * zone(model)
        share = _grown_from(model, share, landmark_vertices(model, (*CHIN, *LIP)))
        # Beards are even; what light burns out, or the view hides, is as on the other side.
        share = np.maximum(share, MIRRORED * share[mirror(model)])
        near = neighbours(model)
        for _ in range(ROUNDS):
            share = near @ share
        return cls(share * zone(model), lack, skin)


def picture_features(sight: Sight) -> np.ndarray:
    """Return log brightness, log red/green and log green/blue [S, S, 3] of the picture."""
    soft = ndimage.gaussian_filter(sight.rgb, (BLUR, BLUR, 0))
    return features(soft.reshape(-1, 3)).reshape(soft.shape)


def _roughness(sight: Sight) -> np.ndarray:
    light = np.log(np.maximum(sight.rgb.mean(axis=2), 0.05))
    fine = light - ndimage.gaussian_filter(light, FINE)
    return np.sqrt(ndimage.gaussian_filter(fine * fine, SPREAD))


def _less_red(seen: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return how much less red features [..., 3] are than skin would be at their brightness."""
    brighter = seen[..., 0] - skin[0]
    return skin[1] - np.where(brighter < 0, REDDER, PALER) * brighter - seen[..., 1]


def _evidence(seen: np.ndarray, fine: np.ndarray, skin: np.ndarray, smooth: float) -> float:
    """Return what a place lacks of red if that makes it a beard, else 0."""
    lack, rough = float(np.median(_less_red(seen, skin))), float(np.median(fine))
    is_rough = rough > max(ROUGHER[0] * smooth, ROUGHER[1])
    return lack if lack > (LESS_RED[0] if is_rough else LESS_RED[1]) else 0.0


def _at_vertices(sight: Sight, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much less red than skin each vertex is [V], and how well it is seen [V], 0..1."""
    face, camera = sight.face, sight.camera
    pixels, depths = camera.project(face.vertices)
    at = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
    less = ndimage.map_coordinates(_less_red(picture_features(sight), skin), at, order=1)
    front = ndimage.map_coordinates(np.where(sight.maps.mask, sight.maps.depth, 0), at, order=0)
    facing = camera.facing(face.vertices, face.normals)
    seen = smooth_step(facing, *GRAZING) * (np.abs(depths - front) < HIDDEN)
    return less, seen * ndimage.map_coordinates(sight.alpha, at, order=1)


@lru_cache(maxsize=1)
def zone(model: HeadModel) -> np.ndarray:
    """Return how far beards may grow at each vertex [V], 0..1."""
    x, y, z = model.mean.T * 1000
    aside = np.degrees(np.arctan2(np.abs(x), -y))
    where = smooth_step(np.interp(aside, *UPPER) - z, 0, SOFT)
    where *= smooth_step(z, *THROAT) * (1 - smooth_step(aside, NAPE[1], NAPE[0]))
    where *= model.in_regions(Region.FACE, Region.NECK)
    where.flags.writeable = False
    return where


def landmark_vertices(model: HeadModel, landmarks: tuple[int, ...]) -> np.ndarray:
    """Return the vertices around some landmarks."""
    return np.unique(model.landmark_vertices[list(landmarks)])


def _grown_from(model: HeadModel, share: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the share [V] of those vertices alone that hang together with seeds."""
    hairy = share > 0.2
    links = neighbours(model).tocoo()
    inside = hairy[links.row] & hairy[links.col]
    graph = sparse.coo_array((links.data[inside], (links.row[inside], links.col[inside])), links.shape)
    _, labels = sparse.csgraph.connected_components(graph, directed=False)
    return np.where(hairy & np.isin(labels, labels[seeds[hairy[seeds]]]), share, 0)
