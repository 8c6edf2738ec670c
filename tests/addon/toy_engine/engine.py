"""The toy engine: a ball in the mean colour of one photo or two."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from PIL import Image

from ...cameras import front_camera
from ...gaussians import Gaussians
from ...version import version
from ..base import GenerateResult, PreparedPhoto
from ..capture import as_capture
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
        reporter.stage("Looking", share=0.5)
        aligned = Image.fromarray(capture.portrait.photo.rgba).resize((512, 512))
        return PreparedPhoto(np.asarray(aligned), (), 0)

    def generate(self, given, settings, reporter):
        """Make the ball."""
        capture, options = as_capture(given), self.description.read(settings)
        aligned = self.prepare(capture, settings, reporter).aligned
        reporter.stage("Making a ball", share=0.5)
        random = np.random.default_rng(options.seed)
        means = random.normal(size=(options.count, 3))
        means *= RADIUS / np.linalg.norm(means, axis=1, keepdims=True)
        means[:, 1] *= options.roundness
        photos = [photo.rgba[..., :3].mean(axis=(0, 1)) / 255 for photo in capture.photos]
        color = np.mean(photos, axis=0) if options.paint == "photo" else np.full(3, 0.5)
        gaussians = Gaussians(
            means,
            np.full_like(means, SPLAT),
            np.tile([1.0, 0.0, 0.0, 0.0], (options.count, 1)),
            np.full(options.count, 1.0 if options.solid else 0.5),
            np.tile((color - 0.5) / FLAT, (options.count, 1, 1)),
        )
        reporter.finish()
        recipe = Recipe(self.description.id, version(), asdict(options), used(capture), self.description.licence)
        return GenerateResult(gaussians, aligned, front_camera(), recipe)

    def unload(self):
        """It holds nothing."""
