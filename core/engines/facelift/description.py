"""The FaceLift engine as interfaces see it. Importing this loads no torch."""

from __future__ import annotations

from ..description import Description, Takes
from .settings import FaceLiftSettings

MOST_PHOTOS = 8
"""Once around a head: more show nothing new, and cost memory."""

DESCRIPTION = Description(
    id="facelift",
    label="FaceLift",
    doc="Generates the unseen sides with a neural network; needs an NVIDIA graphics card",
    licence="Adobe Research License (non-commercial research)",
    settings_type=FaceLiftSettings,
    engine=".engine:FaceLiftEngine",
    takes=Takes(shots=MOST_PHOTOS, lens=True, lens_alone=False),
    needs_runtime=True,
    setup=".setup",
)
