"""What hangs of a beard: where the picture shows it below the jaw, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...avatar.views import look
from ...colors import rgb_to_lab
from ...head.landmark_solver import UNITS_PER_METRE
from ...splats.parts import Part
from .beard_cover import BeardCover, picture_features
from .sight import DISTANCE, Face

CHIN_POINT = 152
"""Landmark of the face mesh network on the chin's lowest point."""
BEFORE = 0.006
"""Metres before the neck from which what is seen hangs."""
ASIDE = 0.02
"""Metres beside the chin within which a beard is as long as it is."""
ALIKE = 38.0
"""CIE units within which a beard's colours are those of the chin's hair."""
FULL = 0.6
"""Share of a row around the middle that has to be beard."""
EDGE, LONGEST = 0.02, 0.08
"""Metres below the chin's point within which what hangs begins, and to which it goes on at most."""


@dataclass(frozen=True, eq=False)
class Hanging:
    """What hangs below the chin in the front view.

    Attributes:
        length: Metres; 0 where nothing hangs.
        mask: [S, S] bool pixels that show it.
    """

    length: float
    mask: np.ndarray


def hanging(face: Face, cover: BeardCover) -> Hanging:
    """Look for the beard below the chin in the front view."""
    sight = face.sight(0)
    chin = face.base.model.landmarks(face.vertices)[[CHIN_POINT]]
    (column, row), depth = (values[0] for values in sight.camera.project(chin))
    pixel = depth / sight.camera.fx / UNITS_PER_METRE
    cloth = look(face.splats, sight.camera, face.splats.parts == Part.CLOTHES, DISTANCE * UNITS_PER_METRE).share
    on_mesh = sight.of_vertices(cover.share) > 0.5
    tone = np.median(rgb_to_lab(sight.rgb[on_mesh & (np.arange(len(on_mesh))[:, None] > row - 0.02 / pixel)]), axis=0)
    alike = np.linalg.norm(sight.lab - tone, axis=2) < ALIKE
    before = np.where(sight.maps.mask, sight.maps.depth - sight.depth, np.inf) > BEFORE * UNITS_PER_METRE
    hairy = cover.hairy(picture_features(sight)) > 0.5
    beard = hairy & alike & before & (cloth < 0.5) & (sight.alpha > 0.5)
    reach = ASIDE / pixel
    columns = slice(max(0, round(column - reach)), round(column + reach))
    rows = ndimage.uniform_filter1d(beard[round(row) :, columns].mean(axis=1), 5) > FULL
    # The jaw's own edge lies a little below the chin's point.
    begin = int(np.argmax(rows))
    if not rows.any() or begin * pixel > EDGE:
        return Hanging(0.0, np.zeros_like(beard))
    end = begin + int(np.argmin(np.append(rows[begin:], False)))
    labels, _ = ndimage.label(beard)
    own = np.bincount(labels[round(row) + begin : round(row) + end, columns].ravel())
    own[0] = 0
    return Hanging(float(min(end * pixel, LONGEST)), labels == own.argmax())
