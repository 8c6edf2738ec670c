"""The toy engine: a ball in the mean colour of one photo or two."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from PIL import Image

from ...cameras import front_camera
from ...gaussians import Gaussians
from ...photo.sides import AUTO, FRONT, HELP, PLACED, THREE_QUARTER
from ...version import version
from ..base import GenerateResult, PreparedPhoto
from ..capture import FURTHER, as_capture
from ..outcomes import ShotOutcome
from ..recipe import Recipe, used
from .description import DESCRIPTION

RADIUS, SPLAT = 0.6, 0.03
"""In the common frame's units."""
FLAT = 0.28209479
"""Value of the first spherical harmonic."""


class ToyEngine:
    """Makes a ball."""

    description = DESCRIPTION

    def obstacle(self):
        """It runs everywhere."""
        return ""

    def prepare(self, given, settings, reporter):
        """Bring the photo to 512 x 512."""
        capture = as_capture(given)
        self.description.takes.check(capture)
        self.description.read(settings)
        reporter.stage("Looking")
        return PreparedPhoto(squared(capture.portrait.photo), (), 0)

    def generate(self, given, settings, reporter):
        """Make the ball."""
        capture, options = as_capture(given), self.description.read(settings)
        looking, making = reporter.parts(1, 1)
        aligned = self.prepare(capture, settings, looking).aligned
        making.stage("Making a ball")
        random = np.random.default_rng(options.seed)
        means = random.normal(size=(options.count, 3))
        means *= RADIUS / np.linalg.norm(means, axis=1, keepdims=True)
        means[:, 1] *= options.roundness
        photos = [photo.rgba[..., :3].mean(axis=(0, 1)) / 255 for photo in capture.photos]
        color = np.mean(photos, axis=0) if options.paint == "photo" else np.full(3, 0.5)
        pictures = [aligned, *map(squared, capture.photos[1:])]
        shots = tuple(map(outcome, capture.shots, pictures))
        gaussians = Gaussians(
            means,
            np.full_like(means, SPLAT),
            np.tile([1.0, 0.0, 0.0, 0.0], (options.count, 1)),
            np.full(options.count, 1.0 if options.solid else 0.5),
            np.tile((color - 0.5) / FLAT, (options.count, 1, 1)),
        )
        reporter.finish()
        recipe = Recipe(self.description.id, version(), asdict(options), used(capture), self.description.licence)
        return GenerateResult(gaussians, shots, recipe)

    def unload(self):
        """It holds nothing."""


def squared(photo):
    """Return a photo as [512, 512, 4] uint8."""
    return np.asarray(Image.fromarray(photo.rgba).resize((512, 512)))


def outcome(shot, picture):
    """Return what became of a shot: it is placed where it is the portrait, or where its side was said."""
    side = shot.options.side
    if shot.role == FURTHER and side == AUTO:
        return ShotOutcome(HELP, "Say which side it shows.", THREE_QUARTER, picture=picture)
    return ShotOutcome(PLACED, side=FRONT if side == AUTO else side, camera=front_camera(), picture=picture)
