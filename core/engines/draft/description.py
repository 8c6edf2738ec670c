"""The draft engine as interfaces see it."""

from __future__ import annotations

from ..description import Description, Takes
from .settings import DraftSettings

MOST_PHOTOS = 8
"""Once around a head: more show nothing new, and take time."""

DESCRIPTION = Description(
    id="draft",
    label="Draft",
    doc="Fits a head model to the photo in seconds, on any computer, with nothing to download",
    licence="CC0 / Apache-2.0",
    settings_type=DraftSettings,
    engine=".engine:DraftEngine",
    takes=Takes(shots=MOST_PHOTOS, lens=True),
)
